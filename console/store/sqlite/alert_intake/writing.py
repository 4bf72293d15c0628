"""The rows a batch of alerts makes and changes, written at its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from console.store.sqlite.alert_intake.known import Alert, Event
from console.store.sqlite.alert_intake.report import Report
from console.store.sqlite.rows import compact

COLUMNS = (
    "number",
    "id",
    "event_id",
    "sensor",
    "fingerprint",
    "status",
    "level",
    "severity",
    "count",
    "first_seen",
    "last_seen",
    "rule",
    "rule_name",
    "protocol",
    "operation",
    "object",
    "source",
    "destination",
    "zone",
    "source_asset",
    "destination_asset",
    "subject_asset",
    "confidence",
    "close_reason",
    "allowance",
)
"""What a new row of `alert` is given."""


@dataclass(slots=True)
class NewRows:
    """Rows of new alerts, and of what they are found by."""

    alerts: list[tuple[Any, ...]] = field(default_factory=list)
    """COLUMNS of each."""
    documents: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Number, keys, words, document."""
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    """Kind, value, number."""
    rules: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def note_rule(self, report: Report) -> None:
        """The latest report's wording of a rule wins."""
        row = report.rule_row()
        known = self.rules.get(str(row[0]))
        if known is None or known[5] < report.last_seen:
            self.rules[str(row[0])] = row

    def write(self, connection: sqlite3.Connection) -> None:
        """Insert them."""
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO alert ({', '.join(COLUMNS)}) VALUES ({marks})", self.alerts)
        connection.executemany("INSERT INTO alert_document VALUES (?, ?, ?, ?)", self.documents)
        connection.executemany(
            "INSERT INTO alert_text (rowid, words) VALUES (?, ?)",
            [(row[0], row[2]) for row in self.documents],
        )
        connection.executemany("INSERT OR IGNORE INTO alert_key VALUES (?, ?, ?)", sorted(self.keys))
        connection.executemany(
            "INSERT INTO rule VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,"
            " title = excluded.title, title_zh = excluded.title_zh, level = excluded.level,"
            " last_seen = excluded.last_seen, techniques = excluded.techniques"
            " WHERE excluded.last_seen >= rule.last_seen",
            self.rules.values(),
        )


def write_changed(connection: sqlite3.Connection, alerts: Iterable[Alert]) -> None:
    """Update the rows of alerts that repeats have changed."""
    changed = list(alerts)
    connection.executemany(
        "UPDATE alert SET level = ?, severity = ?, count = ?, first_seen = ?, last_seen = ? WHERE number = ?",
        [(a.level, a.severity, a.count, a.first_seen, a.last_seen, a.number) for a in changed],
    )
    connection.executemany(
        "UPDATE alert_document SET document = ?, keys = ? WHERE number = ?",
        [(compact(a.document), compact(a.keys), a.number) for a in changed],
    )


def write_events(connection: sqlite3.Connection, sensor: str, told: Iterable[tuple[str, Event]]) -> None:
    """Insert or replace what a sensor has said of its events."""
    connection.executemany(
        "INSERT OR REPLACE INTO alert_event VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(name, sensor, e.number, e.first_seen, e.last_seen, e.count, e.base) for name, e in told],
    )
