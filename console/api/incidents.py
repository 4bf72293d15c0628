"""Incidents: alerts that belong together, as stories."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from console.api.shapes import ERRORS, Limit, Offset, PageOut, Time, Word
from console.auth.access import Viewer
from console.incidents.service import IncidentRecord, IncidentService, IncidentStatus
from console.store.errors import NotFound
from console.store.times import to_nanoseconds

router = APIRouter(prefix="/incidents", tags=["incidents"], responses=ERRORS)


def incidents_service(request: Request) -> IncidentService:
    """The application's incident service."""
    service: IncidentService = request.app.state.incidents
    return service


TheIncidents = Annotated[IncidentService, Depends(incidents_service)]


@router.get("")
def list_incidents(
    _: Viewer,
    service: TheIncidents,
    status: IncidentStatus | None = None,
    level: Annotated[list[Literal["medium", "high", "critical"]], Query()] = [],  # noqa: B006
    address: Annotated[
        Word | None, Query(description="Address, name or asset.id of a source or target")
    ] = None,
    zone: Word | None = None,
    since: Annotated[Time | None, Query(description="Last alert at or after")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> PageOut[IncidentRecord]:
    """One page of incidents: open ones first, then the worst, then the latest."""
    found = [
        record
        for record in service.current().records
        if (status is None or record.status == status)
        and (not level or record.level in level)
        and (address is None or _names(record, address))
        and (zone is None or zone in record.document["incident"]["zones"])
        and (since is None or to_nanoseconds(record.document["incident"]["end"]) >= since)
    ]
    return PageOut(items=found[offset : offset + limit], total=len(found), total_exact=True, next_cursor=None)


@router.get("/{incident_id}")
def one_incident(_: Viewer, service: TheIncidents, incident_id: str) -> IncidentRecord:
    """One incident. Its id is that of its first alert's: it goes where that alert is put aside."""
    record = service.current().one(incident_id)
    if record is None:
        raise NotFound(f"there is no incident {incident_id}")
    return record


def _names(record: IncidentRecord, wanted: str) -> bool:
    incident = record.document["incident"]
    machines = (*incident["sources"], *incident["targets"])
    return any(wanted in (end["address"], end.get("name"), end.get("asset")) for end in machines)
