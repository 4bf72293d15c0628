"""A Logix controller, an I/O adapter, a panel and an intruder: cpppo and pycomm3.

cpppo serves the controller's tags and identity and asks for tags; pycomm3 asks for identities and
for what the intruder changes. No stack on PyPI speaks implicit (class 1) I/O, so scanner and adapter
are written here after CIP volume 1, chapter 3 (Forward Open) and volume 2, chapter 2 (encapsulation,
class 1).
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import ClassVar

from cpppo.server.enip import client, device
from cpppo.server.enip.main import main
from pycomm3 import CIPDriver

from lab.network import Context

logging.disable(logging.CRITICAL)
TCP_PORT, IO_PORT = 44818, 2222
TAGS = ("Reactor_Temp", "Reactor_Press", "Level", "Valve_Pos", "Temp_SP")
_REGISTER, _SEND_RR, _LIST_IDENTITY = 0x65, 0x6F, 0x63
_PERIOD, _TIMEOUT = 0.5, 6.0
_VENDOR, _ADAPTER = 1, 0x0C

Process = Callable[[dict[str, float]], dict[str, float]]
"""One step of a process on its tags."""


class Tag(device.Attribute):
    """An attribute that can be found by its name."""

    known: ClassVar[dict[str, Tag]] = {}

    def __init__(self, name: str, *arguments: object, **options: object) -> None:
        super().__init__(name, *arguments, **options)
        Tag.known[name] = self


def serve(context: Context, process: Process, start: dict[str, float], adapter: str) -> None:
    """A controller: tags of a process stepped twice a second, and a scanner of one I/O adapter."""

    def step() -> None:
        while len(Tag.known) < len(start):
            time.sleep(0.1)
        while True:
            now = process({name: float(Tag.known[name][0]) for name in start})
            for name, value in now.items():
                Tag.known[name][0] = value
            time.sleep(0.5)

    threading.Thread(target=step, daemon=True).start()
    threading.Thread(target=scan, args=(context, adapter), daemon=True).start()
    tags = [f"{name}=REAL" for name in start]
    main(["--no-config", "-a", f"{context.host.ip}:{TCP_PORT}", *tags], attribute_class=Tag)


def _packet(command: int, session: int, data: bytes, sender: bytes = bytes(8)) -> bytes:
    return struct.pack("<HHII", command, len(data), session, 0) + sender + bytes(4) + data


def _receive(connection: socket.socket) -> tuple[int, int, bytes, bytes]:
    header = b""
    while len(header) < 24:
        header += connection.recv(24 - len(header)) or _closed()
    command, length, session, _ = struct.unpack("<HHII", header[:12])
    data = b""
    while len(data) < length:
        data += connection.recv(length - len(data)) or _closed()
    return command, session, header[12:20], data


def _closed() -> bytes:
    raise ConnectionError("closed by the other side")


def _unconnected(message: bytes, *items: bytes) -> bytes:
    """A common packet format list: null address, unconnected data, and further items."""
    parts = [struct.pack("<HH", 0, 0), struct.pack("<HH", 0xB2, len(message)) + message, *items]
    return struct.pack("<IHH", 0, 0, len(parts)) + b"".join(parts)


def scan(context: Context, adapter: str) -> None:
    """Open an exclusive-owner connection to an adapter and exchange I/O until it is lost."""
    context.wait_until(2)
    with socket.create_connection((context.ip(adapter), TCP_PORT), 3) as connection:
        connection.sendall(_packet(_REGISTER, 0, struct.pack("<HH", 1, 0)))
        _, session, _, _ = _receive(connection)
        identity = bytes.fromhex("01 02 20 01 24 01")  # Get Attributes All of Identity 1
        connection.sendall(_packet(_SEND_RR, session, _unconnected(identity)))
        _receive(connection)
        serial = context.random.randrange(1 << 16)
        forward_open = bytes.fromhex("54 02 20 06 24 01") + struct.pack(
            "<BBIIHHIB3xIHIHB", 0x0A, 0x0E, 0, 0x20030001, serial, _VENDOR, 0x006C061A, 2,
            int(_PERIOD * 1e6), 0x4800 | 4 + 2 + 4, int(_PERIOD * 1e6), 0x4800 | 8 + 2, 0x01,
        )  # fmt: skip
        path = bytes.fromhex("20 04 24 66 2c 65 2c 64")  # Assembly: configuration, output, input
        forward_open += bytes([len(path) // 2]) + path
        connection.sendall(_packet(_SEND_RR, session, _unconnected(forward_open)))
        _, _, _, answer = _receive(connection)
        output_id, _ = struct.unpack("<II", answer[20:28])
        _exchange(context, context.ip(adapter), output_id, outputs=True)


def _exchange(context: Context, peer: str, connection_id: int, outputs: bool) -> None:
    """Send class 1 packets each period: a run/idle header goes before outputs, none before inputs.

    Ends when nothing has come from the other side for some seconds, as a connection times out.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((context.host.ip, IO_PORT))
        datagrams.setblocking(False)
        heard = context.now
        for turn in context.every(_PERIOD, time.monotonic() - context.start + 0.05):
            level = context.random.randrange(2000, 2100)
            values = (
                struct.pack("<IHH", 1, turn // 20 & 1, 0) if outputs else struct.pack("<HHHH", level, 7, 0, 0)
            )
            address = struct.pack("<HHII", 0x8002, 8, connection_id, turn + 1)
            data = struct.pack("<HHH", 0xB1, len(values) + 2, turn + 1 & 0xFFFF) + values
            datagrams.sendto(struct.pack("<H", 2) + address + data, (peer, IO_PORT))
            try:
                while datagrams.recv(512):
                    heard = context.now
            except BlockingIOError:
                if context.now - heard > _TIMEOUT:
                    return


def serve_adapter(context: Context) -> None:
    """An I/O adapter: tells its identity, accepts one exclusive-owner connection, exchanges I/O."""
    told = context.host.told
    name = told["model"].encode()
    major, minor = (int(part) for part in told["firmware"].split("."))
    serial = int(told["serial"], 16)
    identity = (
        struct.pack("<HHHBBHIB", _VENDOR, _ADAPTER, 0x006C, major, minor, 0x0060, serial, len(name)) + name
    )
    with socket.create_server((context.host.ip, TCP_PORT)) as server:
        while True:
            connection, peer = server.accept()
            threading.Thread(
                target=_answer, args=(context, connection, peer[0], identity), daemon=True
            ).start()


def _answer(context: Context, connection: socket.socket, peer: str, identity: bytes) -> None:
    session = context.random.randrange(1, 1 << 31)
    with connection:
        while True:
            try:
                command, _, sender, data = _receive(connection)
            except (ConnectionError, OSError):
                return
            if command == _REGISTER:
                connection.sendall(_packet(command, session, data, sender))
            elif command == _LIST_IDENTITY:
                address = struct.pack(">HH", 2, TCP_PORT) + socket.inet_aton(context.host.ip) + bytes(8)
                item = struct.pack("<H", 1) + address + identity + b"\x03"
                item = struct.pack("<HHH", 1, 0x0C, len(item)) + item
                connection.sendall(_packet(command, session, item, sender))
            elif command == _SEND_RR:
                reply = _serve_request(context, data[16:], peer, identity)
                connection.sendall(_packet(command, session, _unconnected(reply), sender))


def _serve_request(context: Context, request: bytes, peer: str, identity: bytes) -> bytes:
    service, path = request[0], request[2 : 2 + 2 * request[1]]
    if service == 0x01 and path[:2] == b"\x20\x01":
        return bytes([0x81, 0, 0, 0]) + identity
    if service == 0x54:
        body = request[6:]
        to_target = context.random.randrange(1 << 32)
        to_scanner, serial, vendor, originator = struct.unpack("<IHHI", body[6:18])
        threading.Thread(target=_exchange, args=(context, peer, to_scanner, False), daemon=True).start()
        period = int(_PERIOD * 1e6)
        return bytes([0xD4, 0, 0, 0]) + struct.pack(
            "<IIHHIIIBB", to_target, to_scanner, serial, vendor, originator, period, period, 0, 0
        )
    if service == 0x05 and path[:2] == b"\x20\x01":
        return bytes([0x85, 0, 0, 0])
    return bytes([service | 0x80, 0, 0x08, 0])


def operate(context: Context, server: str, set_point: str, values: range) -> None:
    """A panel: who is the controller, then reads its tags every second; sets one now and then."""
    context.wait_until(4)
    CIPDriver.list_identity(context.ip(server))
    with client.connector(host=context.ip(server), port=TCP_PORT, timeout=5) as connection:
        for turn in context.every(1, 5):
            _do(connection, list(TAGS))
            if turn % 15 == 8:
                _do(connection, [f"{set_point}=(REAL){context.random.choice(values)}"])


def _do(connection: client.connector, operations: list[str]) -> None:
    for _ in connection.pipeline(operations=client.parse_operations(operations), depth=1, timeout=3):
        pass


def intrude(context: Context, controller: str, adapter: str, set_point: str, value: float) -> None:
    """Identify both, write a set-point, change the adapter's network settings, reset it."""
    context.happened(controller, "identify", "Reads the identity of the controller", ["T0888"])
    CIPDriver.list_identity(context.ip(controller))
    context.happened(adapter, "identify", "Reads the identity of the I/O adapter", ["T0888"])
    CIPDriver.list_identity(context.ip(adapter))
    time.sleep(2)
    context.happened(controller, "write", f"Sets the tag {set_point} to {value}", ["T0836"])
    with client.connector(host=context.ip(controller), port=TCP_PORT, timeout=5) as connection:
        _do(connection, [f"{set_point}=(REAL){value}"])
    time.sleep(2)
    with CIPDriver(context.ip(adapter)) as driver:
        context.happened(adapter, "configure", "Writes the network settings of the adapter", ["T0836"])
        settings = socket.inet_aton("10.99.99.99")[::-1] + socket.inet_aton("255.0.0.0")[::-1] + bytes(14)
        driver.generic_message(
            service=0x10, class_code=0xF5, instance=1, attribute=5, request_data=settings, connected=False,
            unconnected_send=False,
        )  # fmt: skip
        time.sleep(2)
        context.happened(adapter, "reset", "Resets the adapter", ["T0816"])
        driver.generic_message(
            service=0x05, class_code=0x01, instance=1, request_data=b"\x00", connected=False,
            unconnected_send=False,
        )  # fmt: skip
