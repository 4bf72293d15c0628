"""A batch cell: a reactor and a separator on EtherNet/IP, I/O adapters, a panel, a historian.

Batches of a few minutes run through filling, heating, holding and draining; the operator chooses
temperatures and speeds within the recipes. The historian asks for many tags in one packet.
"""

from __future__ import annotations

import math
from functools import partial

from pycomm3 import CIPDriver

from devices import enip, names, office, tags
from devices.tags import Peer
from lab.host import Host
from lab.network import Context, Program
from lab.rounds import Rounds

ROCKWELL, NET = "Rockwell Automation", "10.65.0"
_LOGIX = {"model": "1756-L61/B LOGIX5561"}


def _host(key: str, last: int, mac: str, vendor: str, role: str, told: dict[str, str]) -> Host:
    return Host(key, f"{NET}.{last}", mac, vendor, role, told, 24)


ADAPTER = _host(
    "reactor-io",
    11,
    "e4:90:69:65:00:0b",
    ROCKWELL,
    "field_device",
    {"model": "1734-AENT/B POINT I/O Adapter", "firmware": "4.003", "serial": "60A1C601"},
)
HOSTS = (
    _host("switch", 2, "f4:54:33:65:00:02", ROCKWELL, "router", {"name": "BC-SW1"}),
    _host("server", 5, "00:0c:29:65:00:05", "VMware", "infrastructure_server", {}),
    _host("reactor", 10, "00:1d:9c:65:00:0a", ROCKWELL, "plc", _LOGIX),
    ADAPTER,
    _host("separator", 12, "00:00:bc:65:00:0c", ROCKWELL, "plc", _LOGIX),
    _host("separator-io", 13, "e4:90:69:65:00:0d", ROCKWELL, "field_device",
          {"model": "1734-AENT/B POINT I/O Adapter", "firmware": "4.003", "serial": "60A1C602"}),
    _host("panel", 20, "5c:88:16:65:00:14", ROCKWELL, "hmi", {"name": "BC-PV1"}),
    _host("historian", 30, "d4:be:d9:65:00:1e", "Dell", "historian", {"name": "BC-HIST"}),
    _host("engineering", 50, "48:4d:7e:65:00:32", "Dell", "engineering_workstation", {"name": "BC-ENG1"}),
)  # fmt: skip
REACTOR = {
    "Reactor_Temp": 25.0, "Reactor_Press": 1.0, "Reactor_Level": 10.0, "Valve_Pos": 0.0, "Temp_SP": 80.0,
    "Temp_Hi": 92.0, "Temp_HiHi": 98.0, "Phase": 0, "Batch_No": 4711, "Agitator": 0.0, "Agitator_SP": 120.0,
}  # fmt: skip
SEPARATOR = {
    "Sep_Speed": 3000.0, "Sep_Speed_SP": 3000.0, "Sep_Level": 50.0, "Vibration": 1.2, "Sep_Flow": 12.0,
    "Run_Minutes": 88_120,
}  # fmt: skip
TEMPERATURES, AGITATORS, SPEEDS = range(78, 85), range(110, 131, 5), range(2900, 3101, 50)
_PHASES = ((0, 50.0), (1, 90.0), (2, 110.0), (3, 50.0))
"""Filling, heating, holding, draining, and how long each takes in seconds."""


def _phase(second: float) -> int:
    for phase, lasts in _PHASES:
        if second < lasts:
            return phase
        second -= lasts
    return 0


