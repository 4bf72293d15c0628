"""The classic capture file format, as draft-ietf-opsawg-pcap describes it."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be32, le32
from sensor.types import Bytes, Int, Ints, Rows

HEADER = 24
RECORD_HEADER = 16
MAGICS = {
    b"\xa1\xb2\xc3\xd4": (False, 1000),
    b"\xd4\xc3\xb2\xa1": (True, 1000),
    b"\xa1\xb2\x3c\x4d": (False, 1),
    b"\x4d\x3c\xb2\xa1": (True, 1),
}
"""First four octets to (little-endian, nanoseconds in a tick of the time field)."""
LONGEST_PACKET = 1 << 18
"""A record that claims more octets than this is damage, not a packet: libpcap's own limit."""

POSITION, PACKETS, PROBLEM = 0, 1, 2
COMPLETE, DAMAGED = 0, 1


@kernel
def walk(data: Bytes, end: Int, little: bool, tick_ns: Int, link: Int, records: Rows, cursor: Ints) -> None:
    """Fill `records` with the packets that lie whole in `data[cursor[POSITION]:end]`.

    Stops before a record that is cut by `end` or when `records` is full, with cursor[POSITION]
    at that record and cursor[PACKETS] at the number of records filled. A length that cannot be
    sets cursor[PROBLEM] to DAMAGED and stops.
    """
    position = cursor[POSITION]
    packets = np.int64(0)
    while position + RECORD_HEADER <= end and packets < records.shape[0]:
        if little:
            seconds, ticks = le32(data, position), le32(data, position + 4)
            length, original = le32(data, position + 8), le32(data, position + 12)
        else:
            seconds, ticks = be32(data, position), be32(data, position + 4)
            length, original = be32(data, position + 8), be32(data, position + 12)
        if length > LONGEST_PACKET:
            cursor[PROBLEM] = DAMAGED
            break
        if position + RECORD_HEADER + length > end:
            break
        record = records[packets]
        record["time_ns"] = seconds * 1_000_000_000 + ticks * tick_ns
        record["offset"] = position + RECORD_HEADER
        record["length"] = length
        record["original"] = max(original, length)
        record["link"] = link
        packets += 1
        position += RECORD_HEADER + length
    cursor[POSITION] = position
    cursor[PACKETS] = packets
