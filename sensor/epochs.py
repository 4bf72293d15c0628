"""Epochs: the slices of traffic after which it is judged.

They follow from packet times and packet counts alone. However packets come, from a file in blocks or
from a ring whenever it has some, the same traffic has the same epochs, and so the same is seen,
counted and told at each of their ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensor.capture.batch import PacketBatch
from sensor.kernel import kernel
from sensor.types import Int, Ints, Rows

EPOCH_NS = 5_000_000_000
"""An epoch ends before the first packet that lies so far from the epoch's first, or farther."""
BUSY_NS = 1_000_000_000
BUSY_PACKETS = 512
"""Where there is much to judge it is judged sooner: after BUSY_NS already, once there are so many."""
EPOCH_PACKETS = 1 << 16
"""An epoch has so many packets at most."""

FIRST_NS, PACKETS = range(2)


class Epochs:
    """Cuts batches where epochs end."""

    def __init__(self) -> None:
        self._state: Ints = np.zeros(2, np.int64)

    def parts(self, batch: PacketBatch) -> Iterator[tuple[PacketBatch, bool]]:
        """The batch in parts, each with whether an epoch ends before it."""
        start, total = 0, len(batch.records)
        while start < total:
            ends = bool(self._state[PACKETS]) and _is_beyond(self._state, batch.records, start)
            if ends:
                self.close()
            limit = int(_end(self._state, batch.records, start))
            yield PacketBatch(batch.data, batch.records[start:limit], batch.first + start), ends
            start = limit

    def close(self) -> None:
        """The next packet begins an epoch."""
        self._state[PACKETS] = 0


@kernel
def _is_beyond(state: Ints, records: Rows, at: Int) -> bool:
    packets, distance = state[PACKETS], abs(records[at]["time_ns"] - state[FIRST_NS])
    # Time that runs backwards, as where captures are joined, ends an epoch, too.
    return (
        packets >= EPOCH_PACKETS or distance >= EPOCH_NS or (distance >= BUSY_NS and packets >= BUSY_PACKETS)
    )


@kernel
def _end(state: Ints, records: Rows, at: Int) -> Int:
    """Where the part of the epoch ends that begins at `at`, which belongs to it."""
    if state[PACKETS] == 0:
        state[FIRST_NS] = records[at]["time_ns"]
    while at < records.shape[0] and not _is_beyond(state, records, at):
        state[PACKETS] += 1
        at += 1
    return np.int64(at)
