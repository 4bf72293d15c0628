"""The baseline at work: learns while the learning window is open, then tells what is new."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.baseline.decisions import accepted, ends
from rules.baseline.entries import Entry
from rules.baseline.learning import Learner
from rules.baseline.model import Baseline, Learned, Level
from rules.baseline.novelty import Lookup, Novelty
from rules.baseline.rows import EntryTexts, entry_at
from rules.baseline.subjects import Directory, Mask, subjects_of
from rules.documents import nanoseconds
from rules.table import Column, Flags
from sensor.behaviours import BEHAVIOUR
from sensor.messages import Operation
from sensor.strings import Strings
from sensor.types import Ints, Rows

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])\Z")
_IDENTITY = BEHAVIOUR.names[: BEHAVIOUR.names.index("messages")] if BEHAVIOUR.names else ()


class Window(NamedTuple):
    """When learning ends: `span_ns` after the first packet, or at `until_ns` since 1970."""

    span_ns: int | None = None
    until_ns: int | None = None

    def end(self, first_ns: int) -> int:
        """The end in nanoseconds since 1970, for traffic that begins at `first_ns`."""
        return self.until_ns if self.until_ns is not None else first_ns + (self.span_ns or 0)


def span_window(text: str) -> Window:
    """From `90s`, `5m`, `2h`, `1d`, `1w`. Raises ValueError."""
    match = _SPAN.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a span of time: write a number and s, m, h, d or w, as in 5m")
    return Window(span_ns=int(float(match[1]) * _UNITS[match[2]] * 10**9))


def until_window(text: str) -> Window:
    """From an RFC 3339 time, UTC where no zone is given. Raises ValueError."""
    try:
        return Window(until_ns=nanoseconds(text.strip().upper().replace("Z", "+00:00")))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: write it as 2026-11-22T07:39:29Z") from error


class BaselineStage:
    """What the pipeline asks about each batch of behaviours.

    `baseline` is one that was loaded, to be extended where there is a `window`. Behaviours first
    seen inside the window are learned and not new, but for dangerous operations: those are told
    as new operations even while learning, and stay so until they are accepted.
    """

    def __init__(
        self,
        directory: Directory,
        strings: Strings,
        baseline: Baseline | None = None,
        window: Window | None = None,
        accept: Collection[int] = (),
        observer: str = "sensor",
    ) -> None:
        self.baseline = baseline or Baseline()
        self._directory = directory
        self._strings = strings
        self._window = window
        self._observer = observer
        self._loaded = baseline is not None
        self._learner = Learner(self.baseline, directory, strings, accept)
        self._lookup: Lookup | None = None
        self._period = 0
        self._lapsed_ns = 0
        self._ends = np.array(ends(self.baseline), np.int64)
        self._services: set[tuple[str, str]] | None = None
        self._first_ns: int | None = None
        self._last_ns = 0
        self._salt = secrets.randbits(64)
        self._seen: NDArray[np.uint64] = np.zeros(0, np.uint64)

    @property
    def learned(self) -> bool:
        """Whether there is anything to compare with."""
        return self._loaded or self._window is not None

    @property
    def learns(self) -> bool:
        """Whether there is a window in which more is learned, open or over."""
        return self._window is not None

    @property
    def learns_until_ns(self) -> int:
        """The end of that window; 0 where there is none."""
        return self._window.end(self._first_ns or 0) if self._window is not None else 0

    def leave_out(self, entries: int) -> None:
        """Count entries for which the baseline had no room."""
        self._learner.left_out += entries

    def begin(self, first_ns: int) -> None:
        """The time of the first packet, from which a span is counted; the first call counts."""
        if self._first_ns is None:
            self._first_ns = first_ns

    def advance(self, time_ns: int) -> None:
        """Traffic was watched until this time, whether or not it brought anything new."""
        self._last_ns = max(self._last_ns, time_ns)

    def is_news(self, time_ns: int) -> bool:
        """Whether something was learned and is not being learned any more at this time."""
        if self._window is None:
            return self._loaded
        return time_ns >= self._window.end(self._first_ns or 0)

    def withholds(self, operation: str, time_ns: int) -> bool:
        """Whether this operation, seen at this time, fell into the learning window and is not learned."""
        if self._window is None or self.is_news(time_ns):
            return False
        return operation.upper() in Operation.__members__ and self._learner.refuses(
            Operation[operation.upper()]
        )

    def learn_assets(self, addresses: Iterable[str], time_ns: int) -> None:
        """Learn machines that were noticed otherwise than by behaviours, if that was in the window."""
        if self._window is not None and not self.is_news(time_ns):
            for address in addresses:
                self._learner.learn_asset(address)
            self._lookup = None

    def knows_service(self, address: str, service: str) -> bool:
        """Whether a conversation was learned in which this address serves `tcp/502` or the like."""
        if self._services is None:
            self._services = {
                (known.server, known.service.partition(" ")[2]) for known in self.baseline.conversations
            }
        return (address, service) in self._services

    def novelty(self, rows: Rows, again: bool = False) -> Novelty | None:
        """What is new about these BEHAVIOUR rows; None where nothing was ever learned.

        Nothing is learned of rows that were given before and are looked at `again`.
        """
        if not self.learned:
            return None
        inside = self._inside(rows)
        level = np.zeros(rows.shape[0], np.int64)
        flags = [np.zeros(rows.shape[0], np.bool_) for _ in range(5)]
        if inside.any() and not again:
            level[inside] = self._take(rows[inside])
            for value in list(Level)[1:]:
                flags[value - 1][:] = (level != Level.NONE) & (level <= value)
        # What was accepted for a time is news again from then on.
        period = np.searchsorted(self._ends, rows["first_ns"], "right")
        for number in np.unique(period[~inside]).tolist():
            chosen = ~inside & (period == number)
            news = self._lookup_of(number).novelty(rows[chosen])
            level[chosen] = news.level
            for mine, theirs in zip(flags, news[1:], strict=True):
                mine[chosen] = theirs
        return Novelty(level, *flags)

    def _lookup_of(self, period: int) -> Lookup:
        """The baseline in the time between two ends of decisions."""
        if self._lookup is None or self._period != period:
            begin = int(self._ends[period - 1]) if period else 0
            known, self._period = self._lookup, period
            accepts = accepted(self.baseline, begin)
            self._lookup = Lookup(self.baseline, self._directory, self._strings, accepts)
            if known is not None:
                self._lookup.remember(known)
        return self._lookup

    def lapsed(self, now_ns: int) -> set[str]:
        """The addresses that accepted entries were about which ended since this was last asked."""
        found: set[str] = set()
        for decision in self.baseline.decisions.values() if self._lapsed_ns < now_ns else ():
            if decision.accepts and self._lapsed_ns < decision.until_ns <= now_ns:
                found.update(decision.entry.machines)
        self._lapsed_ns = max(self._lapsed_ns, now_ns)
        return found

    def columns(self, rows: Rows, novelty: Novelty | None) -> dict[str, Callable[[], Column | None]]:
        """Makers of what else is said of these rows: `baseline.entry` and `baseline.withheld`."""
        if novelty is None:
            return {}
        news = novelty.level
        withheld = self._inside(rows) & (news != Level.NONE)

        def entry(index: int) -> Entry:
            one = rows[index : index + 1]
            subjects = subjects_of(one, self._directory)
            return entry_at(subjects, 0, one, int(news[index]), self._strings, self.baseline.assets)

        return {
            "baseline.entry": lambda: EntryTexts(news, lambda index: entry(index).id),
            "baseline.entry_text": lambda: EntryTexts(news, lambda index: entry(index).text),
            "baseline.withheld": lambda: Flags(withheld),
        }

    def _inside(self, rows: Rows) -> Mask:
        if self._window is None or not rows.shape[0]:
            return np.zeros(rows.shape[0], np.bool_)
        self.begin(int(rows["first_ns"].min()))
        self.advance(int(rows["first_ns"].max()))
        return np.asarray(rows["first_ns"] < self._window.end(self._first_ns or 0))

    def _take(self, rows: Rows) -> Ints:
        """Learn rows that were not learned before; at which level rows were withheld."""
        identity = self._identity(rows)
        fresh = ~np.isin(identity, self._seen)
        withheld = np.zeros(rows.shape[0], np.int64)
        if fresh.any():
            withheld[fresh] = self._learner.learn(rows[fresh])
            # Withheld rows are to be told each time they come: they are never "seen".
            self._seen = np.union1d(self._seen, identity[fresh & (withheld == Level.NONE)])
            self._lookup = self._services = None
        return withheld

    def _identity(self, rows: Rows) -> NDArray[np.uint64]:
        """A salted 64-bit hash of what makes a behaviour this behaviour."""
        mixed = np.full(rows.shape[0], self._salt, np.uint64)
        for name in _IDENTITY:
            column = rows[name]
            bits = column.view(np.int64) if column.dtype.kind == "f" else column
            mixed ^= bits.astype(np.int64).view(np.uint64)
            # The finaliser of SplitMix64.
            mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
        return mixed

    def finish(self) -> Baseline:
        """The baseline with a note of what was learned just now."""
        if self._window is not None and self._first_ns is not None:
            note = Learned(
                self._observer,
                self._first_ns,
                max(self._first_ns, min(self._window.end(self._first_ns), self._last_ns)),
                self._learner.behaviours,
                self._learner.left_out,
            )
            if note not in self.baseline.learned:
                self.baseline.learned.append(note)
        return self.baseline
