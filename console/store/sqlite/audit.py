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
        tests: list[str] = []
        values: list[Any] = []
        for test, value in (
            ("actor = ?", query.actor),
            ("action = ?", query.action),
            ("time >= ?", query.since),
            ("time < ?", query.until),
        ):
            if value is not None:
                tests.append(test)
                values.append(value)
        if query.subject:
            tests.append("subject >= ? AND subject < ?")
            values += [query.subject, query.subject + "\U0010ffff"]
        where = " AND ".join(tests) or "1"
        cursor = paging.decode(page, 1)
        if cursor and not isinstance(cursor[0], int):
            raise QueryRefused("cursor: not one this console made")
        behind = f" AND id < {cursor[0]}" if cursor else ""
        with self.connections.read() as connection:
            total = connection.execute(f"SELECT count(*) FROM audit WHERE {where}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT id, time, actor, address, action, subject, detail FROM audit"
                f" WHERE {where}{behind} ORDER BY id DESC LIMIT ? OFFSET ?",
                (*values, page.limit + 1, 0 if cursor else page.offset),
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
