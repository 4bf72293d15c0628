"""How a page of alerts is fetched: from its rarest condition, or along the sort order.

SQLite knows averages, not that one protocol has ten alerts and another a million. So each condition
is counted first, as far as COUNT_LIMIT. When one of them is rare, its rows are fetched and sorted;
when none is, the sort order is walked, and the page fills up soon because none is rare.

Totals: the tallies know them for one facet with any statuses and levels. Of other combinations a total
is what the newest COUNT_LIMIT rows of one condition hold, a lower bound: counting them all takes seconds.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace
from typing import Any

from console.store.errors import QueryRefused
from console.store.filters import COUNT_LIMIT, LEVELS, STATUSES, AlertFilter
from console.store.sqlite import tally
from console.store.words import match_expression

OPEN = "status < 2"
NEWEST = " ORDER BY last_seen DESC"


@dataclass(frozen=True, slots=True)
class Condition:
    """One restriction on the table alert.

    `test` holds for a row of alert. `rows` are the numbers of all its rows, by the best index, for
    when it drives; empty where only the test makes sense. `newest` orders them, where an index does.
    `facet` and `values` say where its alerts are tallied, each of them once.
    """

    test: str
    parameters: tuple[Any, ...]
    rows: str = ""
    rows_parameters: tuple[Any, ...] = ()
    kind: str = ""
    newest: str = ""
    facet: int | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """FROM and WHERE of a query, its total as far as counted, and whether a rare condition drives.

    Where one drives, all rows are few enough to be fetched: they are counted then, and `total` is 0.
    """

    source: str
    where: str
    parameters: tuple[Any, ...]
    total: int
    exact: bool
    driven: bool
    conditions: list[Condition] = field(default_factory=list)


def plan(connection: sqlite3.Connection, query: AlertFilter, want_total: bool = True) -> Plan:
    """Choose how to fetch what the filter names."""
    conditions = conditions_of(connection, query)
    best: Condition | None = None
    fewest = COUNT_LIMIT + 1
    for condition in conditions:
        if condition.rows:
            count = _bounded(connection, condition.rows, condition.rows_parameters)
            if count < fewest:
                best, fewest = condition, count
    if best is None:
        text = next((condition for condition in conditions if condition.kind == "text"), None)
        if text is not None:
            return _newest_text(text, conditions)
    else:
        return _driven(best, conditions, True)
    where, parameters = _joined(conditions)
    total, exact = _total(connection, query, conditions) if want_total else (0, False)
    return Plan("alert", where, parameters, total, exact, False, conditions)


def _joined(conditions: list[Condition]) -> tuple[str, tuple[Any, ...]]:
    where = " AND ".join(condition.test for condition in conditions) or "1"
    return where, tuple(value for condition in conditions for value in condition.parameters)


def _driven(best: Condition, conditions: list[Condition], exact: bool) -> Plan:
    others = [
        condition for condition in conditions if condition.kind != best.kind or condition.test != best.test
    ]
    source = f"({best.rows}) AS driver CROSS JOIN alert ON alert.number = driver.number"
    where, parameters = _joined(others)
    return Plan(source, where, (*best.rows_parameters, *parameters), 0, exact, True, conditions)


def _newest_text(text: Condition, conditions: list[Condition]) -> Plan:
    """Words that nearly everything contains: only the alerts that came in last are looked at."""
    newest = replace(text, rows=f"{text.rows} ORDER BY rowid DESC LIMIT {COUNT_LIMIT}")
    return _driven(newest, conditions, False)


def _bounded(connection: sqlite3.Connection, rows: str, parameters: tuple[Any, ...]) -> int:
    return connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM ({rows}) LIMIT {COUNT_LIMIT + 1})", parameters
    ).fetchone()[0]


def _total(
    connection: sqlite3.Connection, query: AlertFilter, conditions: list[Condition]
) -> tuple[int, bool]:
    """How many rows meet all conditions, none of which is rare, and whether that is all of them."""
    facets = [condition for condition in conditions if condition.kind != "tallied"]
    if not facets:
        return _tallied(connection, query, tally.ALL, ("",)), True
    if len(facets) == 1 and facets[0].facet is not None:
        return _tallied(connection, query, facets[0].facet, facets[0].values), True
    if query.since is not None and query.until is not None:
        # The newest rows since then may all be too new.
        seen = (
            "SELECT number FROM alert INDEXED BY alert_by_first_seen WHERE first_seen >= ? AND first_seen < ?"
        )
        seen_parameters: tuple[Any, ...] = (query.since, query.until)
    else:
        first = next((condition for condition in facets if condition.rows), facets[0])
        seen, seen_parameters = first.rows + first.newest, first.rows_parameters
    where, parameters = _joined(conditions)
    (total,) = connection.execute(
        f"SELECT ifnull(sum({where}), 0) FROM (SELECT number FROM ({seen}) LIMIT {COUNT_LIMIT})"
        " AS seen CROSS JOIN alert ON alert.number = seen.number",
        (*parameters, *seen_parameters),
    ).fetchone()
    return total, False


def _tallied(connection: sqlite3.Connection, query: AlertFilter, facet: int, values: tuple[str, ...]) -> int:
    statuses, levels = codes(query.statuses, STATUSES, "status"), codes(query.levels, LEVELS, "level")
    marks = ", ".join("?" * len(values))
    rows = connection.execute(
        f"SELECT status, level, count FROM alert_tally WHERE facet = ? AND value IN ({marks})",
        (facet, *values),
    )
    return sum(
        count
        for status, level, count in rows
        if (not statuses or status in statuses) and (not levels or level in levels)
    )


def codes(names: tuple[str, ...], known: tuple[str, ...], field_name: str) -> list[int]:
    """Names as stored numbers, each once; QueryRefused for an unknown one."""
    for name in names:
        if name not in known:
            raise QueryRefused(f"{field_name}: not one of {', '.join(known)}")
    return sorted({known.index(name) for name in names})


def conditions_of(connection: sqlite3.Connection, query: AlertFilter) -> list[Condition]:
    """The filter as conditions."""
    found: list[Condition] = []
    statuses = codes(query.statuses, STATUSES, "status")
    if statuses == [0, 1]:
        rows = f"SELECT number FROM alert INDEXED BY alert_open_by_last_seen WHERE {OPEN}"
        found.append(Condition(OPEN, (), rows, (), "tallied", NEWEST))
    elif statuses and len(statuses) < len(STATUSES):
        found.append(_column("status", tuple(statuses), "alert_by_status", "tallied"))
    levels = codes(query.levels, LEVELS, "level")
    if levels and len(levels) < len(LEVELS):
        found.append(_column("level", tuple(levels), "alert_by_level", "tallied"))
    if query.protocols:
        found.append(_column("protocol", query.protocols, "alert_by_protocol", facet=tally.PROTOCOL))
    if query.operations:
        found.append(_column("operation", query.operations, "alert_by_operation", facet=tally.OPERATION))
    if query.rules:
        rules = _rule_ids(connection, query.rules)
        found.append(_column("rule", rules, "alert_by_rule", facet=tally.RULE))
    if query.assignee is not None:
        found.append(_column("assignee", (query.assignee,), "alert_by_assignee"))
    keyed: list[tuple[tuple[int, ...], tuple[str, ...]]] = [
        ((tally.ZONE,), query.zones),
        ((tally.TECHNIQUE,), query.techniques),
        ((tally.SENSOR,), query.sensors),
    ]
    for kinds, name in (
        ((tally.SOURCE,), query.source),
        ((tally.DESTINATION,), query.destination),
        ((tally.SOURCE, tally.DESTINATION), query.address),
        ((tally.ASSET,), query.asset),
    ):
        keyed.append((kinds, (name,) if name else ()))
    found += [_keyed(kinds, values) for kinds, values in keyed if values]
    found += _times(query)
    if query.text:
        found.append(_text(query.text))
    return found


def _column(
    name: str, values: tuple[Any, ...], index: str, kind: str = "", facet: int | None = None
) -> Condition:
    values = tuple(dict.fromkeys(values))
    marks = ", ".join("?" * len(values))
    test = f"alert.{name} = ?" if len(values) == 1 else f"alert.{name} IN ({marks})"
    rows = f"SELECT number FROM alert INDEXED BY {index} WHERE {name} IN ({marks})"
    newest = NEWEST if len(values) == 1 else ""
    return Condition(test, values, rows, values, kind, newest, facet, values)


def _keyed(kinds: tuple[int, ...], values: tuple[str, ...]) -> Condition:
    marks, kind_marks = ", ".join("?" * len(values)), ", ".join("?" * len(kinds))
    parameters = (*kinds, *values)
    test = (
        f"EXISTS (SELECT 1 FROM alert_key WHERE kind IN ({kind_marks}) AND value IN ({marks})"
        " AND alert_key.number = alert.number)"
    )
    rows = f"SELECT DISTINCT number FROM alert_key WHERE kind IN ({kind_marks}) AND value IN ({marks})"
    if len(kinds) > 1 or len(values) > 1:
        # An alert may have several of them, and would be tallied more than once.
        return Condition(test, parameters, rows, parameters)
    rows = "SELECT number FROM alert_key WHERE kind = ? AND value = ?"
    facet = tally.KEYED + kinds[0] if kinds[0] in tally.TALLIED_KINDS else None
    return Condition(
        test, parameters, rows, parameters, newest=" ORDER BY number DESC", facet=facet, values=values
    )


def _times(query: AlertFilter) -> list[Condition]:
    found = []
    if query.since is not None:
        rows = "SELECT number FROM alert INDEXED BY alert_by_last_seen WHERE last_seen >= ?"
        found.append(Condition("alert.last_seen >= ?", (query.since,), rows, (query.since,), newest=NEWEST))
    if query.until is not None:
        rows = "SELECT number FROM alert INDEXED BY alert_by_first_seen WHERE first_seen < ?"
        found.append(Condition("alert.first_seen < ?", (query.until,), rows, (query.until,)))
    return found


def _text(text: str) -> Condition:
    expression = match_expression(text)
    if expression is None:
        return Condition("0", (), "SELECT number FROM alert WHERE 0")
    rows = "SELECT rowid AS number FROM alert_text WHERE alert_text MATCH ?"
    # As a test, the list of hits is made once; asking the index again for every row would take for ever.
    return Condition(f"alert.number IN ({rows})", (expression,), rows, (expression,), "text")


def _rule_ids(connection: sqlite3.Connection, names: tuple[str, ...]) -> tuple[str, ...]:
    """Rule ids as given, and those of the rules so named."""
    marks = ", ".join("?" * len(names))
    rows = connection.execute(f"SELECT id FROM rule WHERE name IN ({marks})", names)
    return tuple(dict.fromkeys([*names, *(row[0] for row in rows)]))
