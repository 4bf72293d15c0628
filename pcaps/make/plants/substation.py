"""A substation: a bay's RTU on IEC 60870-5-104 and a feeder relay on DNP3, with their masters."""

from __future__ import annotations

from functools import partial

from devices import dnp3, iec104, names
from lab.host import Host
from lab.network import Context, Program

HOSTS = (
    Host("bay-switch", "10.77.3.2", "00:90:e8:3a:30:02", "Moxa", "router", {"name": "SW-BAY-1"}),
    Host("bay-rtu", "10.77.3.10", "00:02:a3:51:03:0a", "Hitachi Energy", "rtu", {"name": "RTU-BAY1"}),
    Host("feeder", "10.77.3.11", "00:30:a7:0e:03:0b", "Schweitzer", "rtu", {"name": "RTAC-FEEDER1"}),
    Host("control", "10.77.3.20", "9c:7b:ef:77:03:14", "Hewlett Packard", "scada", {"name": "CC-SCADA1"}),
    Host("front-end", "10.77.3.21", "9c:7b:ef:77:03:15", "Hewlett Packard", "scada", {"name": "CC-FEP1"}),
    Host("clock", "10.77.3.5", "3c:ec:ef:21:03:05", "Super Micro", "infrastructure_server"),
)


def _rtu(context: Context) -> None:
    chance = context.random

    def step(values: dict[int, float], closed: bool) -> dict[int, float]:
        voltage = 20.4 + chance.gauss(0, 0.05)
        current = 180 + chance.gauss(0, 2) if closed else 0.0
        return {
            iec104.VOLTAGE: voltage,
            iec104.CURRENT: current,
            iec104.POWER: voltage * current * 1.73 / 1000,
        }

    names.announce_lldp(context, "eth1", "RTU560 remote terminal unit", names.STATION)
    names.ask_time(context, "clock")
    iec104.serve(context, step)


def _feeder(context: Context) -> None:
    chance = context.random

    def step(values: list[float], relays: list[bool]) -> list[float]:
        wanted = (132.0, 98.0, 21.5, 4.0, 50.0, 12.0)
        return [v + 0.2 * (w - v) + chance.gauss(0, w / 500) for v, w in zip(values, wanted, strict=True)]

    names.announce_lldp(context, "eth1", "SEL-3530 RTAC", names.STATION)
    names.ask_time(context, "clock")
    dnp3.serve(context, step)


def _control(context: Context) -> None:
    names.register_netbios(context)
    iec104.control(context, "bay-rtu")


def _front_end(context: Context) -> None:
    names.register_netbios(context)
    dnp3.control(context, "feeder")


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("bay-switch", partial(names.switch, "port1", "Moxa EDS-G512E managed switch")),
    ("clock", names.serve_time),
    ("bay-rtu", _rtu),
    ("feeder", _feeder),
    ("control", _control),
    ("front-end", _front_end),
)


def open_breaker(context: Context) -> None:
    """Commands the bay's breaker and set-point past the control centre."""
    iec104.intrude(context, "bay-rtu")


def restart_relay(context: Context) -> None:
    """Trips the feeder and restarts its relay past the front end."""
    dnp3.intrude(context, "feeder")
