"""The pcapng format, as draft-ietf-opsawg-pcapng describes it: sections, interfaces, packets.

Packet blocks are walked by a kernel; section headers and interface descriptions, which are few, by
Python. Unknown blocks are stepped over by their length, as the format wants it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be16, be32, le16, le32
from sensor.types import Bytes, Int, Ints, Rows

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDER = {b"\x1a\x2b\x3c\x4d": False, b"\x4d\x3c\x2b\x1a": True}
"""Octets 8 to 11 of a section header to "is little-endian"."""
LONGEST_BLOCK = 1 << 24
"""A longer block is damage: the largest that writers make is a packet of 256 KiB with options."""
MOST_INTERFACES = 4096
LATEST_NS = 1 << 62
"""The year 2116."""

POSITION, PACKETS, PROBLEM = 0, 1, 2
COMPLETE, DAMAGED, HEADER_BLOCK, UNKNOWN_INTERFACE = 0, 1, 2, 3

INTERFACE_ROW = np.dtype(
    [
        ("link", "i4"),
        ("snaplen", "i8"),
        ("base", "i2"),  # of the time resolution: 10 or 2
        ("exponent", "i2"),
        ("offset_s", "i8"),
    ]
)

OPTION_END, IF_TSRESOL, IF_TSOFFSET = 0, 9, 14


@kernel
def _to_ns(high: Int, low: Int, interface: Rows, index: Int) -> Int:
    """Nanoseconds since 1970 of a 64-bit count of ticks in the interface's resolution.

    At most LATEST_NS before the interface's offset, so that differences of times stay in 64 bits.
    """
    row = interface[index]
    ticks = (high & 0x7FFFFFFF) << 32 | low
    if high > 0x7FFFFFFF:
        ticks = np.int64(0x7FFFFFFFFFFFFFFF)
    exponent = np.int64(row["exponent"])
    if row["base"] == 2:
        whole = ticks >> exponent
        part = ticks - (whole << exponent)
        whole = min(whole, np.int64(LATEST_NS // 1_000_000_000))
        # Thirty bits of fraction are a nanosecond; more would overflow the product.
        if exponent > 30:
            part >>= exponent - 30
            exponent = np.int64(30)
        value = whole * 1_000_000_000 + (part * 1_000_000_000 >> exponent)
    else:
        value = ticks
        for _ in range(exponent, 9):
            value = min(value, np.int64(LATEST_NS // 10)) * 10
        for _ in range(9, exponent):
            value //= 10
    return min(value, np.int64(LATEST_NS)) + np.int64(row["offset_s"]) * 1_000_000_000


@kernel
def walk(
    data: Bytes, end: Int, little: bool, interfaces: Rows, known: Int, records: Rows, cursor: Ints
) -> None:
    """Fill `records` with the packets of the blocks that lie whole in `data[cursor[POSITION]:end]`.

    Stops before a block that is cut, before a section header or interface description
    (cursor[PROBLEM] = HEADER_BLOCK), at damage, or when `records` is full. A packet of an interface
    that was never described is stepped over with cursor[PROBLEM] = UNKNOWN_INTERFACE.
    """
    position = cursor[POSITION]
    packets = np.int64(0)
    while position + 12 <= end and packets < records.shape[0]:
        kind = le32(data, position) if little else be32(data, position)
        if kind in (SECTION, INTERFACE):
            cursor[PROBLEM] = HEADER_BLOCK
            break
        total = le32(data, position + 4) if little else be32(data, position + 4)
        if total < 12 or total & 3 or total > LONGEST_BLOCK:
            cursor[PROBLEM] = DAMAGED
            break
        if position + total > end:
            break
        trailer = position + total - 4
        if total != (le32(data, trailer) if little else be32(data, trailer)):
            cursor[PROBLEM] = DAMAGED
            break
        body = position + 8
        room = total - 12
        length = np.int64(-1)
        if kind == ENHANCED_PACKET and room >= 20:
            index = le32(data, body) if little else be32(data, body)
            high = le32(data, body + 4) if little else be32(data, body + 4)
            low = le32(data, body + 8) if little else be32(data, body + 8)
            length = le32(data, body + 12) if little else be32(data, body + 12)
            original = le32(data, body + 16) if little else be32(data, body + 16)
            start = body + 20
        elif kind == OLD_PACKET and room >= 20:
            index = le16(data, body) if little else be16(data, body)
            high = le32(data, body + 4) if little else be32(data, body + 4)
            low = le32(data, body + 8) if little else be32(data, body + 8)
            length = le32(data, body + 12) if little else be32(data, body + 12)
            original = le32(data, body + 16) if little else be32(data, body + 16)
            start = body + 20
        elif kind == SIMPLE_PACKET and room >= 4:
            index, high, low = np.int64(0), np.int64(0), np.int64(0)
            original = le32(data, body) if little else be32(data, body)
            start = body + 4
            length = min(original, room - 4)
            if known > 0 and interfaces[0]["snaplen"] > 0:
                length = min(length, np.int64(interfaces[0]["snaplen"]))
        if length >= 0:
            if start + length > trailer:
                cursor[PROBLEM] = DAMAGED
                break
            if index < known:
                record = records[packets]
                record["time_ns"] = _to_ns(high, low, interfaces, index)
                record["offset"] = start
                record["length"] = length
                record["original"] = max(original, length)
                record["link"] = interfaces[index]["link"]
                packets += 1
            else:
                cursor[PROBLEM] = UNKNOWN_INTERFACE
                cursor[3] += 1
        position += total
    cursor[POSITION] = position
    cursor[PACKETS] = packets


def interface_of(block: bytes, little: bool) -> tuple[int, int, int, int, int]:
    """The INTERFACE_ROW of a whole interface description block.

    Options are read as far as they are well-formed: microseconds are the format's default.
    """
    order: Literal["little", "big"] = "little" if little else "big"

    def number(at: int, size: int, signed: bool = False) -> int:
        return int.from_bytes(block[at : at + size], order, signed=signed)

    base, exponent, offset_s = 10, 6, 0
    at, end = 16, len(block) - 4
    while at + 4 <= end:
        code, length = number(at, 2), number(at + 2, 2)
        if code == OPTION_END or at + 4 + length > end:
            break
        if code == IF_TSRESOL and length >= 1:
            base = 2 if block[at + 4] & 0x80 else 10
            # Finer than these makes no nanoseconds; coarser than a second is not meant.
            exponent = min(block[at + 4] & 0x7F, 63 if base == 2 else 18)
        elif code == IF_TSOFFSET and length == 8:
            offset_s = number(at + 4, 8, signed=True)
        at += 4 + length + (-length & 3)
    return number(8, 2), number(12, 4), base, exponent, max(-(1 << 31), min(1 << 31, offset_s))
