"""Sigma 2 correlations: how often, how many different values, or in which order rules match.

Time is packet time, so that a replay gives what live gave. Rules match behaviours, not messages: a
behaviour of many messages between two moments counts as spread evenly over them, which never makes
more of a window than its busiest part holds. A behaviour that goes on counts on (see `update`).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from rules.documents import table_of
from rules.engine.matching import Match
from rules.fields import Category
from rules.rule import AnyRule, Correlation
from rules.table import Occurrences, Table

MOST_GROUPS = 10_000
MOST_EVENTS = 4_096
MOST_LINKS = 100_000


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
    fields: dict[str, Any] = field(default_factory=dict)
    """Of the first matched row, for an alert that no new row causes."""


class _Link(NamedTuple):
    correlation: Correlation
    group: tuple[object, ...]
    token: object
    category: Category


class Correlator:
    """The correlations among `rules`, and what they remember.

    `losses` counts what was given up for room: `correlation_groups_evicted`,
    `correlation_events_evicted` and `correlation_links_evicted`.
    """

    def __init__(
        self, rules: Iterable[AnyRule], most_groups: int = MOST_GROUPS, most_events: int = MOST_EVENTS
    ) -> None:
        self.correlations = [rule for rule in rules if isinstance(rule, Correlation) and rule.is_active]
        self.most_groups = most_groups
        self.most_events = most_events
        self.losses = dict.fromkeys(
            ("correlation_groups_evicted", "correlation_events_evicted", "correlation_links_evicted"), 0
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
        belong to it.
        """
        matches = list(matches)
        if not self.correlations:
            return matches
        result = [match for match in matches if match.rule.id not in self._silent]
        found: dict[str, set[int]] = defaultdict(set)
        seen: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)
        occurrences = table.occurrences
        for row, match in _in_order(occurrences, matches):
            for correlation in self._of.get(match.rule.id, ()):
                values = tuple(table.value(name, row) for name in correlation.group_by)
                if any(value is None for value in values):
                    continue
                end_ns = int(occurrences.last_ns[row])
                token = self._token(correlation, table, row, match.rule.id)
                if token is None:
                    continue
                group = self._group(correlation, values)
                link = _Link(correlation, values, token, table.category)
                more = self._remember(int(occurrences.keys[row]), link, int(occurrences.counts[row]))
                if more:
                    self._put(group, token, _Event(int(occurrences.first_ns[row]), end_ns, more))
                if not group.fields:
                    group.fields = table.document(row)
                rows = seen[(correlation.id, *values)]
                rows.append((row, end_ns))
                if _complete(correlation, group, end_ns):
                    since = end_ns - correlation.timespan_ns
                    found[correlation.id].update(row for row, time in rows if time >= since)
                    rows.clear()
        for correlation in self.correlations:
            if correlation.id in found:
                result.append(Match(correlation, np.array(sorted(found[correlation.id]), np.intp)))
        return result

    def update(self, occurrences: Occurrences) -> list[tuple[Table, list[Match]]]:
        """Take in new counts of behaviours; correlations that they complete, each with a table."""
        result = []
        for row, key in enumerate(occurrences.keys.tolist()):
            links = self._links.get(key, {})
            count, end_ns = int(occurrences.counts[row]), int(occurrences.last_ns[row])
            for link, counted in links.items():
                more = count - counted
                if more <= 0:
                    continue
                links[link] = count
                group = self._groups.get((link.correlation.id, *link.group))
                if group is None:
                    continue
                event = group.events.get(link.token)
                if event is None:
                    self._put(group, link.token, _Event(end_ns, end_ns, more))
                else:
                    event.end_ns = max(event.end_ns, end_ns)
                    event.count += more
                    group.events.move_to_end(link.token)
                if _complete(link.correlation, group, end_ns):
                    table = table_of([group.fields], link.category)
                    table.occurrences.keys[0], table.occurrences.counts[0] = key, count
                    table.occurrences.first_ns[0] = table.occurrences.last_ns[0] = end_ns
                    table.occurrences.frames[0, 0] = occurrences.frames[row].max()
                    result.append((table, [Match(link.correlation, np.zeros(1, np.intp))]))
        return result

    def watched(self, keys: Iterable[int]) -> list[int]:
        """Those of these behaviours whose counts matter to a correlation."""
        return [key for key in keys if key in self._links]

    def forget(self, keys: Iterable[int]) -> None:
        """These behaviours are no more and their keys may be used for others."""
        for key in keys:
            self._links.pop(int(key), None)

    def _token(self, correlation: Correlation, table: Table, row: int, base: str) -> object:
        """What makes events the same; None where a value that is to be counted is absent."""
        if correlation.kind == "value_count":
            return table.value(correlation.field, row)
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

    def _put(self, group: _Group, token: object, event: _Event) -> None:
        known = group.events.get(token)
        if known is None:
            group.events[token] = event
        else:
            known.start_ns = min(known.start_ns, event.start_ns)
            known.end_ns = max(known.end_ns, event.end_ns)
            known.count += event.count
            group.events.move_to_end(token)
        if len(group.events) > self.most_events:
            group.events.popitem(last=False)
            self.losses["correlation_events_evicted"] += 1

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


def _in_order(occurrences: Occurrences, matches: Iterable[Match]) -> Iterator[tuple[int, Match]]:
    """Every matched row with its match, in the order of time."""
    pairs = [(int(row), match) for match in matches for row in match.rows]
    pairs.sort(key=lambda pair: int(occurrences.first_ns[pair[0]]))
    yield from pairs


def _complete(correlation: Correlation, group: _Group, now_ns: int) -> bool:
    """Whether the events of the last timespan fulfil the correlation; older ones are dropped."""
    since = now_ns - correlation.timespan_ns
    events = group.events
    while events:
        token, event = next(iter(events.items()))
        if event.end_ns >= since:
            break
        del events[token]
    recent = {token: event for token, event in events.items() if event.end_ns >= since}
    if correlation.kind == "event_count":
        return sum(event.within(since) for event in recent.values()) >= correlation.threshold
    if correlation.kind == "value_count":
        return len(recent) >= correlation.threshold
    if any(rule not in recent for rule in correlation.rules):
        return False
    return correlation.kind == "temporal" or _ordered(correlation, recent, since)


def _ordered(correlation: Correlation, events: dict[object, _Event], since_ns: int) -> bool:
    """Whether the rules can have matched in their order, by the first and last time of each."""
    now = since_ns
    for rule in correlation.rules:
        times = (events[rule].start_ns, events[rule].end_ns)
        later = [time for time in times if time >= now]
        if not later:
            return False
        now = min(later)
    return True
