"""Builds the throughput mix: the public ICS captures, repeated with rewritten addresses.

Every repeat gets addresses of its own, with the checksums adjusted (RFC 1624), so that it is new
streams and not retransmissions. Packets of other link types are put on Ethernet, as tools differ
in what link types they take.
"""

from __future__ import annotations

import argparse
import csv
import struct
from pathlib import Path

from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile

PUBLIC_CAPTURES = Path(__file__).parents[2] / "shared" / "pcaps"
LONGEST_NS = 300_000_000_000
FIVE = ("modbus", "s7comm", "iso-cotp", "enip", "cip", "cip-io", "pccc", "dnp3", "iec104")
ETHERNET = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
FAMILIES = {2: b"\x08\x00", 10: b"\x86\xdd", 24: b"\x86\xdd", 28: b"\x86\xdd", 30: b"\x86\xdd"}


def ics_captures(folder: Path) -> list[Path]:
    """The captures in which the catalogue counts frames of the five protocols."""
    with (folder / "catalogue.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [
        folder / row["file"]
        for row in rows
        if any(item.split(":")[0] in FIVE for item in row["ics_protocols(frames)"].split(","))
    ]


def packets_of(path: Path) -> list[tuple[int, bytes]]:
    """(time, Ethernet frame) of every packet that is IPv4 or plain Ethernet."""
    result: list[tuple[int, bytes]] = []
    try:
        for batch in CaptureFile(path):
            for row in batch.records:
                start = int(row["offset"])
                data = batch.data[start : start + int(row["length"])].tobytes()
                frame = on_ethernet(int(row["link"]), data)
                if frame:
                    result.append((int(row["time_ns"]), frame))
    except CaptureError:
        pass  # the part before the damage is as good as any
    return result


def on_ethernet(link: int, data: bytes) -> bytes:
    """The packet as an Ethernet frame; empty where its link type is none of those in the captures."""
    if link == 1:
        return data
    if link == 0 and len(data) > 4:
        family = min(int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
        return ETHERNET + FAMILIES[family] + data[4:] if family in FAMILIES else b""
    if link in (101, 228):
        return ETHERNET + b"\x08\x00" + data
    if link == 113 and len(data) > 16:
        return ETHERNET + data[14:]
    return b""


def moved(frame: bytes, repeat: int) -> bytes:
    """The frame with both IPv4 addresses moved into the network of this repeat."""
    at = 14
    while frame[at - 2 : at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    if frame[at - 2 : at] != b"\x08\x00" or len(frame) < at + 20:
        return frame
    changed = bytearray(frame)
    old_sum = new_sum = 0
    for place in (at + 12, at + 16):
        if changed[place] < 224:
            old_sum += changed[place] << 8 | changed[place + 1]
            changed[place] = 10 + repeat % 200
            changed[place + 1] = (changed[place + 1] + repeat // 200) & 0xFF
            new_sum += changed[place] << 8 | changed[place + 1]
    header = at + (changed[at] & 15) * 4
    _adjust(changed, at + 10, old_sum, new_sum)
    if changed[at + 9] == 6:
        _adjust(changed, header + 16, old_sum, new_sum)
    elif changed[at + 9] == 17 and changed[header + 6 : header + 8] != b"\0\0":
        _adjust(changed, header + 6, old_sum, new_sum)
    return bytes(changed)


def _adjust(frame: bytearray, at: int, old: int, new: int) -> None:
    if at + 2 > len(frame):
        return
    total = (~(frame[at] << 8 | frame[at + 1]) & 0xFFFF) + new
    total += sum(~part & 0xFFFF for part in (old >> 16, old & 0xFFFF))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    frame[at : at + 2] = (~total & 0xFFFF).to_bytes(2)


def build(folder: Path, target: Path, packets: int) -> int:
    """Write a pcap of at least `packets` packets, in whole repeats of all captures; how many."""
    captures = [packets_of(path) for path in ics_captures(folder)]
    written = repeat = 0
    partial = target.with_suffix(".part")
    with partial.open("wb") as stream:
        stream.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        clock = 1_700_000_000_000_000_000
        while written < packets:
            for capture in captures:
                if not capture:
                    continue
                first = capture[0][0]
                for time_ns, frame in capture:
                    since = min(max(0, time_ns - first), LONGEST_NS)  # fuzzed captures span centuries
                    seconds, rest = divmod(clock + since, 1_000_000_000)
                    stream.write(struct.pack("<IIII", seconds, rest, len(frame), len(frame)))
                    stream.write(moved(frame, repeat))
                written += len(capture)
                clock += min(max(0, capture[-1][0] - first), LONGEST_NS) + 1_000_000_000
            repeat += 1
    partial.replace(target)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--captures", type=Path, default=PUBLIC_CAPTURES)
    arguments = parser.parse_args()
    print(build(arguments.captures, arguments.target, arguments.packets), "packets")
