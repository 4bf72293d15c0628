"""A bottling line: filler, capper and labeller on S7comm, a panel, and supervision behind a gateway.

Bottles run in batches of a few minutes; the operator chooses speeds and fill temperatures within
what the products need, and acknowledges what the machines report.
"""

from __future__ import annotations

import math
import struct
from functools import partial

from devices import blocks, names, office
from devices.blocks import MEASURED, RECIPE, Peer, int16, real
from devices.s7comm import PROGRAM
from lab.host import Host, Leg
from lab.network import Context, Program
from lab.rounds import Rounds

NET, GATEWAY = "10.63.4", "10.63.4.1"


def _machine_host(key: str, last: int, mac: str, told: dict[str, str]) -> Host:
    return Host(key, f"{NET}.{last}", mac, "Siemens", "plc", told, 24, GATEWAY)


MACHINES = ("filler", "capper", "labeller")
HOSTS = (
    Host(
        "gateway", GATEWAY, "00:0a:dc:63:04:01", "RuggedCom", "router", {}, 24,
        legs=(Leg("centre", "10.63.8.1", "00:0a:dc:63:08:01"),),
    ),
    Host("switch", f"{NET}.2", "ec:e5:55:63:04:02", "Hirschmann", "router", {"name": "BL-SW1"}, 24, GATEWAY),
    Host("server", f"{NET}.5", "34:64:a9:63:04:05", "Hewlett Packard", "infrastructure_server", {}, 24,
         GATEWAY),
    _machine_host("filler", 10, "28:63:36:63:04:0a", {
        "name": "FILLER-2", "model": "6ES7 315-2EH14-0AB0", "firmware": "V3.2.17",
        "serial": "S C-H2LAB0063001", "module": "CPU 315-2 PN/DP"}),
    _machine_host("capper", 11, "ac:64:17:63:04:0b", {
        "name": "CAPPER-2", "model": "6ES7 317-2EK14-0AB0", "firmware": "V3.2.11",
        "serial": "S C-H2LAB0063002", "module": "CPU 317-2 PN/DP"}),
    _machine_host("labeller", 12, "ac:64:17:63:04:0c", {
        "name": "LABEL-2", "model": "6ES7 314-6EH04-0AB0", "firmware": "V3.3.12",
        "serial": "S C-H2LAB0063003", "module": "CPU 314C-2 PN/DP"}),
    Host("panel", f"{NET}.20", "00:1b:1b:63:04:14", "Siemens", "hmi", {"name": "BL-PANEL1"}, 24, GATEWAY),
    Host("engineering", f"{NET}.50", "f8:bc:12:63:04:32", "Dell", "engineering_workstation",
         {"name": "BL-ES1"}, 24, GATEWAY),
    Host("supervision", "10.63.8.20", "9c:7b:ef:63:08:14", "Hewlett Packard", "scada", {}, 24, "10.63.8.1",
         segment="centre", behind="gateway"),
)  # fmt: skip
SPEEDS = range(220, 261, 5)
TEMPERATURES = (4.0, 7.0)
_RECIPE = struct.pack(">hhfffhh", 240, 330, 5.5, 12.0, 1.8, 300, 2)
"""Speed, volume (ml), fill temperature, its high limit, pressure, speed limit, product."""


