"""A water works with three controllers on Modbus/TCP, and an office behind a gateway.

The intake fills a tank with two pumps between two levels, the dosing station holds free chlorine
with a controller of its own around the operator's dose, the booster station holds a pressure. The
historian and an office machine stand behind the gateway and are seen with its MAC address.
"""

from __future__ import annotations

import math
from functools import partial

from devices import names, office, units
from devices.units import Outcome, Peer, Unit, real, whole
from lab.host import Host, Leg
from lab.network import Context, Program
from lab.rounds import Rounds

SCHNEIDER, GATEWAY = "Schneider Electric", "10.61.1.1"
INTAKE = Host(
    "intake", "10.61.1.10", "00:80:f4:2c:61:0a", SCHNEIDER, "plc",
    {"name": "PLC-INTAKE", "model": "BMX P34 2020", "firmware": "v3.20"}, 24, GATEWAY,
)  # fmt: skip
DOSING = Host(
    "dosing", "10.61.1.11", "00:80:f4:2c:61:0b", SCHNEIDER, "plc",
    {"model": "TM221CE24R", "firmware": "v1.12"}, 24, GATEWAY,
)  # fmt: skip
BOOSTER = Host(
    "booster", "10.61.1.12", "00:30:de:41:61:0c", "WAGO", "plc",
    {"name": "WAGO-BOOSTER", "model": "750-8212", "firmware": "v03.10.08"}, 24, GATEWAY,
)  # fmt: skip
HMI = Host("hmi", "10.61.1.20", "00:d0:c9:d7:61:14", "Advantech", "hmi", {"name": "WW-HMI1"}, 24, GATEWAY)
STATION = Host(
    "engineering", "10.61.1.50", "f8:bc:12:70:61:32", "Dell", "engineering_workstation",
    {"name": "WW-ENG1"}, 24, GATEWAY,
)  # fmt: skip
HOSTS = (
    Host(
        "gateway", GATEWAY, "00:80:63:9b:61:01", "Hirschmann", "router", {}, 24,
        legs=(Leg("office", "10.61.20.1", "00:80:63:9b:62:01"),),
    ),
    Host("switch", "10.61.1.2", "00:90:e8:5a:61:02", "Moxa", "router", {"name": "WW-SW1"}, 24, GATEWAY),
    Host("server", "10.61.1.5", "3c:ec:ef:44:61:05", "Super Micro", "infrastructure_server", {}, 24, GATEWAY),
    INTAKE, DOSING, BOOSTER, HMI, STATION,
    Host(
        "historian", "10.61.20.30", "d4:be:d9:13:62:1e", "Dell", "historian", {}, 24, "10.61.20.1",
        segment="office", behind="gateway",
    ),
    Host(
        "office", "10.61.20.77", "9c:7b:ef:29:62:4d", "Hewlett Packard", "workstation", {}, 24,
        "10.61.20.1", segment="office", behind="gateway",
    ),
)  # fmt: skip
DOSE, DOSES = 0, range(110, 131)
PRESSURE, PRESSURES = 0, range(560, 601, 5)
HIGH_LEVEL, LOW_LEVEL = 0, 1


def _intake(context: Context) -> None:
    chance = context.random
    state = {"level": 330.0, "pump": 1.0, "starts": 8421.0, "total": 1_204_511.0, "turn": 0.0, "flow": 420.0}

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        high, low = holding[HIGH_LEVEL], holding[LOW_LEVEL]
        before, state["turn"] = state["pump"], state["turn"] + 1
        state["pump"] = 0.0 if state["level"] > high else 1.0 if state["level"] < low else state["pump"]
        running = state["pump"] and coils[0]
        state["starts"] += state["pump"] > before
        state["flow"] += 0.2 * (620 * running - state["flow"]) + (chance.gauss(0, 2) if running else 0)
        demand = 300 + 45 * math.sin(state["turn"] / 190) + chance.gauss(0, 4)
        state["level"] += (state["flow"] - demand) / 260
        state["total"] += state["flow"] / 7200
        total = int(state["total"])
        current = (312 + chance.gauss(0, 2)) * running
        inputs = whole(state["level"], state["flow"], demand, current, 1800 + 9.81 * state["level"] / 10, 50)
        inputs += [total >> 16, total & 0xFFFF, *whole(state["starts"], 218 + chance.gauss(0, 0.6))]
        return Outcome(inputs, [bool(running), not running, state["level"] > high + 15, False])

    names.announce_lldp(context, "eth1", "Modicon M340 BMX P34 2020", names.STATION)
    office.log_to(context, "10.61.1.5", 120)
    units.serve(context, {1: Unit([400, 250, 450, 200, 60, 1], [True, True, False, True], 128, step)})


