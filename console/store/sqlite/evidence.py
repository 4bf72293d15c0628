"""Pcap slices beside alerts, bounded in bytes, oldest going first."""

from __future__ import annotations

from console.store.bounds import Bounds
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.connection import Connections

_PCAP_MAGICS = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
)
"""libpcap file format: microseconds and nanoseconds, either byte order."""
_PCAP_HEADER = 24


class Evidence:
    """Evidence of `IngestStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def put_evidence(self, event_id: str, pcap: bytes, sensor: str | None = None) -> bool:
        """See IngestStore. A later slice of the same alert takes the earlier one's place."""
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
            connection.execute("DELETE FROM evidence WHERE number = ?", row)
            connection.execute("INSERT INTO evidence VALUES (?, ?, ?)", (row[0], len(pcap), pcap))
            connection.execute("UPDATE alert SET packets = 1 WHERE number = ?", row)
            while True:
                total = connection.execute("SELECT bytes FROM evidence_total").fetchone()[0]
                if total <= self.bounds.evidence_bytes:
                    return True
                oldest = connection.execute("SELECT min(number) FROM evidence").fetchone()
                connection.execute("DELETE FROM evidence WHERE number = ?", oldest)
                connection.execute("UPDATE alert SET packets = 0 WHERE number = ?", oldest)
                count_loss(connection, "evidence_evicted")

    def evidence(self, alert_id: str) -> bytes | None:
        """See IngestStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                "SELECT pcap FROM evidence JOIN alert USING (number) WHERE alert.id = ?", (alert_id,)
            ).fetchone()
        return row[0] if row else None
