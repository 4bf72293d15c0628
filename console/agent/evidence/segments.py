"""The packets' files: nanosecond pcap, written in large pieces, the oldest deleted when there are too many.

A file holds packets of one link type. What is known of where packets lie is kept in memory; of files
that an earlier run left only their times are known, which they tell themselves.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sensor.capture import pcap
from sensor.capture.batch import RECORD
from sensor.capture.writing import pcap_header
from sensor.types import Bytes, Rows

PIECE = 1 << 20
"""Octets written at once, and read at once when packets are looked for."""
MOST_RECORDS = PIECE // (pcap.RECORD_HEADER + 14) + 1
SUFFIX = ".pcap"


class Piece(NamedTuple):
    """A part of a file: records one after the other, in the order of packet numbers."""

    offset: int
    octets: int
    first: int
    """The number of the first packet, -1 where it is not known."""
    packets: int
    first_ns: int
    last_ns: int


@dataclass(slots=True)
class Segment:
    """One file. `pieces` is empty for a file of an earlier run until somebody looks into it."""

    path: Path
    link: int
    octets: int
    first_ns: int
    last_ns: int
    mine: bool = True
    pieces: list[Piece] = field(default_factory=list)


class Segments:
    """The files in a folder. One thread writes; others may read what `all` gave them."""

    def __init__(self, folder: Path, run: str, most_bytes: int, most_ns: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.most_ns = most_ns
        self.segment_bytes = max(4 * PIECE, min(64 << 20, most_bytes // 8))
        self.octets = 0
        self._run = run
        self._count = 0
        self._open: dict[int, tuple[Segment, int]] = {}
        self._all: list[Segment] = []
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for path in sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns):
            segment = _found(path)
            if segment is None:
                path.unlink(missing_ok=True)
            else:
                self._all.append(segment)
                self.octets += segment.octets
        _find_ends(self._all)
        self._make_room(0)

    @property
    def all(self) -> list[Segment]:
        """The files, the oldest first."""
        return list(self._all)

    def write(self, link: int, records: Bytes, first: int, packets: int, first_ns: int, last_ns: int) -> None:
        """Write finished pcap records of one link type. Raises OSError, and has written nothing then."""
        size = len(records)
        self._make_room(size)
        segment, handle = self._open.get(link) or self._begin(link, first_ns)
        try:
            written = 0
            while written < size:
                written += os.pwrite(handle, records[written:].data, segment.octets + written)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, segment.octets)
            raise
        segment.pieces.append(Piece(segment.octets, size, first, packets, first_ns, last_ns))
        segment.octets += size
        segment.last_ns = max(segment.last_ns, last_ns)
        self.octets += size
        if segment.octets >= self.segment_bytes:
            self._end(link)

    def _begin(self, link: int, first_ns: int) -> tuple[Segment, int]:
        self._count += 1
        path = self.folder / f"{self._run}-{self._count:08d}{SUFFIX}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            header = pcap_header(link)
            os.pwrite(handle, header, 0)
        except OSError:
            os.close(handle)
            path.unlink(missing_ok=True)
            raise
        segment = Segment(path, link, len(header), first_ns, first_ns)
        self._open[link] = segment, handle
        self._all.append(segment)
        self.octets += segment.octets
        return segment, handle

    def _end(self, link: int) -> None:
        _, handle = self._open.pop(link)
        os.close(handle)

    def _make_room(self, size: int) -> None:
        newest = max((segment.last_ns for segment in self._all), default=0)
        while self._all:
            oldest = self._all[0]
            too_old = oldest.last_ns < newest - self.most_ns
            if not (too_old or self.octets + size > self.most_bytes):
                return
            self.give_up_oldest()

    def give_up_oldest(self) -> bool:
        """Delete the oldest file; whether there was one. Also what makes room on a full disk."""
        if not self._all:
            return False
        oldest = self._all.pop(0)
        if self._open.get(oldest.link, (None,))[0] is oldest:
            self._end(oldest.link)
        self.octets -= oldest.octets
        with contextlib.suppress(OSError):
            oldest.path.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """Let go of the files; they stay."""
        for link in list(self._open):
            self._end(link)


def _found(path: Path) -> Segment | None:
    """A file of an earlier run; None where no packet in it can be read."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(pcap.HEADER)
            head = file.read(pcap.RECORD_HEADER)
        if len(head) < pcap.RECORD_HEADER or header[:4] != pcap_header(1)[:4]:
            return None
        link = int.from_bytes(header[20:24], "little")
        first_ns = _time(head)
    except OSError:
        return None
    return Segment(path, link, size, first_ns, first_ns, mine=False)


def _find_ends(segments: list[Segment]) -> None:
    """When the last packets of earlier runs came: where the run's next file begins; its last is read."""
    following: dict[tuple[str, int], int] = {}
    for segment in reversed(segments):
        key = segment.path.stem.rpartition("-")[0], segment.link
        if key in following:
            segment.last_ns = max(segment.first_ns, following[key])
        else:
            with contextlib.suppress(OSError), segment.path.open("rb") as file:
                for _, rows, _ in _walk_all(file.fileno(), segment):
                    segment.last_ns = max(segment.last_ns, int(rows["time_ns"].max()))
        following[key] = segment.first_ns


def _time(head: bytes) -> int:
    seconds, rest = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:8], "little")
    return seconds * 1_000_000_000 + rest


def read_pieces(
    segment: Segment, first_ns: int, last_ns: int, frames: Collection[int] = ()
) -> Iterator[tuple[Bytes, Rows, int]]:
    """(octets, RECORDs, number of the first packet or -1) of the parts that may hold these times, or
    one of these packets of this run.

    A file that is deleted meanwhile ends it; the torn end of a file that a crash left is passed over.
    """
    outside = segment.last_ns < first_ns or segment.first_ns > last_ns
    if outside and not (segment.mine and frames):
        return
    try:
        with segment.path.open("rb") as file:
            if not segment.mine:
                yield from _walk_all(file.fileno(), segment)
                return
            for piece in list(segment.pieces):
                inside = piece.last_ns >= first_ns and piece.first_ns <= last_ns
                if inside or any(0 <= frame - piece.first < piece.packets for frame in frames):
                    data = _octets(file.fileno(), piece.octets, piece.offset)
                    rows, _ = _walked(data, segment.link)
                    yield data, rows, piece.first
    except OSError:
        return


def _octets(handle: int, most: int, offset: int) -> Bytes:
    """Octets of a file in an array that can be written to: kernels are compiled anew for any other."""
    return np.frombuffer(bytearray(os.pread(handle, most, offset)), np.uint8)


def _walk_all(handle: int, segment: Segment) -> Iterator[tuple[Bytes, Rows, int]]:
    offset = pcap.HEADER
    while True:
        data = _octets(handle, PIECE, offset)
        rows, used = _walked(data, segment.link)
        if not used:
            return
        yield data, rows, -1
        offset += used


def _walked(data: Bytes, link: int) -> tuple[Rows, int]:
    rows = np.zeros(MOST_RECORDS, RECORD)
    cursor = np.zeros(3, np.int64)
    if len(data):
        pcap.walk(data, len(data), True, 1, link, rows, cursor)
    return rows[: cursor[pcap.PACKETS]], int(cursor[pcap.POSITION])
