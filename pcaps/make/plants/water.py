"""A water works: raw water intake and chlorine dosing, on Modbus/TCP."""

from __future__ import annotations

import math
from functools import partial

from devices import modbus, names
from lab.host import Host
from lab.network import Context, Program

SCHNEIDER = "Schneider Electric"
HOSTS = (
    Host("water-switch", "10.77.1.2", "00:90:e8:3a:10:02", "Moxa", "router", {"name": "SW-WATER-1"}),
    Host(
        "intake",
        "10.77.1.10",
        "00:80:f4:1b:22:0a",
        SCHNEIDER,
        "plc",
        {"name": "PLC-INTAKE", "model": "BMX P34 2020", "firmware": "v2.8"},
    ),
    Host(
        "dosing",
        "10.77.1.11",
        "00:80:f4:1b:22:0b",
        SCHNEIDER,
        "plc",
        {"model": "TM221CE24R", "firmware": "v1.12"},
    ),
    Host("water-hmi", "10.77.1.20", "00:d0:c9:c4:31:14", "Advantech", "hmi", {"name": "WATER-HMI1"}),
    Host("historian", "10.77.1.30", "d4:be:d9:90:aa:1e", "Dell", "historian", {"name": "HIST01"}),
)
DOSE, DOSE_RANGE = 0, range(110, 131)


def _intake(context: Context) -> None:
    """Registers: tank level (cm), inflow, outflow (0.1 m³/h), pump current (0.1 A), pressure (mbar)."""
    chance, state = context.random, {"level": 320.0, "pump": 1.0}

    def step(holding: list[int]) -> list[int]:
        high, low = holding[0] or 400, holding[1] or 250
        if state["level"] > high:
            state["pump"] = 0.0
        elif state["level"] < low:
            state["pump"] = 1.0
        inflow = 420 * state["pump"] + chance.gauss(0, 3)
        outflow = 260 + 40 * math.sin(state["level"] / 40) + chance.gauss(0, 4)
        state["level"] += (inflow - outflow) / 400
        current = 312 * state["pump"] + chance.gauss(0, 2)
        measured = (state["level"], inflow, outflow, current, 1800 + state["level"], 0, 0, 0)
        return [max(0, round(value)) for value in measured]

    names.announce_lldp(context, "eth1", "Modicon M340 BMX P34 2020", names.STATION)
    modbus.serve(context, step, [400, 250, 60, 1])


def _dosing(context: Context) -> None:
    """Registers: free chlorine (µg/l), dosing flow (0.1 l/h), tank level (mm), pH (0.01)."""
    chance, state = context.random, {"chlorine": 480.0, "tank": 1450.0}

    def step(holding: list[int]) -> list[int]:
        flow = holding[DOSE] + chance.gauss(0, 1)
        state["chlorine"] += 0.05 * (4 * flow - state["chlorine"]) + chance.gauss(0, 2)
        state["tank"] -= flow / 2000
        measured = (state["chlorine"], flow, state["tank"], 742 + chance.gauss(0, 1), 0, 0, 0, 0)
        return [max(0, round(value)) for value in measured]

    modbus.serve(context, step, [120, 500, 0, 1])


def _hmi(context: Context) -> None:
    names.register_netbios(context)
    names.ask_database(context, "historian")
    modbus.operate(context, ["intake", "dosing"], {"dosing": (DOSE, DOSE_RANGE)})


def _historian(context: Context) -> None:
    names.register_netbios(context)
    names.serve_database(context)
    modbus.archive(context, ["intake", "dosing"])


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("water-switch", partial(names.switch, "port1", "Moxa EDS-408A managed switch")),
    ("intake", _intake),
    ("dosing", _dosing),
    ("historian", _historian),
    ("water-hmi", _hmi),
)


def incident(context: Context) -> None:
    """Sets the chlorine dose to eight times the usual and switches an output off."""
    modbus.intrude(context, "dosing", DOSE, 999, 2)
