"""A reactor: a Logix controller with a remote I/O adapter and a panel, on EtherNet/IP."""

from __future__ import annotations

from functools import partial

from devices import enip, names
from lab.host import Host
from lab.network import Context, Program

ROCKWELL = "Rockwell Automation"
HOSTS = (
    Host("cell-switch", "10.77.4.2", "f4:54:33:0d:40:02", ROCKWELL, "router", {"name": "SW-CELL-1"}),
    Host("reactor", "10.77.4.10", "00:1d:9c:c7:04:0a", ROCKWELL, "plc", {"model": "1756-L61/B LOGIX5561"}),
    Host(
        "remote-io",
        "10.77.4.11",
        "e4:90:69:9a:04:0b",
        ROCKWELL,
        "field_device",
        {"model": "1734-AENT/B POINT I/O Adapter", "firmware": "4.003", "serial": "60A1B2C3"},
    ),
    Host("cell-panel", "10.77.4.20", "5c:88:16:f1:04:14", ROCKWELL, "hmi", {"name": "PV-CELL1"}),
)
SET_POINT = "Temp_SP"
_START = {"Reactor_Temp": 78.0, "Reactor_Press": 2.1, "Level": 61.0, "Valve_Pos": 40.0, SET_POINT: 80.0}


def _reactor(context: Context) -> None:
    chance = context.random

    def step(tags: dict[str, float]) -> dict[str, float]:
        temperature, wanted = tags["Reactor_Temp"], tags[SET_POINT]
        valve = min(100.0, max(0.0, 40 + 6 * (wanted - temperature)))
        temperature += 0.02 * (valve - 40) + chance.gauss(0, 0.05)
        level = tags["Level"] + chance.gauss(0, 0.1)
        return {
            "Reactor_Temp": temperature,
            "Reactor_Press": 0.5 + temperature / 50,
            "Level": level,
            "Valve_Pos": valve,
        }

    enip.serve(context, step, _START, "remote-io")


def _panel(context: Context) -> None:
    names.announce_lldp(context, "port1", "PanelView Plus 7 Performance", names.STATION)
    enip.operate(context, "reactor", SET_POINT, range(78, 83))


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("cell-switch", partial(names.switch, "Gi1/1", "Stratix 5700 Ethernet switch")),
    ("remote-io", enip.serve_adapter),
    ("reactor", _reactor),
    ("cell-panel", _panel),
)


def incident(context: Context) -> None:
    """Overheats the reactor, changes the adapter's address and resets it."""
    enip.intrude(context, "reactor", "remote-io", SET_POINT, 140.0)
