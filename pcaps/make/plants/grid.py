"""A distribution grid: two stations on IEC 104, two on DNP3, and their masters in one control room.

Load follows the day in small; a voltage regulator follows the set-point that the control room gives,
capacitor banks are switched now and then, breakers hardly ever.
"""

from __future__ import annotations

import math
import random
from functools import partial

import c104
import opendnp3

from devices import names, office, outstations, telecontrol
from devices.dnp3 import MASTER, connect_master
from devices.outstations import State
from devices.telecontrol import Centre, Layout
from lab.host import Cable, Host, Leg
from lab.network import Context, Program
from lab.rounds import Rounds

NET, GATEWAY = "172.20.5", "172.20.5.1"


def _host(key: str, last: int, mac: str, vendor: str, role: str, told: dict[str, str],
          cable: Cable | None = None) -> Host:  # fmt: skip
    return Host(key, f"{NET}.{last}", mac, vendor, role, told, 24, GATEWAY, cable=cable)


HOSTS = (
    Host("gateway", GATEWAY, "00:0a:dc:20:05:01", "RuggedCom", "router", {}, 24,
         legs=(Leg("room", "172.20.9.1", "00:0a:dc:20:09:01"),)),
    _host("switch", 2, "00:90:e8:20:05:02", "Moxa", "router", {"name": "GR-SW1"}),
    _host("clock", 5, "3c:ec:ef:20:05:05", "Super Micro", "infrastructure_server", {}),
    _host("north", 10, "00:02:a3:20:05:0a", "Hitachi Energy", "rtu", {"name": "RTU-NORTH"}),
    _host("south", 11, "00:0e:8c:20:05:0b", "Siemens", "rtu", {"name": "RTU-SOUTH"},
          Cable(0.005, 0.02, 0.015)),
    _host("east", 12, "00:30:a7:20:05:0c", "Schweitzer", "rtu", {"name": "RTAC-EAST"}),
    _host("west", 13, "00:30:a7:20:05:0d", "Schweitzer", "rtu", {"name": "RTAC-WEST"},
          Cable(0.005, 0.03, 0.02)),
    _host("front-end", 21, "9c:7b:ef:20:05:15", "Hewlett Packard", "scada", {"name": "GR-FEP1"}),
    Host("control", "172.20.9.20", "9c:7b:ef:20:09:14", "Hewlett Packard", "scada", {}, 24, "172.20.9.1",
         segment="room", behind="gateway"),
    _host("desk", 60, "a0:36:9f:20:05:3c", "Intel", "workstation", {"name": "GR-DESK1"}),
)  # fmt: skip
NORTH = Layout(11, (20.4, 180.0, 6.2, 0.4, 50.0, 61.0, 20.3, 95.0), 4, (20.4, 0.5))
SOUTH = Layout(12, (10.4, 95.0, 1.7, 0.2, 50.0, 48.0), 3, (10.4,), 5000)
VOLTAGES = {"north": [20.2, 20.3, 20.4, 20.5, 20.6], "south": [10.3, 10.4, 10.5]}


def _station(context: Context, layout: Layout) -> None:
    chance, state = context.random, {"turn": 0.0, "energy": 720_000.0}

    def step(values: list[float], closed: list[bool], wanted: list[float]) -> tuple[list[float], int]:
        state["turn"] += 1
        load = 1 + 0.08 * math.sin(state["turn"] / 170) + chance.gauss(0, 0.004)
        voltage = values[0] + 0.1 * (wanted[0] - values[0]) + chance.gauss(0, 0.01)
        current = layout.measured[1] * load * closed[0]
        power = voltage * current * 1.73 / 1000
        state["energy"] += power
        rest = [
            base + 0.02 * base * math.sin(state["turn"] / (130 + 20 * index)) + chance.gauss(0, base / 2000)
            for index, base in enumerate(layout.measured[5:])
        ]
        frequency = 50 + chance.gauss(0, 0.01)
        return [voltage, current, power, power / 15, frequency, *rest], int(state["energy"] / 1000)

    names.announce_lldp(context, "eth1", "Remote terminal unit", names.STATION)
    names.ask_time(context, "clock")
    telecontrol.serve(context, layout, step)


def feeder(context: Context) -> None:
    """A feeder's DNP3 outstation."""
    chance, turn = context.random, [context.random.randrange(300)]
    outputs = [True] * 6
    base = [132.0, 98.0, 21.5, 4.0, 50.0, 12.0, 33.0, 7.7]

    def step(state: State) -> State:
        turn[0] += 1
        load = 1 + 0.06 * math.sin(turn[0] / 80)
        analogs = [
            value + 0.3 * (wanted * (load if index < 3 else 1) - value) + chance.gauss(0, wanted / 800)
            for index, (value, wanted) in enumerate(zip(state.analogs, base, strict=True))
        ]
        counters = [state.counters[0] + int(analogs[2] / 4), state.counters[1] + (turn[0] % 97 == 0)]
        return State(analogs, [*outputs, False, True], counters)

    names.announce_lldp(context, "eth1", "SEL-3530 RTAC", names.STATION)
    names.ask_time(context, "clock")
    outstations.serve(context, State(base, [True] * 8, [81_200, 37]), outputs, step)


