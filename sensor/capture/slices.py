"""Cuts single packets out of a capture again, as the pcap that proves an alert."""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import NamedTuple

from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile


class Slice(NamedTuple):
    """One packet as it was captured."""

    time_ns: int
    link: int
    original: int
    data: bytes


def packets_at(path: str, numbers: Collection[int]) -> dict[int, Slice]:
    """The packets with these numbers, counted from 1; those behind damage are left out."""
    wanted = sorted(numbers)
    found: dict[int, Slice] = {}
    place = 0
    try:
        for batch in CaptureFile(path):
            last = batch.first + len(batch.records) - 1
            while place < len(wanted) and wanted[place] <= last:
                record = batch.records[wanted[place] - batch.first]
                start, length = int(record["offset"]), int(record["length"])
                data = batch.data[start : start + length].tobytes()
                found[wanted[place]] = Slice(
                    int(record["time_ns"]), int(record["link"]), int(record["original"]), data
                )
                place += 1
            if place == len(wanted):
                break
    except CaptureError:
        pass  # reported when the capture was read the first time
    return found


def pcap_of(packets: list[Slice]) -> bytes:
    """A nanosecond pcap of packets of one link type: the first packet's; others are left out."""
    link = packets[0].link if packets else 1
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link)]
    for packet in packets:
        if packet.link == link:
            seconds, rest = divmod(packet.time_ns, 1_000_000_000)
            parts.append(struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(packet.data), packet.original))
            parts.append(packet.data)
    return b"".join(parts)
