"""A packaging line: filler and palletiser, on S7comm."""

from __future__ import annotations

import struct
from functools import partial

from devices import names, s7comm
from lab.host import Host
from lab.network import Context, Program

HOSTS = (
    Host("line-switch", "10.77.2.2", "00:90:e8:3a:20:02", "Moxa", "router", {"name": "SW-LINE-1"}),
    Host(
        "filler",
        "10.77.2.10",
        "28:63:36:8c:01:0a",
        "Siemens",
        "plc",
        {
            "name": "FILLER",
            "model": "6ES7 315-2EH14-0AB0",
            "firmware": "V3.2.14",
            "serial": "S C-H1LAB0000101",
            "module": "CPU 315-2 PN/DP",
        },
    ),
    Host(
        "palletiser",
        "10.77.2.11",
        "28:63:36:8c:01:0b",
        "Siemens",
        "plc",
        {
            "name": "PALLETISER",
            "model": "6ES7 317-2EK14-0AB0",
            "firmware": "V3.2.10",
            "serial": "S C-H1LAB0000202",
            "module": "CPU 317-2 PN/DP",
        },
    ),
    Host("panel", "10.77.2.20", "ac:64:17:40:0c:14", "Siemens", "hmi", {"name": "PANEL-1"}),
    Host(
        "engineering",
        "10.77.2.50",
        "98:90:96:b3:5e:32",
        "Dell",
        "engineering_workstation",
        {"name": "ES-LINE1"},
    ),
)
SPEED = 4


def _machine(context: Context) -> None:
    """The data block: counter (DINT 0), speed set-point (INT 4), speed (INT 6), temperature (REAL 8)."""
    chance, state = context.random, {"made": 120_000.0, "speed": 0.0, "heat": 45.0}

    def step(data: bytearray) -> None:
        wanted = struct.unpack_from(">h", data, SPEED)[0] or 120
        state["speed"] += 0.1 * (wanted - state["speed"])
        state["made"] += state["speed"] / 300
        state["heat"] += 0.02 * (40 + state["speed"] / 10 - state["heat"]) + chance.gauss(0, 0.05)
        struct.pack_into(">ihhf", data, 0, int(state["made"]), wanted, int(state["speed"]), state["heat"])

    told = context.host.told
    description = f"Siemens, SIMATIC S7, {told['module']}, {told['model']}"
    names.announce_lldp(context, "port-001", description, names.STATION)
    s7comm.serve(context, step)


def _panel(context: Context) -> None:
    names.announce_lldp(context, "port-001", "SIMATIC HMI TP1200 Comfort", names.STATION)
    s7comm.operate(context, ["filler", "palletiser"], SPEED, range(110, 131))


def _engineering(context: Context) -> None:
    names.register_netbios(context)
    s7comm.engineer(context, ["filler", "palletiser"])


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("line-switch", partial(names.switch, "port1", "Moxa EDS-510E managed switch")),
    ("filler", _machine),
    ("palletiser", _machine),
    ("panel", _panel),
    ("engineering", _engineering),
)


def incident(context: Context) -> None:
    """Takes the filler's program, puts another in its place, forces an output and stops the CPU."""
    s7comm.intrude(context, "filler")
