"""What one program does over and over, each thing in its own time, on one connection."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from lab.network import Context

Deed = Callable[[], None]


class Rounds:
    """Deeds that are due now and then, done one after the other in one thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, float, float, float, Deed]] = []

    def each(self, seconds: float, deed: Deed, first: float, jitter: float = 0.02) -> None:
        """Do it every so many seconds, the first time at `first`; `jitter` is a share of the interval."""
        self._plan(first, next(self._numbers), seconds, jitter, deed)

    def at(self, seconds: float, deed: Deed) -> None:
        """Do it once."""
        self._plan(seconds, next(self._numbers), 0.0, 0.0, deed)

    def _plan(self, planned: float, number: int, seconds: float, jitter: float, deed: Deed) -> None:
        due = planned + self._context.random.uniform(0, jitter * seconds)
        heapq.heappush(self._due, (due, number, planned, seconds, jitter, deed))

    def run(self) -> None:
        """Do what is due until nothing is left, which with `each` is never."""
        while self._due:
            due, number, planned, seconds, jitter, deed = heapq.heappop(self._due)
            self._context.wait_until(due)
            deed()
            if seconds:
                # A program that was held up does not make up for what it missed.
                self._plan(max(planned + seconds, self._context.now - seconds), number, seconds, jitter, deed)
