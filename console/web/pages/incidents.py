"""Incidents: the list, and one story with its timeline, machines, alerts, and what often comes next."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from console.api.incidents import TheIncidents
from console.auth.access import Viewer
from console.incidents.service import Found, IncidentRecord
from console.store.filters import MAX_OFFSET, PageRequest
from console.store.records import AlertRecord, Document, Page
from console.web.pages.alerts import CLOSABLE
from console.web.queries import one
from console.web.rendering import language_of, render
from console.web.vocabulary import word

router = APIRouter()

LEVELS = ("critical", "high", "medium")
STATUSES = ("open", "closed", "all")
ON_A_PAGE = 25
ALERTS_OF_A_STEP = 12


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
    offset = _offset(one(query, "offset"))
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
def show_incident(request: Request, incident_id: str, principal: Viewer, service: TheIncidents) -> Response:
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
        open_ids=[alert.id for alert in alerts if alert.status != "closed"],
        new_ids=[alert.id for alert in alerts if alert.status == "new"],
        closable=CLOSABLE,
    )


def _alerts_of(found: Found, step: Document) -> list[AlertRecord]:
    ids = step["alerts"]
    return [found.alerts[alert] for alert in ids[:ALERTS_OF_A_STEP] if alert in found.alerts]


def _left(step: Document) -> int:
    ids = step["alerts"]
    return max(0, len(ids) - ALERTS_OF_A_STEP)


def _offset(text: str | None) -> int:
    return min(int(text), MAX_OFFSET) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0
