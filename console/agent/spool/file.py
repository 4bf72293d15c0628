"""The spool's file: SQLite with a write-ahead log, held by one process alone."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from console.agent.documents import Outgoing
from console.agent.spool.errors import SpoolCorrupt, as_spool_error

RESERVE = 4 << 20
"""Octets that a new file takes at once, in itself and in its log: on a full disk alerts find room there."""
MOST_CORRUPT = 3
"""Damaged files that are kept for a person to look at."""
_PAGE = 4096
VERSION = 2

_SCHEMA = f"""
CREATE TABLE document (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    id TEXT,
    rank INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    time_ns INTEGER NOT NULL,
    size INTEGER NOT NULL,
    batch INTEGER,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX document_waiting ON document (type, id) WHERE batch IS NULL AND id IS NOT NULL;
CREATE INDEX document_by_rank ON document (rank, number) WHERE batch IS NULL;
CREATE INDEX document_by_batch ON document (batch) WHERE batch IS NOT NULL;
CREATE TABLE batch (number INTEGER PRIMARY KEY AUTOINCREMENT, sequence TEXT NOT NULL UNIQUE);
CREATE TABLE refused (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    type TEXT NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE counted (class TEXT NOT NULL, cause TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (class, cause)) WITHOUT ROWID;
CREATE TABLE told (id TEXT PRIMARY KEY, end_ns INTEGER NOT NULL, body TEXT NOT NULL, grown INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE INDEX told_by_end ON told (end_ns);
CREATE TABLE mark (judged_ns INTEGER NOT NULL);
INSERT INTO mark VALUES (0);
PRAGMA user_version = {VERSION};
"""


def open_file(path: Path | None, most_bytes: int) -> sqlite3.Connection:
    """The spool at `path`, made where there is none; in memory for None. Raises SpoolError."""
    try:
        connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=2
        )
    except sqlite3.Error as error:
        raise as_spool_error(error) from error
    try:
        # Held exclusively, the log needs no shared memory, which a full disk would turn into SIGBUS.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {RESERVE}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            if path is not None:
                _reserve(connection)
        elif version != VERSION:
            raise SpoolCorrupt(f"{path}: its version is {version}")
        elif connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise SpoolCorrupt(f"{path}: it fails its check")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
        # Rows take more than their text; this bound only stops what must never happen.
        connection.execute(f"PRAGMA max_page_count = {(3 * most_bytes + 8 * RESERVE) // _PAGE}")
    except sqlite3.Error as error:
        connection.close()
        raise as_spool_error(error) from error
    except SpoolCorrupt:
        connection.close()
        raise
    return connection


def _reserve(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO refused (time_ns, type, reason, body) VALUES (0, '', '', zeroblob(?))", (RESERVE,)
        )
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        # A disk that is full already has nothing to give; the spool works without a reserve.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    else:
        connection.execute("DELETE FROM refused")


def move_aside(path: Path, stamp: str) -> Path:
    """Rename a damaged spool and its log, and delete the oldest of those; where it is now."""
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            os.replace(source, aside.with_name(aside.name + suffix))
    kept = sorted(path.parent.glob(f"{path.name}.corrupt-*[0-9Z]"))
    for old in kept[:-MOST_CORRUPT]:
        for suffix in ("", "-wal", "-shm"):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def salvaged(path: Path) -> list[Outgoing]:
    """The alerts that can still be read of a damaged spool."""
    found: list[Outgoing] = []
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.Error:
        return found
    try:
        for (text,) in connection.execute("SELECT body FROM document WHERE type = 'alert'"):
            with suppress(ValueError, LookupError, TypeError):
                document = Outgoing("alert", json.loads(text))
                if document.id and document.rank:
                    found.append(document)
    except (sqlite3.Error, UnicodeDecodeError):
        pass  # what came before the damage is what there is
    finally:
        connection.close()
    return found
