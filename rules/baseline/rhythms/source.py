"""Rhythms as rules see them: what the sensor's kernel noticed, and which channels fell silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.baseline.entries import Entry
from rules.baseline.rhythms.learning import beats, behaviours_of, channels, learn, set_limits
from rules.baseline.rhythms.model import Beat, Rhythm, limits_of
from rules.baseline.rhythms.silence import Silence, Silent
from rules.baseline.stage import BaselineStage
from rules.baseline.subjects import Directory
from rules.documents import table_of, timestamp
from rules.ends import Plant
from rules.enrich import LazyColumns, behaviour_table
from rules.fields import FIELDS
from rules.table import ABSENT, Column, Flags, Numbers, Table, Texts, texts
from sensor.observer import Step
from sensor.protocols.protocol import NAMES
from sensor.rhythm.measure import Metronome
from sensor.rhythm.table import (
    BEGUN,
    CHANNEL,
    INTERVAL,
    ORPHAN,
    RATE,
    UNANSWERED,
    VOLUME,
    unpack,
)
from sensor.strings import Strings
from sensor.types import Ints, Rows

MOST_ROWS = 4096
"""Silent conversations told at the end of one epoch."""

_ENDS = ("source.", "destination.", "network.", "schedule.", "conduit.")
_CHANNEL = ("ics.operation", "ics.function", "ics.function_code", "ics.subfunction_code", "ics.unit")


class _Finding(NamedTuple):
    """Findings as behaviours, and which of them name who asked, and what was asked."""

    columns: Mapping[str, Column]
    has_source: NDArray[np.bool_]
    has_function: NDArray[np.bool_]


def _kept(name: str, finding: _Finding) -> Column | None:
    """A column of behaviours as far as findings have it."""
    column: Column | None = finding.columns.get(name)
    if column is None:
        return None
    if name.startswith("source."):
        return _where(column, finding.has_source)
    return _where(column, finding.has_function) if name in _CHANNEL else column


_KEPT: dict[str, Callable[[_Finding], Column | None]] = {
    name: partial(_kept, name) for name in FIELDS if name.startswith(_ENDS) or name in _CHANNEL
}


def _given(column: Column) -> Column:
    return column


class RhythmSource:
    """Learns rhythms while the window of `stage` is open, and then tells what departs from them.

    Floods, and what is left unanswered, are told without a baseline, too.
    """

    def __init__(self, stage: BaselineStage, directory: Directory, strings: Strings, plant: Plant) -> None:
        self.metronome = Metronome()
        self.left_out = 0
        """Channels for which the baseline had no room."""
        self._stage = stage
        self._directory = directory
        self._strings = strings
        self._plant = plant
        self._silence: Silence | None = None
        self._begun = 0
        self._known: Ints = np.zeros_like(self.metronome.table.hashes)
        self._rhythms: dict[int, tuple[Beat, Rhythm]] = {}
        self._start_ns: int | None = None
        self._now_ns = 0

    @property
    def losses(self) -> dict[str, int]:
        """What was given up for room, zeros included."""
        return {**self.metronome.losses, "rhythms_not_learned": self.left_out}

    def finish(self) -> None:
        """The last capture has ended: what was learned until now is the baseline's."""
        if self._silence is None and self._stage.learns:
            self._learn()

    def _learn(self) -> None:
        self.left_out += learn(self._stage.baseline, self.metronome.table, self._directory, self._now_ns)

    def tables(self, step: Step) -> Iterator[Table]:
        """What the epoch brought."""
        if self._start_ns is None:
            self._start_ns = step.now_ns
        if self._silence is None and self._stage.is_news(step.now_ns):
            if self._stage.learns:
                self._learn()
            self._silence = Silence(self._stage.baseline.rhythms.items(), self._start_ns)
        self._now_ns = step.now_ns
        if self._silence is not None:
            self._compare(self._silence)
        yield from self._noticed()
        if self._silence is not None:
            silent = self._silence.judge(self.metronome.table.rows, step.now_ns)[:MOST_ROWS]
            yield from self._silent(silent, step.now_ns)

    def _compare(self, silence: Silence) -> None:
        """Have channels that are new in this run compared with what was learned of them."""
        table = self.metronome.table
        if int(table.used[BEGUN]) == self._begun:
            return
        self._begun = int(table.used[BEGUN])
        places = channels(table, np.flatnonzero(table.hashes != self._known))
        self._known = table.hashes.copy()
        if not len(places) or not self._stage.baseline.rhythms:
            return
        for place, beat in beats(table, places, self._directory):
            rhythm = self._stage.baseline.rhythms.get(beat)
            if rhythm is not None:
                set_limits(table, place, limits_of(rhythm))
                self._rhythms[place] = beat, rhythm
                silence.seen_at(beat, place)

    def _noticed(self) -> Iterator[Table]:
        """A table for each kind of finding."""
        found = self.metronome.findings()
        if not len(found):
            return
        for what in np.unique(found["what"]).tolist():
            rows = found[found["what"] == what]
            number = Numbers(rows["number"], np.ones(len(rows), np.bool_))
            if what == UNANSWERED:
                yield self._table(
                    rows, {"ics.unanswered": _true(rows), "traffic.messages": number}, "ics.unanswered"
                )
            elif what == ORPHAN:
                yield self._table(rows, {"ics.orphan": _true(rows), "traffic.messages": number}, "ics.orphan")
            elif what == RATE:
                yield self._table(
                    rows,
                    {
                        "traffic.per_minute": number,
                        "traffic.times_usual": _times(rows["number"], rows["usual"]),
                    },
                    "traffic.per_minute",
                )
            elif what == INTERVAL:
                yield self._table(rows, self._intervals(rows), "baseline.interval_off")
            elif what == VOLUME:
                yield self._table(rows, self._volumes(rows), "baseline.volume_outside")

    def _intervals(self, rows: Rows) -> dict[str, Column]:
        every = [known[1].every_ns if known else 0 for known in self._of(rows)]
        return {
            **_entries(known and known[0] for known in self._of(rows)),
            "baseline.interval_off": _true(rows),
            "baseline.interval_s": _seconds(rows["interval_ns"]),
            "baseline.learned_interval_s": _seconds(np.array(every, np.int64)),
        }

    def _volumes(self, rows: Rows) -> dict[str, Column]:
        usual = [
            (known[1].per_ten if span == 10 else known[1].per_minute) if known else -1
            for known, span in zip(self._of(rows), rows["usual"].tolist(), strict=True)
        ]
        per_minute = rows["number"] * (60 // np.maximum(rows["usual"], 10))
        return {
            **_entries(known and known[0] for known in self._of(rows)),
            "baseline.volume_outside": _true(rows),
            "traffic.messages": Numbers(rows["number"], np.ones(len(rows), np.bool_)),
            "traffic.per_minute": Numbers(per_minute, np.ones(len(rows), np.bool_)),
            "traffic.times_usual": _times(rows["number"], np.array(usual, np.int64)),
        }

    def _of(self, rows: Rows) -> list[tuple[Beat, Rhythm] | None]:
        return [self._rhythms.get(place) for place in rows["place"].tolist()]

    def _silent(self, silent: Sequence[Silent], now_ns: int) -> Iterator[Table]:
        seen = [item for item in silent if item.place >= 0]
        if seen:
            rows = self.metronome.table.rows[[item.place for item in seen]]
            yield self._table(rows, _silent_columns(seen, now_ns), "baseline.silent", now_ns)
        documents = [
            {
                "source.ip": item.beat.conversation.client,
                "destination.ip": item.beat.conversation.server,
                "network.protocol": NAMES.get(item.beat.conversation.protocol, ""),
                "baseline.learned": True,
                "@timestamp": timestamp(now_ns),
            }
            for item in silent
            if item.place < 0
        ]
        if documents:
            unseen = [item for item in silent if item.place < 0]
            table = table_of(documents, "behaviour")
            columns = {**table.columns, **_silent_columns(unseen, now_ns)}
            about = frozenset({"baseline.silent"})
            yield Table("behaviour", len(unseen), columns, table.occurrences, about)

    def _table(self, rows: Rows, extra: dict[str, Column], about: str, now_ns: int | None = None) -> Table:
        """Findings as behaviours of which rules that ask about `about` shall hear."""
        as_behaviours = behaviours_of(rows)
        full = behaviour_table(as_behaviours, self._strings, self._plant)
        finding = _Finding(
            full.columns,
            # A flood that comes from everywhere comes from nobody.
            unpack(rows["ends"])[0] > 0,
            (rows["kinds"] >> 48 == CHANNEL) | (as_behaviours["function"] >= 0),
        )
        extra |= {"baseline.learned": Flags(np.full(len(rows), self._silence is not None))}
        columns = LazyColumns(_KEPT, finding, {name: partial(_given, extra[name]) for name in extra})
        occurrences = full.occurrences
        if now_ns is None:
            occurrences.first_ns = as_behaviours["last_ns"].copy()
        else:
            occurrences.first_ns = np.full(len(rows), now_ns, np.int64)
        occurrences.last_ns = occurrences.first_ns.copy()
        return Table("behaviour", len(rows), columns, occurrences, frozenset({about}))


def _silent_columns(silent: Sequence[Silent], now_ns: int) -> dict[str, Column]:
    present = np.ones(len(silent), np.bool_)
    return {
        **_entries(item.beat for item in silent),
        "baseline.silent": Flags(present),
        "baseline.interval_s": _seconds(np.array([now_ns - item.since_ns for item in silent], np.int64)),
        "baseline.learned_interval_s": _seconds(np.array([item.every_ns for item in silent], np.int64)),
        "baseline.silent_servers": Numbers(np.array([item.servers for item in silent], np.int64), present),
    }


def _entries(beats_of_rows: Iterable[Beat | None]) -> dict[str, Column]:
    """What to forget for this not to be told again."""
    found = [Entry(beat=beat) if beat else None for beat in beats_of_rows]
    return {
        "baseline.entry": texts(entry.id if entry else None for entry in found),
        "baseline.entry_text": texts(entry.text if entry else None for entry in found),
    }


def _true(rows: Rows) -> Flags:
    return Flags(np.ones(len(rows), np.bool_))


def _seconds(nanoseconds: Ints) -> Numbers:
    return Numbers(np.round(nanoseconds / 1e9, 3), nanoseconds > 0)


def _times(numbers: Ints, usual: Ints) -> Numbers:
    return Numbers(np.round(numbers / np.maximum(usual, 1), 1), usual >= 0)


def _where(column: Column, present: NDArray[np.bool_]) -> Column:
    """The column, absent where `present` is false."""
    if isinstance(column, Texts):
        return Texts(np.where(present, column.codes, ABSENT), column.values)
    if isinstance(column, Numbers):
        return Numbers(column.values, column.present & present)
    return Flags(column.values, column.present & present)