def _reactor(context: Context) -> None:
    chance, turn = context.random, [0]
    whole = sum(lasts for _, lasts in _PHASES)

    def step(now: dict[str, float]) -> dict[str, float]:
        turn[0] += 1
        second = turn[0] * tags.STEP
        phase = _phase(second % whole)
        temperature, level = now["Reactor_Temp"], now["Reactor_Level"]
        wanted = now["Temp_SP"] if phase in (1, 2) else 25.0
        valve = min(100.0, max(0.0, 8 * (wanted - temperature) + 40)) if phase in (1, 2) else 0.0
        heat = 0.012 * (valve - 40) if phase in (1, 2) else -0.02 * (temperature - 25)
        temperature += heat + chance.gauss(0, 0.03)
        level += {0: 0.8, 1: 0.0, 2: 0.0, 3: -0.8}[phase] * tags.STEP * 1.25 + chance.gauss(0, 0.02)
        agitator = now["Agitator"] + 0.1 * ((now["Agitator_SP"] if phase else 40) - now["Agitator"])
        return {
            "Reactor_Temp": temperature, "Reactor_Press": 1 + max(0.0, temperature - 25) / 40,
            "Reactor_Level": min(95.0, max(5.0, level)), "Valve_Pos": valve, "Phase": phase,
            "Batch_No": 4711 + int(second // whole), "Agitator": agitator + chance.gauss(0, 0.2),
        }  # fmt: skip

    tags.serve(context, step, REACTOR, ("reactor-io",))


def _separator(context: Context) -> None:
    chance, turn = context.random, [0]

    def step(now: dict[str, float]) -> dict[str, float]:
        turn[0] += 1
        speed = now["Sep_Speed"] + 0.05 * (now["Sep_Speed_SP"] - now["Sep_Speed"]) + chance.gauss(0, 1)
        level = 50 + 14 * math.sin(turn[0] / 160) + chance.gauss(0, 0.2)
        return {
            "Sep_Speed": speed, "Sep_Level": level, "Vibration": 0.4 * speed / 1000 + chance.gauss(0, 0.02),
            "Sep_Flow": 8 + level / 12 + chance.gauss(0, 0.05), "Run_Minutes": 88_120 + turn[0] // 120,
        }  # fmt: skip

    tags.serve(context, step, SEPARATOR, ("separator-io",))


def panel(context: Context, also: tuple[tuple[float, str], ...] = ()) -> None:
    """The operator's panel."""
    names.announce_lldp(context, "port1", "PanelView Plus 7 Performance", names.STATION)
    names.ask_time(context, "server")
    operate(context, also=also)


def operate(context: Context, first: float = 4.0, also: tuple[tuple[float, str], ...] = ()) -> None:
    """The panel's rounds; `also` is what a story has the operator do, and when."""
    context.wait_until(first)
    for key in ("reactor", "separator"):
        CIPDriver.list_identity(context.ip(key))
    reactor, separator = Peer(context, context.ip("reactor")), Peer(context, context.ip("separator"))
    chance, rounds, screen = context.random, Rounds(context), {"until": 0.0}
    first += 2
    base = ["Reactor_Temp", "Reactor_Press", "Reactor_Level", "Valve_Pos", "Temp_SP", "Phase"]

    def open_screen() -> None:
        screen["until"] = context.now + 30

    def detail() -> None:
        if context.now < screen["until"]:
            reactor.do(["Temp_Hi", "Temp_HiHi", "Batch_No"])

    rounds.each(2, lambda: reactor.do(base), first)
    rounds.each(2, lambda: separator.do(list(SEPARATOR)[:4]), first + 0.5)
    rounds.each(5, lambda: reactor.do(["Agitator", "Agitator_SP"]), first + 1)
    rounds.each(4, detail, first + 1.2)
    rounds.each(120, open_screen, first + 18, 0.3)
    rounds.each(85, lambda: reactor.set("Temp_SP", chance.choice(TEMPERATURES)), first + 10, 0.4)
    rounds.each(140, lambda: reactor.set("Agitator_SP", chance.choice(AGITATORS)), first + 22, 0.4)
    rounds.each(110, lambda: separator.set("Sep_Speed_SP", chance.choice(SPEEDS)), first + 31, 0.4)

    def move_limit() -> None:
        context.happened(
            "reactor",
            "write",
            "Moves the alarm limit Temp_HiHi from 98 to 250 from the usual panel",
            ["T0838"],
            "runaway",
        )
        reactor.set("Temp_HiHi", 250.0)

    def overheat() -> None:
        context.happened("reactor", "write", "Sets Temp_SP to 145 from the usual panel", ["T0836"], "runaway")
        reactor.set("Temp_SP", 145.0)

    deeds = {"limit": move_limit, "overheat": overheat}
    for when, deed in also:
        rounds.at(when, deeds[deed])
    rounds.run()


def _historian(context: Context) -> None:
    names.register_netbios(context)
    names.serve_database(context)
    names.ask_time(context, "server")
    reactor, separator = Peer(context, context.ip("reactor")), Peer(context, context.ip("separator"))
    rounds = Rounds(context)
    rounds.each(5, lambda: reactor.do(list(REACTOR), together=True), 6)
    rounds.each(5, lambda: separator.do(list(SEPARATOR), together=True), 7)
    rounds.run()


def _engineering(context: Context) -> None:
    """Goes online with one controller after the other; terminals and shares in between."""
    names.register_netbios(context)
    names.ask_database(context, "historian", 45)
    office.ask_names(context, f"{NET}.5", ["reactor", "historian"], 50)
    office.announce_mdns(context, "_workstation", 85)
    office.work_remotely(context, f"{NET}.30", 3389, 450, 60, 60)
    office.work_remotely(context, f"{NET}.5", 445, 260, 15, 12, 1)
    for turn in context.every(220, 28):
        go_online(context, ("reactor", "separator")[turn % 2])


def go_online(context: Context, key: str) -> None:
    """Who is there, and the tags of the controller one by one."""
    CIPDriver.list_identity(context.ip(key))
    for adapter in (f"{key}-io",):
        CIPDriver.list_identity(context.ip(adapter))
    peer = Peer(context, context.ip(key))
    for name in REACTOR if key == "reactor" else SEPARATOR:
        peer.do([name])
        context.wait_until(context.now + context.random.uniform(0.2, 0.8))
    peer.hang_up()


def _server(context: Context) -> None:
    office.take_logs(context)
    office.serve_session(context, 445)
    office.ask_snmp(context, [f"{NET}.2"], 60)
    office.ping(context, [f"{NET}.{last}" for last in (10, 12, 20, 30)], 60)
    office.aside(partial(names.serve_time, context))
    office.serve_names(context)


def _historian_sessions(context: Context) -> None:
    office.serve_session(context, 3389)
    for _ in context.every(3600, 10):
        continue


def _switch(context: Context) -> None:
    office.serve_snmp(context)
    office.log_to(context, f"{NET}.5", 150)
    names.switch("Gi1/1", "Stratix 5700 Ethernet switch", context)


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("server", _server),
    ("switch", _switch),
    ("reactor-io", enip.serve_adapter),
    ("separator-io", enip.serve_adapter),
    ("reactor", _reactor),
    ("separator", _separator),
    ("historian", _historian),
    ("historian", _historian_sessions),
    ("panel", panel),
    ("engineering", _engineering),
)
