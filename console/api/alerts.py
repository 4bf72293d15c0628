"""Alerts: find them, work on them, see their packets."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS, Changed, Cursor, Ids, Limit, Note, Offset, PageOut, Time, Word, Words
from console.auth.access import Analyst, TheStore, Viewer
from console.fleet.accepted import NotAcceptable
from console.fleet.teaching import sites_of, teach
from console.store.errors import Conflict, NotFound
from console.store.filters import AlertFacet, AlertFilter, AlertSort, PageRequest, Status
from console.store.records import (
    AlertRecord,
    Allowance,
    ConfigurationVersion,
    EvidenceRequest,
    HistoryRow,
    Scope,
    Tally,
    TimelineBucket,
)
from console.store.times import DAY, now
from console.web.packets import PacketView, packets_of

router = APIRouter(prefix="/alerts", tags=["alerts"], responses=ERRORS)
Level = Literal["informational", "low", "medium", "high", "critical"]
PersonsReason = Literal["resolved", "false_positive", "authorised", "duplicate"]


def alert_filter(
    level: Annotated[list[Level], Query()] = [],  # noqa: B006
    status: Annotated[list[Status], Query()] = [],  # noqa: B006
    protocol: Words = [],  # noqa: B006
    operation: Words = [],  # noqa: B006
    source: Annotated[Word | None, Query(description="IP or MAC address of the source")] = None,
    destination: Annotated[Word | None, Query(description="IP or MAC address of the destination")] = None,
    address: Annotated[Word | None, Query(description="IP or MAC address at either end")] = None,
    zone: Words = [],  # noqa: B006
    asset: Annotated[Word | None, Query(description="asset.id at either end, or subject of a change")] = None,
    rule: Annotated[list[Word], Query(max_length=50, description="rule.id or rule.name")] = [],  # noqa: B006
    technique: Words = [],  # noqa: B006
    sensor: Words = [],  # noqa: B006
    assignee: Word | None = None,
    since: Annotated[Time | None, Query(description="Last seen at or after")] = None,
    until: Annotated[Time | None, Query(description="First seen before")] = None,
    q: Annotated[Word | None, Query(description="Words that all occur; the last may be cut short")] = None,
) -> AlertFilter:
    """Query parameters as a filter. Repeat a parameter for alternatives."""
    return AlertFilter(
        levels=tuple(level),
        statuses=tuple(status),
        protocols=tuple(protocol),
        operations=tuple(operation),
        source=source,
        destination=destination,
        address=address,
        zones=tuple(zone),
        asset=asset,
        rules=tuple(rule),
        techniques=tuple(technique),
        sensors=tuple(sensor),
        assignee=assignee,
        since=since,
        until=until,
        text=q,
    )


TheFilter = Annotated[AlertFilter, Depends(alert_filter)]


class Selection(BaseModel):
    """Alerts by id, and why."""

    ids: Ids
    note: Note | None = None


class Closing(Selection):
    """Alerts to close and the reason. To learn or mute, use /allowances."""

    reason: PersonsReason


class Assignment(BaseModel):
    """Alerts and the user who takes them; null for nobody."""

    ids: Ids
    assignee: Annotated[str, Field(max_length=64)] | None


class Comment(BaseModel):
    """A comment in plain text."""

    text: Annotated[str, Field(min_length=1, max_length=4000)]


class Packets(BaseModel):
    """The first packets of an alert in hex; the pcap download has all."""

    packets: list[PacketView]
    more: int


@router.get("")
def list_alerts(
    _: Viewer,
    store: TheStore,
    query: TheFilter,
    sort: AlertSort = "last_seen",
    descending: bool = True,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> PageOut[AlertRecord]:
    """One page of alerts. Filters on different fields must all hold; repeated ones are alternatives."""
    return PageOut.of(store.alerts(query, PageRequest(limit, offset, cursor, sort, descending)))


@router.get("/tally")
def tally(
    _: Viewer,
    store: TheStore,
    query: TheFilter,
    facet: AlertFacet,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[Tally]:
    """Alerts per value of a facet, most first. With filters beyond status and level: of the newest 5000."""
    return store.tally_alerts(query, facet, limit)


@router.get("/timeline")
def timeline(
    _: Viewer,
    store: TheStore,
    query: TheFilter,
    begin: Annotated[Time | None, Query(description="Default: a day before `end`")] = None,
    end: Annotated[Time | None, Query(description="Default: now")] = None,
    buckets: Annotated[int, Query(ge=1, le=500)] = 48,
) -> list[TimelineBucket]:
    """Alerts first seen per equal slice of time and level."""
    last = now() if end is None else end
    return store.alert_timeline(query, max(0, last - DAY) if begin is None else begin, last, buckets)


@router.post("/acknowledge")
def acknowledge(user: Analyst, store: TheStore, body: Selection) -> Changed:
    """New alerts become active: somebody looks at them."""
    return Changed(changed=store.acknowledge(body.ids, user.name, body.note))


@router.post("/close")
def close(user: Analyst, store: TheStore, body: Closing) -> Changed:
    """Open alerts become closed. A repeat makes a new alert."""
    return Changed(changed=store.close_alerts(body.ids, body.reason, user.name, body.note))


@router.post("/reopen")
def reopen(user: Analyst, store: TheStore, body: Selection) -> Changed:
    """Closed alerts become active again."""
    return Changed(changed=store.reopen(body.ids, user.name, body.note))


@router.post("/assign")
def assign(user: Analyst, store: TheStore, body: Assignment) -> Changed:
    """Give alerts to a user, or to nobody."""
    return Changed(changed=store.assign(body.ids, body.assignee, user.name))


class LearnIn(BaseModel):
    """Why, and until when (for good, if left out)."""

    reason: Annotated[Note, Field(min_length=1)]
    expires: Time | None = None


class Learned(BaseModel):
    """The learn, and the configurations by which sensors hear of it."""

    allowance: Allowance
    versions: list[ConfigurationVersion]


@router.get("/{alert_id}")
def one_alert(_: Viewer, store: TheStore, alert_id: str) -> AlertRecord:
    """One alert with its document and workflow state."""
    return store.alert(alert_id)


@router.get("/{alert_id}/history")
def history(_: Viewer, store: TheStore, alert_id: str) -> list[HistoryRow]:
    """What happened to an alert, comments included, oldest first."""
    return store.alert_history(alert_id)


@router.post("/{alert_id}/comments", status_code=201)
def comment(user: Analyst, store: TheStore, alert_id: str, body: Comment) -> HistoryRow:
    """Add a comment; answers with the row it made."""
    store.comment(alert_id, body.text, user.name)
    return store.alert_history(alert_id)[-1]


@router.get("/{alert_id}/scope")
def scope(_: Viewer, store: TheStore, alert_id: str) -> Scope:
    """The narrowest scope of a learn or mute that covers this alert."""
    return store.scope_of(alert_id)


@router.get("/{alert_id}/evidence")
def evidence_requests(_: Viewer, store: TheStore, alert_id: str) -> list[EvidenceRequest]:
    """Which sensors were asked for the alert's packets, and what became of it."""
    return store.evidence_requests(store.alert(alert_id).id)


