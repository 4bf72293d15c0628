"""Learn and mute: what an allowance would hide before it is made, and taking it back after."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from console.auth.access import Address, Analyst, TheStore, Viewer
from console.fleet import teaching
from console.fleet.accepted import NotAcceptable
from console.fleet.edits import ConfigurationRefused
from console.fleet.teaching import sites_of
from console.store import times
from console.store.errors import StoreError
from console.store.records import AllowanceKind, Scope
from console.web.i18n import NC_, translations
from console.web.rendering import back, language_of, render
from console.web.vocabulary import word
from rules.words import spoken

router = APIRouter()

EXPIRIES = {"1": times.DAY, "7": 7 * times.DAY, "30": 30 * times.DAY, "90": 90 * times.DAY, "never": None}
"""How long an allowance may last, by the value a form sends."""
SCOPE_LABELS = {
    "rule": NC_("scope", "Rule"),
    "source": NC_("scope", "Source"),
    "destination": NC_("scope", "Destination"),
    "protocol": NC_("scope", "Protocol"),
    "operation": NC_("scope", "Operation"),
    "object": NC_("scope", "Object"),
    "zone": NC_("scope", "Zone"),
}


def described(language: str, scope: Scope, rule_titles: dict[str, str]) -> list[tuple[str, str, str]]:
    """(field, label, readable value) of everything a scope names."""
    say = translations(language).pgettext
    found = []
    for field, value in asdict(scope).items():
        if value is None:
            continue
        text = str(value)
        if field in {"operation", "zone"}:
            text = word(language, field, value)
        elif field in {"protocol", "object"}:
            text = str(spoken("network.protocol" if field == "protocol" else "ics.object", text, language))
        elif field == "rule":
            text = rule_titles.get(value, value)
        found.append((field, say("scope", SCOPE_LABELS[field]), text))
    return found


def narrowed(whole: Scope, kept: list[str]) -> Scope:
    """The part of a scope that stays when only the fields in `kept` do."""
    return Scope(**{field: value for field, value in asdict(whole).items() if field in kept})


def titles(store: TheStore, language: str) -> dict[str, str]:
    """Rule titles by id."""
    return {
        rule.id: (rule.title_zh if language == "zh" and rule.title_zh else rule.title)
        for rule in store.rules()
    }


@router.get("/alerts/{alert_id}/allow")
def show_allow(
    request: Request, alert_id: str, principal: Analyst, store: TheStore, kind: AllowanceKind = "mute"
) -> Response:
    """The form of a learn or mute, with what the scope now ticked would have hidden."""
    language = language_of(request)
    alert, whole = store.alert(alert_id), store.scope_of(alert_id)
    query = request.query_params
    every = [field for field, value in asdict(whole).items() if value is not None]
    kept = [field for field in every if field in query.getlist("keep")] if "chosen" in query else every
    scope = narrowed(whole, kept)
    return render(
        request,
        "allow.html",
        principal,
        alert=alert,
        kind=kind,
        fields=described(language, whole, titles(store, language)),
        kept=kept,
        preview=store.preview(scope) if kept else None,
        expiries=tuple(EXPIRIES),
        expiry=query.get("expires", "30"),
        reason=query.get("reason", ""),
        teachable=kind == "learn" and bool(sites_of(store, alert)),
    )


@router.post("/alerts/{alert_id}/allow")
def allow(
    alert_id: str,
    principal: Analyst,
    store: TheStore,
    address: Address,
    kind: Annotated[AllowanceKind, Form()],
    expires: Annotated[str, Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
    keep: Annotated[list[str], Form()] = [],  # noqa: B006
    teach: Annotated[str, Form()] = "",
) -> Response:
    """Learn or mute what the ticked fields of the alert's scope cover; tell the sensors where asked to."""
    alert = store.alert(alert_id)
    here = f"/alerts/{alert.id}"
    if not reason.strip():
        return back(f"{here}/allow?kind={kind}", "reason_missing")
    length = EXPIRIES.get(expires, 30 * times.DAY)
    scope = narrowed(store.scope_of(alert_id), keep)
    try:
        with store.acting_from(address):
            expiry = times.now() + length if length else None
            made = store.allow(kind, scope, reason.strip(), expiry, principal.name)
            if teach and kind == "learn":
                teaching.teach(store, alert, made, principal.name)
                return back(here, "taught")
    except (StoreError, NotAcceptable, ConfigurationRefused) as error:
        return back(here, "refused", why=str(error))
    return back(here, "learned" if kind == "learn" else "muted")


@router.get("/allowances")
def list_allowances(request: Request, principal: Viewer, store: TheStore) -> Response:
    """Everything that is learned or muted, and by whom."""
    language = language_of(request)
    ended = request.query_params.get("all") == "1"
    names = titles(store, language)
    rows = [(entry, described(language, entry.scope, names)) for entry in store.allowances(ended)]
    return render(
        request, "allowances.html", principal, rows=rows, ended=ended, now=times.to_text(times.now())
    )


@router.post("/allowances/{allowance_id}/revoke")
def revoke(allowance_id: int, principal: Analyst, store: TheStore, address: Address) -> Response:
    """End an allowance now; the alerts it closed are open again."""
    with store.acting_from(address):
        store.revoke_allowance(allowance_id, principal.name)
        teaching.unteach(store, allowance_id, principal.name)
    return back("/allowances", "revoked")
