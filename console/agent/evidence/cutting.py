"""Which of the kept packets belong to an alert: its own frames, and what its two ends said around them."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from console.agent.evidence.segments import Segment, read_pieces
from rules.documents import nanoseconds
from sensor.capture.pcap import RECORD_HEADER
from sensor.capture.writing import pcap_header
from sensor.types import Bytes, Rows

MOST_OCTETS = 1 << 20
"""Of a cut, as the console takes it."""
MOST_FOUND = 20_000
HEADERS = 128
"""Octets of a packet in which its addresses are looked for: tags and tunnels come before them."""


class Wanted(NamedTuple):
    """What is looked for. `frames` are packet numbers of `capture`."""

    first_ns: int
    last_ns: int
    start_ns: int
    frames: frozenset[int]
    patterns: tuple[bytes, ...]


class Cut(NamedTuple):
    """A pcap, and the places in it (from 1) of the alert's own frames."""

    pcap: bytes
    marks: tuple[int, ...]
    packets: int


class _Found(NamedTuple):
    time_ns: int
    link: int
    own: bool
    record: bytes


def wanted_of(alert: dict[str, Any], capture: str, before_ns: int, after_ns: int) -> Wanted:
    """What belongs to an alert document, in the run whose packets are those of `capture`."""
    event, evidence = alert["event"], alert.get("evidence") or {}
    start = nanoseconds(event.get("start") or alert["@timestamp"])
    parts = [evidence, *(evidence.get("more") or [])]
    frames = {frame for part in parts if part.get("capture") == capture for frame in part.get("frames", ())}
    return Wanted(start - before_ns, start + after_ns, start, frozenset(frames), tuple(patterns_of(alert)))


def patterns_of(alert: dict[str, Any]) -> Iterator[bytes]:
    """Octets that every packet between the alert's ends has in its headers, either way; those of its
    one address where there is but one."""
    ends = [alert.get("source") or {}, alert.get("destination") or {}]
    for name, read in (("ip", _ip), ("mac", _mac)):
        found = [octets for octets in (read(end.get(name)) for end in ends) if octets]
        if len(found) == 2 and len(found[0]) == len(found[1]):
            yield found[0] + found[1]
            yield found[1] + found[0]
            return
        if found and len(set(found[0])) > 1:  # 0.0.0.0 and the like are in every other packet
            yield found[0]
            return


def _ip(text: Any) -> bytes:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return b""


def _mac(text: Any) -> bytes:
    try:
        return bytes.fromhex(str(text or "").replace(":", "").replace("-", ""))
    except ValueError:
        return b""


def cut(segments: Iterable[Segment], wanted: Wanted, most: int = MOST_OCTETS) -> Cut | None:
    """The packets as a pcap of at most so many octets: the alert's own first, then those nearest in
    time; None where there are none. Only packets of one link type, that of the alert's own."""
    found: list[_Found] = []
    for segment in segments:
        for data, rows, first in read_pieces(segment, wanted.first_ns, wanted.last_ns, wanted.frames):
            found.extend(_matches(data, rows, first, wanted))
            if len(found) > MOST_FOUND:
                found = _nearest(found, wanted.start_ns)[: MOST_FOUND // 2]
    if not found:
        return None
    ordered = _nearest(found, wanted.start_ns)
    link = ordered[0].link
    room = most - len(pcap_header(link))
    chosen: list[_Found] = []
    for item in ordered:
        if item.link == link and len(item.record) <= room:
            chosen.append(item)
            room -= len(item.record)
    chosen.sort(key=lambda item: item.time_ns)
    marks = tuple(place for place, item in enumerate(chosen, 1) if item.own)
    octets = pcap_header(link) + b"".join(item.record for item in chosen)
    return Cut(octets, marks, len(chosen)) if chosen else None


def _nearest(found: list[_Found], start_ns: int) -> list[_Found]:
    return sorted(found, key=lambda item: (not item.own, abs(item.time_ns - start_ns)))


def _matches(data: Bytes, rows: Rows, first: int, wanted: Wanted) -> Iterator[_Found]:
    times = rows["time_ns"]
    offsets: Sequence[int] = rows["offset"].tolist()
    inside = (times >= wanted.first_ns) & (times <= wanted.last_ns)
    own = {frame - first for frame in wanted.frames if 0 <= frame - first < len(rows)} if first > 0 else set()
    octets = data.tobytes()
    indices = own | {index for index in _containing(octets, offsets, rows, wanted.patterns) if inside[index]}
    for index in sorted(indices):
        start, length = offsets[index], int(rows["length"][index])
        yield _Found(
            int(times[index]),
            int(rows["link"][index]),
            index in own,
            octets[start - RECORD_HEADER : start + length],
        )


def _containing(
    octets: bytes, offsets: Sequence[int], rows: Rows, patterns: Collection[bytes]
) -> Iterator[int]:
    """Indices of the packets that have one of these patterns in their headers."""
    for pattern in patterns:
        place = octets.find(pattern)
        while place >= 0:
            index = bisect_right(offsets, place) - 1
            if index >= 0:
                inside = place - offsets[index]
                if inside + len(pattern) <= min(HEADERS, int(rows["length"][index])):
                    yield index
            place = octets.find(pattern, place + 1)
