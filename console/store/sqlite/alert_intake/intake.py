"""What becomes of each report of a batch.

Counts: an event's `count` is its running total, so an overlapping report replaces it and a report of a
later, disjoint time adds to it. An alert reported by several sensors has the largest of their counts,
since they watched the same traffic.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from console.store.bounds import MOST_COUNT, Bounds
from console.store.records import Document
from console.store.sqlite import tally
from console.store.sqlite.alert_intake.known import Alert, Event, Known
from console.store.sqlite.alert_intake.report import Report, is_silenced, report_of
from console.store.sqlite.alert_intake.writing import NewRows, write_changed, write_events
from console.store.sqlite.alert_keys import facets_of, fingerprint_of, joined_evidence, keys_of
from console.store.sqlite.allowance_match import AlertFacts, AllowanceMatcher
from console.store.sqlite.asset_lookup import AssetLookup
from console.store.sqlite.rows import compact
from console.store.times import MINUTE, to_text
from console.store.words import alert_words

CLOSED = 2


class AlertIntake:
    """Takes the alerts of one batch of one sensor; `flush` writes them."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sensor: str,
        site: str,
        now: int,
        latest: int | None,
        bounds: Bounds,
    ) -> None:
        """`now` is the store's clock, `latest` the latest time a sensor is believed (nanoseconds)."""
        self.connection = connection
        self.sensor = sensor
        self.site = site
        self.latest = latest
        self.bounds = bounds
        self.new = self.updated = self.silenced = self.held_back = 0
        self._allowances = AllowanceMatcher(connection, now)
        self._assets = AssetLookup(connection)
        self._known = Known(connection, sensor)
        self._rows = NewRows()
        self._tallies = tally.Tallies()
        self._changed: set[int] = set()
        self._told: set[str] = set()
        others = connection.execute(
            "SELECT 1 FROM sensor WHERE site = ? AND name <> ? LIMIT 1", (site, sensor)
        )
        self._alone = others.fetchone() is None

    def expect(self, event_ids: Iterable[str]) -> None:
        """Look up what is known of a whole batch's events at once."""
        self._known.expect(event_ids)

    def take(self, body: Document, text: str) -> None:
        """Store or merge one checked alert document."""
        report = report_of(body, text, self.latest)
        self.held_back += report.held_back
        self._rows.note_rule(report)
        self._told.add(report.event_id)
        event = self._known.event(report.event_id)
        if event is None:
            self._place(report, report.count, 0)
            return
        before = event.count
        if report.first_seen > event.last_seen or report.last_seen < event.first_seen:
            event.count = min(event.count + report.count, MOST_COUNT)
        else:
            event.count = max(event.count, report.count)
        newer = report.last_seen > event.last_seen
        alert = self._known.alert(event.number)
        if alert is not None and self._takes_repeats(alert):
            self._repeat(alert, report, event.count - event.base)
        elif newer:
            # What was counted up to the closing belongs to the closed alert.
            report.first_seen = max(report.first_seen, event.last_seen)
            self._place(report, max(1, event.count - before), before)
            return
        event.first_seen = min(event.first_seen, report.first_seen)
        event.last_seen = max(event.last_seen, report.last_seen)

    def _takes_repeats(self, alert: Alert) -> bool:
        return (
            alert.status < CLOSED or is_silenced(alert.document) or self._allowances.in_force(alert.allowance)
        )

    def _place(self, report: Report, count: int, base: int) -> None:
        """Find the open alert another sensor raised for the same thing, or make a new one."""
        facts = AlertFacts.of(report.body)
        fingerprint = fingerprint_of(facts, report.body)
        number = None
        if fingerprint is not None and not self._alone:
            number = self._elsewhere(report, fingerprint, facts.zone)
        alert = self._known.alert(number) if number is not None else None
        if number is None:
            number = self._create(report, facts, fingerprint or b"", count)
        self._known.events[report.event_id] = Event(
            number, report.first_seen, report.last_seen, base + count, base
        )
        if alert is not None:
            self._add_sensor(alert)
            self._repeat(alert, report, count)

    def _elsewhere(self, report: Report, fingerprint: bytes, zone: str | None) -> int | None:
        """The open alert another sensor of this site has raised for the same thing at about the same time.

        Zones must be the same where both are known: cells of one site may use the same addresses.
        """
        row = self.connection.execute(
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
        return row[0] if row else None

    def _add_sensor(self, alert: Alert) -> None:
        """Note that this sensor, too, reports an alert of another."""
        key = [tally.SENSOR, self.sensor]
        if key in alert.keys:
            return
        alert.keys.append(key)
        facet = (tally.KEYED + tally.SENSOR, self.sensor)
        alert.facets.append(facet)
        self._tallies.add_facets([facet], alert.status, alert.level)
        self._rows.keys.append((*key, alert.number))

    def _create(self, report: Report, facts: AlertFacts, fingerprint: bytes, count: int) -> int:
        body = report.body
        number, alert_id = self._known.new_alert(report.event_id)
        allowance = self._allowances.match(facts)
        status = CLOSED if allowance or report.is_silenced else 0
        source_asset = self._assets.at(body.get("source") or {})
        destination_asset = self._assets.at(body.get("destination") or {})
        subject = (body.get("asset") or {}).get("id")
        keys = keys_of(body, self.sensor, (source_asset, destination_asset, subject))
        facets = facets_of(facts.protocol, facts.operation, facts.rule, keys)
        stored, text = body, report.text
        if alert_id != report.event_id or count != report.count:
            start = to_text(report.first_seen)
            stored = {**body, "event": {**body["event"], "count": count, "start": start}}
            text = compact(stored)
        self._rows.alerts.append(
            (
                number,
                alert_id,
                report.event_id,
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
                allowance.reason if allowance else "silenced" if report.is_silenced else None,
                allowance.id if allowance else None,
            )
        )
        self._rows.documents.append((number, compact(keys), alert_words(body), text))
        self._rows.keys.extend((kind, value, number) for kind, value in keys)
        self._tallies.add(facets, status, report.level, report.first_seen)
        self._known.alerts[number] = Alert(
            number=number,
            sensor=self.sensor,
            status=status,
            level=report.level,
            severity=report.severity,
            count=count,
            first_seen=report.first_seen,
            last_seen=report.last_seen,
            allowance=allowance.id if allowance else None,
            document=stored,
            keys=keys,
            facets=facets,
        )
        if status == CLOSED:
            self.silenced += 1
        else:
            self.new += 1
        return number

    def _repeat(self, alert: Alert, report: Report, count: int) -> None:
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
        self._rows.write(self.connection)
        write_changed(self.connection, (self._known.alerts[number] for number in sorted(self._changed)))
        told = ((name, self._known.events[name]) for name in sorted(self._told))
        write_events(self.connection, self.sensor, ((name, event) for name, event in told if event))
        self._tallies.flush(self.connection)
        self._allowances.flush(self.connection)
