"""District heating: slow polls of big blocks of reals, units behind a gateway, IPv6, bad cables.

The boilers hold the flow temperature that the outdoor temperature asks for, the heat and power unit
runs in steps, six transfer stations stand behind one Modbus gateway. The control room polls every 10
to 30 seconds; machines of the office kind share the network and speak IPv6 among themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from devices import names, office, units
from devices.units import Outcome, Peer, Unit, number, real, whole
from lab.host import Cable, Host
from lab.network import Context, Program
from lab.rounds import Rounds

NET = "192.168.62"


def _host(
    key: str, last: int, mac: str, vendor: str, role: str, told: dict[str, str], ip6: str = "",
    cable: Cable | None = None,
) -> Host:  # fmt: skip
    six = f"fd62:10::{ip6}" if ip6 else ""
    return Host(key, f"{NET}.{last}", mac, vendor, role, told, 24, "", six, cable=cable)


BOILER = _host(
    "boiler", 10, "00:01:05:2e:62:0a", "Beckhoff", "plc",
    {"name": "CX-BOILER", "model": "CX9020", "firmware": "4.11.14"}, "a",
)  # fmt: skip
HOSTS = (
    _host("switch", 2, "00:07:7c:62:10:02", "Westermo", "router", {"name": "HK-SW1"}),
    BOILER,
    _host(
        "cogeneration", 11, "00:60:65:34:62:0b", "B&R", "plc",
        {"name": "X20-CHP", "model": "X20CP1584", "firmware": "4.90"}, "", Cable(0.01, 0.004, 0.008),
    ),
    _host(
        "stations", 12, "00:a0:45:71:62:0c", "Phoenix", "gateway", {}, "",
        Cable(0.004, 0.015, 0.01),
    ),
    _host("control", 20, "3c:52:82:5d:62:14", "Hewlett Packard", "scada", {"name": "HK-SCADA"}, "14"),
    _host("desk", 21, "48:4d:7e:b8:62:15", "Dell", "workstation", {"name": "HK-DESK1"}, "15"),
    _host("engineering", 50, "54:ee:75:c2:62:32", "Wistron", "engineering_workstation",
          {"name": "HK-ES1"}, "32"),
    _host("server", 5, "00:25:90:6f:62:05", "Super Micro", "infrastructure_server", {}, "5"),
    _host("archive", 30, "00:11:32:a4:62:1e", "Synology", "historian", {}, "", Cable(0.002, 0.001, 0.003)),
)  # fmt: skip
FLOW_SET, FLOW_BAND = 0, (78.0, 84.0)
STATIONS = range(1, 7)


def _boiler(context: Context) -> None:
    """Holding: reals of set-point, gain, limit, hysteresis. Inputs: 48 reals of measured values."""
    chance, state = context.random, {"flow": 81.0, "return": 54.0, "burner": 55.0, "turn": 0.0, "gas": 5512.0}

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        wanted = number(holding[0:2])
        state["turn"] += 1
        outside = 3.0 + 0.8 * math.sin(state["turn"] / 280)
        load = 54 + 1.5 * math.sin(state["turn"] / 210) + chance.gauss(0, 0.1)
        state["burner"] += 0.05 * (min(100.0, max(10.0, 55 + 4 * (wanted - state["flow"]))) - state["burner"])
        state["flow"] += 0.02 * (state["burner"] * coils[0] - load) + chance.gauss(0, 0.03)
        state["return"] += 0.01 * (state["flow"] - 27 - state["return"]) + chance.gauss(0, 0.02)
        state["gas"] += state["burner"] / 40000
        first = [
            state["flow"], state["return"], state["burner"], outside, load, 1.8 + chance.gauss(0, 0.01),
            state["gas"], 412 + state["burner"], 9.2 + chance.gauss(0, 0.05), 118 + 0.6 * state["burner"],
        ]  # fmt: skip
        rest = [20 + index + 0.3 * math.sin(state["turn"] / (40 + index)) for index in range(38)]
        alarm = state["flow"] > number(holding[4:6])
        return Outcome(real(*first, *rest), [coils[0], alarm, state["burner"] > 12, False])

    names.announce_lldp(context, "X000", "Beckhoff CX9020", names.STATION)
    start = real(81.0, 4.0, 95.0, 2.0, 60.0, 12.0)
    own = context.host
    units.serve(context, {1: Unit(start, [True, True, False], 128, step)}, f"{own.ip} {own.ip6}")


def _cogeneration(context: Context) -> None:
    """16-bit numbers in tenths; runs in one of three steps that the control room chooses."""
    chance, state = context.random, {"power": 140.0, "speed": 1500.0, "hours": 30211.0, "energy": 902_113.0}

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        wanted = (0, 95, 140, 190)[min(3, holding[0])] * coils[0]
        state["power"] += 0.04 * (wanted - state["power"]) + chance.gauss(0, 0.3) * coils[0]
        state["speed"] += 0.1 * (1500 * coils[0] - state["speed"]) + chance.gauss(0, 0.8)
        state["energy"] += state["power"] / 720
        energy = int(state["energy"])
        inputs = whole(
            state["power"] * 10, state["speed"], 4002 + chance.gauss(0, 6), 5000 + chance.gauss(0, 2),
            880 + state["power"] / 5, 4700 + 3 * state["power"], state["hours"],
        )  # fmt: skip
        return Outcome([*inputs, energy >> 16, energy & 0xFFFF], [coils[0], True, False])

    names.announce_lldp(context, "IF2", "B&R X20CP1584", names.STATION)
    units.serve(context, {1: Unit([2, 1900, 1600, 0], [True, False], 64, step)})


def _station(context: Context, unit: int) -> Callable[[list[int], list[bool]], Outcome]:
    chance = context.random
    state = {"out": 62.0 + unit, "valve": 45.0 + 2 * unit, "heat": 100_000.0 * unit, "turn": 60.0 * unit}

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        wanted = holding[0] / 10
        state["turn"] += 1
        demand = 44 + 3 * math.sin(state["turn"] / 230) + unit
        state["valve"] = min(100.0, max(0.0, state["valve"] + 0.3 * (wanted - state["out"])))
        state["out"] += 0.03 * (state["valve"] - demand) + chance.gauss(0, 0.03)
        state["heat"] += state["valve"] / 3000
        values = (state["out"], state["out"] - 22, state["valve"], 1.2 + state["valve"] / 80, state["heat"])
        return Outcome(real(*values), [state["valve"] > 2, False])

    return step


def _stations(context: Context) -> None:
    start = {unit: Unit([620 + 10 * unit, 900, 1], [True], 64, _station(context, unit)) for unit in STATIONS}
    units.serve(context, start)


def control(context: Context, also: tuple[tuple[float, str], ...] = ()) -> None:
    """The control room: polls slowly, serves its pages to desks."""
    names.register_netbios(context)
    office.aside(partial(office.serve_web, context))
    office.aside(partial(office.serve_web, context, context.host.ip6))
    office.serve_session(context, 3389)
    office.ask_names(context, "fd62:10::5", ["archive", "server"], 40)
    office.renew_lease(context, f"{NET}.5", 400)
    names.ask_database(context, "archive", 55)
    operate(context, also=also)


def operate(context: Context, first: float = 2.0, also: tuple[tuple[float, str], ...] = ()) -> None:
    """The control room's rounds; `also` is what a story has the operator do, and when."""
    boiler, unit2 = Peer(context, context.ip("boiler")), Peer(context, context.ip("cogeneration"))
    stations, chance, rounds = Peer(context, context.ip("stations")), context.random, Rounds(context)
    screen = {"station": 1, "until": 0.0}

    def ask_stations() -> None:
        for unit in STATIONS:
            stations.unit = unit
            stations.inputs(0, 10)
            stations.holding(0, 3)

    def open_screen() -> None:
        screen["station"], screen["until"] = chance.choice(STATIONS), context.now + 45

    def detail() -> None:
        if context.now < screen["until"]:
            stations.unit = screen["station"]
            stations.inputs(0, 10)
            stations.discretes(0, 2)

    def set_station() -> None:
        stations.unit = chance.choice(STATIONS)
        stations.set(0, 620 + 10 * stations.unit + chance.choice((-10, 0, 10)))

    def set_flow(value: float) -> None:
        boiler.set_many(FLOW_SET, real(value))

    units.poll(
        rounds, boiler, (("inputs", 0, 96, 10), ("holding", 0, 12, 30), ("discretes", 0, 4, 10)), first
    )
    units.poll(rounds, unit2, (("inputs", 0, 9, 15), ("holding", 0, 4, 30), ("coils", 0, 2, 30)), first + 3)
    rounds.each(30, ask_stations, first + 6)
    rounds.each(5, detail, first + 8)
    rounds.each(180, open_screen, first + 60, 0.3)
    rounds.each(90, lambda: set_flow(round(2 * chance.uniform(*FLOW_BAND)) / 2), first + 15, 0.4)
    rounds.each(210, lambda: unit2.set(0, chance.choice((1, 2, 3))), first + 95, 0.3)
    rounds.each(80, set_station, first + 32, 0.4)

    def overheat() -> None:
        context.happened(
            "boiler",
            "write",
            "Sets the flow temperature to 128 degrees from the control room",
            ["T0836"],
            "overheat",
        )
        set_flow(128.0)

    deeds = {"overheat": overheat}
    for when, deed in also:
        rounds.at(when, deeds[deed])
    rounds.run()


