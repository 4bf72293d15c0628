"""What machines say of themselves besides their work: LLDP, NetBIOS names, time, a database's port.

Frames and datagrams are built from IEEE 802.1AB, RFC 1001/1002 and RFC 5905, and sent over the
host's own interface and sockets.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Iterable

from lab.network import Context

_LLDP = bytes.fromhex("0180c200000e")
_ETHERTYPE = b"\x88\xcc"
BRIDGE, ROUTER, STATION = 0x0004, 0x0010, 0x0080
_NTP_EPOCH = 2208988800


def _element(kind: int, value: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(value)) + value


def announce_lldp(context: Context, port: str, description: str, capability: int) -> None:
    """Send LLDP with the host's name every 30 seconds, from a thread of its own."""
    name = context.host.told["name"]
    mac = bytes.fromhex(context.host.mac.replace(":", ""))
    frame = _LLDP + mac + _ETHERTYPE
    frame += _element(1, b"\x04" + mac) + _element(2, b"\x05" + port.encode()) + _element(3, b"\x00\x78")
    frame += _element(5, name.encode()) + _element(6, description.encode())
    frame += _element(7, struct.pack(">HH", capability, capability))
    frame += _element(8, b"\x05\x01" + socket.inet_aton(context.host.ip) + b"\x02" + bytes(4) + b"\x01\x00")
    frame += _element(0, b"")

    def speak() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as card:
            card.bind(("eth0", 0))
            for _ in context.every(30, 1 + context.random.random() * 3):
                card.send(frame)

    threading.Thread(target=speak, daemon=True).start()


def switch(port: str, description: str, context: Context) -> None:
    """A switch: forwards, which the lab's bridge does in its place, and says who it is."""
    announce_lldp(context, port, description, BRIDGE)
    threading.Event().wait()


def register_netbios(context: Context) -> None:
    """Claim the host's name three times at start, as Windows does (RFC 1002, 4.2.2)."""
    padded = context.host.told["name"].upper().ljust(15).encode() + b"\x00"
    encoded = b"\x20" + bytes(part for octet in padded for part in (0x41 + (octet >> 4), 0x41 + (octet & 15)))
    question = encoded + b"\x00" + struct.pack(">HH", 0x20, 1)
    record = struct.pack(">HHHIHH", 0xC00C, 0x20, 1, 300000, 6, 0) + socket.inet_aton(context.host.ip)
    header = struct.pack(">HHHHHH", context.random.randrange(1 << 16), 0x2910, 1, 0, 0, 1)

    def speak() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            datagrams.bind((context.host.ip, 137))
            own = ipaddress.ip_interface(f"{context.host.ip}/{context.host.prefix}")
            everyone = str(own.network.broadcast_address)
            for turn in context.every(0.75, 0.5 + context.random.random()):
                if turn == 3:
                    return
                datagrams.sendto(header + question + record, (everyone, 137))

    threading.Thread(target=speak, daemon=True).start()


def _ntp_time(seconds: float) -> bytes:
    return struct.pack(">II", int(seconds) + _NTP_EPOCH, int(seconds % 1 * 2**32))


def serve_time(context: Context) -> None:
    """Answer NTP requests as a stratum 1 server with a GPS receiver."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((context.host.ip, 123))
        while True:
            request, sender = datagrams.recvfrom(512)
            if len(request) < 48:
                continue
            now = time.time()
            head = struct.pack(">BBBbII4s", 4 << 3 | 4, 1, request[2], -20, 0, 16, b"GPS")
            stamps = _ntp_time(now - 5) + request[40:48] + _ntp_time(now) + _ntp_time(time.time())
            datagrams.sendto(head + stamps, sender)


def ask_time(context: Context, server: str) -> None:
    """Ask an NTP server every 16 seconds, from a thread of its own."""

    def speak() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind((context.host.ip, 123))
            datagrams.settimeout(1)
            for _ in context.every(16, 2 + context.random.random() * 4):
                head = struct.pack(">BBBb", 4 << 3 | 3, 0, 6, -20) + bytes(36)
                datagrams.sendto(head + _ntp_time(time.time()), (context.ip(server), 123))
                try:
                    datagrams.recv(512)
                except TimeoutError:
                    continue

    threading.Thread(target=speak, daemon=True).start()


_SSL_REQUEST = struct.pack(">II", 8, 80877103)


def serve_database(context: Context) -> None:
    """A PostgreSQL port that answers what clients ask first, whether it speaks TLS: no."""

    def serve() -> None:
        with socket.create_server((context.host.ip, 5432)) as server:
            while True:
                client, _ = server.accept()
                with client:
                    client.settimeout(2)
                    try:
                        if client.recv(8) == _SSL_REQUEST:
                            client.sendall(b"N")
                        client.recv(1)
                    except TimeoutError:
                        continue

    threading.Thread(target=serve, daemon=True).start()


def ask_database(context: Context, server: str, seconds: float = 20) -> None:
    """Look in at a database for trends, from a thread of its own."""

    def speak() -> None:
        for _ in context.every(seconds, 3 + context.random.random()):
            with (
                contextlib.suppress(OSError),
                socket.create_connection((context.ip(server), 5432), 2) as connection,
            ):
                connection.sendall(_SSL_REQUEST)
                connection.recv(1)

    threading.Thread(target=speak, daemon=True).start()


def sweep(context: Context, targets: Iterable[str], ports: Iterable[int], pause: float = 0.03) -> None:
    """Try to connect to every port of every target address, and hang up."""
    for port in ports:
        for target in targets:
            with socket.socket() as probe:
                probe.settimeout(0.15)
                probe.connect_ex((target, port))
            time.sleep(pause)
