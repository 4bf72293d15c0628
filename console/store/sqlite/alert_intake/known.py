"""What the store knows already of the events and alerts that one batch is about."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from console.store.records import Document
from console.store.sqlite.alert_keys import facets_of


@dataclass(slots=True)
class Event:
    """What one sensor has said so far about one of its events; `base` of its count is earlier alerts'."""

    number: int
    first_seen: int
    last_seen: int
    count: int
    base: int


@dataclass(slots=True)
class Alert:
    """The part of a stored alert that a repeat can change."""

    number: int
    sensor: str
    status: int
    level: int
    severity: int
    count: int
    first_seen: int
    last_seen: int
    allowance: int | None
    document: Document
    keys: list[list[Any]]
    facets: list[tuple[int, str]]


class Known:
    """Events and alerts by their ids, looked up once in a transaction."""

    def __init__(self, connection: sqlite3.Connection, sensor: str) -> None:
        self.connection = connection
        self.sensor = sensor
        self.events: dict[str, Event | None] = {}
        """This sensor's events; None for one it has not told of."""
        self.alerts: dict[int, Alert] = {}
        self._next = connection.execute("SELECT ifnull(max(number), 0) + 1 FROM alert").fetchone()[0]
        self._given: set[str] = set()
        self._free: set[str] = set()

    def expect(self, event_ids: Iterable[str]) -> None:
        """Look up what is known of a whole batch's events at once."""
        named = dict.fromkeys(event_ids)
        wanted = json.dumps(list(named))
        rows = self.connection.execute(
            "SELECT event_id, number, first_seen, last_seen, count, base FROM alert_event"
            " WHERE event_id IN (SELECT value FROM json_each(?)) AND sensor = ?",
            (wanted, self.sensor),
        )
        known = {event_id: Event(*rest) for event_id, *rest in rows}
        self.events |= {event_id: known.get(event_id) for event_id in named}
        # An event may be forgotten with its last alert while an earlier one lives on under its id.
        taken = self.connection.execute(
            "SELECT id FROM alert WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
        )
        self._free.update(named.keys() - {row[0] for row in taken})

    def event(self, event_id: str) -> Event | None:
        """This sensor's event of that id; None where it has told of none."""
        if event_id not in self.events:
            self.expect([event_id])
        return self.events[event_id]

    def alert(self, number: int) -> Alert | None:
        """The alert of that number; None where it was evicted."""
        if number not in self.alerts:
            row = self.connection.execute(
                "SELECT sensor, status, level, severity, count, first_seen, last_seen, allowance, document,"
                " keys, protocol, operation, rule FROM alert JOIN alert_document USING (number)"
                " WHERE number = ?",
                (number,),
            ).fetchone()
            if row is None:
                return None
            keys = json.loads(row[9])
            facets = facets_of(row[10], row[11], row[12], keys)
            self.alerts[number] = Alert(
                number=number,
                sensor=row[0],
                status=row[1],
                level=row[2],
                severity=row[3],
                count=row[4],
                first_seen=row[5],
                last_seen=row[6],
                allowance=row[7],
                document=json.loads(row[8]),
                keys=keys,
                facets=facets,
            )
        return self.alerts[number]

    def new_alert(self, event_id: str) -> tuple[int, str]:
        """A number and an id for a new alert: `event_id`, with a number behind it where that is taken.

        An earlier alert of the same event has it, or another sensor's.
        """
        alert_id, repeat = event_id, 1
        while self._taken(alert_id):
            repeat += 1
            alert_id = f"{event_id}.{repeat}"
        self._given.add(alert_id)
        number, self._next = self._next, self._next + 1
        return number, alert_id

    def _taken(self, alert_id: str) -> bool:
        if alert_id in self._given:
            return True
        if alert_id in self._free:
            return False
        row = self.connection.execute("SELECT 1 FROM alert WHERE id = ?", (alert_id,)).fetchone()
        return row is not None
