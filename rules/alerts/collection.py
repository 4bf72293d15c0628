"""From matches to alerts: repeats become counts, and counts keep growing with their behaviours."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.alerts.alert import MOST_FRAMES, STAND_INS, Alert
from rules.alerts.tolerance import Tolerance, Tolerances
from rules.engine.matching import Match
from rules.rule import AnyRule, Correlation
from rules.table import ABSENT, Column, Occurrences, Table, codes_of, distinct

MOST_OPEN = 10_000
MOST_LINKS = 100_000
MOST_LINKED = 1_000
"""Behaviours of one table that go on counting into one alert: the latest."""
MOST_NEW = 500
"""Alerts that one rule may open for one table."""


class _Link:
    """How much of one behaviour has been counted into one alert."""

    __slots__ = ("alert", "counted")

    def __init__(self, alert: Alert, counted: int) -> None:
        self.alert = alert
        self.counted = counted


class _Burst(NamedTuple):
    """Rows of one group without a pause longer than the rule's quiet time."""

    rows: NDArray[np.intp]
    start_ns: int
    end_ns: int


class Alerts:
    """The alerts that may still grow.

    A repeat within the rule's quiet time after an alert's end grows it, a later one opens another.
    `capture` and `observer` name the source of what is added from now on; what `tolerances` say makes
    alerts quiet. All state is bounded;
    `losses` counts what was given up: `alerts_evicted` (a repeat of those opens a new alert),
    `links_evicted` (their alerts stop counting), `alerts_refused` (a rule that matched too many
    groups at once) and `alerts_not_taken` (nobody fetched them in time).
    """

    def __init__(
        self,
        capture: str | None = None,
        observer: str | None = None,
        most_open: int = MOST_OPEN,
        most_links: int = MOST_LINKS,
        most_new: int = MOST_NEW,
        clock: Callable[[], int] = time.time_ns,
        tolerances: Tolerances | None = None,
    ) -> None:
        self.tolerances = tolerances or Tolerances()
        self.capture = capture
        self.observer = observer
        self.most_open = most_open
        self.most_links = most_links
        self.most_new = most_new
        self.clock = clock
        self.losses = dict.fromkeys(
            ("alerts_evicted", "links_evicted", "alerts_refused", "alerts_not_taken"), 0
        )
        # By rule and grouping values, the one that grew last at the end.
        self._open: OrderedDict[tuple[object, ...], Alert] = OrderedDict()
        self._links: OrderedDict[int, dict[str, _Link]] = OrderedDict()
        self._changed: OrderedDict[str, Alert] = OrderedDict()

    def resume(self, alert: Alert) -> None:
        """Go on with an alert of an earlier process: a repeat within its rule's quiet time grows it.

        Where the same was found again in packets of that time, it is the alert that was told.
        """
        again = self._open.get(alert.key)
        if again is not None and again.start_ns - alert.end_ns > alert.rule.quiet_ns:
            return  # a later one
        if again is None or alert.start_ns - again.end_ns > alert.rule.quiet_ns:
            self._open[alert.key] = alert
        else:
            again.become(alert)
        self._open.move_to_end(alert.key)
        if len(self._open) > self.most_open:
            self._open.popitem(last=False)

    def replace_rules(self, rules: Iterable[AnyRule]) -> None:
        """Alerts that may still grow speak as these rules do; those of rules that are gone stop growing."""
        current = {rule.id: rule for rule in rules}
        for key, alert in list(self._open.items()):
            if alert.rule.id in current:
                alert.rule = current[alert.rule.id]
            else:
                del self._open[key]
        for links in self._links.values():
            for rule_id in [rule_id for rule_id in links if rule_id not in current]:
                del links[rule_id]

    def add(self, table: Table, matches: Iterable[Match]) -> None:
        """Take in what `matches` says about rows of `table`."""
        for match in matches:
            left = self.most_new
            for tolerance, rows in self.tolerances.split(table, match.rule, match.rows):
                left = self._add_rows(table, Match(match.rule, rows, match.group), tolerance, left)

    def _add_rows(self, table: Table, match: Match, tolerance: Tolerance | None, left: int) -> int:
        """Take in rows with one tolerance; how many of `left` alerts may still be opened."""
        mark = (tolerance.key,) if tolerance else ()
        for group, rows in _groups(table, match):
            if left <= 0 and (match.rule.id, *group, *mark) not in self._open:
                self.losses["alerts_refused"] += 1
                continue
            for burst in _bursts(table.occurrences, rows, match.rule.quiet_ns):
                opened = self._add_burst(table, match.rule, group, burst, left > 0, tolerance)
                left -= opened
        return left

    def update(self, occurrences: Occurrences) -> None:
        """Take in new counts of behaviours, of which those that matched before make alerts grow."""
        for row, key in enumerate(occurrences.keys.tolist()):
            links = self._links.get(key)
            if links is None:
                continue
            count, last_ns = int(occurrences.counts[row]), int(occurrences.last_ns[row])
            frames = occurrences.frames[row].tolist()
            for rule_id, link in list(links.items()):
                more = count - link.counted
                if more <= 0:
                    continue
                link.counted = count
                alert = link.alert
                late = last_ns - alert.end_ns > alert.rule.quiet_ns
                late = late or (alert.tolerance is not None and last_ns >= alert.tolerance.until_ns)
                if late and isinstance(alert.rule, Correlation):
                    del links[rule_id]  # one behaviour that goes on does not make a correlation
                    continue
                if late:
                    link.alert = self._repeated(alert, last_ns, more, frames)
                else:
                    alert.extend(alert.start_ns, last_ns, more, frames, self.capture)
                self._touch(link.alert)

    def watched(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these behaviours that belong to an alert: only their counts are worth an `update`."""
        return np.array([key for key in keys.tolist() if key in self._links], np.int64)

    def forget(self, keys: Iterable[int]) -> None:
        """These behaviours are no more and their keys may be used for others; their alerts stay."""
        for key in keys:
            self._links.pop(int(key), None)

    @property
    def waiting(self) -> int:
        """How many alerts `take` would give."""
        return len(self._changed)

    def take(self) -> list[dict[str, Any]]:
        """The documents of alerts that are new or have grown since this was last called.

        To be called after every batch; a document replaces an earlier one with the same event.id.
        """
        changed = sorted(self._changed.values(), key=lambda alert: (alert.start_ns, alert.id))
        self._changed.clear()
        return [alert.document() for alert in changed]

    def _add_burst(
        self,
        table: Table,
        rule: AnyRule,
        group: tuple[object, ...],
        burst: _Burst,
        may_open: bool,
        tolerance: Tolerance | None,
    ) -> bool:
        """Whether an alert was opened."""
        occurrences, rows = table.occurrences, burst.rows
        alert = self._open.get((rule.id, *group, *((tolerance.key,) if tolerance else ())))
        opens = alert is None or burst.start_ns - alert.end_ns > rule.quiet_ns
        if opens and not may_open:
            self.losses["alerts_refused"] += 1
            return False
        frames = (
            occurrences.frames[rows[:MOST_FRAMES]].ravel().tolist() + occurrences.frames[rows[-1]].tolist()
        )
        if opens:
            alert = Alert(
                rule,
                group,
                table.document(int(rows[0])),
                burst.start_ns,
                burst.end_ns,
                0,
                frames,
                self.capture,
                self.observer,
                self.clock(),
                table.category,
                tolerance,
            )
        assert alert is not None
        more = self._link(alert, occurrences.keys[rows].tolist(), occurrences.counts[rows].tolist())
        if not opens and more == 0:
            return False
        alert.extend(burst.start_ns, burst.end_ns, more, frames, self.capture)
        if opens and tolerance:
            self.tolerances.counts[tolerance.id] += 1
        self._touch(alert)
        return opens

    def _link(self, alert: Alert, keys: list[int], counts: list[int]) -> int:
        """Remember that these behaviours belong to the alert; how many messages are newly counted."""
        more = 0
        if len(keys) > MOST_LINKED:
            self.losses["links_evicted"] += len(keys) - MOST_LINKED
            more = sum(counts[:-MOST_LINKED])
            keys, counts = keys[-MOST_LINKED:], counts[-MOST_LINKED:]
        for key, count in zip(keys, counts, strict=True):
            if key < 0:
                more += count
                continue
            links = self._links.setdefault(key, {})
            link = links.get(alert.rule.id)
            if link is None:
                links[alert.rule.id] = _Link(alert, count)
                more += count
            else:
                more += max(count - link.counted, 0)
                link.alert, link.counted = alert, max(count, link.counted)
        while len(self._links) > self.most_links:
            self._links.popitem(last=False)
            self.losses["links_evicted"] += 1
        return more

    def _repeated(self, alert: Alert, start_ns: int, count: int, frames: list[int]) -> Alert:
        """The alert again after its quiet time; a sibling behaviour may have opened it already."""
        last = [frame for frame in frames if frame][-1:]
        tolerance = self.tolerances.at(alert.rule, alert.fields, alert.category, start_ns)
        again = Alert(
            alert.rule,
            alert.group,
            alert.fields,
            start_ns,
            start_ns,
            count,
            last,
            self.capture,
            self.observer,
            self.clock(),
            alert.category,
            tolerance,
        )
        current = self._open.get(again.key)
        if current is not None and start_ns - current.end_ns <= alert.rule.quiet_ns:
            current.extend(start_ns, start_ns, count, last, self.capture)
            return current
        if tolerance:
            self.tolerances.counts[tolerance.id] += 1
        return again

    def _touch(self, alert: Alert) -> None:
        key = alert.key
        self._open[key] = alert
        self._open.move_to_end(key)
        self._changed[alert.id] = alert
        if len(self._open) > self.most_open:
            self._open.popitem(last=False)
            self.losses["alerts_evicted"] += 1
        if len(self._changed) > 2 * self.most_open:
            self._changed.popitem(last=False)
            self.losses["alerts_not_taken"] += 1


def _groups(table: Table, match: Match) -> Iterator[tuple[tuple[object, ...], NDArray[np.intp]]]:
    """The grouping values and the rows of each group, groups and rows in the order of time."""
    rows = match.rows[np.argsort(table.occurrences.first_ns[match.rows], kind="stable")]
    if match.group is not None:
        yield match.group, rows
        return
    columns = [(table.column(name), table.column(STAND_INS.get(name, ""))) for name in match.rule.group_by]
    if rows.size == 1:  # the usual case
        yield tuple(_value(column, other, int(rows[0])) for column, other in columns), rows
        return
    codes = [_codes(table, name, rows) for name in match.rule.group_by]
    first, group = distinct(codes)
    ends = np.cumsum(np.bincount(group)).tolist()
    members = rows[np.argsort(group, kind="stable")]
    for index in sorted(range(len(first)), key=first.__getitem__):
        mine = members[ends[index - 1] if index else 0 : ends[index]]
        yield tuple(_value(column, other, int(mine[0])) for column, other in columns), mine


def _value(column: Column | None, stand_in: Column | None, row: int) -> object:
    found = None if column is None else column.value(row)
    return stand_in.value(row) if found is None and stand_in is not None else found


def _codes(table: Table, name: str, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Numbers that are equal where the field is, and ABSENT where it and its stand-in are absent."""
    result = codes_of(table, name, rows)
    if name in STAND_INS and (result < 0).any():
        other = codes_of(table, STAND_INS[name], rows)
        result = np.where(result < 0, np.where(other < 0, ABSENT, -2 - other), result)
    return result


def _bursts(occurrences: Occurrences, rows: NDArray[np.intp], quiet_ns: int) -> Iterator[_Burst]:
    if rows.size == 1:  # the usual case, and that of an attack from ever new addresses
        yield _Burst(rows, int(occurrences.first_ns[rows[0]]), int(occurrences.last_ns[rows[0]]))
        return
    starts = occurrences.first_ns[rows]
    ends = np.maximum.accumulate(occurrences.last_ns[rows])
    breaks = np.flatnonzero(starts[1:] - ends[:-1] > quiet_ns) + 1
    for part in np.split(np.arange(rows.size), breaks):
        yield _Burst(rows[part], int(starts[part[0]]), int(occurrences.last_ns[rows[part]].max()))
