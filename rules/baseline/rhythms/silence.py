"""Which learned channels have fallen silent; asked at the end of every epoch, answered by few.

Time is packet time, and silence is counted only while other traffic goes on. When nothing at all comes
for a while (a capture that was interrupted, a laptop that slept, a mirror port that was off) every
channel gets its whole patience anew. So it is for the sensor to say that it sees nothing, not for each
of a hundred channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rules.baseline.rhythms.model import Beat, Limits, Rhythm, limits_of
from sensor.types import Flags, Ints, Rows

LONGEST_CHECK_NS = 10_000_000_000
SHORTEST_PAUSE_NS = 5_000_000_000
LEAST_SEEN = 0.5
"""Channels that were never seen in this run are missed only where so many of the learned ones were:
a baseline may know more of a plant than one sensor sees."""


class Silent(NamedTuple):
    """A conversation that fell silent."""

    beat: Beat
    """Of the fastest of its channels that did."""
    place: int
    """Of that channel in the table of rhythms; -1 where it was not seen in this run."""
    since_ns: int
    every_ns: int
    channels: int
    """How many of them did."""
    servers: int
    """How many servers are silent altogether, this one included if it is one of them."""


class Silence:
    """The learned channels that never rest, and when each was heard last."""

    def __init__(self, rhythms: Iterable[tuple[Beat, Rhythm]], start_ns: int) -> None:
        judged: list[tuple[Beat, Rhythm, Limits]] = []
        for beat, rhythm in rhythms:
            limits = limits_of(rhythm)
            if limits.silence_ns:
                judged.append((beat, rhythm, limits))
        self._beats = [beat for beat, _, _ in judged]
        self._number = {beat: index for index, beat in enumerate(self._beats)}
        self._every = np.array([rhythm.every_ns for _, rhythm, _ in judged], np.int64)
        self._limit = np.array([limits.silence_ns for _, _, limits in judged], np.int64)
        self._place = np.full(len(judged), -1, np.int64)
        names = [beat.conversation.server for beat in self._beats]
        self._server: Ints = np.unique(names, return_inverse=True)[1] if names else self._place
        self._told = np.zeros(len(judged), np.bool_)
        self._pause_ns = max(SHORTEST_PAUSE_NS, int(self._limit.min()) // 4) if judged else 0
        self._resumed_ns = self._now_ns = start_ns
        self._next_ns = 0

    def seen_at(self, beat: Beat, place: int) -> None:
        """This channel is measured in this row of the table."""
        number = self._number.get(beat)
        if number is not None:
            self._place[number] = place

    def judge(self, rows: Rows, now_ns: int) -> list[Silent]:
        """The conversations that have fallen silent since this was last asked.

        `rows` are those of the table of rhythms; `now_ns` is the time of the last packet.
        """
        if not self._beats:
            return []
        if now_ns - self._now_ns > self._pause_ns:
            self._resumed_ns = now_ns
            self._next_ns = 0
        self._now_ns = max(self._now_ns, now_ns)
        if now_ns < self._next_ns:
            return []
        seen = self._place >= 0
        heard = np.where(seen, rows["last_ns"][self._place], self._resumed_ns)
        last = np.clip(heard, self._resumed_ns, now_ns)
        limit = np.where(seen, self._limit, 2 * self._limit)
        judged = seen if seen.mean() < LEAST_SEEN else np.ones_like(seen)
        over = judged & (now_ns - last > limit)
        found = np.flatnonzero(over & ~self._told)
        self._told = over
        waiting = (last + limit)[judged & ~over]
        soon = int(waiting.min()) + 1 if waiting.size else now_ns + LONGEST_CHECK_NS
        self._next_ns = min(soon, now_ns + LONGEST_CHECK_NS)
        if not found.size:
            return []
        late = now_ns - last > 2 * self._every + 1_000_000_000
        return self._by_conversation(found, heard, self._dead(judged, late))

    def _dead(self, judged: Flags, late: Flags) -> Flags:
        """Of every channel: whether all channels of its server are late."""
        lively = np.bincount(self._server[judged & ~late], minlength=int(self._server.max()) + 1)
        return np.asarray(judged & (lively[self._server] == 0))

    def _by_conversation(self, found: Ints, heard: Ints, dead: Flags) -> list[Silent]:
        servers = len(np.unique(self._server[dead]))
        groups: dict[object, list[int]] = {}
        for number in found.tolist():
            groups.setdefault(self._beats[number].conversation, []).append(number)
        result = []
        for numbers in groups.values():
            fastest = min(numbers, key=lambda number: (self._every[number], self._beats[number]))
            result.append(
                Silent(
                    self._beats[fastest],
                    int(self._place[fastest]),
                    int(heard[fastest]),
                    int(self._every[fastest]),
                    len(numbers),
                    max(servers, int(dead[fastest])),
                )
            )
        return result
