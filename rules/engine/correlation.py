"""Sigma 2 correlations: how often, how many different, or in which order rules match.

Time is packet time, so that a replay gives what live gave. Rules match behaviours, not messages: a
behaviour of many messages between two moments counts as spread evenly over them, which never makes
more of a window than its busiest part holds. A behaviour that goes on counts on (see `update`).

The rows of one group are looked at one after the other. Where a table brings very many of them, as a
scan or a flood does, they are taken in slices of a quarter of the timespan, and the correlation is
asked for at the end of each: what fits in three quarters of the timespan is never missed.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.documents import table_of
from rules.engine.matching import Match
from rules.fields import Category
from rules.rule import AnyRule, Correlation
from rules.table import ABSENT, Occurrences, Table, codes_of, distinct

MOST_GROUPS = 10_000
MOST_NEW_GROUPS = 256
"""Groups of one correlation that one table may touch: those with the most rows, then the first."""
MOST_EVENTS = 4_096
MOST_LINKS = 100_000
FEW = 64
"""Up to so many rows of one group are looked at one by one."""
FRESH = 16
"""Part of the timespan in which a value that is seen again is not noted again."""
MOST_LINKED = 256
"""Behaviours of one slice whose repeats are counted: the latest. A flood does not repeat its own."""


@dataclass(slots=True)
class _Event:
    """Messages that count together: of one behaviour, with one value, or of one rule."""

    start_ns: int
    end_ns: int
    count: int

    def within(self, from_ns: int) -> float:
        """How many of them happened since then, if they were spread evenly."""
        if self.start_ns >= from_ns:
            return self.count
        return self.count * (self.end_ns - from_ns) / (self.end_ns - self.start_ns)


@dataclass(slots=True)
class _Group:
    """The events of one correlation with one set of grouping values, the latest at the end."""

    events: OrderedDict[object, _Event] = field(default_factory=OrderedDict)
    total: int = 0
    """Messages of all events."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Of the first matched row, for an alert that no new row causes."""

    def put(self, token: object, event: _Event) -> None:
        known = self.events.get(token)
        if known is None:
            self.events[token] = event
        else:
            known.start_ns = min(known.start_ns, event.start_ns)
            known.end_ns = max(known.end_ns, event.end_ns)
            known.count += event.count
            self.events.move_to_end(token)
        self.total += event.count

    def drop_oldest(self) -> None:
        self.total -= self.events.popitem(last=False)[1].count


class _Link(NamedTuple):
    correlation: Correlation
    group: tuple[object, ...]
    token: object
    category: Category


class _Rows(NamedTuple):
    """Rows of a table that belong to one group, in the order of their last messages, and of each which
    of the correlation's rules it matched."""

    rows: NDArray[np.intp]
    bases: NDArray[np.intp]


