"""Incidents: the list, and one story with its timeline, machines, alerts, and what often comes next."""

from __future__ import annotations

import contextlib

from fastapi import APIRouter, HTTPException, Request, Response

from console.api.incidents import TheIncidents
from console.auth.access import TheStore, Viewer
from console.incidents.service import Found, IncidentRecord
from console.store.errors import NotFound
from console.store.filters import PageRequest
from console.store.interface import Store
from console.store.records import AlertRecord, Document, Page
from console.web.pages.alerts import CLOSABLE
from console.web.queries import offset_of, one
from console.web.rendering import language_of, render
from console.web.vocabulary import word

router = APIRouter()

LEVELS = ("critical", "high", "medium")
STATUSES = ("open", "closed", "all")
ON_A_PAGE = 25
ALERTS_OF_A_STEP = 60
FIRST_ALERTS = 3
"""So many alerts of a step are open to read; the others unfold."""
MACHINES = 12
"""Of the sources and of the targets, as many as the page names."""


@router.get("/incidents")
def list_incidents(request: Request, principal: Viewer, service: TheIncidents) -> Response:
    """Incidents, open ones unless others are asked for; every filter stands in the address."""
    language, query = language_of(request), request.query_params
    found = service.current()
    status = one(query, "status") or "open"
    status = status if status in STATUSES else "open"
    level = one(query, "level")
    at_level = [record for record in found.records if level not in LEVELS or record.level == level]
    chosen = [record for record in at_level if status in ("all", record.status)]
    offset = offset_of(query)
    shown = chosen[offset : offset + ON_A_PAGE]
    page: Page[IncidentRecord] = Page(
        shown, len(chosen), True, "more" if len(chosen) > offset + len(shown) else None
    )
    return render(
        request,
        "incidents.html",
        principal,
        page=page,
        order=PageRequest(limit=ON_A_PAGE, offset=offset),
        state=status,
        narrowed=level if level in LEVELS else "",
        levels=[(value, word(language, "level", value)) for value in LEVELS],
        per_status={
            "open": sum(record.status == "open" for record in at_level),
            "closed": sum(record.status == "closed" for record in at_level),
            "all": len(at_level),
        },
        left_out=found.alerts_left_out,
    )


@router.get("/incidents/{incident_id}")
def show_incident(
    request: Request, incident_id: str, principal: Viewer, store: TheStore, service: TheIncidents
) -> Response:
    """One incident: who did what when, which alerts say so, and what often comes next."""
    found = service.current()
    record = found.one(incident_id)
    if record is None:
        raise HTTPException(404, f"there is no incident {incident_id}")
    incident = record.document["incident"]
    alerts = [found.alerts[alert] for alert in incident["alerts"]["ids"]]
    return render(
        request,
        "incident.html",
        principal,
        record=record,
        incident=incident,
        steps=[(step, _alerts_of(found, step), _left(step)) for step in incident["steps"]],
        shown=FIRST_ALERTS,
        assets=_known(store, [*incident["sources"][:MACHINES], *incident["targets"][:MACHINES]]),
        open_ids=[alert.id for alert in alerts if alert.status != "closed"],
        new_ids=[alert.id for alert in alerts if alert.status == "new"],
        closable=CLOSABLE,
    )


def _alerts_of(found: Found, step: Document) -> list[AlertRecord]:
    """The worst first, those of one level in the order they came."""
    alerts = [found.alerts[alert] for alert in step["alerts"] if alert in found.alerts]
    return sorted(alerts, key=lambda alert: -alert.severity)[:ALERTS_OF_A_STEP]


def _known(store: Store, ends: list[Document]) -> dict[str, Document]:
    """What the inventory says now of the machines of an incident: alerts tell what it said then."""
    known: dict[str, Document] = {}
    for asset in {str(end["asset"]) for end in ends if end.get("asset")}:
        with contextlib.suppress(NotFound):
            known[asset] = store.asset(asset).document["asset"]
    return known


def _left(step: Document) -> int:
    ids = step["alerts"]
    return max(0, len(ids) - ALERTS_OF_A_STEP)
