"""What people do with alerts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from console.store.bounds import Bounds
from console.store.errors import NotFound, QueryRefused
from console.store.filters import CLOSE_REASONS, CloseReason
from console.store.sqlite import tally
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.times import now

MOST_AT_ONCE = 1000
NOTE_LENGTH = 4000
ACTIVE, CLOSED = 1, 2


class Workflow:
    """The changing half of `AlertStore`."""

    connections: Connections
    bounds: Bounds

    def acknowledge(self, alert_ids: Sequence[str], actor: str, note: str | None = None) -> int:
        """See AlertStore."""
        return self._change(alert_ids, actor, "acknowledged", note, "status = 0", ACTIVE, "")

    def close_alerts(
        self, alert_ids: Sequence[str], reason: CloseReason, actor: str, note: str | None = None
    ) -> int:
        """See AlertStore."""
        if reason not in CLOSE_REASONS:
            raise QueryRefused(f"reason: not one of {', '.join(CLOSE_REASONS)}")
        return self._change(
            alert_ids, actor, "closed", note, "status < 2", CLOSED, "close_reason = ?", (reason,), reason
        )

    def reopen(self, alert_ids: Sequence[str], actor: str, note: str | None = None) -> int:
        """See AlertStore."""
        changes = "close_reason = NULL, allowance = NULL"
        return self._change(alert_ids, actor, "reopened", note, "status = 2", ACTIVE, changes)

    def assign(self, alert_ids: Sequence[str], assignee: str | None, actor: str) -> int:
        """See AlertStore."""
        if assignee is not None:
            with self.connections.read() as connection:
                if not connection.execute("SELECT 1 FROM user WHERE name = ?", (assignee,)).fetchone():
                    raise NotFound(f"there is no user {assignee}")
        return self._change(
            alert_ids, actor, "assigned", assignee, "assignee IS NOT ?1", None, "assignee = ?1", (assignee,)
        )

    def comment(self, alert_id: str, text: str, actor: str) -> None:
        """See AlertStore."""
        text = checked_note(text) or ""
        if not text:
            raise QueryRefused("text: empty")
        with self.connections.write() as connection:
            row = connection.execute("SELECT number FROM alert WHERE id = ?", (alert_id,)).fetchone()
            if row is None:
                raise NotFound(f"there is no alert {alert_id}")
            connection.execute("UPDATE alert SET comments = comments + 1 WHERE number = ?", row)
            add_history(connection, [row[0]], actor, "commented", text, self.bounds)
            audit_note(connection, actor, "alert.commented", f"alert/{alert_id}", {"text": text})

    def _change(
        self,
        alert_ids: Sequence[str],
        actor: str,
        action: str,
        note: str | None,
        only: str,
        status: int | None,
        changes: str,
        values: tuple[Any, ...] = (),
        reason: str | None = None,
    ) -> int:
        """Apply `changes` to the named alerts that are `only`; history and audit for each one changed."""
        if len(alert_ids) > MOST_AT_ONCE:
            raise QueryRefused(f"ids: more than {MOST_AT_ONCE} at once")
        note = checked_note(note)
        with self.connections.write() as connection:
            found = {}
            for alert_id in dict.fromkeys(alert_ids):
                row = connection.execute("SELECT number FROM alert WHERE id = ?", (alert_id,)).fetchone()
                if row is None:
                    raise NotFound(f"there is no alert {alert_id}")
                found[row[0]] = alert_id
            choose(connection, found)
            test = only.replace("?1", "?")
            bound = values if "?1" in only else ()
            connection.execute(
                f"DELETE FROM chosen WHERE number NOT IN (SELECT number FROM alert WHERE number IN chosen"
                f" AND {test})",
                bound,
            )
            numbers = [row[0] for row in connection.execute("SELECT number FROM chosen ORDER BY number")]
            change_chosen(connection, status, changes.replace("?1", "?"), values)
            text = "; ".join(part for part in (reason, note) if part) or None
            add_history(connection, numbers, actor, action, text, self.bounds)
            for number in numbers:
                detail = {"note": note} if note else {}
                if reason:
                    detail["reason"] = reason
                audit_note(connection, actor, f"alert.{action}", f"alert/{found[number]}", detail)
        return len(numbers)


def checked_note(note: str | None) -> str | None:
    """A person's note without blank ends; QueryRefused when too long."""
    if note is not None and len(note) > NOTE_LENGTH:
        raise QueryRefused(f"note: longer than {NOTE_LENGTH} characters")
    return note.strip() or None if note else None


def choose(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Fill the temporary table `chosen` with alert numbers."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (number INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM chosen")
    connection.executemany("INSERT INTO chosen VALUES (?)", [(number,) for number in numbers])


def change_chosen(
    connection: sqlite3.Connection, status: int | None, changes: str, values: tuple[Any, ...] = ()
) -> None:
    """Update the alerts in `chosen`: their status, if given, with its tallies, and other columns."""
    parts = [changes] if changes else []
    if status is not None:
        tally.move_chosen(connection, status)
        parts.insert(0, f"status = {status}")
    connection.execute(f"UPDATE alert SET {', '.join(parts)} WHERE number IN chosen", values)


def add_history(
    connection: sqlite3.Connection,
    numbers: Sequence[int],
    actor: str,
    action: str,
    note: str | None,
    bounds: Bounds,
) -> None:
    """One history row for each alert; the oldest beyond the bound go."""
    time = now()
    connection.executemany(
        "INSERT INTO alert_history (number, time, actor, action, note) VALUES (?, ?, ?, ?, ?)",
        [(number, time, actor, action, note) for number in numbers],
    )
    if len(numbers) > MOST_AT_ONCE:
        return
    evicted = 0
    for number in numbers:
        evicted += connection.execute(
            "DELETE FROM alert_history WHERE entry IN (SELECT entry FROM alert_history WHERE number = ?"
            " ORDER BY entry DESC LIMIT -1 OFFSET ?)",
            (number, bounds.history_per_alert),
        ).rowcount
    count_loss(connection, "alert_history_evicted", evicted)
