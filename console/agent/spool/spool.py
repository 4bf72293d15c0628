"""The spool: what waits for the console, in one SQLite file, bounded in bytes.

A batch that was given a sequence is frozen: the same documents go out under it until they are
acknowledged, so that (sensor, sequence) is stored once. Sequences begin with a random part that is
new each time the file is opened: neither a lost file nor one put back from a copy uses one again.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from console.agent.documents import FIRST_ALERT, Outgoing, class_of
from console.agent.spool.errors import SpoolCorrupt, SpoolError, as_spool_error
from console.agent.spool.file import move_aside, open_file, salvaged
from console.agent.spool.holdings import Holdings, count

BATCH_DOCUMENTS = 2000
BATCH_BYTES = 4 << 20
"""Text of the documents of one batch, before compression."""
MOST_REFUSED = 200
"""Documents the console would not have, kept for a person to look at."""
MOST_TOLD = 10_000
"""Alerts remembered over a restart."""


class Waiting(NamedTuple):
    """A document in a batch. `version` grows when a newer one takes its place."""

    number: int
    version: int
    type: str
    body: str


class Parcel(NamedTuple):
    """A batch with its sequence. `number` is 0 where the disk was too full to write it down."""

    number: int
    sequence: str
    documents: tuple[Waiting, ...]


class Depth(NamedTuple):
    """What waits: documents, alerts among them, octets, and when the oldest came (0: none waits)."""

    documents: int
    alerts: int
    bytes: int
    oldest_ns: int


class Spool:
    """One file, or memory where `path` is None. One process; any thread.

    Every method raises SpoolError when the file cannot be used; nothing has changed then.
    """

    def __init__(self, path: Path | None, most_bytes: int) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self.lost_files = 0
        """Damaged files that were moved aside since this process began."""
        self.salvaged = 0
        """Alerts that could still be read of them."""
        self._lock = RLock()
        self._held = Holdings()
        self._rescued: list[Outgoing] = []
        self._lost = False
        self._open()

    def _open(self) -> None:
        try:
            self._connection = open_file(self.path, self.most_bytes)
        except SpoolCorrupt:
            self._replace()
        self._epoch = secrets.token_hex(6)
        self._volatile = 0
        self._gone: set[tuple[int, int]] = set()
        self._settled: set[int] = set()
        self._held.measure(self._connection)
        self._lost = False
        if self._rescued:
            self.put(())

    def _replace(self) -> None:
        """Put a new file in the place of a damaged one, and remember the alerts that can still be read."""
        assert self.path is not None
        rescued = salvaged(self.path)
        move_aside(self.path, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        self._rescued += rescued
        self.lost_files += 1
        self.salvaged += len(rescued)
        self._connection = open_file(self.path, self.most_bytes)

    def reopen(self) -> None:
        """Begin anew behind a file that turned out to be damaged."""
        with self._lock:
            self._connection.close()
            # Until a new file is there, every use says that the old one is lost.
            self._lost = True
            if self.path is not None and self.path.exists():
                self._replace()
                self._connection.close()
            self._open()

    def _check(self) -> None:
        if self._lost:
            raise SpoolCorrupt(f"{self.path}: damaged, and no new file could be made in its place")

    def close(self) -> None:
        """Write the log into the file and let go of it."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _write(self, durable: bool) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._check()
            connection = self._connection
            try:
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    self._held.measure(self._connection)
                if isinstance(error, sqlite3.Error):
                    raise as_spool_error(error) from error
                raise

    def put(self, documents: Sequence[Outgoing], judged_ns: int = 0, grown: Sequence[Outgoing] = ()) -> None:
        """Take documents in, all or none. Alerts are on the disk when this returns.

        `judged_ns` is the packet time up to which these and earlier ones tell all there is to tell, with
        the alerts in `grown`, which have grown and wait for nothing but to be told again: they are
        remembered over a restart.
        Beyond the bound documents give way: the lowest rank first, there the oldest; see `dropped`.
        """
        taken = len(self._rescued)
        rows = [
            (document, document.id, document.rank, document.text)
            for document in (*self._rescued[:taken], *documents)
        ]
        noted = [(document.id, document.text) for document in grown]
        durable = any(rank >= FIRST_ALERT for _, _, rank, _ in rows)
        with self._write(durable) as connection:
            for identity, text in noted:
                connection.execute(
                    "INSERT OR REPLACE INTO told VALUES (?, ?, ?, 1)", (identity, time.time_ns(), text)
                )
            for document, identity, rank, text in rows:
                self._held.put(connection, document.type, identity, rank, text)
                if rank >= FIRST_ALERT:
                    connection.execute(
                        "INSERT OR REPLACE INTO told VALUES (?, ?, ?, 0)", (identity, time.time_ns(), text)
                    )
            if durable or noted:
                connection.execute(
                    "DELETE FROM told WHERE id IN"
                    " (SELECT id FROM told ORDER BY end_ns DESC LIMIT -1 OFFSET ?)",
                    (MOST_TOLD,),
                )
            if judged_ns:
                connection.execute("UPDATE mark SET judged_ns = ?", (judged_ns,))
            self._held.make_room(connection, self.most_bytes)
        # Those out of a damaged file wait in memory until a file has them.
        del self._rescued[:taken]

    def take(self) -> Parcel | None:
        """The batch to send: the oldest that was frozen, else what waits is frozen now; None: nothing."""
        with self._lock:
            self._check()
            try:
                parcel = self._frozen()
                if parcel is not None:
                    return parcel
                chosen = self._choose()
            except sqlite3.Error as error:
                raise as_spool_error(error) from error
            if not chosen:
                return None
            try:
                # Durable: after a loss of power the same documents must have the same sequence.
                with self._write(durable=True) as connection:
                    return self._freeze(connection, chosen)
            except SpoolCorrupt:
                raise
            except SpoolError:
                # A full disk must not keep alerts from a console that can be reached.
                self._volatile += 1
                return Parcel(0, f"{self._epoch}.v{self._volatile:010d}", tuple(chosen))

    def _frozen(self) -> Parcel | None:
        rows = self._connection.execute("SELECT number, sequence FROM batch ORDER BY number").fetchall()
        row = next((row for row in rows if row[0] not in self._settled), None)
        if row is None:
            return None
        documents = self._connection.execute(
            "SELECT number, version, type, body FROM document WHERE batch = ? ORDER BY number", (row[0],)
        ).fetchall()
        return Parcel(row[0], row[1], tuple(Waiting(*item) for item in documents))

    def _choose(self) -> list[Waiting]:
        chosen: list[Waiting] = []
        size = 0
        for *item, octets in self._connection.execute(
            "SELECT number, version, type, body, size FROM document WHERE batch IS NULL"
            " ORDER BY rank DESC, number LIMIT ?",
            (BATCH_DOCUMENTS + len(self._gone),),
        ):
            if (item[0], item[1]) in self._gone:
                continue
            size += octets
            if chosen and (size > BATCH_BYTES or len(chosen) >= BATCH_DOCUMENTS):
                break
            chosen.append(Waiting(*item))
        return sorted(chosen)

    def _freeze(self, connection: sqlite3.Connection, documents: Sequence[Waiting]) -> Parcel:
        number = connection.execute("INSERT INTO batch (sequence) VALUES (hex(randomblob(8)))").lastrowid
        assert number is not None
        sequence = f"{self._epoch}.{number:012d}"
        connection.execute("UPDATE batch SET sequence = ? WHERE number = ?", (sequence, number))
        connection.executemany(
            "UPDATE document SET batch = ? WHERE number = ?", [(number, item.number) for item in documents]
        )
        return Parcel(number, sequence, tuple(documents))

    def settle(self, parcel: Parcel) -> None:
        """The console has this batch: forget it, where the disk is full as soon as it is not."""
        with self._lock:
            self._gone.update((item.number, item.version) for item in parcel.documents)
            self._settled.add(parcel.number)
            try:
                with self._write(durable=False) as connection:
                    self._held.forget(connection, self._gone, self._settled)
            except SpoolCorrupt:
                raise
            except SpoolError:
                return
            self._gone.clear()
            self._settled.clear()

    def split(self, parcel: Parcel, parts: Iterable[Sequence[Waiting]]) -> None:
        """The console refused this batch: its documents go out again in these parts, each a batch."""
        with self._write(durable=True) as connection:
            for part in parts:
                if part:
                    self._freeze(connection, part)
            connection.execute("DELETE FROM batch WHERE number = ?", (parcel.number,))

    def refuse(self, parcel: Parcel, reason: str) -> None:
        """The console will never take the documents of this batch: set them aside, and count them."""
        with self._write(durable=True) as connection:
            for item in parcel.documents:
                row = connection.execute(
                    "SELECT rank FROM document WHERE number = ?", (item.number,)
                ).fetchone()
                connection.execute(
                    "INSERT INTO refused (time_ns, type, reason, body) VALUES (?, ?, ?, ?)",
                    (time.time_ns(), item.type, reason[:2000], item.body),
                )
                if row is not None:
                    count(connection, class_of(row[0]), "refused", 1)
            keys = [(item.number, item.version) for item in parcel.documents]
            self._held.forget(connection, keys, [parcel.number])
            connection.execute(
                "DELETE FROM refused WHERE number NOT IN"
                " (SELECT number FROM refused ORDER BY number DESC LIMIT ?)",
                (MOST_REFUSED,),
            )

    def count(self, losses: Counter[tuple[str, str]]) -> None:
        """Add to what was dropped, by class and cause."""
        with self._write(durable=False) as connection:
            for (name, cause), number in losses.items():
                count(connection, name, cause, number)

    def dropped(self) -> dict[str, int]:
        """How many documents were dropped since the file was made, by `class.cause`."""
        return {
            f"{name}.{cause}": number
            for name, cause, number in self._all("SELECT class, cause, count FROM counted")
        }

    def refused(self) -> list[tuple[str, str, str]]:
        """(type, reason, body) of the latest documents that the console would not have."""
        return [
            (row[0], row[1], row[2])
            for row in self._all("SELECT type, reason, body FROM refused ORDER BY number")
        ]

    def told(self) -> list[str]:
        """The latest alerts as JSON, the one that grew last at the end, sent or not."""
        return [row[0] for row in self._all("SELECT body FROM told ORDER BY end_ns")]

    def grown(self) -> list[str]:
        """Alerts as JSON that have grown since they were told last."""
        return [row[0] for row in self._all("SELECT body FROM told WHERE grown ORDER BY end_ns")]

    @property
    def judged_ns(self) -> int:
        """Up to which packet time everything was told; 0 where that was never said."""
        return int(self._all("SELECT judged_ns FROM mark")[0][0])

    def told_of(self, event: str) -> dict[str, Any] | None:
        """The alert with this `event.id`, as it was told last; None where it is not remembered."""
        found = self._all("SELECT body FROM told WHERE id = ?", (event,))
        return json.loads(found[0][0]) if found else None

    def holds(self, kind: str, identity: str) -> bool:
        """Whether a document of this type and id waits or is on its way."""
        return bool(self._all("SELECT 1 FROM document WHERE type = ? AND id = ? LIMIT 1", (kind, identity)))

    def waiting(self) -> list[Outgoing]:
        """Every document that waits or is on its way."""
        rows = self._all("SELECT type, body FROM document ORDER BY number")
        return [Outgoing(kind, json.loads(body)) for kind, body in rows]

    def _all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise as_spool_error(error) from error

    @property
    def depth(self) -> Depth:
        """What waits just now."""
        with self._lock:
            try:
                oldest = self._connection.execute("SELECT time_ns FROM document LIMIT 1").fetchone()
            except sqlite3.Error:
                oldest = None
            documents = self._held.documents - len(self._gone)
            return Depth(
                documents, self._held.alerts, self._held.bytes, oldest[0] if oldest and documents else 0
            )
