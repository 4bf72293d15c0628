"""One alert: who did what to whom, the proof, its history, and what can be done about it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response

from console.api.incidents import TheIncidents
from console.auth.access import Address, Analyst, TheStore, Viewer
from console.store.errors import NotFound, StoreError
from console.store.filters import AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import AlertRecord, AssetRecord
from console.store.words import ABOUT_SENSORS
from console.web import wireshark
from console.web.dissection import NotDissected, dissect
from console.web.i18n import NC_, translations
from console.web.packets import packets_of
from console.web.pages.alerts import CLOSABLE
from console.web.pages.posture import ThePosture
from console.web.pages.techniques import named_techniques
from console.web.rendering import back, language_of, render
from console.web.vocabulary import word
from console.web.wording import readable
from rules.words import spoken

router = APIRouter()

DETAILS = (
    (NC_("detail", "Operation"), ("ics", "operation")),
    (NC_("detail", "Message"), ("ics", "kind")),
    (NC_("detail", "Function"), ("ics", "function")),
    (NC_("detail", "Function code"), ("ics", "function_code")),
    (NC_("detail", "Object"), ("ics", "object")),
    (NC_("detail", "Unit"), ("ics", "unit")),
    (NC_("detail", "Value"), ("ics", "value")),
    (NC_("detail", "Values"), ("ics", "values")),
    (NC_("detail", "Answer"), ("ics", "status")),
    (NC_("detail", "Change"), ("asset", "change")),
    (NC_("detail", "Before"), ("asset", "old")),
    (NC_("detail", "Now"), ("asset", "new")),
    (NC_("detail", "Transport"), ("network", "transport")),
    (NC_("detail", "VLAN"), ("network", "vlan", "id")),
    (NC_("detail", "Community ID"), ("network", "community_id")),
)
"""What an alert says besides its two ends, in reading order."""
TRANSPORT = ("network", "transport")
TRANSLATED = {"operation": "operation", "kind": "kind", "change": "change"}


def at(document: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of keys, None where there is none."""
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return None
        document = document[key]
    return document


def details_of(language: str, alert: AlertRecord) -> list[tuple[str, str]]:
    """The labelled facts of an alert, as far as it has them."""
    say = translations(language).pgettext
    found = []
    for label, path in DETAILS:
        value = at(alert.document, path)
        if value is None:
            continue
        context = TRANSLATED.get(path[-1])
        if context:
            shown = word(language, context, value)
        else:
            change = at(alert.document, ("asset", "change"))
            shown = readable(spoken(".".join(path), value, language, change))
        found.append((say("detail", label), shown.upper() if path == TRANSPORT else shown))
    return found


def quieted_by(alert: AlertRecord) -> dict[str, Any] | None:
    """The announced work or the suppression that makes the alert quiet, with its `kind`."""
    for kind in ("maintenance", "suppression"):
        note = at(alert.document, (kind,))
        if isinstance(note, dict):
            return {"kind": kind, **note}
    return None


def asset_or_none(store: Store, asset_id: str | None) -> AssetRecord | None:
    """An alert may name an asset the inventory no longer has."""
    if asset_id is None:
        return None
    try:
        return store.asset(asset_id)
    except NotFound:
        return None


def related(store: Store, alert: AlertRecord) -> list[AlertRecord]:
    """The latest other alerts between the same two ends."""
    source, destination = (
        at(alert.document, (side, "ip")) or at(alert.document, (side, "mac"))
        for side in ("source", "destination")
    )
    if not source or not destination:
        return []
    page = store.alerts(AlertFilter(source=source, destination=destination), PageRequest(limit=6))
    return [other for other in page.items if other.id != alert.id][:5]


