"""Reading alerts."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from console.store import paging
from console.store.errors import NotFound, QueryRefused
from console.store.filters import (
    ALERT_FACETS,
    ALERT_SORTS,
    LEVELS,
    STATUSES,
    AlertFacet,
    AlertFilter,
    PageRequest,
)
from console.store.records import AlertRecord, HistoryRow, OpenItem, Page, RuleRecord, Tally, TimelineBucket
from console.store.sqlite import tally
from console.store.sqlite.connection import Connections
from console.store.sqlite.plan import OPEN, Condition, Plan, codes, plan
from console.store.sqlite.rows import ALERT_COLUMNS, alert_record
from console.store.times import HOUR, to_text

TALLY_SCAN = 5_000
"""Tallies of free filter combinations look at this many of the newest matching alerts."""
MAX_BUCKETS = 500
_JOIN = "JOIN alert_document ON alert_document.number = alert.number"
_SORTS: dict[str, tuple[str, ...]] = {
    "last_seen": ("last_seen",),
    "first_seen": ("first_seen", "level"),
    "severity": ("severity", "last_seen"),
    "count": ("count", "last_seen"),
    "rule": ("rule_name", "last_seen"),
    "status": ("status", "last_seen"),
}
_INDEXES = {
    "last_seen": "alert_by_last_seen",
    "first_seen": "alert_by_first_seen",
    "severity": "alert_by_severity",
    "count": "alert_by_count",
    "rule": "alert_by_rule_name",
    "status": "alert_by_status",
}
_SINGLE = ("status", "level", "protocol", "operation", "rule", "assignee")
_FACET_CODES: dict[str, int] = {
    "protocol": tally.PROTOCOL,
    "operation": tally.OPERATION,
    "rule": tally.RULE,
    "zone": tally.KEYED + tally.ZONE,
    "technique": tally.KEYED + tally.TECHNIQUE,
    "sensor": tally.KEYED + tally.SENSOR,
}


class AlertQueries:
    """The reading half of `AlertStore`."""

    connections: Connections

    def alerts(self, query: AlertFilter, page: PageRequest) -> Page[AlertRecord]:
        """See AlertStore."""
        paging.check(page, ALERT_SORTS)
        columns = [f"alert.{name}" for name in _SORTS[page.sort]] + ["alert.number"]
        cursor = paging.decode(page, len(columns))
        with self.connections.read() as connection:
            chosen = plan(connection, query)
            if chosen.driven:
                numbers, total = _few(connection, chosen, page, columns, cursor)
            else:
                numbers = connection.execute(*_page_query(chosen, page, columns, cursor)).fetchall()
                total = chosen.total
            more = len(numbers) > page.limit
            exact = chosen.exact
            if not exact and cursor is None:
                total = max(total, page.offset + len(numbers))
                # The walk has come to its end, and has seen everything.
                exact = not chosen.driven and not more and bool(numbers or not page.offset)
            numbers = numbers[: page.limit]
            rows = [
                connection.execute(
                    f"SELECT {ALERT_COLUMNS} FROM alert {_JOIN} WHERE alert.number = ?", (row[-1],)
                ).fetchone()
                for row in numbers
            ]
        following = paging.encode(page, list(numbers[-1])) if more else None
        return Page([alert_record(row) for row in rows], total, exact, following)

    def alert(self, alert_id: str) -> AlertRecord:
        """See AlertStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                f"SELECT {ALERT_COLUMNS} FROM alert {_JOIN} WHERE alert.id = ?", (alert_id,)
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no alert {alert_id}")
        return alert_record(row)

    def alert_history(self, alert_id: str) -> list[HistoryRow]:
        """See AlertStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                "SELECT number, first_seen, sensor FROM alert WHERE id = ?", (alert_id,)
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no alert {alert_id}")
            entries = connection.execute(
                "SELECT time, actor, action, note FROM alert_history WHERE number = ? ORDER BY entry",
                (row[0],),
            ).fetchall()
        opened = HistoryRow(to_text(row[1]), f"sensor/{row[2]}", "opened", None)
        return [opened, *(HistoryRow(to_text(entry[0]), *entry[1:]) for entry in entries)]

    def tally_alerts(self, query: AlertFilter, facet: AlertFacet, limit: int = 50) -> list[Tally]:
        """See AlertStore; beyond status and level, of the newest TALLY_SCAN matching alerts only."""
        if facet not in ALERT_FACETS:
            raise QueryRefused(f"facet: not one of {', '.join(ALERT_FACETS)}")
        with self.connections.read() as connection:
            if query == AlertFilter(statuses=query.statuses, levels=query.levels):
                rows = connection.execute(*_tallied(query, facet, limit)).fetchall()
            else:
                chosen = plan(connection, query, want_total=False)
                rows = connection.execute(*_counted(chosen, facet, limit)).fetchall()
            titles = dict(connection.execute("SELECT id, title FROM rule")) if facet == "rule" else {}
        names: dict[str, tuple[str, ...]] = {"level": LEVELS, "status": STATUSES}
        known = names.get(facet)
        return [
            Tally(known[int(value)] if known else value, count, titles.get(value)) for value, count in rows
        ]

    def alert_timeline(
        self, query: AlertFilter, since: int, until: int, buckets: int = 48
    ) -> list[TimelineBucket]:
        """See AlertStore. Slices of an hour or more begin at full hours."""
        if not 1 <= buckets <= MAX_BUCKETS or not 0 <= since < until:
            raise QueryRefused(f"buckets: between 1 and {MAX_BUCKETS}, over a time that ends after it begins")
        width = max(1, -(-(until - since) // buckets))
        coarse = width >= HOUR and query == AlertFilter(levels=query.levels)
        if width >= HOUR:
            since -= since % HOUR
        with self.connections.read() as connection:
            if coarse:
                rows = connection.execute(
                    "SELECT hour * ?, level, count FROM alert_hour WHERE hour >= ? AND hour * ? < ?",
                    (HOUR, since // HOUR, HOUR, until),
                ).fetchall()
                wanted = codes(query.levels, LEVELS, "level")
                rows = [row for row in rows if not wanted or row[1] in wanted]
            else:
                chosen = plan(connection, query, want_total=False)
                slice_start = f"(alert.first_seen - {since}) / {width} * {width} + {since}"
                rows = connection.execute(
                    f"SELECT {slice_start}, alert.level, count(*)"
                    f" FROM {chosen.source} WHERE {chosen.where}"
                    # The time last seen leads to them by the index of a common protocol or rule.
                    " AND alert.first_seen >= ? AND alert.first_seen < ? AND alert.last_seen >= ?"
                    " GROUP BY 1, 2",
                    (*chosen.parameters, since, until, since),
                ).fetchall()
        found: list[TimelineBucket] = []
        for index in range(buckets):
            start = since + index * width
            if start >= until and index:
                break
            found.append(TimelineBucket(to_text(start), start, {}))
        for start, level, count in rows:
            levels = found[min((start - since) // width, len(found) - 1)].levels
            levels[LEVELS[level]] = levels.get(LEVELS[level], 0) + count
        return found

    def open_items(self) -> list[OpenItem]:
        """See AlertStore."""
        with self.connections.read() as connection:
            rules = {
                row[0]: row[1:] for row in connection.execute("SELECT id, name, title, title_zh FROM rule")
            }
            assets = {
                row[0]: row[1:]
                for row in connection.execute("SELECT id, ifnull(name, ip), zone, criticality FROM asset")
            }
            rows = connection.execute(
                "SELECT id, ifnull(subject_asset, ifnull(destination_asset, source_asset)), zone, sensor,"
                " level, confidence, count, last_seen, rule, ifnull(destination, source)"
                f" FROM alert WHERE {OPEN}"
            ).fetchall()
        items = []
        for alert, asset, zone, sensor, level, confidence, count, last_seen, rule, label in rows:
            name, title, title_zh = rules[rule]
            label_known, zone_known, criticality = assets.get(asset, (None, None, 1.0))
            items.append(
                OpenItem(
                    alert=alert,
                    asset=asset if asset in assets else None,
                    asset_label=label_known or label or asset or sensor,
                    zone=zone_known or zone,
                    sensor=sensor,
                    level=LEVELS[level],
                    confidence=confidence,
                    count=count,
                    last_seen_ns=last_seen,
                    rule=rule,
                    rule_name=name,
                    title=title,
                    title_zh=title_zh,
                    criticality=criticality,
                )
            )
        return items

    def rules(self) -> list[RuleRecord]:
        """See AlertStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT id, name, title, title_zh, rule.level, last_seen, techniques,"
                " ifnull(sum(count) FILTER (WHERE alert_tally.status < 2), 0), ifnull(sum(count), 0)"
                " FROM rule LEFT JOIN alert_tally ON facet = ? AND value = rule.id"
                " GROUP BY rule.id ORDER BY 8 DESC, name",
                (tally.RULE,),
            ).fetchall()
        return [
            RuleRecord(
                id=row[0],
                name=row[1],
                title=row[2],
                title_zh=row[3],
                level=LEVELS[row[4]],
                open_alerts=row[7],
                alerts=row[8],
                last_seen=to_text(row[5]),
                techniques=json.loads(row[6]),
            )
            for row in rows
        ]