def _machine(context: Context) -> None:
    """Measured: count (DINT 0), state (INT 4), speed (INT 6), reals from 8: temperature, pressure,
    torque, level; rejects (INT 24), batch (INT 26), cycle in ms (INT 28)."""
    chance = context.random
    phase = {"filler": 0.0, "capper": 60.0, "labeller": 110.0}[context.host.key]
    state = {"made": 3_412_000.0, "speed": 200.0, "heat": 5.5, "level": 70.0, "bad": 112.0, "turn": phase * 4}

    def step(measured: bytearray, recipe: bytearray, merkers: bytearray) -> None:
        wanted, _, heat, limit, pressure = struct.unpack_from(">hhfff", recipe, 0)
        state["turn"] += 1
        running = state["turn"] % 960 < 880  # four minutes, of which twenty seconds change the batch
        state["speed"] += 0.05 * (wanted * running - state["speed"])
        state["made"] += state["speed"] / 14400
        state["heat"] += 0.02 * (heat - state["heat"]) + chance.gauss(0, 0.01)
        state["level"] = 70 + 12 * math.sin(state["turn"] / 180) + chance.gauss(0, 0.2)
        state["bad"] += chance.random() < 0.004
        torque = 1.1 + state["speed"] / 800 + chance.gauss(0, 0.01)
        batch = 40 + int(state["turn"] // 960)
        struct.pack_into(
            ">ihhffffhhh", measured, 0, int(state["made"]), 2 if running else 4, int(state["speed"]),
            state["heat"], pressure + chance.gauss(0, 0.01), torque, state["level"], int(state["bad"]),
            batch, int(25 + chance.random() * 4),
        )  # fmt: skip
        merkers[0] = int(running) | (state["heat"] > limit) << 1 | 0x10
        merkers[1] = int(state["turn"]) & 0xFF

    told = context.host.told
    names.announce_lldp(
        context, "port-001", f"Siemens, SIMATIC S7, {told['module']}, {told['model']}", names.STATION
    )
    blocks.serve(context, step, _RECIPE)


def _panel(context: Context) -> None:
    names.announce_lldp(context, "port-001", "SIMATIC HMI TP1500 Comfort", names.STATION)
    office.aside(partial(office.serve_web, context))
    office.ask_names(context, f"{NET}.5", ["server"], 90)
    operate(context)


def operate(context: Context, first: float = 1.0) -> None:
    """The panel's rounds: reads two machines, sets speeds and temperatures, acknowledges."""
    chance, rounds = context.random, Rounds(context)
    peers = {key: Peer(context, context.ip(key)) for key in ("filler", "capper")}
    screen = {"until": 0.0}

    def open_screen() -> None:
        screen["until"] = context.now + 25

    def detail() -> None:
        if context.now < screen["until"]:
            peers["filler"].read(RECIPE, 0, 32)
            peers["filler"].merkers(0, 8)

    def acknowledge() -> None:
        peers["filler"].mark(20, 1)
        rounds.at(context.now + 1, lambda: peers["filler"].mark(20, 0))

    for index, peer in enumerate(peers.values()):
        rounds.each(1, lambda p=peer: p.read(MEASURED, 0, 30), first + 0.2 * index)
        rounds.each(5, lambda p=peer: p.read(RECIPE, 0, 20), first + 0.4 + 0.2 * index)
    rounds.each(2, detail, first + 0.7)
    rounds.each(110, open_screen, first + 15, 0.3)
    rounds.each(75, lambda: peers["filler"].write(RECIPE, 0, int16(chance.choice(SPEEDS))), first + 9, 0.4)
    rounds.each(115, lambda: peers["capper"].write(RECIPE, 0, int16(chance.choice(SPEEDS))), first + 33, 0.4)
    rounds.each(
        130, lambda: peers["filler"].write(RECIPE, 4, real(round(chance.uniform(*TEMPERATURES), 1))),
        first + 27, 0.4,
    )  # fmt: skip
    rounds.each(190, acknowledge, first + 40, 0.4)
    rounds.run()


def _engineering(context: Context) -> None:
    names.register_netbios(context)
    office.ask_names(context, f"{NET}.5", ["filler", "capper", "labeller"], 45)
    office.announce_mdns(context, "_workstation", 80)
    office.work_remotely(context, f"{NET}.5", 445, 280, 20, 15, 1)
    office.work_remotely(context, f"{NET}.5", 3389, 700, 150, 60)
    for turn in context.every(200, 25):
        compare(context, MACHINES[turn % 3])


def compare(context: Context, key: str) -> None:
    """An engineer goes online: who is it, does it run, is the program that of the project."""
    peer = Peer(context, context.ip(key))
    for index in (0x0011, 0x001C, 0x0424):
        peer.do("read_szl", index, 0)
        time_to_read(context)
    peer.do("upload", PROGRAM)
    time_to_read(context)
    peer.read(RECIPE, 0, 32)
    peer.hang_up()


def time_to_read(context: Context) -> None:
    """People look at what they asked for."""
    context.wait_until(context.now + context.random.uniform(0.5, 2))


def _supervision(context: Context) -> None:
    """Reads all machines every two seconds, and now and then sets the labeller's speed."""
    names.serve_database(context)
    office.ask_names(context, f"{NET}.5", ["filler", "panel"], 50)
    office.browse(context, f"{NET}.20", 30)
    chance, rounds = context.random, Rounds(context)
    peers = {key: Peer(context, context.ip(key)) for key in MACHINES}
    for index, peer in enumerate(peers.values()):
        rounds.each(2, lambda p=peer: p.read(MEASURED, 0, 30), 2 + 0.3 * index)
        rounds.each(10, lambda p=peer: p.merkers(0, 4), 2.1 + 0.3 * index)
    rounds.each(105, lambda: peers["labeller"].write(RECIPE, 0, int16(chance.choice(SPEEDS))), 18, 0.4)
    rounds.run()


def _server(context: Context) -> None:
    office.take_logs(context)
    office.serve_session(context, 445)
    office.serve_session(context, 3389)
    office.ask_snmp(context, [f"{NET}.2"], 50)
    office.ping(context, [f"{NET}.{last}" for last in (10, 11, 12, 20)], 50)
    office.aside(partial(names.serve_time, context))
    office.serve_names(context)


def _switch(context: Context) -> None:
    office.serve_snmp(context)
    office.log_to(context, f"{NET}.5", 170)
    names.switch("1/1", "Hirschmann RSP25 switch", context)


def _clocked(program: Program, context: Context) -> None:
    names.ask_time(context, "server")
    program(context)


PROGRAMS: tuple[tuple[str, Program], ...] = (
    ("server", _server),
    ("switch", _switch),
    ("filler", partial(_clocked, _machine)),
    ("capper", _machine),
    ("labeller", _machine),
    ("panel", _panel),
    ("supervision", _supervision),
    ("engineering", _engineering),
)
