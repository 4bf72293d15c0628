"""Behaviours on their way in: one row for each, its count the sum of the sensors' totals; flows beside."""

from __future__ import annotations

import json
import sqlite3

from console.store.bounds import MOST_COUNT
from console.store.records import Document
from console.store.sqlite import flow_sums
from console.store.sqlite.rows import compact
from console.store.times import to_nanoseconds, to_text
from console.store.words import address, behaviour_words

UNKNOWN = "unknown"
"""The address of an end that the document names by neither IP nor MAC."""


class BehaviourIntake:
    """Takes the behaviours of one batch of one sensor."""

    def __init__(self, connection: sqlite3.Connection, sensor: str, latest: int | None) -> None:
        self.connection = connection
        self.sensor = sensor
        self.latest = latest
        self.new = self.held_back = 0

    def take(self, body: Document, text: str) -> None:
        """Store or merge one checked behaviour document."""
        behaviour = body["behaviour"]
        first, last = to_nanoseconds(behaviour["first_seen"]), to_nanoseconds(behaviour["last_seen"])
        if self.latest is not None and max(first, last) > self.latest:
            self.held_back += 1
            first, last = min(first, self.latest), min(last, self.latest)
            behaviour = {**behaviour, "first_seen": to_text(first), "last_seen": to_text(last)}
            body = {**body, "behaviour": behaviour}
            text = compact(body)
        last = max(first, last)
        source = address(body["source"]) or UNKNOWN
        destination = address(body["destination"]) or UNKNOWN
        protocol = body["network"].get("protocol", UNKNOWN)
        operation = body["ics"].get("operation", "other")
        count = behaviour["count"]
        row = self.connection.execute(
            "SELECT number, count, first_seen, last_seen, source, destination, protocol, operation"
            " FROM behaviour WHERE id = ?",
            (behaviour["id"],),
        ).fetchone()
        if row is None:
            number = self.connection.execute(
                "INSERT INTO behaviour (id, document, count, first_seen, last_seen, protocol, operation,"
                " source, destination, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    behaviour["id"],
                    text,
                    count,
                    first,
                    last,
                    protocol,
                    operation,
                    source,
                    destination,
                    behaviour_words(body),
                ),
            ).lastrowid
            self.connection.execute(
                "INSERT INTO behaviour_sensor VALUES (?, ?, ?, ?, ?)",
                (number, self.sensor, first, last, count),
            )
            flow_sums.add(self.connection, (source, destination, protocol, operation), 1, count, last)
            self.new += 1
            return
        number, total, first_before, last_before = row[:4]
        added = self._sensor_total(number, first, last, count)
        newest = last >= last_before
        first, last = min(first, first_before), max(last, last_before)
        total = min(total + added, MOST_COUNT)
        if newest:
            behaviour = {
                **behaviour,
                "count": total,
                "first_seen": to_text(first),
                "last_seen": to_text(last),
            }
            # Who and what are the behaviour's identity: a report cannot move it to other addresses.
            stored = self._identity(number, {**body, "behaviour": behaviour})
            self.connection.execute(
                "UPDATE behaviour SET document = ?, count = ?, first_seen = ?, last_seen = ?"
                " WHERE number = ?",
                (compact(stored), total, first, last, number),
            )
        else:
            self.connection.execute(
                "UPDATE behaviour SET count = ?, first_seen = ?,"
                " document = json_set(document, '$.behaviour.count', ?, '$.behaviour.first_seen', ?)"
                " WHERE number = ?",
                (total, first, total, to_text(first), number),
            )
        source, destination, protocol, operation = row[4:]
        flow_sums.add(self.connection, (source, destination, protocol, operation), 0, added, last)

    def _identity(self, number: int, body: Document) -> Document:
        row = self.connection.execute(
            "SELECT document ->> '$.source', document ->> '$.destination' FROM behaviour WHERE number = ?",
            (number,),
        ).fetchone()
        return {**body, "source": json.loads(row[0]), "destination": json.loads(row[1])}

    def _sensor_total(self, number: int, first: int, last: int, count: int) -> int:
        """Bring this sensor's total up to date; by how much it grew."""
        row = self.connection.execute(
            "SELECT first_seen, last_seen, count FROM behaviour_sensor WHERE number = ? AND sensor = ?",
            (number, self.sensor),
        ).fetchone()
        if row is None:
            before, total = 0, count
        else:
            before = row[2]
            # An overlapping report is a newer running total, a disjoint one another period.
            disjoint = first > row[1] or last < row[0]
            total = min(before + count, MOST_COUNT) if disjoint else max(before, count)
            first, last = min(first, row[0]), max(last, row[1])
        self.connection.execute(
            "INSERT OR REPLACE INTO behaviour_sensor VALUES (?, ?, ?, ?, ?)",
            (number, self.sensor, first, last, total),
        )
        return total - before
