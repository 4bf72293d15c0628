"""The incidents among the store's alerts, worked out anew when the store has changed.

They are not stored: what an analyst closes, reopens or puts aside changes them at once, and the same
alerts always make the same incidents. One thread works them out while others get the last ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from console.store.derived import Derived
from console.store.filters import MAX_LIMIT, AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import AlertRecord, Document
from console.store.times import now
from rules.incidents.incident import incidents_of

IncidentStatus = Literal["open", "closed"]
SEVERE, MILD = ("medium", "high", "critical"), ("informational", "low")
MOST_SEVERE, MOST_MILD = 3_000, 2_000
"""The newest alerts that are looked at; a flood of mild ones must not push out the others."""
PUT_ASIDE = frozenset({"false_positive", "authorised", "duplicate", "learned", "muted", "silenced"})
"""Alerts closed for these reasons are no part of any story; resolved ones happened."""
QUICK_S = 0.05
"""Finding them while a page waits may take so long."""
FRESH_S = 10.0


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """An incident; open while one of its alerts is. `document` is that of docs/documents.md."""

    id: str
    status: IncidentStatus
    level: str
    open_alerts: int
    sensors: list[str]
    document: Document


@dataclass(frozen=True, slots=True)
class Found:
    """The incidents at one moment: open ones first, then the worst, then the latest."""

    time_ns: int = 0
    records: list[IncidentRecord] = field(default_factory=list)
    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    """The alerts of all incidents by id."""
    of_alert: dict[str, IncidentRecord] = field(default_factory=dict)
    """The incident of an alert, by the alert's id."""
    alerts_left_out: int = 0
    """Alerts that nobody looked at: older ones beyond the bounds."""

    def one(self, incident_id: str) -> IncidentRecord | None:
        """The incident with this id, or the one that it has become part of."""
        return next((record for record in self.records if record.id == incident_id), None)

    @property
    def open(self) -> list[IncidentRecord]:
        """Those that still need somebody."""
        return [record for record in self.records if record.status == "open"]


class IncidentService:
    """Answers from incidents that are as fresh as `Derived` says."""

    def __init__(self, store: Store) -> None:
        self.found = Derived(
            store,
            lambda: find(store, now()),
            "incidents not renewed",
            fresh_s=FRESH_S,
            quick_s=QUICK_S,
        )

    def current(self, exact: bool = False) -> Found:
        """The incidents now; `exact` insists on the store's present revision."""
        return self.found.current(exact)


def find(store: Store, time_ns: int) -> Found:
    """The incidents among the newest alerts of the store that nobody has put aside."""
    severe, left = _newest(store, SEVERE, MOST_SEVERE)
    mild, more_left = _newest(store, MILD, MOST_MILD)
    alerts = {record.id: record for record in (*severe, *mild) if record.close_reason not in PUT_ASIDE}
    assets = {
        address: asset
        for record in alerts.values()
        for end, asset in (("source", record.source_asset), ("destination", record.destination_asset))
        if asset
        for address in _addresses(record, end)
    }
    found = incidents_of((_as_told(record) for record in alerts.values()), assets)
    records = [_record(document, alerts) for document in found.documents]
    records.sort(key=lambda record: record.status != "open")
    of_alert = {alert: record for record in records for alert in record.document["incident"]["alerts"]["ids"]}
    return Found(
        time_ns,
        records,
        {alert: alerts[alert] for alert in of_alert},
        of_alert,
        left + more_left + found.alerts_left_out,
    )


def _newest(store: Store, levels: tuple[str, ...], most: int) -> tuple[list[AlertRecord], int]:
    """The newest alerts of these levels, and how many more there are at least."""
    found: list[AlertRecord] = []
    cursor: str | None = None
    while True:
        page = store.alerts(AlertFilter(levels=levels), PageRequest(limit=MAX_LIMIT, cursor=cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= most:
            return found[:most], max(0, page.total - most)


def _addresses(record: AlertRecord, end: str) -> Iterator[str]:
    side = record.document.get(end) or {}
    return (side[key] for key in ("ip", "mac") if side.get(key))


def _as_told(record: AlertRecord) -> Document:
    """The document under the id that the console knows it by: a repeat after closing has its own."""
    return {**record.document, "event": {**record.document["event"], "id": record.id}}


def _record(document: Document, alerts: dict[str, AlertRecord]) -> IncidentRecord:
    incident = document["incident"]
    mine = [alerts[alert] for alert in incident["alerts"]["ids"]]
    still_open = sum(record.status != "closed" for record in mine)
    return IncidentRecord(
        incident["id"],
        "open" if still_open else "closed",
        incident["level"],
        still_open,
        sorted({sensor for record in mine for sensor in record.sensors}),
        document,
    )
