"""The packets of an alert as a person reads them: number, time, length, and a hex view."""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from console.store import times

MAX_PACKETS = 64
MAX_OCTETS = 2048
"""Shown per packet; the download has all of it."""
ROW = 16
BEFORE = 8
"""Packets shown before the first of the alert's own."""

_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}


@dataclass(frozen=True, slots=True)
class HexRow:
    """Up to sixteen octets: where they begin, in hex, and as ASCII with dots."""

    offset: str
    octets: str
    text: str


@dataclass(frozen=True, slots=True)
class PacketView:
    """One packet. `frame` is its number in the capture it came from, where the alert says it.

    `marked` tells the alert's own packets from those before and after; None where nobody has said.
    """

    position: int
    frame: int | None
    time: str
    captured: int
    original: int
    rows: list[HexRow]
    cut: int
    """Octets that are not shown."""
    marked: bool | None = None


def hex_rows(octets: bytes) -> list[HexRow]:
    """A hex view of `octets`, sixteen a row."""
    rows = []
    for start in range(0, len(octets), ROW):
        part = octets[start : start + ROW]
        left, right = part[:8].hex(" "), part[8:].hex(" ")
        text = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in part)
        rows.append(HexRow(f"{start:04x}", f"{left:<23}  {right:<23}", text))
    return rows


def packets_of(
    pcap: bytes, frames: list[int] | None = None, marked: Collection[int] = ()
) -> tuple[list[PacketView], int]:
    """The first packets of a classic pcap file (any byte order, micro- or nanoseconds) and how many more.

    `frames` numbers them when there are as many as packets; `marked` are the positions, from 1, of the
    alert's own, of which the first is shown even where many came before it. What is no pcap holds no
    packets; a truncated last record ends the list.
    """
    order, scale = _MAGICS.get(pcap[:4], ("", 0))
    if not order or len(pcap) < 24:
        return [], 0
    records = []
    offset = 24
    while offset + 16 <= len(pcap):
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", pcap, offset)
        offset += 16
        if captured > len(pcap) - offset:
            break
        records.append((seconds * times.SECOND + fraction * scale, offset, captured, original))
        offset += captured
    numbers: list[int] | list[None] = [None] * len(records)
    if frames and len(frames) == len(records):
        numbers = frames
    shown = []
    begin = max(0, min(min(marked, default=1) - 1 - BEFORE, len(records) - MAX_PACKETS))
    chosen = islice(zip(records, numbers, strict=True), begin, begin + MAX_PACKETS)
    own = frozenset(marked)
    for position, (record, frame) in enumerate(chosen, begin + 1):
        time_ns, at, captured, original = record
        octets = pcap[at : at + min(captured, MAX_OCTETS)]
        cut = captured - len(octets)
        shown.append(
            PacketView(
                position,
                frame,
                times.to_text(time_ns),
                captured,
                original,
                hex_rows(octets),
                cut,
                position in own if own else None,
            )
        )
    return shown, len(records) - len(shown)
