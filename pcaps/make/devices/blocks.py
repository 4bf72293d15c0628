"""S7 controllers with several data blocks, and those who read and set them, on python-snap7."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable

from snap7.client import Client
from snap7.server import CPUState
from snap7.type import Area, SrvArea

from devices.s7comm import PROGRAM, Controller
from lab.network import Context

Process = Callable[[bytearray, bytearray, bytearray], None]
"""One step of a process on the measured block, the recipe block and the merkers."""
MEASURED, RECIPE, SIZE = 10, 11, 96
STEP = 0.25


def serve(context: Context, process: Process, recipe: bytes) -> None:
    """A controller: `process` runs every STEP seconds while the CPU runs."""
    server = Controller(context.host.told)
    server.cpu_state = CPUState.RUN
    areas = {
        (SrvArea.DB, MEASURED): bytearray(SIZE),
        (SrvArea.DB, RECIPE): bytearray(recipe.ljust(SIZE, b"\0")),
        (SrvArea.DB, PROGRAM): bytearray(context.random.randbytes(192)),
        (SrvArea.DB, PROGRAM + 1): bytearray(context.random.randbytes(120)),
        (SrvArea.MK, 0): bytearray(64),
        (SrvArea.PA, 0): bytearray(16),
        (SrvArea.PE, 0): bytearray(16),
    }
    for (area, number), octets in areas.items():
        server.register_area(area, number, octets)
    server.start_to(context.host.ip, 102)
    memory = {(area.name, number): octets for (area, number), octets in server.memory_areas.items()}
    measured, recipes, merkers = memory["DB", MEASURED], memory["DB", RECIPE], memory["MK", 0]
    while True:
        if server.cpu_state == CPUState.RUN:
            process(measured, recipes, merkers)
        time.sleep(STEP)


class Peer:
    """A client's connection to a controller, made again when it is lost."""

    def __init__(self, context: Context, address: str) -> None:
        self.address = address
        self._context = context
        self._client: Client | None = None

    def client(self) -> Client:
        """The stack's client, connected to rack 0, slot 2."""
        while self._client is None:
            try:
                self._client = Client().connect(self.address, 0, 2)
            except Exception:  # the stack has many names for "not yet"
                time.sleep(1)
        return self._client

    def hang_up(self) -> None:
        """Close the connection."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.disconnect()
            self._client = None

    def do(self, what: str, *arguments: object) -> object:
        """Call the stack's function of this name; None where that fails."""
        try:
            return getattr(self.client(), what)(*arguments)
        except Exception:  # a lost connection, or a refusal: asked again at the next turn
            if not self.client().get_connected():
                self.hang_up()
            return None

    def read(self, block: int, start: int, size: int) -> bytearray | None:
        """Read octets of a data block."""
        return self.do("db_read", block, start, size)  # type: ignore[return-value]

    def write(self, block: int, start: int, octets: bytes) -> None:
        """Write octets to a data block."""
        self.do("db_write", block, start, bytearray(octets))

    def merkers(self, start: int, size: int) -> None:
        """Read merkers."""
        self.do("read_area", Area.MK, 0, start, size)

    def mark(self, octet: int, value: int) -> None:
        """Write an octet of merkers."""
        self.do("write_area", Area.MK, 0, octet, bytearray([value]))


def int16(value: float) -> bytes:
    """An INT."""
    return struct.pack(">h", round(value))


def real(value: float) -> bytes:
    """A REAL."""
    return struct.pack(">f", value)
