"""Sensors, their tokens and their health."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from typing import Any

from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.records import Document, SensorRecord
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import compact, optional_time
from console.store.times import SECOND, now, to_text
from console.store.tokens import SENSOR_PREFIX, digest

DEFAULT_SITE = "default"
NAME = re.compile(r"[\w][\w.:@-]{0,126}[\w]|[\w]")
RESERVED = "fieldwatch:"
"""Names that begin so are nobody's to take."""


class Sensors:
    """`SensorStore` in SQLite."""

    connections: Connections

    def add_sensor(self, name: str, site: str, actor: str) -> str:
        """See SensorStore; a revoked sensor, or one known by its batches only, gets a new token."""
        checked_name(name, "name")
        checked_name(site, "site")
        token = SENSOR_PREFIX + secrets.token_urlsafe(32)
        with self.connections.write() as connection:
            row = connection.execute(
                "SELECT registered, revoked FROM sensor WHERE name = ?", (name,)
            ).fetchone()
            if row is not None and row[0] and not row[1]:
                raise Conflict(f"there is a sensor {name} already; revoke it to give it a new token")
            connection.execute(
                "INSERT INTO sensor (name, site, token_hash, registered, created) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT DO UPDATE SET site = excluded.site, token_hash = excluded.token_hash,"
                " registered = 1, revoked = 0",
                (name, site, digest(token), now()),
            )
            audit_note(connection, actor, "sensor.added", f"sensor/{name}", {"site": site})
        return token

    def revoke_sensor(self, name: str, actor: str) -> None:
        """See SensorStore."""
        with self.connections.write() as connection:
            changed = connection.execute(
                "UPDATE sensor SET revoked = 1, token_hash = NULL"
                " WHERE name = ? AND registered AND NOT revoked",
                (name,),
            ).rowcount
            if not changed:
                raise NotFound(f"there is no sensor {name} with a token")
            audit_note(connection, actor, "sensor.revoked", f"sensor/{name}", {})

    def sensor_of_token(self, token: str) -> str | None:
        """See SensorStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                "SELECT name FROM sensor WHERE token_hash = ? AND NOT revoked", (digest(token),)
            ).fetchone()
        return row[0] if row else None

    def site_of(self, sensor: str) -> str:
        """See SensorStore."""
        with self.connections.read() as connection:
            row = connection.execute("SELECT site FROM sensor WHERE name = ?", (sensor,)).fetchone()
        if row is None:
            raise NotFound(f"there is no sensor {sensor}")
        return row[0]

    def sensors(self) -> list[SensorRecord]:
        """See SensorStore."""
        time = now()
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT name, site, registered, revoked, created, last_seen, batches, documents, summary,"
                " (SELECT document FROM health WHERE health.sensor = sensor.name"
                "  ORDER BY time DESC, number DESC LIMIT 1), sensor_state.document"
                " FROM sensor LEFT JOIN sensor_state ON sensor_state.sensor = sensor.name ORDER BY name"
            ).fetchall()
        return [
            SensorRecord(
                name=row[0],
                site=row[1],
                registered=bool(row[2]),
                revoked=bool(row[3]),
                created=to_text(row[4]),
                last_seen=optional_time(row[5]),
                silent_seconds=None if row[5] is None else max(0.0, (time - row[5]) / SECOND),
                batches=row[6],
                documents=row[7],
                health=json.loads(row[9]) if row[9] else None,
                summary=json.loads(row[8]) if row[8] else None,
                state=json.loads(row[10]) if row[10] else None,
            )
            for row in rows
        ]

    def heartbeat(self, sensor: str, state: Document) -> None:
        """See SensorStore."""
        time = now()
        with self.connections.write(quiet=True) as connection:
            connection.execute("UPDATE sensor SET last_seen = ? WHERE name = ?", (time, sensor))
            connection.execute(
                "INSERT OR REPLACE INTO sensor_state VALUES (?, ?, ?)", (sensor, time, compact(state))
            )

    def health(self, sensor: str, limit: int = 200) -> list[dict[str, Any]]:
        """See SensorStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT document FROM health WHERE sensor = ? ORDER BY time DESC, number DESC LIMIT ?",
                (sensor, limit),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def health_series(self, sensor: str, since: int, until: int, slices: int = 144) -> list[dict[str, Any]]:
        """See SensorStore."""
        width = max(1, (until - since) // max(1, slices))
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT document FROM health WHERE number IN (SELECT max(number) FROM health"
                " WHERE sensor = ?1 AND time >= ?2 AND time < ?3 GROUP BY (time - ?2) / ?4)"
                " ORDER BY time, number",
                (sensor, since, until, width),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]


def checked_name(text: str, what: str) -> None:
    """QueryRefused where a sensor or a site cannot be called this."""
    if NAME.fullmatch(text) is None:
        raise QueryRefused(f"{what}: up to 128 letters, digits and . : @ - _ inside")
    if text.startswith(RESERVED):
        raise QueryRefused(f"{what}: names that begin with {RESERVED} are reserved")


def know_sensor(connection: sqlite3.Connection, name: str, time: int) -> str:
    """Make sure a source of batches has its row; returns its site."""
    row = connection.execute("SELECT site FROM sensor WHERE name = ?", (name,)).fetchone()
    if row is not None:
        return row[0]
    connection.execute(
        "INSERT INTO sensor (name, site, registered, created) VALUES (?, ?, 0, ?)", (name, DEFAULT_SITE, time)
    )
    return DEFAULT_SITE
