"""Opens a capture wherever it is (a file, compressed or not, or standard input) and reads batches.

The file is read in blocks into one buffer: memory does not grow with the file, and a pipe, a
compressed file and a plain one take the same path.
"""

from __future__ import annotations

import io
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast

import numpy as np

from sensor.capture import pcap, pcapng
from sensor.capture.batch import RECORD, PacketBatch
from sensor.capture.compression import DAMAGE, decompressed
from sensor.capture.errors import CaptureError
from sensor.types import Bytes, Rows

BLOCK = 1 << 21
"""Octets read at a time: large enough that a batch's fixed costs vanish, small enough for the cache."""
MOST_PACKETS = 1 << 14
"""Packets in a batch."""


class CaptureFile:
    """A capture that is read once, from its start to its end.

    After the last batch `truncated` says whether the capture is cut inside a record or ends inside
    compressed data, and `notes` says where, and what was stepped over. Damage raises CaptureError,
    after all that stands before it was yielded.
    """

    def __init__(self, path: str | Path, block: int = BLOCK) -> None:
        """Open the capture at `path`, or standard input for "-", to be read `block` octets at a time.

        Raises CaptureError where there is nothing to read: no such file, a directory, no
        permission, empty, or not a capture.
        """
        self.path = str(path)
        self.name = "standard input" if self.path == "-" else self.path
        self.truncated = False
        self.notes: list[str] = []
        self.packets = 0
        self.octets = 0
        self.links: Counter[int] = Counter()
        """Packets by link type (LINKTYPE_ value of tcpdump.org's registry)."""
        self._block = block
        self._buffer: Bytes = np.zeros(2 * block, np.uint8)
        self._fill = 0
        self._done = False
        self._failure = ""
        self._consumed = 0
        self._undescribed = 0
        raw = self._raw = _opened(self.path, self.name)
        self._stream = raw
        try:
            self._stream = decompressed(raw)
            self._is_pcapng = self._is_next_generation()
        except OSError as error:
            raw.close()
            raise CaptureError(f"{self.name}: cannot be read: {error.strerror or error}") from None
        except CaptureError:
            self._stream.close()
            raise

    def _is_next_generation(self) -> bool:
        """Read the first block and tell pcapng from pcap."""
        self._more()
        magic = self._buffer[: min(4, self._fill)].tobytes()
        if self._failure and not magic:
            raise self._damage(0, self._failure)
        if self.truncated and len(magic) < 4:
            raise CaptureError(f"{self.name}: the compressed data ends before a capture begins")
        if not magic:
            raise CaptureError(f"{self.name}: the file is empty")
        if magic not in pcap.MAGICS and magic != pcapng.MAGIC:
            raise CaptureError(
                f"{self.name}: not a capture file (it starts with {magic.hex(' ')}; "
                "pcap and pcapng are understood, plain, gzip or zstd)"
            )
        return magic == pcapng.MAGIC

    @property
    def size(self) -> int:
        """Octets of the file as it lies there; 0 where that is not known."""
        return 0 if self.path == "-" else Path(self.path).stat().st_size

    @property
    def position(self) -> int:
        """How many of these have been read."""
        return 0 if self.path == "-" or self._raw.closed else self._raw.tell()

    def __iter__(self) -> Iterator[PacketBatch]:
        """The batches, each valid until the next."""
        try:
            yield from self._pcapng() if self._is_pcapng else self._pcap()
            self._tell_how_it_ended()
        finally:
            self._stream.close()
            if self._undescribed:
                self.notes.append(f"{self._undescribed} packets of interfaces that were never described")

    def _tell_how_it_ended(self) -> None:
        if self._failure:
            raise self._damage(self._fill, self._failure)
        if self._fill > 0 and not self.truncated:
            self.truncated = True
            self.notes.append(
                f"cut off in the middle of a record at byte {self._consumed + self._fill}, "
                f"behind packet {self.packets}"
            )
        elif self.truncated:
            self.notes.append(f"the compressed data ends early, behind packet {self.packets}")

    def _more(self) -> bool:
        """Read a block behind what is in the buffer; whether anything came."""
        if self._done:
            return False
        if self._fill + self._block > self._buffer.shape[0]:
            self._buffer = np.concatenate([self._buffer, np.zeros(self._fill + self._block, np.uint8)])
        came = 0
        while came < self._block:  # a pipe gives less than it is asked for
            size = 0
            start = self._fill + came
            try:
                size = self._stream.readinto1(self._buffer.data[start : self._fill + self._block])
            except EOFError:
                self.truncated = True
            except DAMAGE as error:
                self._failure = f"the compressed data contradicts itself: {error}"
            except OSError as error:
                self._failure = f"it cannot be read further: {error.strerror or error}"
            if not size:
                self._done = True
                break
            came += size
        self._fill += came
        return came > 0

    def _consume(self, position: int) -> None:
        """Forget the octets before `position`; what lies behind moves to the start."""
        rest = self._fill - position
        self._buffer[:rest] = self._buffer[position : self._fill].copy()
        self._consumed += position
        self._fill = rest

    def _yielded(self, records: Rows) -> PacketBatch:
        first = self.packets + 1
        self.packets += len(records)
        self.octets += int(records["length"].sum())
        links = records["link"]
        if (links == links[0]).all():
            self.links[int(links[0])] += len(links)
        else:
            self.links.update(links.tolist())
        return PacketBatch(self._buffer, records, first)

    def _damage(self, position: int, what: str) -> CaptureError:
        return CaptureError(
            f"{self.name}: damaged at byte {self._consumed + position}, behind packet {self.packets}: {what}"
        )

    def _pcap(self) -> Iterator[PacketBatch]:
        if self._fill < pcap.HEADER:
            raise CaptureError(f"{self.name}: cut inside the pcap file header ({self._fill} of 24 bytes)")
        little, tick_ns = pcap.MAGICS[self._buffer[:4].tobytes()]
        header = self._buffer[20:24].tobytes()
        # The upper bits hold the frame check sequence's length, not the link type.
        link = int.from_bytes(header, "little" if little else "big") & 0x03FFFFFF
        records = np.zeros(MOST_PACKETS, RECORD)
        cursor = np.zeros(4, np.int64)
        cursor[pcap.POSITION] = pcap.HEADER
        while True:
            pcap.walk(self._buffer, self._fill, little, tick_ns, link, records, cursor)
            if cursor[pcap.PACKETS]:
                yield self._yielded(records[: cursor[pcap.PACKETS]])
            if cursor[pcap.PROBLEM] == pcap.DAMAGED:
                raise self._damage(int(cursor[pcap.POSITION]), "a packet of impossible length")
            if cursor[pcap.PACKETS] < MOST_PACKETS:
                self._consume(int(cursor[pcap.POSITION]))
                cursor[pcap.POSITION] = 0
                if not self._more():
                    return

    def _pcapng(self) -> Iterator[PacketBatch]:
        interfaces = np.zeros(pcapng.MOST_INTERFACES, pcapng.INTERFACE_ROW)
        known = 0
        little = True
        records = np.zeros(MOST_PACKETS, RECORD)
        cursor = np.zeros(4, np.int64)
        while True:
            cursor[pcapng.PROBLEM] = pcapng.COMPLETE
            position = int(cursor[pcapng.POSITION])
            header = self._buffer[position : min(position + 12, self._fill)].tobytes()
            kind = int.from_bytes(header[:4], "little" if little else "big")
            if len(header) == 12 and kind in (pcapng.SECTION, pcapng.INTERFACE):
                if kind == pcapng.SECTION:
                    if header[8:12] not in pcapng.BYTE_ORDER:
                        raise self._damage(position, "a section header without a byte-order mark")
                    little = pcapng.BYTE_ORDER[header[8:12]]
                order: Literal["little", "big"] = "little" if little else "big"
                total = int.from_bytes(header[4:8], order)
                if total < 20 or total & 3 or total > pcapng.LONGEST_BLOCK:
                    raise self._damage(position, f"a header block of impossible length {total}")
                if position + total <= self._fill:
                    if kind == pcapng.SECTION:
                        known = 0
                    elif known < pcapng.MOST_INTERFACES:
                        block = self._buffer[position : position + total].tobytes()
                        interfaces[known] = pcapng.interface_of(block, little)
                        known += 1
                    else:
                        raise self._damage(position, f"more than {pcapng.MOST_INTERFACES} interfaces")
                    cursor[pcapng.POSITION] += total
                    continue
            else:
                pcapng.walk(self._buffer, self._fill, little, interfaces, known, records, cursor)
                self._undescribed = int(cursor[3])
                if cursor[pcapng.PACKETS]:
                    yield self._yielded(records[: cursor[pcapng.PACKETS]])
                if cursor[pcapng.PROBLEM] == pcapng.DAMAGED:
                    raise self._damage(int(cursor[pcapng.POSITION]), "a block of impossible length")
                if cursor[pcapng.PROBLEM] == pcapng.HEADER_BLOCK or cursor[pcapng.PACKETS] == MOST_PACKETS:
                    if cursor[pcapng.POSITION] + 12 <= self._fill:
                        continue
            self._consume(int(cursor[pcapng.POSITION]))
            cursor[pcapng.POSITION] = 0
            if not self._more():
                return


def _opened(path: str, name: str) -> io.BufferedIOBase:
    if path == "-":
        if sys.stdin is None:
            raise CaptureError(f"{name}: is closed")
        return cast("io.BufferedIOBase", sys.stdin.buffer)
    try:
        if stat.S_ISDIR(Path(path).stat().st_mode):
            raise CaptureError(f"{name}: a directory, not a capture file")
        return Path(path).open("rb")
    except FileNotFoundError:
        raise CaptureError(f"{name}: no such file") from None
    except PermissionError:
        raise CaptureError(f"{name}: no permission to read it") from None
    except OSError as error:
        raise CaptureError(f"{name}: cannot be opened: {error.strerror}") from None
