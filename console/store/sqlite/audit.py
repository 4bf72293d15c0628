"""The audit log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from console.store import paging
from console.store.bounds import Bounds
from console.store.errors import QueryRefused
from console.store.filters import AuditFilter, PageRequest
from console.store.records import AuditRow, Page
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import compact
from console.store.sqlite.where import Where
from console.store.times import now, to_text

_ADDRESS: ContextVar[str | None] = ContextVar("audit_address", default=None)


def note(
    connection: sqlite3.Connection, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """Write one audit row in the running transaction."""
    connection.execute(
        "INSERT INTO audit (time, actor, address, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (now(), actor, _ADDRESS.get(), action, subject, compact(dict(detail))),
    )


def prune(connection: sqlite3.Connection, most: int) -> int:
    """Let the oldest rows beyond the bound go; how many."""
    newest = connection.execute("SELECT ifnull(max(id), 0) FROM audit").fetchone()[0]
    return connection.execute("DELETE FROM audit WHERE id <= ?", (newest - most,)).rowcount


class Audit:
    """`AuditStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def audit(self, query: AuditFilter, page: PageRequest) -> Page[AuditRow]:
        """See AuditStore."""
        paging.check(page, ("time", "last_seen"))
        where = Where()
        where.given("actor = ?", query.actor)
        where.given("action = ?", query.action)
        where.given("time >= ?", query.since)
        where.given("time < ?", query.until)
        if query.subject:
            where.add("subject >= ? AND subject < ?", query.subject, query.subject + "\U0010ffff")
        cursor = paging.decode(page, 1)
        if cursor and not isinstance(cursor[0], int):
            raise QueryRefused("cursor: not one this console made")
        behind = f" AND id < {cursor[0]}" if cursor else ""
        with self.connections.read() as connection:
            (total,) = connection.execute(
                f"SELECT count(*) FROM audit WHERE {where}", where.values
            ).fetchone()
            rows = connection.execute(
                f"SELECT id, time, actor, address, action, subject, detail FROM audit"
                f" WHERE {where}{behind} ORDER BY id DESC LIMIT ? OFFSET ?",
                (*where.values, page.limit + 1, 0 if cursor else page.offset),
            ).fetchall()
        more = len(rows) > page.limit
        items = [
            AuditRow(row[0], to_text(row[1]), row[2], row[3], row[4], row[5], json.loads(row[6]))
            for row in rows[: page.limit]
        ]
        return Page(items, total, True, paging.encode(page, [items[-1].id]) if more else None)

    def record_audit(self, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        """See AuditStore."""
        with self.connections.write() as connection:
            note(connection, actor, action, subject, detail)
            count_loss(connection, "audit_rows_evicted", prune(connection, self.bounds.audit_rows))

    @contextmanager
    def acting_from(self, address: str | None) -> Iterator[None]:
        """See AuditStore."""
        token = _ADDRESS.set(address)
        try:
            yield
        finally:
            _ADDRESS.reset(token)