def _desk(context: Context) -> None:
    names.register_netbios(context)
    office.browse(context, "fd62:10::14", 20)
    office.browse(context, f"{NET}.20", 35)
    office.ask_names(context, "fd62:10::5", ["control", "archive", "printer"], 25)
    office.announce_mdns(context, "_ipp", 50)
    office.renew_lease(context, f"{NET}.5", 350)
    office.work_remotely(context, context.ip("server"), 445, 240, 18, 15, 1)
    for _ in context.every(3600, 10):
        continue


def _engineering(context: Context) -> None:
    names.register_netbios(context)
    office.ask_names(context, f"{NET}.5", ["boiler", "stations"], 60)
    office.announce_mdns(context, "_workstation", 90)
    office.work_remotely(context, context.ip("control"), 3389, 500, 70, 90)
    for turn in context.every(300, 40):
        if turn % 2:
            units.compare(
                context, context.ip("stations"), [("holding", 0, 3), ("inputs", 0, 10)], 1 + turn % 6
            )
        else:
            units.compare(context, context.ip("boiler"), [("holding", 0, 64), ("inputs", 0, 96)])


def _archive(context: Context) -> None:
    names.serve_database(context)
    boiler, unit2 = Peer(context, context.ip("boiler")), Peer(context, context.ip("cogeneration"))
    stations, rounds = Peer(context, context.ip("stations")), Rounds(context)

    def ask_stations() -> None:
        for unit in STATIONS:
            stations.unit = unit
            stations.inputs(8, 2)

    units.poll(rounds, boiler, (("inputs", 0, 20, 20),), 4)
    units.poll(rounds, unit2, (("inputs", 0, 9, 20),), 5)
    rounds.each(60, ask_stations, 7)
    rounds.run()


def _server(context: Context) -> None:
    office.take_logs(context)
    office.serve_leases(context)
    office.serve_session(context, 445)
    office.ask_snmp(context, [f"{NET}.2"], 45)
    office.ping(context, [f"{NET}.10", f"{NET}.11", f"{NET}.12", f"{NET}.20", "fd62:10::14"], 45)
    office.aside(partial(names.serve_time, context))
    office.aside(partial(office.serve_names, context, context.host.ip6))
    office.serve_names(context)


def _switch(context: Context) -> None:
    office.serve_snmp(context)
    office.log_to(context, f"{NET}.5", 150)
    names.switch("port1", "Westermo Lynx 210", context)


def clocked(program: Program, context: Context) -> None:
    """The program of a host that asks for the time, too."""
    names.ask_time(context, "server")
    program(context)


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("server", _server),
    ("switch", _switch),
    ("boiler", partial(clocked, _boiler)),
    ("cogeneration", _cogeneration),
    ("stations", _stations),
    ("archive", _archive),
    ("control", partial(clocked, control)),
    ("desk", _desk),
    ("engineering", _engineering),
)
