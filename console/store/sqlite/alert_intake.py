"""Alerts on their way in: a repeat updates, a repeat after closing opens anew, several sensors' same is one.

Counts: an event's `count` is its running total, so an overlapping report replaces it and a report of a
later, disjoint time adds to it. An alert reported by several sensors has the largest of their counts,
since they watched the same traffic.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from console.store.bounds import MOST_COUNT, Bounds
from console.store.filters import LEVELS
from console.store.records import Document
from console.store.sqlite import tally
from console.store.sqlite.alert_keys import facets_of, fingerprint_of, joined_evidence, keys_of
from console.store.sqlite.allowance_match import AlertFacts, AllowanceMatcher
from console.store.sqlite.asset_lookup import AssetLookup
from console.store.sqlite.rows import compact
from console.store.times import MINUTE, to_nanoseconds, to_text
from console.store.words import alert_words

CLOSED = 2
SEVERITIES = (2, 21, 47, 73, 99)
_LEVEL = {name: index for index, name in enumerate(LEVELS)}
_COLUMNS = (
    "number",
    "id",
    "event_id",
    "sensor",
    "fingerprint",
    "status",
    "level",
    "severity",
    "count",
    "first_seen",
    "last_seen",
    "rule",
    "rule_name",
    "protocol",
    "operation",
    "object",
    "source",
    "destination",
    "zone",
    "source_asset",
    "destination_asset",
    "subject_asset",
    "confidence",
    "close_reason",
    "allowance",
)


@dataclass(slots=True)
class _Report:
    """One alert document with what is drawn from it."""

    body: Document
    text: str
    event_id: str
    level: int
    severity: int
    count: int
    first_seen: int
    last_seen: int


@dataclass(slots=True)
class _Event:
    """What one sensor has said so far about one of its events."""

    number: int
    first_seen: int
    last_seen: int
    count: int
    base: int


@dataclass(slots=True)
class _Alert:
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


@dataclass(slots=True)
class _Insert:
    alerts: list[tuple[Any, ...]] = field(default_factory=list)
    documents: list[tuple[Any, ...]] = field(default_factory=list)
    words: list[tuple[Any, ...]] = field(default_factory=list)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    history: list[tuple[Any, ...]] = field(default_factory=list)


class AlertIntake:
    """Takes the alerts of one batch of one sensor; `flush` writes them."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sensor: str,
        site: str,
        now: int,
        latest: int | None,
        allowances: AllowanceMatcher,
        assets: AssetLookup,
        bounds: Bounds,
    ) -> None:
        self.connection = connection
        self.sensor = sensor
        self.site = site
        self.now = now
        self.latest = latest
        self.allowances = allowances
        self.assets = assets
        self.bounds = bounds
        self.new = self.updated = self.silenced = self.held_back = 0
        self._tallies = tally.Tallies()
        self._next = connection.execute("SELECT ifnull(max(number), 0) + 1 FROM alert").fetchone()[0]
        self._events: dict[str, _Event | None] = {}
        self._alerts: dict[int, _Alert] = {}
        self._changed: set[int] = set()
        self._told: set[str] = set()
        self._ids: set[str] = set()
        self._free: set[str] = set()
        others = connection.execute(
            "SELECT 1 FROM sensor WHERE site = ? AND name <> ? LIMIT 1", (site, sensor)
        )
        self._alone = others.fetchone() is None
        self._insert = _Insert()
        self._rules: dict[str, tuple[Any, ...]] = {}

    def expect(self, event_ids: Iterable[str]) -> None:
        """Look up what is known of a whole batch's events at once."""
        named = dict.fromkeys(event_ids)
        wanted = json.dumps(list(named))
        rows = self.connection.execute(
            "SELECT event_id, sensor, number, first_seen, last_seen, count, base FROM alert_event"
            " WHERE event_id IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
        known: dict[str, _Event | None] = {}
        for event_id, sensor, *rest in rows:
            if sensor == self.sensor:
                known[event_id] = _Event(*rest)
            else:
                known.setdefault(event_id, None)
        self._events |= {event_id: known.get(event_id) for event_id in named}
        # An event may be forgotten with its last alert while an earlier one lives on under its id.
        taken = self.connection.execute(
            "SELECT id FROM alert WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
        )
        self._free.update(named.keys() - {row[0] for row in taken})

    def take(self, body: Document, text: str) -> None:
        """Store or merge one checked alert document."""
        report = self._read(body, text)
        self._note_rule(report)
        event = self._event(report.event_id)
        if event is None:
            self._place(report, report.count, 0)
            return
        before = event.count
        if report.first_seen > event.last_seen or report.last_seen < event.first_seen:
            event.count = min(event.count + report.count, MOST_COUNT)
        else:
            event.count = max(event.count, report.count)
        newer = report.last_seen > event.last_seen
        self._told.add(report.event_id)
        alert = self._alert(event.number)
        if alert is not None and (
            alert.status < CLOSED or _is_silenced(alert.document) or self.allowances.in_force(alert.allowance)
        ):
            self._repeat(alert, report, event.count - event.base)
        elif newer:
            # What was counted up to the closing belongs to the closed alert.
            report.first_seen = max(report.first_seen, event.last_seen)
            self._place(report, max(1, event.count - before), before)
            return
        event.first_seen = min(event.first_seen, report.first_seen)
        event.last_seen = max(event.last_seen, report.last_seen)

    def _read(self, body: Document, text: str) -> _Report:
        event = body["event"]
        seen = to_nanoseconds(body["@timestamp"])
        first = to_nanoseconds(event["start"]) if "start" in event else seen
        last = to_nanoseconds(event["end"]) if "end" in event else first
        if self.latest is not None and max(seen, first, last) > self.latest:
            self.held_back += 1
            seen, first, last = (min(time, self.latest) for time in (seen, first, last))
            body = {
                **body,
                "@timestamp": to_text(seen),
                "event": {**event, "start": to_text(first), "end": to_text(last)},
            }
            text = compact(body)
        level = _LEVEL[body["rule"]["level"]]
        return _Report(
            body=body,
            text=text,
            event_id=event["id"],
            level=level,
            severity=event.get("severity", SEVERITIES[level]),
            count=event.get("count", 1),
            first_seen=first,
            last_seen=max(first, last),
        )

    def _note_rule(self, report: _Report) -> None:
        rule = report.body["rule"]
        known = self._rules.get(rule["id"])
        if known is None or known[5] < report.last_seen:
            technique = (report.body.get("threat") or {}).get("technique") or {}
            self._rules[rule["id"]] = (
                rule["id"],
                rule.get("name") or rule["title"],
                rule["title"],
                rule.get("title_zh"),
                report.level,
                report.last_seen,
                compact(technique.get("id", [])),
            )

    def _event(self, event_id: str) -> _Event | None:
        if event_id not in self._events:
            self.expect([event_id])
        return self._events[event_id]

    def _alert(self, number: int) -> _Alert | None:
        if number not in self._alerts:
            row = self.connection.execute(
                "SELECT sensor, status, level, severity, count, first_seen, last_seen, allowance, document,"
                " keys, protocol, operation, rule FROM alert JOIN alert_document USING (number)"
                " WHERE number = ?",
                (number,),
            ).fetchone()
            if row is None:
                return None
            keys = json.loads(row[9])
            self._alerts[number] = _Alert(
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
                facets=facets_of(row[10], row[11], row[12], keys),
            )
        return self._alerts[number]

    def _place(self, report: _Report, count: int, base: int) -> None:
        """Find the open alert another sensor raised for the same thing, or make a new one."""
        facts = AlertFacts.of(report.body)
        fingerprint = fingerprint_of(facts, report.body)
        row = None
        if fingerprint is not None and not self._alone:
            row = self._elsewhere(report, fingerprint, facts.zone)
        number = row[0] if row else self._create(report, facts, fingerprint or b"", count)
        self._events[report.event_id] = _Event(
            number, report.first_seen, report.last_seen, base + count, base
        )
        self._told.add(report.event_id)
        alert = self._alert(number) if row else None
        if alert is not None:
            key = [tally.SENSOR, self.sensor]
            if key not in alert.keys:
                alert.keys.append(key)
                facet = (tally.KEYED + tally.SENSOR, self.sensor)
                alert.facets.append(facet)
                self._tallies.add_facets([facet], alert.status, alert.level)
                self._insert.keys.append((*key, number))
            self._repeat(alert, report, count)

    def _elsewhere(self, report: _Report, fingerprint: bytes, zone: str | None) -> tuple[int] | None:
        """The open alert another sensor of this site has raised for the same thing at about the same time.

        Zones must be the same where both are known: cells of one site may use the same addresses.
        """
        return self.connection.execute(
            "SELECT number FROM (SELECT number, sensor, first_seen, zone FROM alert WHERE fingerprint = ?"
            " AND status < 2 AND last_seen >= ? ORDER BY last_seen DESC LIMIT 50)"
            " WHERE sensor <> ?3 AND first_seen <= ?4 AND (zone IS NULL OR ?5 IS NULL OR zone = ?5)"
            " AND sensor IN (SELECT name FROM sensor WHERE site = ?6) LIMIT 1",
            (
                fingerprint,
                report.first_seen - self.bounds.merge_minutes * MINUTE,
                self.sensor,
                report.last_seen + self.bounds.merge_minutes * MINUTE,
                zone,
                self.site,
            ),
        ).fetchone()

    def _create(self, report: _Report, facts: AlertFacts, fingerprint: bytes, count: int) -> int:
        body, event_id = report.body, report.event_id
        number, self._next = self._next, self._next + 1
        alert_id = self._free_id(event_id)
        self._ids.add(alert_id)
        allowance = self.allowances.match(facts)
        # The sensor's own site file has silenced it: kept, and closed from the start.
        silenced = _is_silenced(body)
        status = CLOSED if allowance or silenced else 0
        source, destination = body.get("source") or {}, body.get("destination") or {}
        source_asset = self.assets.at(source)
        destination_asset = self.assets.at(destination)
        subject = (body.get("asset") or {}).get("id")
        keys = keys_of(body, self.sensor, (source_asset, destination_asset, subject))
        facets = facets_of(facts.protocol, facts.operation, facts.rule, keys)
        stored = body
        if alert_id != event_id or count != report.count:
            stored = {
                **body,
                "event": {**body["event"], "count": count, "start": to_text(report.first_seen)},
            }
        self._insert.alerts.append(
            (
                number,
                alert_id,
                event_id,
                self.sensor,
                fingerprint,
                status,
                report.level,
                report.severity,
                count,
                report.first_seen,
                report.last_seen,
                facts.rule,
                body["rule"].get("name") or body["rule"]["title"],
                facts.protocol,
                facts.operation,
                facts.object,
                facts.source,
                facts.destination,
                facts.zone,
                source_asset,
                destination_asset,
                subject,
                body["rule"].get("confidence", 1.0),
                allowance.reason if allowance else "silenced" if silenced else None,
                allowance.id if allowance else None,
            )
        )
        words = alert_words(body)
        text = report.text if stored is body else compact(stored)
        self._insert.documents.append((number, compact(keys), words, text))
        self._insert.words.append((number, words))
        self._insert.keys.extend((kind, value, number) for kind, value in keys)
        self._tallies.add(facets, status, report.level, report.first_seen)
        self._alerts[number] = _Alert(
            number,
            self.sensor,
            status,
            report.level,
            report.severity,
            count,
            report.first_seen,
            report.last_seen,
            allowance.id if allowance else None,
            stored,
            keys,
            facets,
        )
        if allowance or silenced:
            self.silenced += 1
        else:
            self.new += 1
        return number

    def _free_id(self, event_id: str) -> str:
        """`event.id`, or with a number behind it where an earlier or another sensor's alert has that id."""
        if not self._taken(event_id):
            return event_id
        repeat = 2
        while self._taken(f"{event_id}.{repeat}"):
            repeat += 1
        return f"{event_id}.{repeat}"

    def _taken(self, alert_id: str) -> bool:
        if alert_id in self._ids:
            return True
        if alert_id in self._free:
            return False
        row = self.connection.execute("SELECT 1 FROM alert WHERE id = ?", (alert_id,)).fetchone()
        return row is not None

    def _repeat(self, alert: _Alert, report: _Report, count: int) -> None:
        """Update an open (or silenced) alert by a report; the newest wording wins, the worst level stays."""
        old = (alert.status, alert.level, alert.first_seen)
        document = alert.document
        evidence = joined_evidence(document, report.body, self.bounds.frames_per_alert)
        if self.sensor == alert.sensor and report.last_seen >= alert.last_seen:
            worse = alert.level > report.level
            document = {**report.body, "rule": document["rule"] if worse else report.body["rule"]}
        alert.level = max(alert.level, report.level)
        alert.severity = max(alert.severity, report.severity)
        alert.count = max(alert.count, count)
        alert.first_seen = min(alert.first_seen, report.first_seen)
        alert.last_seen = max(alert.last_seen, report.last_seen)
        alert.document = {
            **document,
            "@timestamp": to_text(alert.first_seen),
            "event": {
                **document["event"],
                "start": to_text(alert.first_seen),
                "end": to_text(alert.last_seen),
                "count": alert.count,
                "severity": alert.severity,
            },
        }
        if evidence:
            alert.document["evidence"] = evidence
        self._tallies.move(alert.facets, old, (alert.status, alert.level, alert.first_seen))
        self._changed.add(alert.number)
        self.updated += 1

    def flush(self) -> None:
        """Write everything taken."""
        marks = ", ".join("?" * len(_COLUMNS))
        connection, insert = self.connection, self._insert
        connection.executemany(f"INSERT INTO alert ({', '.join(_COLUMNS)}) VALUES ({marks})", insert.alerts)
        connection.executemany("INSERT INTO alert_document VALUES (?, ?, ?, ?)", insert.documents)
        connection.executemany("INSERT INTO alert_text (rowid, words) VALUES (?, ?)", insert.words)
        connection.executemany("INSERT OR IGNORE INTO alert_key VALUES (?, ?, ?)", sorted(insert.keys))
        changed = [self._alerts[number] for number in sorted(self._changed)]
        connection.executemany(
            "UPDATE alert SET level = ?, severity = ?, count = ?, first_seen = ?, last_seen = ?"
            " WHERE number = ?",
            [(a.level, a.severity, a.count, a.first_seen, a.last_seen, a.number) for a in changed],
        )
        connection.executemany(
            "UPDATE alert_document SET document = ?, keys = ? WHERE number = ?",
            [(compact(a.document), compact(a.keys), a.number) for a in changed],
        )
        told = [(event_id, self._events[event_id]) for event_id in sorted(self._told)]
        connection.executemany(
            "INSERT OR REPLACE INTO alert_event VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (event_id, self.sensor, e.number, e.first_seen, e.last_seen, e.count, e.base)
                for event_id, e in told
                if e is not None
            ],
        )
        connection.executemany(
            "INSERT INTO rule VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,"
            " title = excluded.title, title_zh = excluded.title_zh, level = excluded.level,"
            " last_seen = excluded.last_seen, techniques = excluded.techniques"
            " WHERE excluded.last_seen >= rule.last_seen",
            self._rules.values(),
        )
        self._tallies.flush(connection)
        self.allowances.flush(connection)


def _is_silenced(document: Document) -> bool:
    return bool(document["event"].get("silenced"))
