"""One-time codes with which sensors enrol."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Any

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.records import Enrolled, Enrolment, EnrolmentState
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.configurations import site_scope, touch_scope
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import optional_time
from console.store.sqlite.sensors import checked_name
from console.store.times import now, to_text
from console.store.tokens import SENSOR_PREFIX, digest

_COLUMNS = "id, name, site, created, created_by, expires, used, used_by, withdrawn"
_OPEN = "used IS NULL AND withdrawn IS NULL AND expires > ?"


class Enrolments:
    """The enrolling half of `SensorStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def add_enrolment(
        self, code_hash: str, name: str | None, site: str, expires: int, actor: str
    ) -> Enrolment:
        """See SensorStore."""
        if name is not None:
            checked_name(name, "name")
        checked_name(site, "site")
        time = now()
        if expires <= time:
            raise QueryRefused("expires: lies in the past")
        with self.connections.write() as connection:
            present = connection.execute(f"SELECT count(*) FROM enrolment WHERE {_OPEN}", (time,)).fetchone()[
                0
            ]
            if present >= self.bounds.open_enrolments:
                raise Conflict(f"there are {present} open codes already; withdraw some first")
            number = connection.execute(
                "INSERT INTO enrolment (code_hash, name, site, created, created_by, expires)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (code_hash, name, site, time, actor, expires),
            ).lastrowid
            audit_note(
                connection,
                actor,
                "enrolment.added",
                f"enrolment/{number}",
                {"site": site, "expires": to_text(expires)} | ({"name": name} if name else {}),
            )
            count_loss(
                connection,
                "enrolments_forgotten",
                connection.execute(
                    f"DELETE FROM enrolment WHERE NOT ({_OPEN}) AND id <= ?",
                    (time, (number or 0) - self.bounds.enrolments),
                ).rowcount,
            )
            return _one(connection, number, time)

    def enrolments(self, limit: int = 50) -> list[Enrolment]:
        """See SensorStore."""
        time = now()
        with self.connections.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM enrolment ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_record(row, time) for row in rows]

    def withdraw_enrolment(self, enrolment_id: int, actor: str) -> None:
        """See SensorStore."""
        time = now()
        with self.connections.write() as connection:
            changed = connection.execute(
                f"UPDATE enrolment SET withdrawn = ? WHERE id = ? AND {_OPEN}", (time, enrolment_id, time)
            ).rowcount
            if not changed:
                raise NotFound(f"there is no open code {enrolment_id}")
            audit_note(connection, actor, "enrolment.withdrawn", f"enrolment/{enrolment_id}", {})

    def redeem_enrolment(self, code_hash: str, name: str | None) -> Enrolled:
        """See SensorStore. A code that is refused for its name stays open: a person mistyped."""
        time = now()
        with self.connections.write() as connection:
            row = connection.execute(
                f"SELECT id, name, site FROM enrolment WHERE code_hash = ? AND {_OPEN}", (code_hash, time)
            ).fetchone()
            if row is None:
                raise NotFound("the code is unknown, used or expired")
            number, bound, site = row
            if bound is not None and name is not None and name != bound:
                raise Conflict(f"the code was made for the sensor {bound}")
            chosen = bound or name
            if chosen is None:
                raise QueryRefused("name: neither the code nor the request names the sensor")
            checked_name(chosen, "name")
            known = connection.execute(
                "SELECT site, registered AND NOT revoked FROM sensor WHERE name = ?", (chosen,)
            ).fetchone()
            if known is not None and known[1] and bound is None:
                raise Conflict(f"there is a sensor {chosen} already; a code made for it would replace it")
            token = SENSOR_PREFIX + secrets.token_urlsafe(32)
            connection.execute(
                "INSERT INTO sensor (name, site, token_hash, registered, created) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT DO UPDATE SET site = excluded.site, token_hash = excluded.token_hash,"
                " registered = 1, revoked = 0",
                (chosen, site, digest(token), time),
            )
            if known is not None and known[0] != site:
                # What it runs came from the old site; its numbers must not fall.
                touch_scope(connection, site_scope(site), f"sensor {chosen} came from {known[0]}", time)
            connection.execute(
                "UPDATE enrolment SET used = ?, used_by = ? WHERE id = ?", (time, chosen, number)
            )
            replaced = bool(known and known[1])
            audit_note(
                connection,
                f"sensor/{chosen}",
                "sensor.enrolled",
                f"sensor/{chosen}",
                {"site": site, "enrolment": number, "replaced_token": replaced},
            )
        return Enrolled(chosen, site, token, replaced)


def _one(connection: sqlite3.Connection, number: int | None, time: int) -> Enrolment:
    row = connection.execute(f"SELECT {_COLUMNS} FROM enrolment WHERE id = ?", (number,)).fetchone()
    return _record(row, time)


def _record(row: tuple[Any, ...], time: int) -> Enrolment:
    state: EnrolmentState = "open"
    if row[6] is not None:
        state = "used"
    elif row[8] is not None:
        state = "withdrawn"
    elif row[5] <= time:
        state = "expired"
    return Enrolment(
        id=row[0],
        name=row[1],
        site=row[2],
        created=to_text(row[3]),
        created_by=row[4],
        expires=to_text(row[5]),
        state=state,
        used=optional_time(row[6]),
        used_by=row[7],
    )