class Correlator:
    """The correlations among `rules`, and what they remember.

    `losses` counts what was given up for room: `correlation_groups_evicted`,
    `correlation_groups_refused` (of one table), `correlation_events_evicted` and
    `correlation_links_evicted`.
    """

    def __init__(
        self, rules: Iterable[AnyRule], most_groups: int = MOST_GROUPS, most_events: int = MOST_EVENTS
    ) -> None:
        self.correlations = [rule for rule in rules if isinstance(rule, Correlation) and rule.is_active]
        self.most_groups = most_groups
        self.most_events = most_events
        self.losses = dict.fromkeys(
            (
                "correlation_groups_evicted",
                "correlation_groups_refused",
                "correlation_events_evicted",
                "correlation_links_evicted",
            ),
            0,
        )
        self._of: dict[str, list[Correlation]] = defaultdict(list)
        for rule in self.correlations:
            for base in dict.fromkeys(rule.rules):
                self._of[base].append(rule)
        # A rule that is only there to be correlated makes no alerts: Sigma, `generate`.
        self._silent = {base for base, rules in self._of.items() if not any(rule.generate for rule in rules)}
        self._groups: OrderedDict[tuple[object, ...], _Group] = OrderedDict()
        self._links: OrderedDict[int, dict[_Link, int]] = OrderedDict()  # link to messages counted
        self._serial = 0

    def add(self, table: Table, matches: Iterable[Match]) -> list[Match]:
        """What is to be alerted: matches of rules that make alerts, and of correlations.

        A correlation matches the rows that complete it and the earlier ones of the same table that
        belong to it, each group by itself.
        """
        matches = list(matches)
        matched = {match.rule.id: match.rows for match in matches if match.rule.id in self._of}
        if not matched:
            return matches
        result = [match for match in matches if match.rule.id not in self._silent]
        concerned = dict.fromkeys(rule for base in matched for rule in self._of[base])
        taken = _Taken(table)
        for correlation in concerned:
            bases = [base for base in dict.fromkeys(correlation.rules) if base in matched]
            for values, group in self._grouped(correlation, bases, matched, table):
                rows = self._take(correlation, values, group, bases, taken)
                if rows.size:
                    result.append(Match(correlation, rows, values))
        return result

    def _grouped(
        self, correlation: Correlation, bases: list[str], matched: dict[str, NDArray[np.intp]], table: Table
    ) -> Iterator[tuple[tuple[object, ...], _Rows]]:
        """The grouping values and rows of each group that is complete; those with most rows first."""
        rows = matched[bases[0]] if len(bases) == 1 else np.concatenate([matched[base] for base in bases])
        if rows.size == 1:  # the usual case
            names = (correlation.field_of(name, bases[0]) for name in correlation.group_by)
            values = tuple(table.value(name, int(rows[0])) for name in names)
            if None not in values:
                yield values, _Rows(rows, np.zeros(1, np.intp))
            return
        which = np.repeat(np.arange(len(bases)), [matched[base].size for base in bases])
        all_rows = _Rows(rows, which)
        columns = [_codes(correlation, name, all_rows, bases, table) for name in correlation.group_by]
        known = (
            np.all([codes != ABSENT for codes in columns], axis=0) if columns else np.ones(rows.size, bool)
        )
        order = np.argsort(table.occurrences.last_ns[rows[known]], kind="stable")
        rows, which = rows[known][order], which[known][order]
        if not rows.size:
            return
        first, places = distinct([codes[known][order] for codes in columns])
        sizes = np.bincount(places)
        chosen = np.lexsort((np.array(first), -sizes))
        self.losses["correlation_groups_refused"] += max(0, len(chosen) - MOST_NEW_GROUPS)
        ends = np.cumsum(sizes)
        members = np.argsort(places, kind="stable")
        for place in sorted(chosen[:MOST_NEW_GROUPS].tolist(), key=first.__getitem__):
            mine = members[ends[place] - sizes[place] : ends[place]]
            base = bases[int(which[mine[0]])]
            names = (correlation.field_of(name, base) for name in correlation.group_by)
            yield (
                tuple(table.value(name, int(rows[mine[0]])) for name in names),
                _Rows(rows[mine], which[mine]),
            )

    def _take(
        self,
        correlation: Correlation,
        values: tuple[object, ...],
        group: _Rows,
        bases: list[str],
        taken: _Taken,
    ) -> NDArray[np.intp]:
        """Take the rows of a group in; those that are part of a complete correlation, ascending."""
        table, last_ns = taken.table, taken.table.occurrences.last_ns
        state = self._group(correlation, values)
        if not state.fields:
            state.fields = taken.document(int(group.rows[0]))
        found: list[NDArray[np.intp]] = []
        start = 0
        times = last_ns[group.rows]
        for end in _slices(times, correlation.timespan_ns):
            part = _Rows(group.rows[start:end], group.bases[start:end])
            self._put(correlation, values, state, part, bases, table)
            now = int(times[end - 1])
            if _complete(correlation, state, now):
                since = np.searchsorted(times[:end], now - correlation.timespan_ns)
                found.append(group.rows[since:end])
            start = end
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)

    def _put(
        self,
        correlation: Correlation,
        values: tuple[object, ...],
        state: _Group,
        part: _Rows,
        bases: list[str],
        table: Table,
    ) -> None:
        """Count these rows into a group: one by one, or many as few events."""
        occurrences = table.occurrences
        most = self.most_events
        if correlation.kind == "value_count":
            # Of more values than are asked for, the latest tell as much as all.
            most = min(most, correlation.threshold)
            part = _latest_values(correlation, part, bases, table)
        elif part.rows.size > FEW:
            self._put_many(correlation, state, part, bases, occurrences)
            if correlation.kind == "event_count":
                self._link_latest(correlation, values, part, table)
            return
        for row, base in zip(part.rows.tolist(), part.bases.tolist(), strict=True):
            key, count = int(occurrences.keys[row]), int(occurrences.counts[row])
            token = self._token(correlation, table, row, bases[base])
            more = self._remember(key, _Link(correlation, values, token, table.category), count)
            if more:
                state.put(token, _Event(int(occurrences.first_ns[row]), int(occurrences.last_ns[row]), more))
        while len(state.events) > most:
            state.drop_oldest()
            if correlation.kind != "value_count" or most < correlation.threshold:
                self.losses["correlation_events_evicted"] += 1

    def _put_many(
        self, correlation: Correlation, state: _Group, part: _Rows, bases: list[str], occurrences: Occurrences
    ) -> None:
        """All rows of a slice as one event, or as one for each of the rules."""
        for base in range(len(bases)) if correlation.kind != "event_count" else (None,):
            rows = part.rows if base is None else part.rows[part.bases == base]
            if rows.size:
                self._serial += 1
                state.put(
                    ("slice", self._serial) if base is None else bases[base],
                    _Event(
                        int(occurrences.first_ns[rows].min()),
                        int(occurrences.last_ns[rows].max()),
                        int(occurrences.counts[rows].sum()),
                    ),
                )

    def _link_latest(
        self, correlation: Correlation, values: tuple[object, ...], part: _Rows, table: Table
    ) -> None:
        """What goes on of the latest behaviours of a slice that was counted as a whole counts on."""
        for row in part.rows[-MOST_LINKED:].tolist():
            key = int(table.occurrences.keys[row])
            link = _Link(correlation, values, ("behaviour", key), table.category)
            self._remember(key, link, int(table.occurrences.counts[row]))

    def update(self, occurrences: Occurrences) -> list[tuple[Table, list[Match]]]:
        """Take in new counts of behaviours; correlations that they complete, each with a table."""
        result = []
        keys, counts, times = (
            column.tolist() for column in (occurrences.keys, occurrences.counts, occurrences.last_ns)
        )
        for row in np.argsort(occurrences.last_ns, kind="stable").tolist():
            key, count, end_ns = keys[row], counts[row], times[row]
            links = self._links.get(key, {})
            for link, counted in links.items():
                more = count - counted
                if more <= 0:
                    continue
                links[link] = count
                group = self._groups.get((link.correlation.id, *link.group))
                if group is None:
                    continue
                known = group.events.get(link.token)
                if (
                    known is not None
                    and link.correlation.kind == "value_count"
                    and end_ns - known.end_ns < link.correlation.timespan_ns // FRESH
                ):
                    continue  # a value that was seen just now makes none more
                start_ns = known.start_ns if known else end_ns
                group.put(link.token, _Event(start_ns, end_ns, more))
                if len(group.events) > self.most_events:
                    group.drop_oldest()
                    self.losses["correlation_events_evicted"] += 1
                if _complete(link.correlation, group, end_ns):
                    table = table_of([group.fields], link.category)
                    table.occurrences.keys[0], table.occurrences.counts[0] = key, count
                    table.occurrences.first_ns[0] = table.occurrences.last_ns[0] = end_ns
                    table.occurrences.frames[0, 0] = occurrences.frames[row].max()
                    result.append((table, [Match(link.correlation, np.zeros(1, np.intp), link.group)]))
        return result

    def watched(self, keys: Iterable[int]) -> list[int]:
        """Those of these behaviours whose counts matter to a correlation."""
        return [key for key in keys if key in self._links]

    def forget(self, keys: Iterable[int]) -> None:
        """These behaviours are no more and their keys may be used for others."""
        for key in keys:
            self._links.pop(int(key), None)

    def _token(self, correlation: Correlation, table: Table, row: int, base: str) -> object:
        """What makes events the same."""
        if correlation.kind == "value_count":
            return table.value(correlation.field_of(correlation.field, base), row)
        if correlation.kind != "event_count":
            return base
        self._serial += 1
        key = int(table.occurrences.keys[row])
        return ("behaviour", key) if key >= 0 else ("row", self._serial)

    def _group(self, correlation: Correlation, values: tuple[object, ...]) -> _Group:
        key = (correlation.id, *values)
        group = self._groups.setdefault(key, _Group())
        self._groups.move_to_end(key)
        if len(self._groups) > self.most_groups:
            self._groups.popitem(last=False)
            self.losses["correlation_groups_evicted"] += 1
        return group

    def _remember(self, key: int, link: _Link, count: int) -> int:
        """Note that a behaviour counts there; how many of its messages were not counted yet."""
        if key < 0:
            return count
        links = self._links.setdefault(key, {})
        counted = links.get(link, 0)
        links[link] = max(count, counted)
        if len(self._links) > MOST_LINKS:
            self._links.popitem(last=False)
            self.losses["correlation_links_evicted"] += 1
        return max(count - counted, 0)


