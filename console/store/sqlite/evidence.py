"""Pcap slices beside alerts, bounded in bytes, oldest going first; and what sensors are asked for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound
from console.store.records import EvidenceRequest, EvidenceState
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import optional_time
from console.store.times import now, to_text
from console.store.words import ABOUT_SENSORS

_PCAP_MAGICS = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
)
"""libpcap file format: microseconds and nanoseconds, either byte order."""
_PCAP_HEADER = 24
MOST_MARKED = 128
REQUESTED, ARRIVED, NOT_HELD = range(3)
_OPEN = f"state = {REQUESTED}"
"""Written out: with a parameter, SQLite would not use the index of those that are open."""
_STATES: tuple[EvidenceState, ...] = ("requested", "arrived", "not_held")


class Evidence:
    """`EvidenceStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def put_evidence(
        self, event_id: str, pcap: bytes, sensor: str | None = None, marked: Sequence[int] = ()
    ) -> bool:
        """See EvidenceStore. A later slice of the same alert takes the earlier one's place."""
        with self.connections.write() as connection:
            row = connection.execute(
                "SELECT number FROM alert_event WHERE event_id = ?1 AND (?2 IS NULL OR sensor = ?2)"
                " ORDER BY number DESC LIMIT 1",
                (event_id, sensor),
            ).fetchone()
            if row is None:
                count_loss(connection, "evidence_without_alert")
                return False
            if len(pcap) > self.bounds.evidence_slice:
                count_loss(connection, "evidence_too_large")
                return False
            if len(pcap) < _PCAP_HEADER or not pcap.startswith(_PCAP_MAGICS):
                count_loss(connection, "evidence_no_pcap")
                return False
            numbers = json.dumps(sorted(set(marked))[:MOST_MARKED]) if marked else None
            connection.execute("DELETE FROM evidence WHERE number = ?", row)
            connection.execute(
                "INSERT INTO evidence (number, bytes, pcap, marked) VALUES (?, ?, ?, ?)",
                (row[0], len(pcap), pcap, numbers),
            )
            connection.execute("UPDATE alert SET packets = 1 WHERE number = ?", row)
            # Whoever else was asked need not send the same packets again.
            connection.execute(
                "UPDATE evidence_request SET state = ?, answered = ? WHERE number = ? AND state = ?",
                (ARRIVED, now(), row[0], REQUESTED),
            )
            self._make_room(connection)
            return True

    def _make_room(self, connection: sqlite3.Connection) -> None:
        while True:
            total = connection.execute("SELECT bytes FROM evidence_total").fetchone()[0]
            if total <= self.bounds.evidence_bytes:
                return
            oldest = connection.execute("SELECT min(number) FROM evidence").fetchone()
            connection.execute("DELETE FROM evidence WHERE number = ?", oldest)
            connection.execute("UPDATE alert SET packets = 0 WHERE number = ?", oldest)
            count_loss(connection, "evidence_evicted")

    def evidence(self, alert_id: str) -> bytes | None:
        """See EvidenceStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                "SELECT pcap FROM evidence JOIN alert USING (number) WHERE alert.id = ?", (alert_id,)
            ).fetchone()
        return row[0] if row else None

    def evidence_marked(self, alert_id: str) -> list[int]:
        """See EvidenceStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                "SELECT marked FROM evidence JOIN alert USING (number) WHERE alert.id = ?", (alert_id,)
            ).fetchone()
        return json.loads(row[0]) if row and row[0] else []

    def request_evidence(self, alert_id: str, actor: str) -> list[EvidenceRequest]:
        """See EvidenceStore. Asking again is a new request also where the answer was no."""
        time = now()
        with self.connections.write() as connection:
            found = connection.execute(
                "SELECT number, rule_name FROM alert WHERE id = ?", (alert_id,)
            ).fetchone()
            if found is None:
                raise NotFound(f"there is no alert {alert_id}")
            if found[1].startswith(ABOUT_SENSORS):
                raise Conflict("this alert is about the sensor itself: there are no packets of it")
            alert = found[:1]
            asked = connection.execute(
                "SELECT alert_event.event_id, alert_event.sensor FROM alert_event"
                " JOIN sensor ON sensor.name = alert_event.sensor"
                " WHERE number = ? AND registered AND NOT revoked",
                alert,
            ).fetchall()
            if not asked:
                raise Conflict(
                    "no sensor that reported this alert can be asked: it came from a file, or"
                    " the sensor's token is revoked"
                )
            for event_id, sensor in asked:
                waiting = connection.execute(
                    f"SELECT count(*) FROM evidence_request WHERE sensor = ? AND {_OPEN} AND number <> ?",
                    (sensor, alert[0]),
                ).fetchone()[0]
                if waiting >= self.bounds.evidence_requests:
                    raise Conflict(f"{sensor} is asked for the packets of {waiting} alerts already")
                connection.execute(
                    "INSERT OR REPLACE INTO evidence_request VALUES (?, ?, ?, ?, ?, ?, NULL)",
                    (alert[0], sensor, event_id, REQUESTED, time, actor),
                )
            sensors = [sensor for _, sensor in asked]
            audit_note(connection, actor, "evidence.requested", f"alert/{alert_id}", {"sensors": sensors})
        return self.evidence_requests(alert_id)

    def evidence_requests(self, alert_id: str) -> list[EvidenceRequest]:
        """See EvidenceStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT r.sensor, r.state, r.requested, r.requested_by, r.answered FROM evidence_request AS r"
                " JOIN alert USING (number) WHERE alert.id = ? ORDER BY r.sensor",
                (alert_id,),
            ).fetchall()
        return [
            EvidenceRequest(row[0], _STATES[row[1]], to_text(row[2]), row[3], optional_time(row[4]))
            for row in rows
        ]

    def evidence_wanted(self, sensor: str, limit: int = 64) -> list[str]:
        """See EvidenceStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                f"SELECT event_id FROM evidence_request WHERE sensor = ? AND {_OPEN}"
                " ORDER BY requested LIMIT ?",
                (sensor, limit),
            ).fetchall()
        return [row[0] for row in rows]

    def evidence_not_held(self, sensor: str, event_ids: Sequence[str]) -> int:
        """See EvidenceStore."""
        if not event_ids:
            return 0
        with self.connections.write() as connection:
            return connection.executemany(
                "UPDATE evidence_request SET state = ?, answered = ? WHERE sensor = ? AND event_id = ?"
                f" AND {_OPEN}",
                [(NOT_HELD, now(), sensor, event_id) for event_id in event_ids],
            ).rowcount
