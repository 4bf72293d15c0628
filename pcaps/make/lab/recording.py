"""Records an interface into a pcapng file (nanoseconds, Ethernet), compressed with Zstandard."""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import zstandard

_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35
_SNAP_LENGTH = 65535
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_APPLICATION = b"Fieldwatch lab"


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def record(interface: str, path: Path, stopped: Callable[[], bool]) -> None:
    """Write every frame that the interface shows until `stopped()`."""
    file = io.BytesIO()
    options = _option(4, _APPLICATION) + _option(0, b"")
    file.write(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options))
    options = _option(2, b"mirror") + _option(9, b"\x09") + _option(0, b"")
    file.write(_block(_INTERFACE, struct.pack("<HHI", 1, 0, _SNAP_LENGTH) + options))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        tap.bind((interface, 0))
        tap.settimeout(0.2)
        while not stopped():
            try:
                frame, notes, _, _ = tap.recvmsg(_SNAP_LENGTH, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = next(
                struct.unpack("qq", data) for _, kind, data in notes if kind == _SO_TIMESTAMPNS
            )
            time = seconds * 10**9 + nanoseconds
            head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
            file.write(_block(_PACKET, head + frame))
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(file.getvalue()))
