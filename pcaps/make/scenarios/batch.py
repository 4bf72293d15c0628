"""What happens in the batch cell."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import replace

from pycomm3 import CIPDriver

from devices import enip
from devices.tags import Peer
from lab.case import Score
from lab.host import Host
from lab.network import Context
from lab.power import plug_in, run_until, unplug
from plants import batch
from plants.batch import ADAPTER, NET

LEAD, LASTS = 90, 200
LAPTOP = Host("laptop", f"{NET}.166", "54:ee:75:65:00:a6", "Wistron", prefix=24)
OTHER = replace(
    ADAPTER,
    key="other-io",
    mac="00:1d:9c:65:77:0b",
    role="",
    told={"model": "1734-AENT/B POINT I/O Adapter", "firmware": "3.012", "serial": "7700BEEF"},
)


def _limit_and_set_point(context: Context) -> None:
    batch.panel(context, ((LEAD + 8, "limit"), (LEAD + 22, "overheat")))


def _tags_and_reset(context: Context) -> None:
    context.wait_until(LEAD + 3)
    context.happened("separator", "identify", "Reads the identity of the controller", ["T0888"], "reset")
    CIPDriver.list_identity(context.ip("separator"))
    time.sleep(4)
    peer = Peer(context, context.ip("separator"))
    context.happened("separator", "write", "Sets the separator's speed to 4800", ["T0836"], "reset")
    peer.set("Sep_Speed_SP", 4800.0)
    time.sleep(8)
    with contextlib.suppress(Exception), CIPDriver(context.ip("separator-io")) as driver:
        context.happened("separator-io", "reset", "Resets the I/O adapter", ["T0816"], "reset")
        driver.generic_message(
            service=0x05, class_code=0x01, instance=1, request_data=b"\x00", connected=False,
            unconnected_send=False,
        )  # fmt: skip
    time.sleep(3)
    peer.hang_up()


def _browse(context: Context) -> None:
    """Broadcasts for identities, and looks for tags and objects that may be there."""
    context.wait_until(LEAD + 3)
    context.happened(
        f"{NET}.0/24",
        "identify",
        "Asks all devices for their identity by broadcast",
        ["T0846", "T0888"],
        "browsing",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        card.bind((context.host.ip, 0))
        request = struct.pack("<HHII", 0x63, 0, 0, 0) + bytes(12)
        for _ in range(3):
            card.sendto(request, (f"{NET}.255", 44818))
            time.sleep(1)
    for key in ("reactor", "separator", "reactor-io", "separator-io"):
        CIPDriver.list_identity(context.ip(key))
    time.sleep(3)
    context.happened(
        "reactor",
        "browse",
        "Asks for the attributes of one object class after the other",
        ["T0888"],
        "browsing",
    )
    with contextlib.suppress(Exception), CIPDriver(context.ip("reactor-io")) as driver:
        for code in [*range(1, 9), 0x64, 0x66, 0x67, 0x68, 0x6B, 0x6C, 0xF4, 0xF5, 0xF6]:
            driver.generic_message(
                service=0x01, class_code=code, instance=1, connected=False, unconnected_send=False
            )
            time.sleep(0.2)
    context.happened("reactor", "read", "Reads tags by guessed names", ["T0861"], "browsing")
    peer = Peer(context, context.ip("reactor"))
    for name in [
        *batch.REACTOR,
        *(f"{word}_{part}" for word in ("Pump", "Valve", "Tank", "Motor") for part in ("Cmd", "SP", "PV")),
    ]:
        peer.do([name])
        time.sleep(0.2)


def _silent_write(context: Context) -> None:
    """From the historian, which only ever reads: values within their band."""
    context.wait_until(LEAD + 4)
    peer = Peer(context, context.ip("reactor"))
    for value in (79.0, 83.0, 80.0):
        context.happened(
            "reactor",
            "write",
            f"Sets Temp_SP to {value} from the historian",
            ["T1692.001", "T0836"],
            "historian",
        )
        peer.set("Temp_SP", value)
        time.sleep(10)
    peer.hang_up()


def _taken_out(context: Context) -> None:
    """The adapter that belongs there, until it is unplugged."""
    run_until(context, enip.serve_adapter, LEAD + 4)
    unplug()


def _put_in(context: Context) -> None:
    """Another one in its place, with other firmware, that nobody announced."""
    unplug()
    context.wait_until(LEAD + 24)
    text = "Puts another device with other firmware in the adapter's place"
    context.happened("reactor-io", "other", text, ["T0848", "T0857", "T0839"], "swap")
    plug_in()
    enip.serve_adapter(context)


def _engineer_looks(context: Context) -> None:
    """The engineer goes online with both controllers and watches tags for longer than usual."""
    context.wait_until(LEAD + 3)
    for key in ("reactor", "separator"):
        batch.go_online(context, key)
    peer = Peer(context, context.ip("reactor"))
    for _ in range(20):
        peer.do(["Reactor_Temp", "Valve_Pos"])
        time.sleep(2)
    peer.hang_up()


_SCORE = Score("score/batch", batch, LEAD, LASTS, (LAPTOP, OTHER))

CASES = (
    _SCORE.case(
        "limit-then-set-point",
        "The panel's machine moves an alarm limit and then overheats the reactor.",
        501,
        instead={"panel": _limit_and_set_point},
    ),
    _SCORE.case(
        "tags-and-reset",
        "A laptop sets a speed far too high and resets an adapter.",
        502,
        "laptop",
        _tags_and_reset,
    ),
    _SCORE.case("tags-mapped", "A laptop asks for identities, objects and tags.", 503, "laptop", _browse),
    _SCORE.case(
        "written-by-historian",
        "The historian's machine, which only reads, sets temperatures within their band.",
        504,
        "historian",
        _silent_write,
    ),
    _SCORE.case(
        "adapter-swapped",
        "An adapter is replaced by another device, unannounced.",
        505,
        "other-io",
        _put_in,
        instead={"reactor-io": _taken_out},
    ),
    _SCORE.case(
        "engineer-watches",
        "Harmless: the engineer watches tags for longer than usual.",
        506,
        "engineering",
        _engineer_looks,
    ),
)
