"""What happens in the district heating."""

from __future__ import annotations

import time

from devices import names, office
from devices.units import Peer, real
from lab.case import Score
from lab.host import Host
from lab.network import Context
from plants import heating
from plants.heating import FLOW_SET, NET

LEAD, LASTS = 120, 240
LAPTOP = Host("laptop", f"{NET}.166", "3c:f0:11:0e:62:a6", "Intel", prefix=24, ip6="fd62:10::a6")


def _six(context: Context) -> None:
    """Comes over IPv6, which nobody here uses for controllers."""
    context.wait_until(LEAD + 3)
    own = context.host.ip6
    boiler = context.hosts["boiler"].ip6
    peer = Peer(context, boiler)
    context.happened(boiler, "read", "Reads the boiler's registers over IPv6", ["T0861"], "six", own)
    peer.inputs(0, 40)
    peer.holding(0, 12)
    time.sleep(8)
    context.happened(
        boiler,
        "write",
        "Sets the flow temperature to 60 degrees over IPv6",
        ["T0836", "T1692.001"],
        "six",
        own,
    )
    peer.set_many(FLOW_SET, real(60.0))
    time.sleep(8)
    context.happened(boiler, "operate", "Switches the burner off over IPv6", ["T1692.001"], "six", own)
    for _ in range(5):
        peer.switch(0, False)
        time.sleep(4)


def _units(context: Context) -> None:
    """Asks which units there are behind the gateway, and reads what they hold."""
    context.wait_until(LEAD + 3)
    peer = Peer(context, context.ip("stations"))
    context.happened(
        "stations",
        "read",
        "Asks for one unit after the other behind the gateway",
        ["T0846", "T0888"],
        "units",
    )
    for unit in range(1, 60):
        peer.unit = unit
        peer.holding(0, 1)
        time.sleep(0.1)
    context.happened("stations", "read", "Maps the registers of the units it found", ["T0861"], "units")
    for unit in heating.STATIONS:
        peer.unit = unit
        for start in range(0, 96, 8):
            peer.inputs(start, 8)
            time.sleep(0.05)


def _wrong_unit(context: Context) -> None:
    """The engineering workstation, which only ever reads, sets all transfer stations to a minimum."""
    context.wait_until(LEAD + 4)
    peer = Peer(context, context.ip("stations"))
    for unit in heating.STATIONS:
        peer.unit = unit
        context.happened(
            "stations",
            "write",
            f"Sets transfer station {unit} to 20 degrees from the engineering workstation",
            ["T0836"],
            "cold",
        )
        peer.set(0, 200)
        time.sleep(2)


def _back_up(context: Context) -> None:
    """At night the server fetches files from desk and control room: much traffic, none to controllers."""
    context.wait_until(LEAD + 2)
    office.work_remotely(context, f"{NET}.5", 445, 3600, LEAD + 3, 60, 0.05)
    for _ in context.every(3600, 10):
        continue


def _new_time(context: Context) -> None:
    """The archive reads three times as often for a while, to fill a gap."""
    peer = Peer(context, context.ip("boiler"))
    context.wait_until(LEAD + 5)
    for _ in range(12):
        peer.inputs(0, 20)
        time.sleep(6)
    peer.hang_up()


def _control_overheats(context: Context) -> None:
    names.ask_time(context, "server")
    heating.control(context, ((LEAD + 8, "overheat"), (LEAD + 50, "overheat")))


_SCORE = Score("score/heating", heating, LEAD, LASTS, (LAPTOP,))

CASES = (
    _SCORE.case("over-ipv6", "A laptop commands the boiler over IPv6.", 201, "laptop", _six),
    _SCORE.case(
        "units-mapped", "A laptop looks for the units behind a gateway and maps them.", 202, "laptop", _units
    ),
    _SCORE.case(
        "stations-set-cold",
        "The engineering workstation is misused: it sets what it never sets.",
        203,
        "engineering",
        _wrong_unit,
    ),
    _SCORE.case(
        "overheat-from-control-room",
        "The control room's own machine sets a flow temperature far too high.",
        204,
        instead={"control": _control_overheats},
    ),
    _SCORE.case("backup-at-night", "Harmless: files are copied to the server.", 205, "desk", _back_up),
    _SCORE.case(
        "archive-fills-gap", "Harmless: the archive reads more often for a while.", 206, "archive", _new_time
    ),
)
