"""The inventory, and one asset with the proof of everything that is claimed about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from console.auth.access import Address, Analyst, TheStore, Viewer
from console.store.errors import StoreError
from console.store.filters import BEHAVIOUR_SORTS, AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import AssetChange, AssetRecord
from console.web.i18n import translations
from console.web.pages.posture import ThePosture
from console.web.posture_view import score_of
from console.web.queries import asset_filter, asset_page, behaviours_of, paging
from console.web.rendering import back, language_of, render
from console.web.vocabulary import WORDS, word
from console.web.wording import readable
from rules.words import spoken

router = APIRouter()

FACTS = (
    "ip",
    "mac",
    "name",
    "vendor",
    "model",
    "firmware",
    "hardware",
    "serial",
    "role",
    "purdue_level",
    "zone",
    "criticality",
    "authorised",
    "protocols",
    "services",
)
CONVERSATIONS = 20
"""Behaviours on a page."""
BESIDES = ("id", "role_confidence", "first_seen", "last_seen")
"""Fields that stand elsewhere on the page."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One claimed field of an asset: its value as text, and what proves it."""

    field: str
    value: str
    note: str
    proof: dict[str, Any]
    decided_by: str
    """Who decided it, empty where the sensor's word stands."""


def claim(language: str, field: str, value: Any) -> str:
    """The value of an asset's field as a person reads it."""
    _ = translations(language).gettext
    if value is None:
        return ""
    if field in {"role", "zone"}:
        return word(language, field, value)
    if field == "purdue_level":
        return f"{value:g} · {word(language, 'purdue', f'{value:g}')}"
    if field == "criticality":
        return f"{value:g} · {word(language, 'criticality', float(value))}"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if field == "services" and isinstance(value, list):
        return ", ".join(
            f"{spoken('network.protocol', each.get('protocol', '?'), language)}"
            f" {each.get('port', '')}/{str(each.get('transport', '')).upper()}"
            for each in value
        )
    return readable(spoken("network.protocol", value, language) if field == "protocols" else value)


def facts_of(language: str, record: AssetRecord) -> list[Fact]:
    """Every claimed field in reading order; fields this console does not know come last."""
    _ = translations(language).gettext
    asset = record.document.get("asset", {})
    evidence = record.document.get("evidence", {})
    unknown = [field for field in asset if field not in {*FACTS, *BESIDES}]
    facts = []
    for field in (*FACTS, *unknown):
        if field not in asset:
            continue
        note = ""
        if field == "role" and "role_confidence" in asset:
            note = _("confidence %(percent)s %%") % {"percent": round(asset["role_confidence"] * 100)}
        proof = evidence.get(field)
        facts.append(
            Fact(
                field,
                claim(language, field, asset[field]),
                note,
                proof if isinstance(proof, dict) else {},
                record.decided.get(field, {}).get("by", ""),
            )
        )
    return facts


def changes_of(language: str, changes: list[AssetChange]) -> list[tuple[AssetChange, str, str]]:
    """What changed after it was first known, and every word of a person: (change, before, after)."""
    return [
        (change, claim(language, change.field, change.old), claim(language, change.field, change.new))
        for change in changes
        if change.old is not None or not change.source.startswith("sensor/")
    ]


def values_of(store: Store, field: str) -> list[str]:
    """The values of an inventory field that occur, for a filter's choices."""
    return sorted(tally.key for tally in store.tally_assets(field, 200) if tally.key)


@router.get("/assets")
def list_assets(request: Request, principal: Viewer, store: TheStore) -> Response:
    """The inventory; every filter stands in the address."""
    language, order = language_of(request), asset_page(request)
    return render(
        request,
        "assets.html",
        principal,
        page=store.assets(asset_filter(request.query_params), order),
        order=order,
        total_ever=store.counts().get("assets", 0),
        roles=[(value, word(language, "role", value)) for value in values_of(store, "role")],
        zones=[(value, word(language, "zone", value)) for value in values_of(store, "zone")],
        layers=[(value, f"{value} · {name}") for value, name in layers(language)],
        vendors=[(value, value) for value in values_of(store, "vendor")],
        protocols=[
            (value, spoken("network.protocol", value, language)) for value in values_of(store, "protocol")
        ],
    )


def layers(language: str) -> list[tuple[str, str]]:
    """The Purdue levels with their names."""
    return [(value, word(language, "purdue", value)) for value in WORDS["purdue"]]


@router.get("/assets/{asset_id}")
def show_asset(
    request: Request, asset_id: str, principal: Viewer, store: TheStore, service: ThePosture
) -> Response:
    """One asset: what is known and why, whom it talks to, its alerts, how it changed."""
    record, language = store.asset(asset_id), language_of(request)
    order = paging(request, BEHAVIOUR_SORTS, "count", limit=CONVERSATIONS)
    return render(
        request,
        "asset.html",
        principal,
        record=record,
        scored=score_of(service, asset_id),
        facts=facts_of(language, record),
        behaviours=store.behaviours(behaviours_of(asset_id), order),
        order=order,
        alerts=store.alerts(AlertFilter(asset=asset_id), PageRequest(limit=10)),
        changes=changes_of(language, store.asset_history(asset_id)),
        zones=[zone.name for zone in store.zones()],
    )


@router.post("/assets/{asset_id}")
def decide_asset(
    asset_id: str,
    principal: Analyst,
    store: TheStore,
    address: Address,
    name: Annotated[str, Form(max_length=200)] = "",
    zone: Annotated[str, Form(max_length=100)] = "",
    criticality: Annotated[str, Form()] = "",
    authorised: Annotated[str, Form()] = "",
) -> Response:
    """Let a person's word win over the sensor's; an empty field gives it back."""
    here = f"/assets/{store.asset(asset_id).id}"
    decisions: dict[str, Any] = {
        "name": name.strip() or None,
        "zone": zone.strip() or None,
        "criticality": float(criticality) if criticality in WORDS["criticality"] else None,
        "authorised": {"yes": True, "no": False}.get(authorised),
    }
    try:
        with store.acting_from(address):
            store.decide_asset(asset_id, decisions, principal.name)
    except StoreError as error:
        return back(here, "refused", why=str(error))
    return back(here, "decided")
