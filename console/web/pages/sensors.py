"""Sensors: are they alive, what do they lose, what do they run, and how a new one is enrolled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response

from console.auth.access import Address, Admin, Principal, TheSettings, TheStore, Viewer
from console.fleet import said
from console.fleet.codes import new_code
from console.fleet.configuration import DesiredConfigurations, Running, running
from console.posture.confidence import sensor_confidence
from console.posture.service import RECENT_REPORTS
from console.settings import Settings
from console.store.errors import StoreError
from console.store.filters import AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import Page, SensorRecord
from console.store.times import DAY, HOUR, now
from console.web import health_view
from console.web.i18n import translations
from console.web.queries import offset_of
from console.web.rendering import back, language_of, render

router = APIRouter()
HOURS = {"1": 1, "8": 8, "24": 24, "168": 168}
"""How long a code may be used, by the value a form sends."""
ON_A_PAGE = 30
SLICES = 144
"""Moments of the last day that are drawn: one each ten minutes."""


@dataclass(frozen=True, slots=True)
class SensorCard:
    """A sensor as the list shows it."""

    sensor: SensorRecord
    state: str
    running: Running
    health: dict[str, Any]
    said: dict[str, Any]
    conditions: list[str]
    reasons: list[str]

    @property
    def rank(self) -> int:
        """0 where somebody has to look at it, 2 where nobody has to any more: the order of the list."""
        if self.state == "revoked":
            return 2
        sick = self.state in ("silent", "never") or self.running.state == "refused" or bool(self.conditions)
        return 0 if sick else 1


def card_of(request: Request, store: Store, settings: Settings, sensor: SensorRecord) -> SensorCard:
    """What the list and the sensor's page say of it."""
    configurations: DesiredConfigurations = request.app.state.desired
    recent = store.health(sensor.name, RECENT_REPORTS) if sensor.registered else []
    trust = sensor_confidence(sensor, settings.posture, recent)
    health = said.inner(sensor.health, "health")
    conditions = health.get("conditions")
    return SensorCard(
        sensor,
        said.state_of(sensor, settings.sensors.silent_after),
        running(sensor.state, configurations.of(sensor.site)),
        health,
        health_view.said_of(sensor),
        [str(name).removeprefix("sensor-") for name in conditions[:20]]
        if isinstance(conditions, list)
        else [],
        health_view.reasons_of(trust, language_of(request)),
    )


def _page(
    request: Request,
    principal: Principal,
    store: Store,
    settings: Settings,
    code: str | None = None,
    token: tuple[str, str] | None = None,
) -> Response:
    sensors = store.sensors()
    cards = [card_of(request, store, settings, sensor) for sensor in sensors]
    cards.sort(key=lambda card: (card.rank, card.sensor.name))
    offset = offset_of(request.query_params)
    shown = cards[offset : offset + ON_A_PAGE]
    more = len(cards) > offset + len(shown)
    return render(
        request,
        "sensors.html",
        principal,
        page=Page(shown, len(cards), True, "more" if more else None),
        order=PageRequest(limit=ON_A_PAGE, offset=offset),
        troubled=sum(card.rank == 0 for card in cards),
        sites=sorted({sensor.site for sensor in sensors}),
        enrolments=store.enrolments(20) if principal.may("admin") else [],
        hours=tuple(HOURS),
        code=code,
        token=token,
        tls=bool(request.app.state.certificates),
    )


@router.get("/sensors")
def list_sensors(request: Request, principal: Viewer, store: TheStore, settings: TheSettings) -> Response:
    """Every source of data with its health."""
    return _page(request, principal, store, settings)


@router.post("/sensors/enrolments")
def add_enrolment(
    request: Request,
    principal: Admin,
    store: TheStore,
    settings: TheSettings,
    address: Address,
    name: Annotated[str, Form(max_length=128)] = "",
    site: Annotated[str, Form(max_length=128)] = "",
    hours: Annotated[str, Form(max_length=8)] = "1",
) -> Response:
    """Make a one-time code and show it, this once."""
    code, code_hash = new_code(next(iter(request.app.state.certificates), None))
    expires = now() + HOURS.get(hours, 1) * HOUR
    try:
        with store.acting_from(address):
            store.add_enrolment(
                code_hash, name.strip() or None, site.strip() or "default", expires, principal.name
            )
    except StoreError as error:
        return back("/sensors", "refused", why=str(error))
    return _page(request, principal, store, settings, code=code)


@router.post("/sensors/enrolments/{enrolment_id}/withdraw")
def withdraw_enrolment(enrolment_id: int, principal: Admin, store: TheStore, address: Address) -> Response:
    """The code works no more."""
    try:
        with store.acting_from(address):
            store.withdraw_enrolment(enrolment_id, principal.name)
    except StoreError as error:
        return back("/sensors", "refused", why=str(error))
    return back("/sensors", "enrolment_withdrawn")


@router.post("/sensors")
def add_sensor(
    request: Request,
    principal: Admin,
    store: TheStore,
    settings: TheSettings,
    address: Address,
    name: Annotated[str, Form(max_length=100)],
    site: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Register a program that delivers by itself, and show its token, this once."""
    try:
        with store.acting_from(address):
            token = store.add_sensor(name.strip(), site.strip() or "default", principal.name)
    except StoreError as error:
        return back("/sensors", "refused", why=str(error))
    return _page(request, principal, store, settings, token=(name.strip(), token))


@router.post("/sensors/{name}/revoke")
def revoke_sensor(name: str, principal: Admin, store: TheStore, address: Address) -> Response:
    """Its token works no more."""
    with store.acting_from(address):
        store.revoke_sensor(name, principal.name)
    return back("/sensors", "sensor_revoked")


@router.get("/sensors/{name}")
def show_sensor(
    request: Request, name: str, principal: Viewer, store: TheStore, settings: TheSettings
) -> Response:
    """One sensor: how it is now, and how the last day was."""
    sensor = next((each for each in store.sensors() if each.name == name), None)
    if sensor is None:
        raise HTTPException(404, f"there is no sensor {name}")
    language = language_of(request)
    card = card_of(request, store, settings, sensor)
    time = now()
    rows = health_view.rows_of(store.health_series(name, time - DAY, time + HOUR, SLICES))
    say = translations(language).pgettext
    drawn = [
        index
        for index in range(len(health_view.COLUMNS))
        if any(row.values[index] is not None for row in rows)
    ]
    about = store.alerts(AlertFilter(sensors=(name,), statuses=("new", "active")), PageRequest(limit=5))
    return render(
        request,
        "sensor.html",
        principal,
        card=card,
        sensor=sensor,
        facts=health_view.facts_of(card.health, language),
        interfaces=health_view.interfaces_of(card.health),
        protocols=health_view.protocols_of(card.health),
        drops=said.counts_of(card.health, "drops"),
        rules=said.number(card.health.get("rules")),
        learned=said.number(said.inner(card.health, "learning").get("share")),
        versions={
            str(part): str(version)[:100] for part, version in said.inner(card.health, "versions").items()
        },
        uplink=said.inner(card.health, "uplink"),
        captures=health_view.captures_of(sensor.summary),
        columns=[(say("health", label), colour) for _, label, colour in health_view.COLUMNS],
        drawn=drawn,
        rows=rows,
        alerts=about,
    )
