"""What an answer means, and how long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from enum import Enum

MOST_WAIT = 600.0
"""Seconds; longer is not waited, whatever the console asks for."""
_REFUSED = (400, 413, 415, 422)


class Verdict(Enum):
    """What becomes of a request."""

    DONE = "done"
    LATER = "later"
    REFUSED = "refused"
    """The console has read it and will never take it."""
    BARRED = "barred"
    """The token is not, or no longer, good."""


def verdict_of(status: int, content_type: str) -> Verdict:
    """What an answer with this status means; only the console itself speaks of what it refuses."""
    if 200 <= status < 300:
        return Verdict.DONE
    if status in (401, 403):
        return Verdict.BARRED
    if status == 413 or (status in _REFUSED and content_type.startswith("application/problem+json")):
        return Verdict.REFUSED
    # Also 3xx and 404: a proxy in between, or a console that is being exchanged.
    return Verdict.LATER


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the answer asks to wait, at most MOST_WAIT; a date counts from the answer's own."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(min(int(text[:9]), MOST_WAIT))
    try:
        seconds = (
            parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
        ).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), MOST_WAIT)


class Backoff:
    """Waits between tries: anything up to a bound that doubles (full jitter), so that a hundred sensors
    do not come back to a restarted console all at once."""

    def __init__(
        self,
        first: float = 1.0,
        most: float = 60.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.first = first
        self.most = most
        self._uniform = uniform
        self._tries = 0

    def next(self, wished: float | None = None) -> float:
        """Seconds to wait after a failure; at least what the console wished."""
        bound = min(self.most, self.first * 2 ** min(self._tries, 20))
        self._tries += 1
        wait = self._uniform(0.0, bound)
        return wait if wished is None else wished + self._uniform(0.0, min(bound, 5.0))

    def reset(self) -> None:
        """It worked."""
        self._tries = 0