@router.post("/{alert_id}/evidence", status_code=202)
def request_evidence(user: Analyst, store: TheStore, alert_id: str) -> list[EvidenceRequest]:
    """Ask the sensors that reported an alert for its packets; they are told at their next heartbeat."""
    return store.request_evidence(alert_id, user.name)


@router.post("/{alert_id}/learn", status_code=201)
def learn(user: Analyst, store: TheStore, alert_id: str, body: LearnIn) -> Learned:
    """Learn what an alert tells, within its narrowest scope, and teach it to the sensors of its sites.

    409 where the alert names no entry of a baseline that sensors could know.
    """
    alert = store.alert(alert_id)
    if not sites_of(store, alert):
        raise Conflict("the alert names no entry of a baseline, or no live sensor has told it")
    made = store.allow("learn", store.scope_of(alert_id), body.reason, body.expires, user.name)
    try:
        versions = teach(store, alert, made, user.name)
    except NotAcceptable as error:
        store.revoke_allowance(made.id, user.name)
        raise Conflict(str(error)) from error
    return Learned(allowance=made, versions=versions)


@router.get("/{alert_id}/packets")
def packets(_: Viewer, store: TheStore, alert_id: str) -> Packets:
    """The alert's packets in hex with time and length, one entry per frame."""
    alert = store.alert(alert_id)
    frames = (alert.document.get("evidence") or {}).get("frames")
    shown, more = packets_of(_pcap(store, alert_id), frames)
    return Packets(packets=shown, more=more)


@router.get(
    "/{alert_id}/packets.pcap",
    response_class=Response,
    responses={200: {"content": {"application/vnd.tcpdump.pcap": {}}, "description": "A pcap file"}},
)
def packets_pcap(_: Viewer, store: TheStore, alert_id: str) -> Response:
    """The alert's packets as a pcap file, for Wireshark."""
    name = "".join(char if char.isascii() and char.isalnum() else "-" for char in alert_id)
    return Response(
        _pcap(store, alert_id),
        media_type="application/vnd.tcpdump.pcap",
        headers={"content-disposition": f'attachment; filename="alert-{name}.pcap"'},
    )


def _pcap(store: TheStore, alert_id: str) -> bytes:
    pcap = store.evidence(alert_id)
    if pcap is None:
        raise NotFound(f"there are no packets of alert {alert_id}")
    return pcap
