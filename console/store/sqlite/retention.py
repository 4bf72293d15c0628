"""What goes when a bound is reached: oldest first, closed alerts before open ones, always counted."""

from __future__ import annotations

import json
import sqlite3

from console.store.bounds import Bounds
from console.store.records import IngestReceipt
from console.store.sqlite import audit, flow_sums, tally
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.workflow import choose
from console.store.times import HOUR

SLACK = 1000
"""One part in this many goes beyond the bound, so that not every batch has to make room; of five million
alerts 5,000 go at once, which holds other writers up for half a second."""


def prune(connection: sqlite3.Connection, bounds: Bounds, receipt: IngestReceipt) -> None:
    """Make room where the batch of this receipt went beyond a bound."""
    if receipt.new_alerts or receipt.silenced_alerts:
        _alerts(connection, bounds.alerts)
    if receipt.new_assets:
        _assets(connection, bounds.assets)
    if receipt.new_behaviours:
        _behaviours(connection, bounds.behaviours)
    _batches(connection, bounds.batches)
    count_loss(connection, "audit_rows_evicted", audit.prune(connection, bounds.audit_rows))
    _health(connection, receipt.sensor, bounds.health_per_sensor)


def _alerts(connection: sqlite3.Connection, most: int) -> None:
    present = connection.execute(
        "SELECT ifnull(sum(count), 0) FROM alert_tally WHERE facet = ? AND value = ''", (tally.ALL,)
    ).fetchone()[0]
    if present <= most:
        return
    excess = present - most + most // SLACK
    numbers = [
        row[0]
        for row in connection.execute(
            "SELECT number FROM alert INDEXED BY alert_by_status WHERE status = 2 ORDER BY last_seen LIMIT ?",
            (excess,),
        )
    ]
    closed = len(numbers)
    if present - closed > most:
        numbers += [
            row[0]
            for row in connection.execute(
                "SELECT number FROM alert INDEXED BY alert_open_by_last_seen WHERE status < 2"
                " ORDER BY last_seen LIMIT ?",
                (present - closed - most,),
            )
        ]
    choose(connection, numbers)
    tally.move_chosen(connection, None)
    connection.execute(
        "INSERT INTO alert_hour SELECT first_seen / ?, level, -count(*) FROM alert WHERE number IN chosen"
        " GROUP BY 1, 2 ON CONFLICT DO UPDATE SET count = count + excluded.count",
        (HOUR,),
    )
    documents = connection.execute(
        "SELECT number, words, keys FROM alert_document WHERE number IN chosen"
    ).fetchall()
    connection.executemany(
        "INSERT INTO alert_text (alert_text, rowid, words) VALUES ('delete', ?, ?)",
        [row[:2] for row in documents],
    )
    connection.executemany(
        "DELETE FROM alert_key WHERE kind = ? AND value = ? AND number = ?",
        [(kind, value, number) for number, _, keys in documents for kind, value in json.loads(keys)],
    )
    for table in (
        "alert_event",
        "alert_history",
        "alert_document",
        "evidence",
        "evidence_request",
        "alert",
    ):
        connection.execute(f"DELETE FROM {table} WHERE number IN chosen")
    # Values that no alert has any more: a sensor that invents new ones must not make these tables grow.
    connection.execute("DELETE FROM alert_tally WHERE count <= 0")
    connection.execute("DELETE FROM alert_hour WHERE count <= 0")
    connection.execute(
        "DELETE FROM rule WHERE id NOT IN (SELECT value FROM alert_tally WHERE facet = ?)", (tally.RULE,)
    )
    count_loss(connection, "closed_alerts_evicted", closed)
    count_loss(connection, "open_alerts_evicted", len(numbers) - closed)


def _assets(connection: sqlite3.Connection, most: int) -> None:
    present = connection.execute("SELECT count(*) FROM asset").fetchone()[0]
    if present <= most:
        return
    gone = [
        row[0]
        for row in connection.execute(
            "SELECT id FROM asset ORDER BY decided <> '{}', last_seen LIMIT ?",
            (present - most + most // SLACK,),
        )
    ]
    for table, column in (
        ("asset_sensor", "asset"),
        ("asset_key", "asset"),
        ("asset_history", "asset"),
        ("asset", "id"),
    ):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(asset,) for asset in gone])
    count_loss(connection, "assets_evicted", len(gone))


def _behaviours(connection: sqlite3.Connection, most: int) -> None:
    span = connection.execute("SELECT max(number) - min(number) FROM behaviour").fetchone()[0]
    if span is None or span < most:
        return
    present = connection.execute("SELECT count(*) FROM behaviour").fetchone()[0]
    if present <= most:
        return
    gone = connection.execute(
        "SELECT number, count, source, destination, protocol, operation FROM behaviour"
        " ORDER BY last_seen LIMIT ?",
        (present - most + most // SLACK,),
    ).fetchall()
    for number, count, source, destination, protocol, operation in gone:
        connection.execute("DELETE FROM behaviour_sensor WHERE number = ?", (number,))
        connection.execute("DELETE FROM behaviour WHERE number = ?", (number,))
        flow_sums.take_out(connection, (source, destination, protocol, operation), count)
    flow_sums.sweep(connection)
    count_loss(connection, "behaviours_evicted", len(gone))


def _batches(connection: sqlite3.Connection, most: int) -> None:
    newest = connection.execute("SELECT max(number) FROM batch").fetchone()[0] or 0
    evicted = connection.execute("DELETE FROM batch WHERE number <= ?", (newest - most,)).rowcount
    count_loss(connection, "batches_forgotten", evicted)


def _health(connection: sqlite3.Connection, sensor: str, most: int) -> None:
    evicted = connection.execute(
        "DELETE FROM health WHERE number IN (SELECT number FROM health WHERE sensor = ?"
        " ORDER BY time DESC, number DESC LIMIT -1 OFFSET ?)",
        (sensor, most),
    ).rowcount
    count_loss(connection, "health_evicted", evicted)
