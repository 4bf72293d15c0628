"""Modbus/TCP controllers with several units, and those who ask them, on pymodbus."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pymodbus import ModbusDeviceIdentification
from pymodbus.client import ModbusTcpClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.server import ModbusTcpServer

from lab.network import Context
from lab.rounds import Rounds

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
STEP = 0.5


class Outcome(NamedTuple):
    """What a step of a process leaves in the registers, each from address 0."""

    inputs: list[int]
    discretes: list[bool]
    holding: list[int] | None = None


class Unit(NamedTuple):
    """A unit: its registers at start, how many of each kind it has, and one step of its process.

    `step` takes holding registers and coils and is called every STEP seconds.
    """

    holding: list[int]
    coils: list[bool]
    size: int
    step: Callable[[list[int], list[bool]], Outcome]


def serve(context: Context, units: dict[int, Unit], address: str = "") -> None:
    """A controller, or a gateway with units behind it."""
    asyncio.run(_serve(context, units, address or context.host.ip))


async def _serve(context: Context, units: dict[int, Unit], address: str) -> None:
    told, block = context.host.told, ModbusSequentialDataBlock
    identity = ModbusDeviceIdentification(
        info_name={
            "VendorName": context.host.vendor,
            "ProductCode": told.get("model", ""),
            "MajorMinorRevision": told.get("firmware", ""),
            "ModelName": told.get("model", ""),
        }
    )
    devices = {
        number: ModbusDeviceContext(
            di=block(1, [False] * unit.size),
            co=block(1, (unit.coils + [False] * unit.size)[: unit.size]),
            hr=block(1, (unit.holding + [0] * unit.size)[: unit.size]),
            ir=block(1, [0] * unit.size),
        )
        for number, unit in units.items()
    }

    def answer(sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        """Units that are not there: a gateway says 0B, target failed to respond; the stack says 04."""
        if sending and isinstance(pdu, ExceptionResponse) and pdu.dev_id not in units:
            pdu.exception_code = 0x0B
        return pdu

    servers = [
        ModbusTcpServer(
            ModbusServerContext(devices=devices, single=False), identity=identity, address=(a, 502)
        )
        for a in address.split()
    ]
    for server in servers:
        await server.serve_forever(background=True)
    while True:
        for number, unit in units.items():
            for server in servers[:1]:
                holding = await server.async_getValues(number, 3, 0, unit.size)
                coils = await server.async_getValues(number, 1, 0, unit.size)
                outcome = unit.step([int(value) for value in holding], [bool(value) for value in coils])
                await server.async_setValues(number, 4, 0, outcome.inputs)
                await server.async_setValues(number, 2, 0, outcome.discretes)
                if outcome.holding is not None:
                    await server.async_setValues(number, 3, 0, outcome.holding)
        await asyncio.sleep(STEP)


def whole(*values: float) -> list[int]:
    """Numbers as unsigned registers."""
    return [min(65535, max(0, round(value))) for value in values]


def real(*values: float) -> list[int]:
    """Numbers as 32-bit floats in two registers each, high word first."""
    return list(struct.unpack(f">{2 * len(values)}H", struct.pack(f">{len(values)}f", *values)))


def number(registers: Iterable[int]) -> float:
    """The 32-bit float in two registers, high word first."""
    value: float = struct.unpack(">f", struct.pack(">2H", *registers))[0]
    return value


class Peer:
    """A client's connection to a controller, made again when it is lost."""

    def __init__(self, context: Context, address: str, unit: int = 1) -> None:
        self._client = ModbusTcpClient(address, timeout=2, retries=1)
        self.unit = unit
        self._context = context

    def _ready(self) -> ModbusTcpClient:
        while not self._client.connected and not self._client.connect():
            time.sleep(1)
        return self._client

    def hang_up(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(self, what: str, *arguments: object, **options: object) -> list[int]:
        """Call the stack's function of this name; registers or bits, or nothing where none came."""
        options.setdefault("device_id", self.unit)
        with contextlib.suppress(Exception):  # a lost connection; the next call makes another
            answer = getattr(self._ready(), what)(*arguments, **options)
            if not answer.isError():
                return list(getattr(answer, "registers", None) or getattr(answer, "bits", None) or [])
        return []

    def inputs(self, start: int, count: int) -> list[int]:
        """Read input registers."""
        return self.ask("read_input_registers", start, count=count)

    def holding(self, start: int, count: int) -> list[int]:
        """Read holding registers."""
        return self.ask("read_holding_registers", start, count=count)

    def coils(self, start: int, count: int) -> list[int]:
        """Read coils."""
        return self.ask("read_coils", start, count=count)

    def discretes(self, start: int, count: int) -> list[int]:
        """Read discrete inputs."""
        return self.ask("read_discrete_inputs", start, count=count)

    def identify(self) -> None:
        """Read the basic device identification."""
        self.ask("read_device_information", read_code=1, object_id=0)

    def set(self, register: int, value: int) -> None:
        """Write one holding register."""
        self.ask("write_register", register, value)

    def set_many(self, register: int, values: list[int]) -> None:
        """Write holding registers."""
        self.ask("write_registers", register, values)

    def switch(self, coil: int, on: bool) -> None:
        """Write one coil."""
        self.ask("write_coil", coil, on)


def poll(rounds: Rounds, peer: Peer, reads: Iterable[tuple[str, int, int, float]], first: float) -> None:
    """Have a client read (function of Peer, start, count, seconds) over and over."""
    for index, (kind, start, count, seconds) in enumerate(reads):
        function = getattr(peer, kind)
        rounds.each(seconds, lambda f=function, s=start, c=count: f(s, c), first + 0.05 * index)


def compare(context: Context, address: str, blocks: Iterable[tuple[str, int, int]], unit: int = 1) -> None:
    """An engineer's look at a controller: who it is, and what stands in its registers, in blocks."""
    peer = Peer(context, address, unit)
    peer.identify()
    for kind, start, count in blocks:
        getattr(peer, kind)(start, count)
        time.sleep(0.2 + context.random.random() * 0.3)
    peer.hang_up()