class _Taken:
    """A table, and what was already written out of it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._documents: dict[int, dict[str, Any]] = {}

    def document(self, row: int) -> dict[str, Any]:
        known = self._documents.get(row)
        if known is None:
            known = self._documents[row] = self.table.document(row)
        return known


def _codes(
    correlation: Correlation, name: str, part: _Rows, bases: list[str], table: Table
) -> NDArray[np.int64]:
    """Numbers that are equal where what `name` stands for is; ABSENT where it is not there."""
    fields = [correlation.field_of(name, base) for base in bases]
    if len(set(fields)) == 1:
        return codes_of(table, fields[0], part.rows)
    # Columns of different fields number their values each in its own way.
    known: dict[object, int] = {None: ABSENT}
    pairs = zip(part.rows.tolist(), part.bases.tolist(), strict=True)
    values = (table.value(fields[base], row) for row, base in pairs)
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def _slices(times: NDArray[np.int64], timespan_ns: int) -> Iterable[int]:
    """Where slices of rows in the order of time end."""
    if times.size <= FEW:
        return range(1, times.size + 1)
    slots = (times - times[0]) // max(1, timespan_ns // 4)
    return [*(np.flatnonzero(np.diff(slots)) + 1).tolist(), times.size]


def _latest_values(correlation: Correlation, part: _Rows, bases: list[str], table: Table) -> _Rows:
    """For each distinct value the last row that has it; no more than are asked for, the latest ones."""
    if part.rows.size <= FEW:
        fields = [correlation.field_of(correlation.field, base) for base in bases]
        pairs = zip(part.rows.tolist(), part.bases.tolist(), strict=True)
        named = np.array([table.value(fields[base], row) is not None for row, base in pairs], np.bool_)
        return _Rows(part.rows[named], part.bases[named])
    codes = _codes(correlation, correlation.field, part, bases, table)
    there = np.flatnonzero(codes != ABSENT)
    _, backwards = np.unique(codes[there][::-1], return_index=True)
    kept = np.sort(there[there.size - 1 - backwards])[-max(1, correlation.threshold) :]
    return _Rows(part.rows[kept], part.bases[kept])


def _complete(correlation: Correlation, group: _Group, now_ns: int) -> bool:
    """Whether the events of the last timespan fulfil the correlation; older ones are dropped."""
    since = now_ns - correlation.timespan_ns
    events = group.events
    while events and next(iter(events.values())).end_ns < since:
        group.drop_oldest()
    if correlation.kind == "event_count":
        if group.total < correlation.threshold:
            return False
        recent = (event for event in events.values() if event.end_ns >= since)
        return sum(event.within(since) for event in recent) >= correlation.threshold
    if correlation.kind == "value_count":
        return len(events) >= correlation.threshold
    if any(rule not in events or events[rule].end_ns < since for rule in correlation.rules):
        return False
    return correlation.kind == "temporal" or _ordered(correlation, events, since)


def _ordered(correlation: Correlation, events: OrderedDict[object, _Event], since_ns: int) -> bool:
    """Whether the rules can have matched in their order, by the first and last time of each."""
    now = since_ns
    for rule in correlation.rules:
        times = (events[rule].start_ns, events[rule].end_ns)
        later = [time for time in times if time >= now]
        if not later:
            return False
        now = min(later)
    return True
