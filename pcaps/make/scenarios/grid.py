"""What happens in the grid."""

from __future__ import annotations

import time
from dataclasses import replace

import c104
import opendnp3

from devices.dnp3 import MASTER, connect_master
from devices.telecontrol import Centre
from lab.case import Score
from lab.host import Host
from lab.network import Context
from lab.power import plug_in, run_until, unplug
from plants import grid
from plants.grid import GATEWAY, NET, NORTH, SOUTH

LEAD, LASTS = 90, 210
LAPTOP = Host("laptop", f"{NET}.166", "48:4d:7e:20:05:a6", "Dell", prefix=24, via=GATEWAY)
OUTSIDER = Host("outsider", "172.20.9.66", "3c:f0:11:20:09:42", "Intel", prefix=24, via="172.20.9.1",
                segment="room", behind="gateway")  # fmt: skip
_EAST = next(host for host in grid.HOSTS if host.key == "east")
SPARE = replace(_EAST, key="spare", mac="00:30:a7:20:77:0c")


def _second_master(context: Context) -> None:
    context.wait_until(LEAD + 3)
    centre = Centre(context, context.ip("north"), NORTH.address, c104.Init.NONE)
    context.happened(
        "north", "read", "Interrogates the station as a second control centre", ["T0861"], "master"
    )
    centre.start()
    centre.interrogate()
    time.sleep(8)
    context.happened("north", "operate", "Opens a breaker with a double command", ["T1692.001"], "master")
    centre.switch(0, False)
    time.sleep(6)
    context.happened(
        "north", "operate", "Commands a set-point within what is usual", ["T1692.001", "T0836"], "master"
    )
    centre.set(0, 20.3)
    time.sleep(10)
    centre.stop()


def _sweep_objects(context: Context) -> None:
    """Commands whatever object address there might be, from behind the gateway."""
    context.wait_until(LEAD + 3)
    centre = Centre(context, context.ip("south"), SOUTH.address, c104.Init.NONE)
    context.happened(
        "south",
        "operate",
        "Sends switching commands to one object address after the other",
        ["T1692.001", "T0831"],
        "objects",
    )
    centre.start()
    centre.sweep(range(1995, 2035))
    time.sleep(5)
    centre.stop()


def _trip_feeder(context: Context) -> None:
    """Under the real master's DNP3 address, as the stations answer no other."""
    context.wait_until(LEAD + 3)
    manager, master = connect_master(context, "west", MASTER)
    context.happened("west", "read", "Reads every point as a second master", ["T0861"], "feeder")
    master.Enable()
    time.sleep(6)
    context.happened("west", "operate", "Trips a breaker with a direct operate", ["T1692.001"], "feeder")
    trip = opendnp3.ControlRelayOutputBlock(opendnp3.OperationType.PULSE_ON, opendnp3.TripCloseCode.TRIP)
    master.DirectOperate(trip, 0, lambda result: None)
    time.sleep(6)
    context.happened("west", "reset", "Cold-restarts the outstation", ["T0816"], "feeder")
    master.Restart(opendnp3.RestartType.COLD, lambda result: None)
    time.sleep(5)
    manager.Shutdown()


def _restart_feeder(context: Context) -> None:
    context.wait_until(LEAD + 3)
    manager, master = connect_master(context, "east", MASTER)
    master.Enable()
    for turn in range(6):
        context.happened(
            "east", "reset", f"Cold-restarts the outstation, time {turn + 1}", ["T0816", "T0814"], "restarts"
        )
        master.Restart(opendnp3.RestartType.COLD, lambda result: None)
        time.sleep(6)
    manager.Shutdown()


def _black_out(context: Context) -> None:
    grid.command_stations(context, ((LEAD + 8, "blackout"),))


def _overvolt(context: Context) -> None:
    grid.command_stations(context, ((LEAD + 10, "overvoltage"),))


def _retired(context: Context) -> None:
    """The old device, until it is unplugged."""
    run_until(context, grid.feeder, LEAD + 5)
    unplug()


def _fitted(context: Context) -> None:
    """The new device, which has the old one's addresses but for the card's."""
    unplug()
    context.wait_until(LEAD + 35)
    plug_in(GATEWAY)
    grid.feeder(context)


_SITE = """\
site: Grid
assets:
- {ip: 172.20.5.12, mac: "00:30:a7:20:77:0c", name: RTAC-EAST, role: rtu}
schedule:
  maintenance:
  - from: "{begin}"
    to: "{end}"
    name: Defective RTAC of feeder East replaced by a spare
    work_order: WO-2026-0420
    who: Liu Yang
    assets: [RTAC-EAST]
    changes: [new_asset, new_mac, mac_conflict, firmware, serial, model, name, service]
"""


_SCORE = Score("score/grid", grid, LEAD, LASTS, (LAPTOP, OUTSIDER, SPARE))

CASES = (
    _SCORE.case(
        "second-master",
        "A laptop interrogates a station, opens a breaker and commands a set-point.",
        401,
        "laptop",
        _second_master,
    ),
    _SCORE.case(
        "objects-swept",
        "A machine behind the gateway commands one object address after the other.",
        402,
        "outsider",
        _sweep_objects,
    ),
    _SCORE.case(
        "feeder-tripped",
        "A second DNP3 master trips a feeder and cold-restarts its outstation.",
        403,
        "laptop",
        _trip_feeder,
    ),
    _SCORE.case(
        "restart-storm",
        "A second DNP3 master restarts an outstation again and again.",
        404,
        "outsider",
        _restart_feeder,
    ),
    _SCORE.case(
        "blackout-from-control-room",
        "The control room's own machine opens all breakers.",
        405,
        instead={"control": _black_out},
    ),
    _SCORE.case(
        "overvoltage-from-control-room",
        "The control room's own machine commands a voltage far too high.",
        406,
        instead={"control": _overvolt},
    ),
    _SCORE.case(
        "device-replaced",
        "Harmless: a defective outstation is replaced by a spare, as announced.",
        407,
        "spare",
        _fitted,
        instead={"east": _retired},
        site=_SITE,
    ),
)
