"""One SQLite file: opened, checked, migrated; one writer, readers for the threads that read just now."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from console.store.errors import StoreBusy, StoreError, StoreFull, StoreTooNew, StoreUnreadable

APPLICATION_ID = 0x46574B31
"""Written into the file's header, so that another program's database is told apart."""
_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 30.0
_ROOM = 1 << 20
"""Free bytes under which a disk counts as full."""
_IDLE_READERS = 4
"""Readers kept open for the next query; each may hold its cache and two files."""


class Connections:
    """The file's connections. Writers take `write()`, readers `read()`; both give a sqlite3 connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._check_header()
        self._write_lock = threading.RLock()
        self._local = threading.local()
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._depth = 0
        self._closed = False
        with self._explained():
            self._writer = self._connect()
            self._writer.execute("PRAGMA journal_mode = WAL")
            migrate(self._writer, path)

    def _check_header(self) -> None:
        if not self.path.parent.is_dir():
            raise StoreError(f"{self.path}: the folder {self.path.parent} does not exist")
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        try:
            with self.path.open("rb") as file:
                header = file.read(100)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error
        if len(header) < 100 or not header.startswith(_MAGIC):
            raise StoreUnreadable(f"{self.path}: not a Fieldwatch store (no SQLite header)")
        # SQLite file format 1.3: page size at 16 (1 means 65536), size in pages at 28, valid when the
        # change counter at 24 equals the one at 92. A file cut short would fail only when read there.
        page_size = int.from_bytes(header[16:18], "big")
        page_size = 65536 if page_size == 1 else page_size
        pages = int.from_bytes(header[28:32], "big")
        size = self.path.stat().st_size
        if header[24:28] == header[92:96] and size < pages * page_size:
            wal = self.path.with_name(self.path.name + "-wal")
            if not (wal.exists() and wal.stat().st_size):
                raise StoreUnreadable(
                    f"{self.path}: damaged: {size} bytes where its header says {pages * page_size}"
                )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        # A large batch touches the same pages again and again: fold them back into the file less often.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA mmap_size = 1073741824")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA case_sensitive_like = ON")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors about the file into ours."""
        try:
            yield
        except sqlite3.OperationalError as error:
            # The lower byte is the primary code, the rest refines it (sqlite.org/rescode.html).
            primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
            kind = {sqlite3.SQLITE_FULL: StoreFull, sqlite3.SQLITE_BUSY: StoreBusy}.get(primary, StoreError)
            if primary == sqlite3.SQLITE_IOERR and self._no_room():
                kind = StoreFull
            raise kind(f"{self.path}: {error}") from error
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError):
            # Our mistake, not the file's.
            raise
        except sqlite3.DatabaseError as error:
            raise StoreUnreadable(f"{self.path}: damaged or not a store: {error}") from error

    def _no_room(self) -> bool:
        """Whether the disk is full: SQLite tells some failed writes as input/output errors."""
        try:
            return shutil.disk_usage(self.path.parent).free < _ROOM
        except OSError:
            return False

    @contextmanager
    def write(self, quiet: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction of the one writer; an exception rolls it back. Nested use joins the outer one.

        `quiet` leaves the revision as it is: nothing that is computed from the store changes by it.
        """
        with self._write_lock, self._explained():
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed")
            if self._depth:
                yield self._writer
                return
            self._writer.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._writer
                if not quiet:
                    self._writer.execute("UPDATE state SET revision = revision + 1")
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A reader of this thread's own, in one consistent snapshot; nested use joins the outer one."""
        outer: sqlite3.Connection | None = getattr(self._local, "reader", None)
        with self._explained():
            if outer is not None:
                yield outer
                return
            # Not kept for the thread: a server's threads come and go, and nobody would close theirs.
            reader = self._borrow()
            self._local.reader = reader
            try:
                reader.execute("BEGIN")
                yield reader
            finally:
                self._local.reader = None
                self._give_back(reader)

    def _borrow(self) -> sqlite3.Connection:
        with self._idle_lock:
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed")
            if self._idle:
                return self._idle.pop()
        reader = self._connect()
        reader.execute("PRAGMA query_only = ON")
        return reader

    def _give_back(self, reader: sqlite3.Connection) -> None:
        try:
            if reader.in_transaction:
                reader.execute("ROLLBACK")
        except sqlite3.Error:
            reader.close()
            raise
        with self._idle_lock:
            if not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(reader)
                return
        reader.close()

    def close(self) -> None:
        """Close every connection, those in use when they are given back."""
        with self._write_lock, self._idle_lock:
            if self._closed:
                return
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            self._writer.execute("PRAGMA optimize")
            self._writer.close()


def migrations() -> list[tuple[int, str]]:
    """The numbered SQL scripts beside this module: (number, text) in order, without gaps from 1."""
    folder = resources.files("console.store.sqlite") / "migrations"
    scripts = sorted(
        (int(entry.name.partition("_")[0]), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    )
    numbers = [number for number, _ in scripts]
    assert numbers == list(range(1, len(numbers) + 1)), "migrations are numbered without gaps"
    return scripts


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file to the newest schema, each script in its own transaction."""
    scripts = migrations()
    newest = scripts[-1][0]
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise StoreUnreadable(f"{path}: an SQLite file, but not a Fieldwatch store")
        if version > newest:
            raise StoreTooNew(
                f"{path}: written by a newer Fieldwatch (schema {version}, this one knows up to {newest})"
            )
        for number, script in scripts:
            if number <= version:
                continue
            for statement in statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(script: str) -> Iterator[str]:
    """Split a script into statements; `executescript` would commit in between."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in pending.splitlines()):
        raise ValueError("a migration ends in the middle of a statement")