def _few(
    connection: sqlite3.Connection,
    chosen: Plan,
    page: PageRequest,
    columns: list[str],
    cursor: list[Any] | None,
) -> tuple[list[tuple[Any, ...]], int]:
    """A page's sort values and numbers, one more than asked for, and the total: all rows are fetched."""
    rows = connection.execute(
        f"SELECT {', '.join(columns)} FROM {chosen.source} WHERE {chosen.where}", chosen.parameters
    ).fetchall()
    total = len(rows)
    rows.sort(reverse=page.descending)
    if cursor is not None:
        behind = tuple(cursor)
        try:
            rows = [row for row in rows if (row < behind if page.descending else row > behind)]
        except TypeError as error:
            raise QueryRefused("cursor: not one this console made") from error
    start = 0 if cursor is not None else page.offset
    return rows[start : start + page.limit + 1], total


def _page_query(
    chosen: Plan, page: PageRequest, columns: list[str], cursor: list[Any] | None
) -> tuple[str, tuple[Any, ...]]:
    """The numbers of a page's alerts, one more than asked for, behind their sort values."""
    direction = "DESC" if page.descending else "ASC"
    source, parameters = chosen.source, chosen.parameters
    if index := _walk(chosen.conditions, page.sort):
        source = f"alert INDEXED BY {index}"
    where = chosen.where
    if cursor is not None:
        sign = "<" if page.descending else ">"
        where += f" AND ({', '.join(columns)}) {sign} ({', '.join('?' * len(columns))})"
        parameters = (*parameters, *cursor)
    order = ", ".join(f"{column} {direction}" for column in columns)
    query = f"SELECT {', '.join(columns)} FROM {source} WHERE {where} ORDER BY {order} LIMIT ?"
    parameters = (*parameters, page.limit + 1)
    if cursor is None and page.offset:
        return f"{query} OFFSET ?", (*parameters, page.offset)
    return query, parameters


