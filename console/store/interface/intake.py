"""The way in: documents, and packets of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from console.store.records import Document, Envelope, EvidenceRequest, IngestReceipt


class IngestStore(Protocol):
    """The way in."""

    def ingest(
        self,
        sensor: str,
        sequence: str | int,
        documents: Iterable[Envelope],
        latest: int | None = None,
    ) -> IngestReceipt:
        """Store a batch of documents in one transaction, once per (sensor, sequence).

        Raises DocumentsRefused, and stores nothing, where a document is not what docs/documents.md
        says. Times after `latest` (nanoseconds) are taken as `latest`: a sensor's clock may be wrong.
        """
        ...

    def raise_alert(self, sensor: str, document: Document) -> bool:
        """Store an alert the console itself raises about a sensor, as if the sensor had reported it.

        It is no sign of life of the sensor. False where the same event has been told before.
        """
        ...


class EvidenceStore(Protocol):
    """Packets of alerts, and the requests for them."""

    def put_evidence(
        self, event_id: str, pcap: bytes, sensor: str | None = None, marked: Sequence[int] = ()
    ) -> bool:
        """Keep a pcap slice with the alert of `event_id`, reported by `sensor` where given.

        `marked` are the numbers, from 1, of the packets in the slice that the alert is about.
        False when refused: no such alert, no pcap, or larger than the bound (counted in `losses`).
        """
        ...

    def evidence(self, alert_id: str) -> bytes | None:
        """The pcap slice of an alert."""
        ...

    def evidence_marked(self, alert_id: str) -> list[int]:
        """The numbers of the alert's own packets within its slice; empty where nobody has said."""
        ...

    def request_evidence(self, alert_id: str, actor: str) -> list[EvidenceRequest]:
        """Ask the sensors that reported an alert for its packets; Conflict where none can be asked."""
        ...

    def evidence_requests(self, alert_id: str) -> list[EvidenceRequest]:
        """What was asked of whom, and what became of it."""
        ...

    def evidence_wanted(self, sensor: str, limit: int = 64) -> list[str]:
        """The `event.id`s whose packets this sensor is asked for, oldest request first."""
        ...

    def evidence_not_held(self, sensor: str, event_ids: Sequence[str]) -> int:
        """The sensor says that it holds no packets of these events; returns how many requests that ends."""
        ...
