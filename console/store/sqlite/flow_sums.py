"""Behaviours summed per pair of addresses, protocol and operation, and over operations: kept current."""

from __future__ import annotations

import sqlite3

from console.store.bounds import MOST_COUNT

Key = tuple[str, str, str, str]
"""Source, destination, protocol, operation."""

_SUMS = (
    "behaviours = behaviours + excluded.behaviours,"
    f" messages = min(messages + excluded.messages, {MOST_COUNT}),"
    " last_seen = max(last_seen, excluded.last_seen)"
)
_LESS = "SET behaviours = behaviours - 1, messages = max(0, messages - ?)"


def add(connection: sqlite3.Connection, key: Key, behaviours: int, messages: int, last_seen: int) -> None:
    """Count new behaviours, or more messages of known ones."""
    sums = (behaviours, min(messages, MOST_COUNT), last_seen)
    connection.execute(
        f"INSERT INTO flow VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {_SUMS}", (*key, *sums)
    )
    connection.execute(
        f"INSERT INTO pair VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {_SUMS}", (*key[:3], *sums)
    )


def take_out(connection: sqlite3.Connection, key: Key, messages: int) -> None:
    """A behaviour has gone; what is left of nothing goes by `sweep`."""
    connection.execute(
        f"UPDATE flow {_LESS} WHERE source = ? AND destination = ? AND protocol = ? AND operation = ?",
        (messages, *key),
    )
    connection.execute(
        f"UPDATE pair {_LESS} WHERE source = ? AND destination = ? AND protocol = ?", (messages, *key[:3])
    )


def sweep(connection: sqlite3.Connection) -> None:
    """Delete the sums of behaviours that have all gone."""
    connection.execute("DELETE FROM flow WHERE behaviours <= 0")
    connection.execute("DELETE FROM pair WHERE behaviours <= 0")