def _walk(conditions: list[Condition], sort: str) -> str | None:
    """The index in sort order; None where SQLite is left to choose and has a good one."""
    if any(condition.test == OPEN for condition in conditions) and sort in ("last_seen", "severity"):
        return f"alert_open_by_{sort}"
    single = any(condition.test == f"alert.{name} = ?" for condition in conditions for name in _SINGLE)
    return None if sort == "last_seen" and single else _INDEXES[sort]


def _tallied(query: AlertFilter, facet: AlertFacet, limit: int) -> tuple[str, tuple[Any, ...]]:
    statuses, levels = codes(query.statuses, STATUSES, "status"), codes(query.levels, LEVELS, "level")
    tests = ["facet = ?", "count > 0"]
    if statuses:
        tests.append(f"status IN ({', '.join(map(str, statuses))})")
    if levels:
        tests.append(f"level IN ({', '.join(map(str, levels))})")
    column = facet if facet in ("level", "status") else "value"
    return (
        f"SELECT {column}, sum(count) FROM alert_tally WHERE {' AND '.join(tests)}"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
        (_FACET_CODES.get(facet, tally.ALL), limit),
    )


def _counted(chosen: Plan, facet: AlertFacet, limit: int) -> tuple[str, tuple[Any, ...]]:
    plus = "+" if chosen.driven else ""
    newest = (
        f"SELECT alert.number, alert.level, alert.status, alert.protocol, alert.operation, alert.rule"
        f" FROM {chosen.source} WHERE {chosen.where} ORDER BY {plus}alert.last_seen DESC LIMIT {TALLY_SCAN}"
    )
    code = _FACET_CODES.get(facet, 0)
    if code >= tally.KEYED:
        query = (
            f"SELECT keyed.value ->> 1, count(*) FROM ({newest}) AS newest"
            " JOIN alert_document ON alert_document.number = newest.number, json_each(keys) AS keyed"
            f" WHERE keyed.value ->> 0 = {code - tally.KEYED}"
        )
    else:
        query = f"SELECT {facet}, count(*) FROM ({newest}) WHERE {facet} IS NOT NULL"
    return f"{query} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?", (*chosen.parameters, limit)