def _front_end(context: Context) -> None:
    """Masters both DNP3 stations: integrity polls, events, a capacitor bank switched now and then."""
    names.register_netbios(context)
    office.aside(partial(office.serve_web, context))
    office.serve_session(context, 3389)
    poll_feeders(context)


def poll_feeders(context: Context) -> None:
    """The rounds of the DNP3 master."""
    seconds, handler = opendnp3.TimeDuration.Seconds, opendnp3.ISOEHandler()
    rounds, kept = Rounds(context), []
    for index, key in enumerate(("east", "west")):
        manager, master = connect_master(context, key, MASTER)
        master.AddClassScan(opendnp3.ClassField(True, True, True, True), seconds(60), handler)
        master.AddClassScan(opendnp3.ClassField(False, True, True, True), seconds((4, 10)[index]), handler)
        master.Enable()
        kept.append((manager, master))
        rounds.each(120, partial(_switch_bank, master, context.random), 25 + 30 * index, 0.4)
    rounds.run()


def _switch_bank(master: opendnp3.IMaster, chance: random.Random) -> None:
    kinds = (opendnp3.OperationType.LATCH_ON, opendnp3.OperationType.LATCH_OFF)
    block = opendnp3.ControlRelayOutputBlock(chance.choice(kinds))
    master.SelectAndOperate(block, chance.choice((3, 4)), lambda result: None)


def _control(context: Context) -> None:
    """Masters both IEC 104 stations from behind the gateway."""
    command_stations(context)


def command_stations(context: Context, also: tuple[tuple[float, str], ...] = ()) -> None:
    """The rounds of the IEC 104 master; `also` is what a story has it do, and when."""
    chance, rounds = context.random, Rounds(context)
    centres = {
        "north": Centre(context, context.ip("north"), NORTH.address, c104.Init.INTERROGATION),
        "south": Centre(context, context.ip("south"), SOUTH.address, c104.Init.INTERROGATION),
    }
    context.wait_until(3)
    for index, (key, centre) in enumerate(centres.items()):
        centre.start()
        rounds.each(60, centre.interrogate, 30 + 5 * index)
        rounds.each(180, centre.synchronise, 50 + 10 * index)
        rounds.each(120, centre.read_counters, 40 + 10 * index)
        rounds.each(70, lambda c=centre, k=key: c.set(0, chance.choice(VOLTAGES[k])), 15 + 20 * index, 0.4)
    rounds.each(300, partial(_switch_reserve, rounds, context, centres["north"]), 55, 0.2)

    def open_all() -> None:
        for key, centre, count in (("north", centres["north"], 4), ("south", centres["south"], 3)):
            text = "Opens all breakers of a station from the control room's own machine"
            context.happened(key, "operate", text, ["T1692.001", "T0831"], "blackout")
            for breaker in range(count):
                centre.switch(breaker, False)
                context.wait_until(context.now + 0.4)

    def overvoltage() -> None:
        text = "Commands a voltage of 24.5 kV where 20.4 is usual, from the control room's own machine"
        context.happened("north", "operate", text, ["T0836"], "overvoltage")
        centres["north"].set(0, 24.5)

    deeds = {"blackout": open_all, "overvoltage": overvoltage}
    for when, deed in also:
        rounds.at(when, deeds[deed])
    rounds.run()


def _switch_reserve(rounds: Rounds, context: Context, centre: Centre) -> None:
    """The reserve feeder's breaker is tried: open, and closed again."""
    centre.switch(3, False)
    rounds.at(context.now + 8, lambda: centre.switch(3, True))


def _desk(context: Context) -> None:
    names.register_netbios(context)
    office.browse(context, f"{NET}.21", 40)
    office.work_remotely(context, f"{NET}.21", 3389, 400, 45, 80)
    office.announce_mdns(context, "_workstation", 70)
    office.ask_snmp(context, [f"{NET}.2"], 60)
    office.ping(context, [f"{NET}.{last}" for last in (10, 11, 12, 13, 21)], 60)
    for _ in context.every(3600, 10):
        continue


def _switch(context: Context) -> None:
    office.serve_snmp(context)
    names.switch("port1", "Moxa PT-7728 switch", context)


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("switch", _switch),
    ("clock", names.serve_time),
    ("north", partial(_station, layout=NORTH)),
    ("south", partial(_station, layout=SOUTH)),
    ("east", feeder),
    ("west", feeder),
    ("control", _control),
    ("front-end", _front_end),
    ("desk", _desk),
)