def _dosing(context: Context) -> None:
    chance, state = context.random, {"chlorine": 480.0, "tank": 1450.0, "flow": 120.0, "ph": 742.0}

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        wanted = holding[DOSE] * coils[0]
        state["flow"] += 0.3 * (wanted - state["flow"]) + chance.gauss(0, 0.6)
        state["chlorine"] += 0.03 * (4 * state["flow"] - state["chlorine"]) + chance.gauss(0, 1.5)
        state["tank"] -= state["flow"] / 9000
        state["ph"] += 0.05 * (742 - state["ph"]) + chance.gauss(0, 0.4)
        inputs = whole(state["chlorine"], state["flow"], state["tank"], state["ph"], 131 + chance.gauss(0, 1))
        high = state["chlorine"] > holding[2]
        return Outcome(inputs, [coils[0], high, state["tank"] < 300, False])

    units.serve(context, {1: Unit([120, 500, 700, 200, 1], [True, False, False, True], 64, step)})


def _booster(context: Context) -> None:
    """Reals in two registers each: pressure, flow, speed, power, and a running mean of the pressure."""
    chance = context.random
    state = {"pressure": 5.8, "speed": 62.0, "integral": 62.0, "mean": 5.8, "energy": 88_412.0, "turn": 0.0}

    def step(holding: list[int], coils: list[bool]) -> Outcome:
        wanted = holding[PRESSURE] / 100
        state["turn"] += 1
        error = wanted - state["pressure"]
        state["integral"] = min(100.0, max(0.0, state["integral"] + 0.4 * error))
        state["speed"] = min(100.0, max(0.0, state["integral"] + 5 * error)) * coils[0]
        flow = 95 + 12 * math.sin(state["turn"] / 150) + chance.gauss(0, 0.8)
        state["pressure"] += 0.1 * (state["speed"] * 0.14 - flow / 32.8 - state["pressure"]) + chance.gauss(
            0, 0.01
        )
        power = 0.35 * state["speed"] + chance.gauss(0, 0.2)
        state["mean"] += 0.02 * (state["pressure"] - state["mean"])
        state["energy"] += power / 7200
        inputs = real(state["pressure"], flow, state["speed"], power, state["mean"], state["energy"])
        return Outcome(inputs, [coils[0], False, state["pressure"] > 7.5])

    names.announce_lldp(context, "X1", "WAGO 750-8212 PFC200", names.STATION)
    units.serve(context, {1: Unit([580, 300, 750], [True, True], 64, step)})


def hmi(context: Context, first: float = 1.0, also: tuple[tuple[float, str], ...] = ()) -> None:
    """Polls three controllers; the operator changes set-points, screens and acknowledges alarms."""
    names.register_netbios(context)
    office.aside(partial(office.serve_web, context))
    office.serve_session(context, 3389)
    office.ask_names(context, "10.61.1.5", ["historian", "server"], 45)
    office.log_to(context, "10.61.1.5", 60)
    names.ask_database(context, "historian", 40)
    operate(context, first, also)


