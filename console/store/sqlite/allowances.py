"""Learn and mute."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.records import Allowance, AllowanceKind, Preview, Scope
from console.store.sqlite import tally
from console.store.sqlite.allowance_match import IN_FORCE, REASONS, SCOPE_FIELDS
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import ALERT_COLUMNS, alert_record, compact, optional_time
from console.store.sqlite.workflow import ACTIVE, CLOSED, add_history, change_chosen, checked_note, choose
from console.store.times import DAY, now, to_text

RECENT_DAYS = 30
EXAMPLES = 10
_KINDS = {"source": tally.SOURCE, "destination": tally.DESTINATION, "zone": tally.ZONE}
MOST_ALLOWANCES = 10_000
_COLUMNS = "id, kind, scope, reason, created, created_by, expires, revoked, revoked_by, hidden"


class Allowances:
    """`AllowanceStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def scope_of(self, alert_id: str) -> Scope:
        """See AllowanceStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                f"SELECT {', '.join(SCOPE_FIELDS)} FROM alert WHERE id = ?", (alert_id,)
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no alert {alert_id}")
        return Scope(*row)

    def preview(self, scope: Scope) -> Preview:
        """See AllowanceStore."""
        source, where, values = _covered(scope)
        since = now() - RECENT_DAYS * DAY
        with self.connections.read() as connection:
            opened, recent = connection.execute(
                f"SELECT count(*) FILTER (WHERE status < 2), count(*) FILTER (WHERE last_seen >= ?)"
                f" FROM {source} WHERE {where}",
                (since, *values),
            ).fetchone()
            rows = connection.execute(
                f"SELECT {ALERT_COLUMNS} FROM {source} JOIN alert_document"
                f" ON alert_document.number = alert.number WHERE {where}"
                f" ORDER BY alert.status = 2, alert.last_seen DESC LIMIT {EXAMPLES}",
                values,
            ).fetchall()
        return Preview(opened, recent, RECENT_DAYS, [alert_record(row) for row in rows])

    def allow(
        self, kind: AllowanceKind, scope: Scope, reason: str, expires: int | None, actor: str
    ) -> Allowance:
        """See AllowanceStore."""
        if kind not in REASONS:
            raise QueryRefused(f"kind: not one of {', '.join(REASONS)}")
        reason = checked_note(reason) or ""
        if not reason:
            raise QueryRefused("reason: say why")
        time = now()
        if expires is not None and expires <= time:
            raise QueryRefused("expires: lies in the past")
        source, where, values = _covered(scope)
        with self.connections.write() as connection:
            present = connection.execute(
                f"SELECT count(*) FROM allowance WHERE {IN_FORCE}", (time,)
            ).fetchone()[0]
            if present >= MOST_ALLOWANCES:
                raise Conflict(f"there are {present} learns and mutes in force already; revoke some first")
            number = connection.execute(
                "INSERT INTO allowance (kind, scope, reason, created, created_by, expires)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (kind, compact(asdict(scope)), reason, time, actor, expires),
            ).lastrowid
            numbers = [
                row[0]
                for row in connection.execute(
                    f"SELECT alert.number FROM {source} WHERE {where} AND status < 2", values
                )
            ]
            choose(connection, numbers)
            change_chosen(connection, CLOSED, "close_reason = ?, allowance = ?", (REASONS[kind], number))
            add_history(connection, numbers, actor, REASONS[kind], reason, self.bounds)
            connection.execute("UPDATE allowance SET hidden = ? WHERE id = ?", (len(numbers), number))
            audit_note(
                connection,
                actor,
                f"allowance.{REASONS[kind]}",
                f"allowance/{number}",
                {
                    "scope": {name: value for name, value in asdict(scope).items() if value is not None},
                    "reason": reason,
                    "expires": optional_time(expires),
                    "closed": len(numbers),
                },
            )
            return _one(connection, number)

    def revoke_allowance(self, allowance_id: int, actor: str, reopen: bool = True) -> Allowance:
        """See AllowanceStore."""
        with self.connections.write() as connection:
            before = _one(connection, allowance_id)
            if before.revoked is not None:
                raise Conflict(f"allowance {allowance_id} is revoked already")
            connection.execute(
                "UPDATE allowance SET revoked = ?, revoked_by = ? WHERE id = ?", (now(), actor, allowance_id)
            )
            numbers: list[int] = []
            if reopen:
                numbers = [
                    row[0]
                    for row in connection.execute(
                        "SELECT number FROM alert WHERE allowance = ? AND status = 2", (allowance_id,)
                    )
                ]
                choose(connection, numbers)
                change_chosen(connection, ACTIVE, "close_reason = NULL, allowance = NULL")
                add_history(connection, numbers, actor, "reopened", f"{before.kind} revoked", self.bounds)
            audit_note(
                connection,
                actor,
                "allowance.revoked",
                f"allowance/{allowance_id}",
                {"kind": before.kind, "reopened": len(numbers)},
            )
            return _one(connection, allowance_id)

    def allowances(self, include_ended: bool = False) -> list[Allowance]:
        """See AllowanceStore."""
        with self.connections.read() as connection:
            if include_ended:
                rows = connection.execute(
                    f"SELECT {_COLUMNS} FROM allowance ORDER BY id DESC LIMIT ?", (MOST_ALLOWANCES,)
                ).fetchall()
            else:
                rows = connection.execute(
                    f"SELECT {_COLUMNS} FROM allowance WHERE {IN_FORCE} ORDER BY id DESC", (now(),)
                ).fetchall()
        return [_record(row) for row in rows]


def _covered(scope: Scope) -> tuple[str, str, tuple[Any, ...]]:
    """FROM, WHERE and values of the alerts a scope covers."""
    named = {name: value for name, value in asdict(scope).items() if value is not None}
    if not named:
        raise QueryRefused("scope: names nothing; that would hide everything")
    tests = [f"alert.{name} = ?" for name in named]
    values = list(named.values())
    for name, kind in _KINDS.items():
        if name in named:
            # The column has no index of its own; the key table leads there.
            tests.append("alert.number IN (SELECT number FROM alert_key WHERE kind = ? AND value = ?)")
            values += [kind, named[name]]
    return "alert", " AND ".join(tests), tuple(values)


def _one(connection: sqlite3.Connection, allowance_id: int | None) -> Allowance:
    row = connection.execute(f"SELECT {_COLUMNS} FROM allowance WHERE id = ?", (allowance_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no allowance {allowance_id}")
    return _record(row)


def _record(row: tuple[Any, ...]) -> Allowance:
    return Allowance(
        id=row[0],
        kind=row[1],
        scope=Scope(**json.loads(row[2])),
        reason=row[3],
        created=to_text(row[4]),
        created_by=row[5],
        expires=optional_time(row[6]),
        revoked=optional_time(row[7]),
        revoked_by=row[8],
        hidden=row[9],
    )
