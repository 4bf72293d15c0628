"""The blocks of a ring: which are ours to read, their packets as RECORD rows, and giving them back."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from sensor.capture.batch import RECORD
from sensor.kernel import kernel
from sensor.types import Bytes, Int, Ints, Rows

ETHERNET = 1

# struct tpacket_block_desc, in 32-bit words from the start of a block
STATUS, PACKETS, FIRST_PACKET = 2, 3, 4
KERNEL, USER = 0, 1

# struct tpacket3_hdr, in 32-bit words from the start of a packet's header
NEXT, SECONDS, NANOSECONDS, CAPTURED, ORIGINAL, FLAGS, TCI = 0, 1, 2, 3, 4, 5, 8
# and what is shorter, in 16-bit words and octets; the last is in the sockaddr_ll behind it
FRAME_16, TPID_16 = 12, 18
DIRECTION_8 = 58

HEADER = 68
"""Octets of both: TPACKET3_HDRLEN."""

TAG_TAKEN_OUT, TPID_KNOWN = 1 << 4, 1 << 6
DOT1Q = 0x8100
OUTGOING = 4

# What `walk` keeps: the block it is at, packets of it that are done, where the next begins, rows
# filled, packets passed over because this host sent them, and packets that do not lie in their block.
BLOCK, DONE, AT, ROWS, SENT_BY_US, OUTSIDE = range(6)

MOST_PACKETS = 1 << 14
"""Rows that are walked at a time: few enough that they stay in the cache."""


@kernel
def walk(
    data: Bytes,
    halves: NDArray[np.uint16],
    words: NDArray[np.uint32],
    base: Int,
    size: Int,
    count: Int,
    ready: Int,
    link: Int,
    interface: Int,
    outgoing: bool,
    records: Rows,
    cursor: Ints,
) -> None:
    """Fill `records` with the packets of the next `ready` blocks of the ring at `base`.

    `data`, `halves` and `words` are the same octets. Offsets of packets are into `data`. Stops when
    the blocks are done or `records` is full; cursor[ROWS] is how many rows are filled.
    """
    rows = np.int64(0)
    block, done, at = cursor[BLOCK], cursor[DONE], cursor[AT]
    while ready > 0 and rows < records.shape[0]:
        start = base + block * size
        end = start + size
        packets = np.int64(words[(start >> 2) + PACKETS])
        if done == 0:
            at = start + np.int64(words[(start >> 2) + FIRST_PACKET])
        while done < packets and rows < records.shape[0]:
            done += 1
            if at < start or at + HEADER > end:
                cursor[OUTSIDE] += packets - done + 1
                done = packets
                break
            head = at >> 2
            offset = at + np.int64(halves[(at >> 1) + FRAME_16])
            length, original = np.int64(words[head + CAPTURED]), np.int64(words[head + ORIGINAL])
            flags = np.int64(words[head + FLAGS])
            if offset + length > end:
                cursor[OUTSIDE] += 1
            elif data[at + DIRECTION_8] == OUTGOING and not outgoing:
                cursor[SENT_BY_US] += 1
            else:
                record = records[rows]
                seconds = np.int64(words[head + SECONDS])
                record["time_ns"] = seconds * 1_000_000_000 + np.int64(words[head + NANOSECONDS])
                record["offset"] = offset
                record["length"] = length
                record["link"] = link
                record["interface"] = interface
                record["tag"] = 0
                if flags & TAG_TAKEN_OUT and link == ETHERNET:
                    tpid = np.int64(DOT1Q)
                    if flags & TPID_KNOWN:
                        tpid = np.int64(halves[(at >> 1) + TPID_16])
                    record["tag"] = tpid << 16 | np.int64(words[head + TCI]) & 0xFFFF
                    original += 4
                record["original"] = original
                rows += 1
            step = np.int64(words[head + NEXT])
            if step < HEADER and done < packets:
                cursor[OUTSIDE] += packets - done
                done = packets
            at += step
        if done >= packets:
            block = (block + 1) % count
            done = np.int64(0)
            ready -= 1
    cursor[BLOCK], cursor[DONE], cursor[AT], cursor[ROWS] = block, done, at, rows


class Blocks:
    """The ring at `base` octets of `data`, and the rows of its packets that nobody has taken yet."""

    def __init__(self, data: Bytes, base: int, size: int, count: int) -> None:
        self._data, self._halves, self._words = data, data.view(np.uint16), data.view(np.uint32)
        self._base, self._size, self._count = base, size, count
        ring = self._words[base >> 2 : (base + size * count) >> 2].reshape(count, size >> 2)
        self._status = ring[:, STATUS]
        self._records: Rows = np.zeros(MOST_PACKETS, RECORD)
        self._fence = threading.Lock()
        self.cursor: Ints = np.zeros(6, np.int64)
        self.restart()

    def restart(self) -> None:
        """The ring has been made anew, and is empty."""
        self.cursor[:ROWS] = 0
        self._oldest = 0
        self._begin = self._end = 0

    @property
    def waiting(self) -> Rows:
        """The rows that nobody has taken yet."""
        return self._records[self._begin : self._end]

    def take(self, rows: int) -> Rows:
        """Take the first of them; they and what they point to are valid until `give_back`."""
        self._begin += rows
        return self._records[self._begin - rows : self._begin]

    @property
    def is_filling(self) -> bool:
        """Whether an eighth of the ring waits to be read."""
        return bool(self._status[(int(self.cursor[BLOCK]) + self._count // 8) % self._count] & USER)

    def _ready(self) -> int:
        """Blocks that the kernel has handed over, from where we are on; a quarter of all at most."""
        head = int(self.cursor[BLOCK])
        room = self._count - 1 - (head - self._oldest) % self._count
        ready = 0
        with self._fence:
            while ready < min(room, self._count // 4) and self._status[(head + ready) % self._count] & USER:
                ready += 1
        # Leaving a lock and taking it orders what is read after what was read before, on any
        # processor; x86 does that anyway.
        with self._fence:
            return ready

    def fill(self, link: int, interface: int, outgoing: bool) -> None:
        """Look at the blocks that have come in, as far as there is room for rows."""
        ready = self._ready()
        if ready:
            self.walk(ready, link, interface, outgoing)

    def walk(self, ready: int, link: int, interface: int, outgoing: bool) -> None:
        """Put the packets of so many blocks behind the rows that wait, as far as there is room."""
        left = self._end - self._begin
        if self._begin:
            self._records[:left] = self._records[self._begin : self._end].copy()
            self._begin = 0
        walk(
            self._data,
            self._halves,
            self._words,
            self._base,
            self._size,
            self._count,
            ready,
            link,
            interface,
            outgoing,
            self._records[left:],
            self.cursor,
        )
        self._end = left + int(self.cursor[ROWS])

    def give_back(self) -> None:
        """Give the kernel every block of which no row is left to be taken."""
        needed = int(self.cursor[BLOCK])
        if self._begin < self._end:
            needed = (int(self._records[self._begin]["offset"]) - self._base) // self._size
        with self._fence:
            while self._oldest != needed:
                self._status[self._oldest] = KERNEL
                self._oldest = (self._oldest + 1) % self._count
