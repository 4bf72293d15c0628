"""Captured packets as they were on the wire, and as records of a pcap file.

A VLAN tag that was taken out of a frame (RECORD's `tag`) stands behind the two MAC addresses again.
"""

from __future__ import annotations

import struct

import numpy as np

from sensor.capture.pcap import RECORD_HEADER
from sensor.kernel import kernel
from sensor.types import Bytes, Int, Ints, Record, Rows

MACS = 12
"""Octets of a frame before the place of its outermost VLAN tag."""
TAG = 4


def wire_octets(data: Bytes, record: Record) -> bytes:
    """The captured octets of one RECORD of a batch whose octets are `data`, its tag put back."""
    start, length = int(record["offset"]), int(record["length"])
    octets = data[start : start + length].tobytes()
    tag = int(record["tag"])
    return octets[:MACS] + struct.pack(">I", tag) + octets[MACS:] if tag else octets


def pcap_header(link: int) -> bytes:
    """The header of a little-endian pcap file with nanosecond times."""
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link)


@kernel
def _put32(into: Bytes, at: Int, value: Int) -> None:
    for shift in range(4):
        into[at + shift] = value >> 8 * shift & 0xFF


@kernel
def _copy(data: Bytes, start: Int, length: Int, into: Bytes, at: Int) -> None:
    for index in range(length):
        into[at + index] = data[start + index]


@kernel
def _put_records(data: Bytes, records: Rows, cursor: Ints, into: Bytes) -> None:
    index, at = cursor[0], cursor[1]
    while index < records.shape[0]:
        record = records[index]
        start, length = record["offset"], record["length"]
        tag = np.int64(record["tag"])
        whole = length
        if tag != 0:
            whole += TAG
        if at + RECORD_HEADER + whole > into.shape[0]:
            break
        seconds = record["time_ns"] // 1_000_000_000
        _put32(into, at, seconds)
        _put32(into, at + 4, record["time_ns"] - seconds * 1_000_000_000)
        _put32(into, at + 8, whole)
        _put32(into, at + 12, record["original"])
        at += RECORD_HEADER
        if tag != 0:
            head = min(length, np.int64(MACS))
            _copy(data, start, head, into, at)
            at += head
            for shift in range(TAG):
                into[at + shift] = tag >> 8 * (3 - shift) & 0xFF
            at += TAG
            start += head
            length -= head
        _copy(data, start, length, into, at)
        at += length
        index += 1
    cursor[0], cursor[1] = index, at


def put_pcap_records(data: Bytes, records: Rows, first: int, into: Bytes, at: int) -> tuple[int, int]:
    """Write RECORDs from `first` on into the uint8 array `into` from `at` on, as `pcap_header` says.

    Returns the first record that found no room and the place behind the last that did.
    """
    cursor = np.array([first, at], np.int64)
    _put_records(data, records, cursor, into)
    return int(cursor[0]), int(cursor[1])
