"""Maintenance windows: work that was announced, on what, and by whom.

An alert about announced work is kept, but says so and is no longer loud. What lies outside the
announced machines, operations and sources stays what it is: a window is no licence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from hashlib import blake2b
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.expression import Expression
from rules.fields import Category
from rules.site.hours import MINUTE_NS, WEEK, minutes_of_week

Effect: TypeAlias = Literal["annotate", "silence"]
EFFECTS: tuple[Effect, ...] = ("annotate", "silence")
ENGINEERING = (
    "read",
    "write",
    "operate",
    "program_download",
    "program_upload",
    "firmware",
    "start",
    "stop",
    "reset",
    "mode",
    "configure",
    "identify",
    "browse",
    "diagnose",
    "authenticate",
    "file",
    "time",
    "session",
)
"""Operations that are expected where a window names none: what one does to a device to work on it."""
MOVING = frozenset({"write", "operate", "program_download", "start", "stop", "reset", "mode", "configure"})
"""Work that moves values of the process."""
SHOWING = frozenset({"read", "report", "subscribe"})
"""Operations in which others see them move."""
SIGNS = ("baseline.value_outside", "baseline.value_jump", "baseline.silent", "ics.unanswered")
"""What others see of such work."""
CHANGES = ("firmware", "model", "serial", "name", "service", "role")
"""Asset changes that are expected where a window names none: what work on a device leaves behind."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A maintenance window in nanoseconds since 1970; `end_ns` is excluded.

    A weekly window repeats at the same local time until `last_ns`. `covers` is, for each category of
    rules, what an alert's fields must be for the work to explain them.
    """

    begin_ns: int
    end_ns: int
    name: str
    work_order: str = ""
    who: str = ""
    effect: Effect = "annotate"
    weekly: bool = False
    last_ns: int | None = None
    time_zone: tzinfo = UTC
    covers: Mapping[Category, Expression] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same for the same entry, wherever it stands in the file."""
        text = "\0".join([self.name, self.work_order, str(self.begin_ns), str(self.end_ns)])
        return "m-" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()

    def contains(self, times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each time whether it lies in the window."""
        if not self.weekly:
            return np.asarray((times_ns >= self.begin_ns) & (times_ns < self.end_ns))
        last = self.last_ns if self.last_ns is not None else np.iinfo(np.int64).max
        span = (self.end_ns - self.begin_ns) // MINUTE_NS
        return np.asarray(
            (times_ns >= self.begin_ns) & (times_ns < last) & (self._minutes_in(times_ns) < span)
        )

    def until(self, time_ns: int) -> int:
        """The end of the window that a time inside it lies in."""
        if not self.weekly:
            return self.end_ns
        span = (self.end_ns - self.begin_ns) // MINUTE_NS
        left = span - int(self._minutes_in(np.array([time_ns], np.int64))[0])
        end = (time_ns // MINUTE_NS + left) * MINUTE_NS
        return end if self.last_ns is None else min(end, self.last_ns)

    def _minutes_in(self, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        begin = minutes_of_week(np.array([self.begin_ns], np.int64), self.time_zone)
        return np.asarray((minutes_of_week(times_ns, self.time_zone) - begin) % WEEK)