@router.get("/alerts/{alert_id}")
def show_alert(
    request: Request,
    alert_id: str,
    principal: Viewer,
    store: TheStore,
    service: ThePosture,
    told: TheIncidents,
) -> Response:
    """Everything about one alert on one page."""
    alert = store.alert(alert_id)
    pcap = store.evidence(alert_id) if alert.has_packets else None
    weighed = service.current().ledger.row_of(alert.id)
    named = at(alert.document, ("threat", "technique")) or {}
    marked = store.evidence_marked(alert_id) if pcap else []
    packets, packets_left = packets_of(pcap or b"", at(alert.document, ("evidence", "frames")), marked)
    sensors = {sensor.name: sensor for sensor in store.sensors()}
    about_sensor = str(at(alert.document, ("rule", "name"))).startswith(ABOUT_SENSORS)
    return render(
        request,
        "alert.html",
        principal,
        alert=alert,
        details=details_of(language_of(request), alert),
        techniques=named_techniques(named.get("id", []), named.get("name", [])),
        tactics=at(alert.document, ("threat", "tactic", "name")) or [],
        sites={
            "source": asset_or_none(store, alert.source_asset),
            "destination": asset_or_none(store, alert.destination_asset),
        },
        history=store.alert_history(alert_id),
        related=related(store, alert),
        packets=packets,
        packets_left=packets_left,
        opened=next((packet.position for packet in packets if packet.marked), 1),
        requests=store.evidence_requests(alert_id),
        about_sensor=about_sensor,
        askable=not about_sensor
        and any(
            sensors[name].registered and not sensors[name].revoked
            for name in alert.sensors
            if name in sensors
        ),
        wireshark=wireshark.available(),
        closable=CLOSABLE,
        incident=told.current().of_alert.get(alert.id),
        quieted=quieted_by(alert),
        points=weighed.site_points if weighed else None,
    )


@router.get("/alerts/{alert_id}/pcap")
def download_packets(alert_id: str, _principal: Viewer, store: TheStore) -> Response:
    """The packets of an alert as a pcap file."""
    pcap = store.evidence(store.alert(alert_id).id)
    if pcap is None:
        raise HTTPException(404, "no packets are stored with this alert")
    plain = re.sub(r"[^A-Za-z0-9.-]", "", alert_id)
    return Response(
        pcap,
        media_type="application/vnd.tcpdump.pcap",
        headers={"content-disposition": f'attachment; filename="alert-{plain or "packets"}.pcap"'},
    )


@router.get("/alerts/{alert_id}/decoded")
def decode_packets(request: Request, alert_id: str, principal: Viewer, store: TheStore) -> Response:
    """What the decoder reads in an alert's packets; a page, of which the alert's page takes the table."""
    alert = store.alert(alert_id)
    pcap = store.evidence(alert.id)
    if pcap is None:
        raise HTTPException(404, "no packets are stored with this alert")
    messages, problem = [], None
    try:
        messages = dissect(pcap)
    except NotDissected as error:
        problem = str(error)
    packets, left = packets_of(pcap, at(alert.document, ("evidence", "frames")))
    numbers = {packet.position: packet.frame for packet in packets if packet.frame and not left}
    return render(
        request, "decoded.html", principal, alert=alert, messages=messages, problem=problem, numbers=numbers
    )


@router.get("/alerts/{alert_id}/wireshark")
def dissect_packets(request: Request, alert_id: str, principal: Viewer, store: TheStore) -> Response:
    """Wireshark's dissection of an alert's packets; a page, of which the alert's page takes the part."""
    alert = store.alert(alert_id)
    pcap = store.evidence(alert.id)
    if pcap is None:
        raise HTTPException(404, "no packets are stored with this alert")
    layers, problem = [], None
    try:
        layers = wireshark.dissect(pcap, store.evidence_marked(alert.id))
    except NotDissected as error:
        problem = str(error)
    return render(request, "wireshark.html", principal, alert=alert, packets=layers, problem=problem)


@router.post("/alerts/{alert_id}/evidence")
def ask_for_packets(alert_id: str, principal: Analyst, store: TheStore, address: Address) -> Response:
    """Ask the sensors that reported the alert for its packets."""
    here = f"/alerts/{store.alert(alert_id).id}"
    try:
        with store.acting_from(address):
            store.request_evidence(alert_id, principal.name)
    except StoreError as error:
        return back(here, "refused", why=str(error))
    return back(here, "evidence_asked")


@router.post("/alerts/{alert_id}/comment")
def comment_on_alert(
    alert_id: str,
    principal: Analyst,
    store: TheStore,
    address: Address,
    text: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Add to an alert's history."""
    here = f"/alerts/{store.alert(alert_id).id}"
    if not text.strip():
        return back(here, "reason_missing")
    with store.acting_from(address):
        store.comment(alert_id, text.strip(), principal.name)
    return back(here, "commented")


@router.post("/alerts/{alert_id}/assign")
def assign_alert(
    alert_id: str, principal: Analyst, store: TheStore, address: Address, to: Annotated[str, Form()] = ""
) -> Response:
    """Give an alert to a user, or to nobody."""
    here = f"/alerts/{store.alert(alert_id).id}"
    try:
        with store.acting_from(address):
            store.assign([alert_id], to or None, principal.name)
    except StoreError as error:
        return back(here, "refused", why=str(error))
    return back(here, "assigned")
