"""The documents a spool holds, and how much that is. Each change is made in the caller's transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from console.agent.documents import FIRST_ALERT, class_of

_OVERHEAD = 200
"""Octets that a row takes beside its text, about."""
_SLICE = 256
"""Documents that give way at once."""


class Holdings:
    """What is held. After a transaction that was rolled back, `measure` again."""

    def __init__(self) -> None:
        self.documents = 0
        self.alerts = 0
        self.bytes = 0

    def measure(self, connection: sqlite3.Connection) -> None:
        """Count anew."""
        row = connection.execute(
            "SELECT ifnull(sum(size), 0), count(*), ifnull(sum(rank >= ?), 0) FROM document", (FIRST_ALERT,)
        ).fetchone()
        self.bytes, self.documents, self.alerts = row

    def put(
        self, connection: sqlite3.Connection, kind: str, identity: str | None, rank: int, text: str
    ) -> None:
        """Take a document in, in the place of an earlier one that still waits."""
        size = len(text.encode()) + _OVERHEAD
        old = None
        if identity is not None:
            old = connection.execute(
                "SELECT number, size, rank FROM document WHERE type = ? AND id = ? AND batch IS NULL",
                (kind, identity),
            ).fetchone()
        if old is not None:
            connection.execute(
                "UPDATE document SET body = ?, size = ?, rank = ?, version = version + 1 WHERE number = ?",
                (text, size, rank, old[0]),
            )
            self.bytes += size - old[1]
            return
        connection.execute(
            "INSERT INTO document (type, id, rank, time_ns, size, body) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, identity, rank, time.time_ns(), size, text),
        )
        self._add(size, rank)

    def make_room(self, connection: sqlite3.Connection, most_bytes: int) -> None:
        """Let go of what waits beyond the bound, the lowest rank first, there the oldest; count it."""
        while self.bytes > most_bytes:
            rows = connection.execute(
                "SELECT number, rank, size FROM document WHERE batch IS NULL ORDER BY rank, number LIMIT ?",
                (_SLICE,),
            ).fetchall()
            if not rows:
                return  # all that is left is on its way; its size is bounded
            for number, rank, size in rows:
                connection.execute("DELETE FROM document WHERE number = ?", (number,))
                count(connection, class_of(rank), "full", 1)
                self._add(-size, rank)
                if self.bytes <= most_bytes:
                    return

    def forget(
        self, connection: sqlite3.Connection, documents: Iterable[tuple[int, int]], batches: Iterable[int]
    ) -> None:
        """Let go of documents, by number and version, and of batches."""
        for key in documents:
            row = connection.execute(
                "DELETE FROM document WHERE number = ? AND version = ? RETURNING size, rank", key
            ).fetchone()
            if row is not None:
                self._add(-row[0], row[1])
        for number in batches:
            connection.execute("DELETE FROM batch WHERE number = ?", (number,))

    def _add(self, size: int, rank: int) -> None:
        one = 1 if size > 0 else -1
        self.bytes += size
        self.documents += one
        self.alerts += one * (rank >= FIRST_ALERT)


def count(connection: sqlite3.Connection, name: str, cause: str, number: int) -> None:
    """Add to what was not sent, by class and cause."""
    connection.execute(
        "INSERT INTO counted VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        (name, cause, number),
    )
