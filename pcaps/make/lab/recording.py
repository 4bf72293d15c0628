"""Records an interface into a pcapng file (nanoseconds, Ethernet), compressed with Zstandard.

Frames come through the sensor's own ring.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import zstandard

from sensor.capture.ring.capture import RingCapture
from sensor.capture.writing import wire_octets

_SNAP_LENGTH = 65535
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_APPLICATION = b"Fieldwatch lab"


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def record(interface: str, path: Path, begun: Callable[[], None], stopped: Callable[[], bool]) -> None:
    """Write every frame that the interface shows from when `begun` is called until `stopped()`.

    Raises RuntimeError where the ring lost a frame.
    """
    file = io.BytesIO()
    options = _option(4, _APPLICATION) + _option(0, b"")
    file.write(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options))
    options = _option(2, b"mirror") + _option(9, b"\x09") + _option(0, b"")
    file.write(_block(_INTERFACE, struct.pack("<HHI", 1, 0, _SNAP_LENGTH) + options))
    with RingCapture([interface]) as ring:
        next(iter(ring))  # what walks through the ring is compiled when it is first called
        begun()
        for batch in ring:
            for row in batch.records:
                time, frame = int(row["time_ns"]), wire_octets(batch.data, row)
                head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
                file.write(_block(_PACKET, head + frame))
            if stopped():
                break
        lost = sum(health.dropped + health.damaged for health in ring.health())
    if lost:
        raise RuntimeError(f"{lost} frames were lost")
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(file.getvalue()))
