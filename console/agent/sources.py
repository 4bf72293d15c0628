"""Where a sensor's packets come from: mirror ports, or a capture that is played as if it were live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from sensor.capture.batch import PacketBatch
from sensor.capture.health import InterfaceEvent, InterfaceHealth, State
from sensor.capture.live import open_live
from sensor.capture.ring.settings import Settings
from sensor.capture.source import CaptureFile
from sensor.epochs import EPOCH_NS

TICK_S = 0.2
"""A batch comes at least so often, if need be without packets."""
_PART_NS = 50_000_000
"""Packets of a replay are handed out in parts of so much packet time."""


class Source(Protocol):
    """Batches of packets until it is stopped or has ended; empty ones where nothing comes."""

    name: str
    """`evidence.capture` of the documents."""
    live: bool
    """Whether packet times are those of the clock, and the source goes on for ever."""

    def __iter__(self) -> Iterator[PacketBatch]: ...

    def health(self) -> list[InterfaceHealth]:
        """The interfaces; none for a replay."""
        ...

    def events(self) -> list[InterfaceEvent]:
        """What happened to interfaces since this was last asked."""
        ...

    def stop(self) -> None:
        """End the iteration soon; from any thread."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class Live:
    """Mirror ports. Raises CaptureError where one cannot be opened."""

    live = True

    def __init__(self, interfaces: Sequence[str], filter_text: str, run: str, ring_octets: int) -> None:
        self.name = f"live/{run}"
        ring = Settings()
        ring = replace(ring, blocks=ring_octets // ring.block_octets)
        self._capture = open_live(interfaces, filter_text, settings=ring, timeout=TICK_S)
        self.notes = list(self._capture.notes)

    def __iter__(self) -> Iterator[PacketBatch]:
        return iter(self._capture)

    def health(self) -> list[InterfaceHealth]:
        """See Source."""
        return self._capture.health()

    def events(self) -> list[InterfaceEvent]:
        """See Source."""
        return self._capture.take_events()

    def stop(self) -> None:
        """See Source."""
        self._capture.stop()

    def close(self) -> None:
        """See Source."""
        self._capture.close()


class Replay:
    """A capture file, `speed` times as fast as it was recorded; 0: as fast as it goes.

    Packets keep their own times. An idle tick (an empty batch) comes only where the packet times
    leave an epoch's room, so that a replay is judged like the file is, at any speed.
    """

    live = False

    def __init__(
        self,
        path: str,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = path
        self.file = CaptureFile(path)
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._stopped = False

    def __iter__(self) -> Iterator[PacketBatch]:
        begun, first_ns, last_ns = self._clock(), 0, 0
        for batch in self.file:
            if not self._speed:
                if self._stopped:
                    return
                yield batch
                continue
            times = batch.records["time_ns"]
            if not first_ns:
                first_ns = last_ns = int(times[0])
            for start, end in _parts(times):
                due = begun + (int(times[start]) - first_ns) / 1e9 / self._speed
                while not self._stopped and (left := due - self._clock()) > 0:
                    self._sleep(min(left, TICK_S))
                    # What the clock of the replay says now.
                    played_ns = first_ns + int((self._clock() - begun) * self._speed * 1e9)
                    if min(played_ns, int(times[start])) - last_ns > EPOCH_NS:
                        yield batch._replace(records=batch.records[:0])
                if self._stopped:
                    return
                last_ns = int(times[end - 1])
                yield PacketBatch(batch.data, batch.records[start:end], batch.first + start)

    def health(self) -> list[InterfaceHealth]:
        """See Source."""
        return []

    def events(self) -> list[InterfaceEvent]:
        """See Source."""
        return []

    def stop(self) -> None:
        """See Source."""
        self._stopped = True

    def close(self) -> None:
        """See Source."""


def _parts(times: np.ndarray) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(times):
        late = np.flatnonzero(times[start:] - times[start] >= _PART_NS)
        end = start + int(late[0]) if late.size else len(times)
        yield start, max(end, start + 1)
        start = max(end, start + 1)


def plain(state: State) -> str:
    """`up`, `down` or `gone`."""
    return {State.CAPTURING: "up", State.GONE: "gone"}.get(state, "down")
