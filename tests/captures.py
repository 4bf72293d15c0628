"""Capture files for tests, made octet by octet as their specifications draw them, and read back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sensor.capture.source import CaptureFile


class Captured(NamedTuple):
    """One packet as `CaptureFile` gives it."""

    time_ns: int
    octets: bytes
    original: int
    link: int


def read(path: Path | str, **options: Any) -> list[Captured]:
    """All packets of a capture; their numbers are checked on the way."""
    result: list[Captured] = []
    for batch in CaptureFile(path, **options):
        assert batch.first == len(result) + 1
        for row in batch.records:
            start = int(row["offset"])
            octets = batch.data[start : start + int(row["length"])].tobytes()
            result.append(Captured(int(row["time_ns"]), octets, int(row["original"]), int(row["link"])))
    return result


def pcap_header(order: str = "<", magic: int = 0xA1B2C3D4, snaplen: int = 262144, link: int = 1) -> bytes:
    """The file header of draft-ietf-opsawg-pcap section 4."""
    return struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snaplen, link)


def pcap_record(
    octets: bytes, order: str = "<", seconds: int = 0, ticks: int = 0, original: int | None = None
) -> bytes:
    """A packet record, section 5."""
    wire = len(octets) if original is None else original
    return struct.pack(f"{order}IIII", seconds, ticks, len(octets), wire) + octets


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """A pcapng option, section 3.5."""
    return struct.pack(f"{order}HH", code, len(value)) + _padded(value)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block, section 3.1."""
    total = struct.pack(f"{order}I", 12 + len(_padded(body)))
    return struct.pack(f"{order}I", kind) + total + _padded(body) + total


def section(order: str = "<") -> bytes:
    """A section header of unknown length, section 4.1."""
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, order: str = "<", snaplen: int = 0, options: Sequence[bytes] = ()) -> bytes:
    """An interface description, section 4.2."""
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(f"{order}HHI", link, 0, snaplen) + b"".join(options) + end, order)


def enhanced(
    octets: bytes, ticks: int = 0, index: int = 0, order: str = "<", original: int | None = None
) -> bytes:
    """An enhanced packet, section 4.3."""
    wire = len(octets) if original is None else original
    head = struct.pack(f"{order}IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), wire)
    return block(6, head + _padded(octets), order)


def simple(octets: bytes, order: str = "<", original: int | None = None) -> bytes:
    """A simple packet, section 4.4."""
    wire = len(octets) if original is None else original
    return block(3, struct.pack(f"{order}I", wire) + _padded(octets), order)