def operate(context: Context, first: float = 1.0, also: tuple[tuple[float, str], ...] = ()) -> None:
    """The panel's rounds from `first` on; `also` is what a story has the operator do, and when."""
    intake, dosing, booster = (Peer(context, context.ip(key)) for key in ("intake", "dosing", "booster"))
    chance, rounds, screen = context.random, Rounds(context), {"until": 0.0}

    def identify() -> None:
        intake.identify()
        dosing.identify()

    def detail() -> None:
        if context.now < screen["until"]:
            intake.holding(0, 32)
            booster.holding(0, 8)

    def open_screen() -> None:
        screen["until"] = context.now + 30

    def set_limits() -> None:
        intake.set(HIGH_LEVEL, chance.choice((395, 400, 405)))

    def acknowledge() -> None:
        intake.switch(2, True)
        rounds.at(context.now + 1, lambda: intake.switch(2, False))

    rounds.at(first, identify)
    units.poll(rounds, intake, (("inputs", 0, 10, 1), ("discretes", 0, 4, 1), ("holding", 0, 6, 2)), first)
    units.poll(rounds, dosing, (("inputs", 0, 5, 1), ("holding", 0, 5, 2), ("coils", 0, 4, 5)), first + 0.3)
    units.poll(rounds, booster, (("inputs", 0, 12, 2), ("discretes", 0, 3, 2)), first + 0.6)
    rounds.each(2, detail, first + 0.8)
    rounds.each(100, open_screen, first + 20, 0.3)
    rounds.each(70, lambda: dosing.set(DOSE, chance.choice(DOSES)), first + 7, 0.4)
    rounds.each(110, lambda: booster.set(PRESSURE, chance.choice(PRESSURES)), first + 35, 0.4)
    rounds.each(300, set_limits, first + 50, 0.2)
    rounds.each(260, acknowledge, first + 42, 0.3)
    deeds = {"overdose": lambda: dosing.set(DOSE, 960)}
    for when, deed in also:
        rounds.at(
            when,
            lambda d=deed: (
                context.happened(
                    "dosing",
                    "write",
                    "Sets the dose to eight times the usual from the operator's panel",
                    ["T0836"],
                    "overdose",
                ),
                deeds[d](),
            ),
        )
    rounds.run()


def _engineering(context: Context) -> None:
    """Compares a controller with the project, has terminals open, looks at shares."""
    names.register_netbios(context)
    office.ask_names(context, "10.61.1.5", ["intake", "dosing", "printer", "server"], 30)
    office.work_remotely(context, context.ip("hmi"), 3389, 420, 90, 60)
    office.work_remotely(context, context.ip("server"), 445, 300, 25, 10, 1)
    office.work_remotely(context, context.ip("booster"), 22, 600, 140, 40)
    office.announce_mdns(context, "_workstation", 75)
    for turn in context.every(240, 30):
        key = ("intake", "dosing", "booster")[turn % 3]
        blocks = [("holding", 0, 32), ("inputs", 0, 32), ("coils", 0, 16), ("holding", 32, 32)]
        units.compare(context, context.ip(key), blocks)


def _historian(context: Context) -> None:
    """Reads measured values, loses its network once in a long while and catches up then."""
    names.serve_database(context)
    office.ask_names(context, "10.61.1.5", ["intake", "office"], 60)
    peers = [Peer(context, context.ip(key)) for key in ("intake", "dosing", "booster")]
    catching_up = 0.0
    for turn in context.every(5, 1.5):
        if 280 <= turn < 288:
            for peer in peers:
                peer.hang_up()
            catching_up = context.now + 30
            continue
        for peer, count in zip(peers, (10, 5, 12), strict=True):
            peer.inputs(0, count)
            if context.now < catching_up:
                peer.inputs(0, count)


def _server(context: Context) -> None:
    office.take_logs(context)
    office.ask_snmp(context, ["10.61.1.2"], 60)
    office.serve_session(context, 445)
    office.ping(context, ["10.61.1.10", "10.61.1.11", "10.61.1.12", "10.61.1.20", "10.61.1.1"], 60)
    office.aside(partial(names.serve_time, context))
    office.serve_names(context)


def _switch(context: Context) -> None:
    office.serve_snmp(context)
    office.log_to(context, "10.61.1.5", 200)
    names.switch("port1", "Moxa EDS-510E managed switch", context)


def _office(context: Context) -> None:
    office.browse(context, "10.61.1.20", 15)
    office.ask_names(context, "10.61.1.5", ["hmi", "historian"], 40)
    for _ in context.every(3600, 10):
        continue


def _clocked(program: Program, context: Context) -> None:
    names.ask_time(context, "server")
    program(context)


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("server", _server),
    ("switch", _switch),
    ("intake", partial(_clocked, _intake)),
    ("dosing", _dosing),
    ("booster", partial(_clocked, _booster)),
    ("historian", _historian),
    ("hmi", hmi),
    ("engineering", _engineering),
    ("office", _office),
)
