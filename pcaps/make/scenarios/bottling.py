"""What happens on the bottling line."""

from __future__ import annotations

import contextlib
import time

from snap7.type import Block

from devices import names
from devices.blocks import RECIPE, Peer, int16, real
from devices.s7comm import PROGRAM
from lab.case import Score
from lab.host import Host
from lab.network import Context
from plants import bottling
from plants.bottling import GATEWAY, MACHINES, NET

LEAD, LASTS = 80, 190
LAPTOP = Host("laptop", f"{NET}.166", "a8:bb:cf:63:04:a6", "Apple", prefix=24, via=GATEWAY)
OUTSIDER = Host("outsider", "10.63.8.66", "3c:f0:11:63:08:42", "Intel", prefix=24, via="10.63.8.1",
                segment="centre", behind="gateway")  # fmt: skip


def _replace_program(context: Context) -> None:
    context.wait_until(LEAD + 3)
    peer = Peer(context, context.ip("capper"))
    context.happened(
        "capper", "identify", "Reads order number, firmware and serial number", ["T0888"], "program"
    )
    peer.do("read_szl", 0x0011, 0)
    peer.do("read_szl", 0x001C, 0)
    time.sleep(3)
    context.happened("capper", "browse", "Lists the blocks of the controller", ["T0888"], "program")
    peer.do("list_blocks")
    peer.do("list_blocks_of_type", Block.DB, 100)
    time.sleep(4)
    context.happened("capper", "program_upload", f"Uploads DB {PROGRAM}", ["T0845"], "program")
    peer.do("upload", PROGRAM)
    time.sleep(12)
    context.happened(
        "capper", "program_download", f"Downloads another DB {PROGRAM}", ["T0843", "T0821"], "program"
    )
    peer.do("download", bytearray(context.random.randbytes(192)), PROGRAM)
    time.sleep(3)
    peer.hang_up()


def _stop(context: Context) -> None:
    """From the engineering workstation itself, which has always only compared programs."""
    context.wait_until(LEAD + 4)
    peer = Peer(context, context.ip("filler"))
    peer.do("read_szl", 0x0424, 0)
    context.happened("filler", "stop", "Stops the CPU from the engineering workstation", ["T0858"], "stop")
    peer.do("plc_stop")
    time.sleep(2)
    peer.hang_up()


def _restart(context: Context) -> None:
    """From a machine behind the gateway: stops and starts a controller again and again."""
    context.wait_until(LEAD + 3)
    peer = Peer(context, context.ip("labeller"))
    for turn in range(6):
        context.happened(
            "labeller", "stop", f"Stops the CPU, time {turn + 1}", ["T0858", "T0816"], "restarts"
        )
        peer.do("plc_stop")
        time.sleep(3)
        context.happened(
            "labeller", "start", f"Starts the CPU again, time {turn + 1}", ["T0858", "T0816"], "restarts"
        )
        peer.do("plc_hot_start" if turn % 2 else "plc_cold_start")
        time.sleep(4)


def _sweep(context: Context) -> None:
    """From behind the gateway, with its MAC address: who is there, who speaks what, who is it."""
    context.wait_until(LEAD + 2)
    targets = [f"{NET}.{last}" for last in range(2, 40)]
    context.happened(
        f"{NET}.0/24", "other", "Sweeps the line's network for industrial ports", ["T0846"], "sweep"
    )
    names.sweep(context, targets, (102, 502, 44818), 0.05)
    for key in MACHINES:
        context.happened(
            key, "identify", "Reads order number, firmware and serial number", ["T0888"], "sweep"
        )
        peer = Peer(context, context.ip(key))
        with contextlib.suppress(Exception):
            peer.do("read_szl", 0x0011, 0)
            peer.do("read_szl", 0x001C, 0)
        peer.hang_up()
        time.sleep(2)


def _set_recipe(context: Context) -> None:
    """From the engineering workstation, over the session it ordinarily opens."""
    context.wait_until(LEAD + 3)
    peer = Peer(context, context.ip("filler"))
    for index in (0x0011, 0x001C, 0x0424):
        peer.do("read_szl", index, 0)
    peer.read(RECIPE, 0, 32)
    time.sleep(5)
    context.happened(
        "filler", "write", "Raises the temperature limit from 12 to 90 degrees", ["T0838", "T0836"], "recipe"
    )
    peer.write(RECIPE, 8, real(90.0))
    time.sleep(4)
    context.happened(
        "filler", "write", "Sets the speed to 900 where 220 to 260 is usual", ["T0836"], "recipe"
    )
    peer.write(RECIPE, 0, int16(900))
    time.sleep(3)
    peer.hang_up()


def _panel_speeds(context: Context) -> None:
    """The panel's own address sets a speed far out of band, once; the operator sees it and puts it back."""
    context.wait_until(LEAD + 12)
    peer = Peer(context, context.ip("capper"))
    context.happened(
        "capper", "write", "Sets the capper's speed to 610 from the operator's panel", ["T0836"], "speed"
    )
    peer.write(RECIPE, 0, int16(610))
    time.sleep(20)
    peer.write(RECIPE, 0, int16(240))
    peer.hang_up()


def _back_up(context: Context) -> None:
    """At night the engineering workstation takes the programs of all controllers, as it does each week."""
    context.wait_until(LEAD + 2)
    for key in MACHINES:
        peer = Peer(context, context.ip(key))
        for index in (0x0011, 0x001C):
            peer.do("read_szl", index, 0)
        for block in (PROGRAM, PROGRAM + 1):
            peer.do("upload", block)
            time.sleep(2)
        peer.hang_up()
        time.sleep(5)


_SITE = """\
site: Bottling
assets:
- {ip: 10.63.4.50, name: BL-ES1, role: engineering_workstation}
schedule:
  maintenance:
  - from: "{begin}"
    to: "{end}"
    name: Weekly backup of all controllers' programs
    work_order: WO-2026-0031
    who: Zhao Min
    sources: [BL-ES1]
    operations: [identify, browse, program_upload, read]
"""


_SCORE = Score("score/bottling", bottling, LEAD, LASTS, (LAPTOP, OUTSIDER))

CASES = (
    _SCORE.case(
        "program-replaced",
        "A laptop takes a controller's program and loads another.",
        301,
        "laptop",
        _replace_program,
    ),
    _SCORE.case(
        "stopped-from-workstation",
        "The engineering workstation is misused: it stops a controller.",
        302,
        "engineering",
        _stop,
    ),
    _SCORE.case(
        "restart-storm",
        "A machine behind the gateway stops and starts a controller over and over.",
        303,
        "outsider",
        _restart,
    ),
    _SCORE.case(
        "sweep-through-gateway",
        "A machine behind the gateway sweeps the line and identifies controllers.",
        304,
        "outsider",
        _sweep,
    ),
    _SCORE.case(
        "recipe-from-workstation",
        "The engineering workstation is misused: it moves a limit and sets a speed.",
        305,
        "engineering",
        _set_recipe,
    ),
    _SCORE.case(
        "speed-from-panel", "The panel's address sets a speed out of band.", 306, "panel", _panel_speeds
    ),
    _SCORE.case(
        "backup-at-night",
        "Harmless: the engineering workstation takes all programs, as announced.",
        307,
        "engineering",
        _back_up,
        site=_SITE,
    ),
)
