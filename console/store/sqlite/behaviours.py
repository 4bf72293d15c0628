"""Reading behaviours and flows."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from console.store import paging
from console.store.bounds import MOST_COUNT
from console.store.errors import NotFound
from console.store.filters import BEHAVIOUR_SORTS, BehaviourFilter, PageRequest
from console.store.records import BehaviourRecord, Flow, Page
from console.store.sqlite.asset_lookup import AssetLookup
from console.store.sqlite.connection import Connections
from console.store.sqlite.where import Where, marks
from console.store.times import to_text

_COLUMNS = """number, id, document, count, first_seen, last_seen, source, destination,
(SELECT json_group_array(sensor) FROM behaviour_sensor WHERE behaviour_sensor.number = behaviour.number)"""


class Behaviours:
    """Behaviours of `AssetStore` in SQLite."""

    connections: Connections

    def behaviours(self, query: BehaviourFilter, page: PageRequest) -> Page[BehaviourRecord]:
        """See AssetStore."""
        paging.check(page, BEHAVIOUR_SORTS)
        direction = "DESC" if page.descending else "ASC"
        cursor = paging.decode(page, 2)
        with self.connections.read() as connection:
            where = _where(connection, query)
            behind = ""
            if cursor is not None:
                behind = f" AND ({page.sort}, number) {'<' if page.descending else '>'} (?, ?)"
            (total,) = connection.execute(
                f"SELECT count(*) FROM behaviour WHERE {where}", where.values
            ).fetchone()
            rows = connection.execute(
                f"SELECT {page.sort}, {_COLUMNS} FROM behaviour WHERE {where}{behind}"
                f" ORDER BY {page.sort} {direction}, number {direction} LIMIT ? OFFSET ?",
                (*where.values, *(cursor or ()), page.limit + 1, 0 if cursor else page.offset),
            ).fetchall()
            more = len(rows) > page.limit
            rows = rows[: page.limit]
            assets = AssetLookup(connection)
            items = [_record(row[1:], assets) for row in rows]
        following = paging.encode(page, list(rows[-1][:2])) if more else None
        return Page(items, total, True, following)

    def behaviour(self, behaviour_id: str) -> BehaviourRecord:
        """See AssetStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM behaviour WHERE id = ?", (behaviour_id,)
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no behaviour {behaviour_id}")
            return _record(row, AssetLookup(connection))

    def flows(self, query: BehaviourFilter, limit: int = 5000) -> list[Flow]:
        """See AssetStore."""
        with self.connections.read() as connection:
            sql, values = _flows(connection, query)
            rows = connection.execute(sql, (*values, limit)).fetchall()
            assets = AssetLookup(connection)
            return [
                Flow(
                    source=row[0],
                    destination=row[1],
                    source_asset=assets.by_address(row[0]),
                    destination_asset=assets.by_address(row[1]),
                    protocol=row[2],
                    operations=json.loads(row[3]),
                    behaviours=row[4],
                    messages=row[5],
                    last_seen=to_text(row[6]),
                )
                for row in rows
            ]


def _flows(connection: sqlite3.Connection, query: BehaviourFilter) -> tuple[str, list[Any]]:
    """The statement for flows, its last parameter the limit, and its other values."""
    where = _where(connection, query)
    if not (query.operations or query.sensors or query.text or query.since is not None):
        # Summed already; the operations are looked up for those that are shown only.
        return (
            "SELECT source, destination, protocol, (SELECT json_group_object(operation, behaviours) FROM flow"
            "  WHERE flow.source = pair.source AND flow.destination = pair.destination"
            "  AND flow.protocol = pair.protocol), behaviours, messages, last_seen"
            f" FROM pair WHERE {where} ORDER BY messages DESC, source, destination, protocol LIMIT ?",
            where.values,
        )
    table, tests = "flow", str(where)
    if query.sensors or query.text:
        table = (
            "(SELECT source, destination, protocol, operation, count(*) AS behaviours,"
            " total(count) AS messages, max(last_seen) AS last_seen"
            f" FROM behaviour WHERE {where} GROUP BY 1, 2, 3, 4)"
        )
        tests = "1"
    return (
        "SELECT source, destination, protocol, json_group_object(operation, behaviours), sum(behaviours),"
        f" min(CAST(total(messages) AS INTEGER), {MOST_COUNT}), max(last_seen)"
        f" FROM {table} WHERE {tests} GROUP BY 1, 2, 3 ORDER BY 6 DESC, 1, 2, 3 LIMIT ?",
        where.values,
    )


def _where(connection: sqlite3.Connection, query: BehaviourFilter) -> Where:
    where = Where()
    where.any_of("protocol", query.protocols)
    where.any_of("operation", query.operations)
    where.any_of("source", (query.source,) if query.source else ())
    where.any_of("destination", (query.destination,) if query.destination else ())
    if query.address:
        where.add("(source = ? OR destination = ?)", query.address, query.address)
    if query.asset:
        rows = connection.execute(
            "SELECT value FROM asset_key WHERE kind = 0 AND asset = ?", (query.asset,)
        ).fetchall()
        named, addresses = marks(rows), [row[0] for row in rows]
        where.add(f"(source IN ({named}) OR destination IN ({named}))", *addresses, *addresses)
    if query.sensors:
        named = marks(query.sensors)
        where.add(
            f"number IN (SELECT number FROM behaviour_sensor WHERE sensor IN ({named}))", *query.sensors
        )
    where.given("last_seen >= ?", query.since)
    where.words("words", query.text)
    return where


def _record(row: tuple[Any, ...], assets: AssetLookup) -> BehaviourRecord:
    return BehaviourRecord(
        id=row[1],
        document=json.loads(row[2]),
        sensors=sorted(json.loads(row[8])),
        count=row[3],
        first_seen=to_text(row[4]),
        last_seen=to_text(row[5]),
        source_asset=assets.by_address(row[6]),
        destination_asset=assets.by_address(row[7]),
    )
