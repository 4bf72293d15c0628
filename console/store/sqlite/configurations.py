"""What sensors should run, version by version; texts are kept once, by their digest."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Any

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.records import ConfigurationContent, ConfigurationVersion
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import compact
from console.store.times import now, to_text

NOTE_LENGTH = 2000
_COLUMNS = "version, scope, created, created_by, note, changes"


def site_scope(site: str) -> str:
    """The scope of a site's sensors."""
    return f"site/{site}"


class Configurations:
    """`ConfigurationStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def put_configuration(
        self, scope: str, content: ConfigurationContent, note: str, actor: str, base: int | None
    ) -> ConfigurationVersion:
        """See ConfigurationStore."""
        if len(note) > NOTE_LENGTH:
            raise QueryRefused(f"note: longer than {NOTE_LENGTH} characters")
        digests = {name: _digest(text) for name, text in content.texts.items()}
        with self.connections.write() as connection:
            newest = _newest(connection, scope)
            if base != (newest[0] if newest else None):
                raise Conflict("somebody has changed this configuration in the meantime; look at it again")
            before = json.loads(newest[1]) if newest else {"texts": {}, "values": {}}
            changes = _changes(before, {"texts": digests, "values": content.values})
            if not changes and newest is not None:
                return _one(connection, newest[0])
            connection.executemany(
                "INSERT OR IGNORE INTO configuration_text VALUES (?, ?)",
                [(digests[name], text) for name, text in content.texts.items()],
            )
            stored = compact({"texts": digests, "values": content.values})
            version = _insert(connection, scope, now(), actor, note, changes, stored)
            audit_note(
                connection,
                actor,
                "configuration.changed",
                f"configuration/{version}",
                {"scope": scope or "all", "note": note, "changes": changes[:100]},
            )
            self._forget(connection, scope)
            return _one(connection, version)

    def _forget(self, connection: sqlite3.Connection, scope: str) -> None:
        gone = connection.execute(
            "DELETE FROM configuration WHERE scope = ?1 AND version NOT IN"
            " (SELECT version FROM configuration WHERE scope = ?1 ORDER BY version DESC LIMIT ?2)",
            (scope, self.bounds.configuration_versions),
        ).rowcount
        if gone:
            count_loss(connection, "configuration_versions_forgotten", gone)
            connection.execute(
                "DELETE FROM configuration_text WHERE digest NOT IN (SELECT text.value FROM configuration,"
                " json_each(content, '$.texts') AS text)"
            )

    def configurations(self, scope: str | None = None, limit: int = 100) -> list[ConfigurationVersion]:
        """See ConfigurationStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM configuration WHERE ?1 IS NULL OR scope = ?1"
                " ORDER BY version DESC LIMIT ?2",
                (scope, limit),
            ).fetchall()
        return [_record(row) for row in rows]

    def configured_scopes(self) -> list[str]:
        """See ConfigurationStore."""
        with self.connections.read() as connection:
            return [
                row[0] for row in connection.execute("SELECT DISTINCT scope FROM configuration ORDER BY 1")
            ]

    def configuration(self, version: int) -> tuple[ConfigurationVersion, ConfigurationContent]:
        """See ConfigurationStore."""
        with self.connections.read() as connection:
            record = _one(connection, version)
            stored = connection.execute(
                "SELECT content FROM configuration WHERE version = ?", (version,)
            ).fetchone()[0]
            return record, _content(connection, json.loads(stored))

    def newest_version(self, scope: str) -> int | None:
        """See ConfigurationStore."""
        with self.connections.read() as connection:
            return connection.execute(
                "SELECT max(version) FROM configuration WHERE scope = ?", (scope,)
            ).fetchone()[0]

    def newest_configuration(self, scope: str) -> tuple[int, ConfigurationContent] | None:
        """See ConfigurationStore."""
        with self.connections.read() as connection:
            newest = _newest(connection, scope)
            return None if newest is None else (newest[0], _content(connection, json.loads(newest[1])))


def touch_scope(connection: sqlite3.Connection, scope: str, note: str, time: int) -> None:
    """Give a scope a new version with the same content, if anything is configured at all."""
    if connection.execute("SELECT 1 FROM configuration LIMIT 1").fetchone() is None:
        return
    newest = _newest(connection, scope)
    stored = newest[1] if newest else compact({"texts": {}, "values": {}})
    _insert(connection, scope, time, "console", note, [], stored)


def _insert(
    connection: sqlite3.Connection,
    scope: str,
    time: int,
    actor: str,
    note: str,
    changes: list[dict[str, str]],
    stored: str,
) -> int | None:
    return connection.execute(
        "INSERT INTO configuration (scope, created, created_by, note, changes, content)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (scope, time, actor, note, compact(changes), stored),
    ).lastrowid


def _newest(connection: sqlite3.Connection, scope: str) -> tuple[int, str] | None:
    return connection.execute(
        "SELECT version, content FROM configuration WHERE scope = ? ORDER BY version DESC LIMIT 1", (scope,)
    ).fetchone()


def _content(connection: sqlite3.Connection, stored: dict[str, Any]) -> ConfigurationContent:
    texts = {
        name: connection.execute(
            "SELECT text FROM configuration_text WHERE digest = ?", (digest,)
        ).fetchone()[0]
        for name, digest in stored["texts"].items()
    }
    return ConfigurationContent(texts, stored["values"])


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, str]]:
    changes = []
    for kind in ("texts", "values"):
        old, new = before[kind], after[kind]
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                word = "added" if name not in old else "removed" if name not in new else "changed"
                changes.append({"part": name, "change": word})
    return changes


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _one(connection: sqlite3.Connection, version: int | None) -> ConfigurationVersion:
    row = connection.execute(f"SELECT {_COLUMNS} FROM configuration WHERE version = ?", (version,)).fetchone()
    if row is None:
        raise NotFound(f"there is no configuration {version}")
    return _record(row)


def _record(row: tuple[Any, ...]) -> ConfigurationVersion:
    return ConfigurationVersion(
        version=row[0],
        scope=row[1],
        created=to_text(row[2]),
        created_by=row[3],
        note=row[4],
        changes=json.loads(row[5]),
    )
