"""The alert list and what can be done to many alerts at once."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Form, Request, Response

from console.auth.access import Address, Analyst, TheStore, Viewer
from console.store.errors import StoreError
from console.store.filters import LEVELS, AlertFacet, AlertFilter, CloseReason
from console.store.interface import Store
from console.web.i18n import N_, translations
from console.web.queries import PERIODS, alert_filter, alert_page
from console.web.rendering import back, language_of, render
from console.web.vocabulary import word
from rules.words import spoken

router = APIRouter()

CLOSABLE = ("resolved", "false_positive", "authorised", "duplicate")
"""Reasons a person closes for; learned and muted come with their allowances."""

NARROWED = {
    "q": N_("Search"),
    "address": N_("Address"),
    "source": N_("Source"),
    "destination": N_("Destination"),
    "asset": N_("Asset"),
    "rule": N_("Rule"),
    "technique": N_("Technique"),
    "sensor": N_("Sensor"),
    "level": N_("Level"),
    "protocol": N_("Protocol"),
    "operation": N_("Operation"),
    "zone": N_("Zone"),
}
NAMES = {"protocol": "network.protocol"}
"""Filters whose values are codes with names of their own."""
PERIOD_NAMES = {
    "1h": N_("Last hour"),
    "24h": N_("Last 24 hours"),
    "7d": N_("Last 7 days"),
    "30d": N_("Last 30 days"),
}


def values_of(store: Store, facet: AlertFacet) -> list[str]:
    """The values of a facet that occur, for a filter's choices."""
    return sorted(tally.key for tally in store.tally_alerts(AlertFilter(), facet, 200))


@router.get("/alerts")
def list_alerts(request: Request, principal: Viewer, store: TheStore) -> Response:
    """Alerts, open ones first asked for; every filter stands in the address."""
    language = language_of(request)
    query, order = alert_filter(request.query_params), alert_page(request)
    page = store.alerts(query, order)
    tallies = {tally.key: tally.count for tally in store.tally_alerts(AlertFilter(), "status")}
    new, active, closed = (tallies.get(status, 0) for status in ("new", "active", "closed"))
    say = translations(language).gettext
    shown = request.query_params
    narrowed = [
        (key, say(label), ", ".join(word(language, key, value) for value in shown.getlist(key)))
        if key in {"level", "operation", "zone"}
        else (
            key,
            say(label),
            ", ".join(str(spoken(NAMES.get(key, ""), value, language)) for value in shown.getlist(key)),
        )
        for key, label in NARROWED.items()
        if any(shown.getlist(key))
    ]
    return render(
        request,
        "alerts.html",
        principal,
        page=page,
        order=order,
        narrowed=narrowed,
        per_status={
            "open": new + active,
            "new": new,
            "active": active,
            "closed": closed,
            "all": new + active + closed,
        },
        total_ever=new + active + closed,
        levels=[(level, word(language, "level", level)) for level in reversed(LEVELS)],
        protocols=[
            (value, spoken("network.protocol", value, language)) for value in values_of(store, "protocol")
        ],
        operations=[(value, word(language, "operation", value)) for value in values_of(store, "operation")],
        zones=[(value, word(language, "zone", value)) for value in values_of(store, "zone")],
        periods=[(value, say(PERIOD_NAMES[value])) for value in PERIODS],
    )


@router.post("/alerts/act")
def act_on_alerts(
    request: Request,
    principal: Analyst,
    store: TheStore,
    address: Address,
    action: Annotated[str, Form()],
    id: Annotated[list[str], Form()] = [],  # noqa: B006
    note: Annotated[str, Form(max_length=2000)] = "",
    next: Annotated[str, Form()] = "/alerts",
) -> Response:
    """Acknowledge, close or reopen the selected alerts; closing needs a reason in words."""
    note = note.strip()
    if not id:
        return back(next, "nothing_selected")
    if action in CLOSABLE and not note:
        return back(next, "reason_missing")
    try:
        with store.acting_from(address):
            if action == "acknowledge":
                return back(next, "acknowledged", count=store.acknowledge(id, principal.name, note or None))
            if action == "reopen":
                return back(next, "reopened", count=store.reopen(id, principal.name, note or None))
            if action in CLOSABLE:
                changed = store.close_alerts(id, cast(CloseReason, action), principal.name, note)
                return back(next, "closed", count=changed)
    except StoreError as error:
        return back(next, "refused", why=str(error))
    return back(next, "refused", why=action)
