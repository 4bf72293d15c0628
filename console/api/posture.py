"""The posture: score, confidence, ledger, trend, and what would change it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS, Ids, Time
from console.auth.access import TheStore, Viewer
from console.posture.confidence import FACTORS
from console.posture.formula import apportion, warning
from console.posture.ledger import AssetPosture, Row, SitePosture, ZonePosture
from console.posture.service import Posture, PostureService
from console.store.errors import NotFound
from console.store.records import PosturePoint
from console.store.times import DAY, now, to_text

router = APIRouter(prefix="/posture", tags=["posture"], responses=ERRORS)


def service_of(request: Request) -> PostureService:
    """The application's posture service."""
    return request.app.state.posture


TheService = Annotated[PostureService, Depends(service_of)]


class TrustReason(BaseModel):
    """Why a factor is not full."""

    factor: str
    amount: float = Field(
        description="Seconds (heartbeat, timely, clock), a share (kept: dropped; understood, baseline),"
        " or interfaces that are not up (watching; 0: no traffic)"
    )


class SensorTrust(BaseModel):
    """The factors of one sensor's confidence; they multiply."""

    sensor: str
    site: str
    heartbeat: float
    watching: float
    kept: float
    understood: float
    timely: float
    clock: float
    baseline: float
    confidence: float
    reasons: list[TrustReason]


class AssetOut(BaseModel):
    """An asset with a risk above zero."""

    id: str
    label: str
    listed: bool
    criticality: float
    risk: float
    points: float = Field(description="What it brings to its site's risk")
    open_items: int


class ZoneOut(BaseModel):
    """A zone."""

    name: str
    score: float
    risk: float
    points: float = Field(description="What it brings to its site's risk; a site's zones add up to it")
    warning: str
    assets: int
    worst: list[AssetOut]


class SiteOut(BaseModel):
    """A site."""

    name: str
    score: float
    risk: float
    confidence: float
    warning: str
    zones: list[ZoneOut]


class PostureOut(BaseModel):
    """The posture. Show `score` only where `known` is true: below the least confidence it is grey."""

    time: str
    score: float
    risk: float
    confidence: float
    known: bool
    warning: str = Field(description="red (I), orange (II), yellow (III), blue (IV), none or unknown")
    tenth_percentile: float
    colours: dict[str, int] = Field(description="Sites per warning colour")
    sites: list[SiteOut]
    sensors: list[SensorTrust]


class LedgerRow(BaseModel):
    """One open item. The points of all rows of a site add up to its risk, to the hundredth."""

    kind: str
    id: str
    asset: str
    title: str
    title_zh: str | None
    level: str | None
    weight: float
    points: float
    asset_points: float
    last_seen: str | None
    count: int
    rule: str | None


class LedgerOut(BaseModel):
    """The first rows of a site's ledger and what the rest adds up to."""

    site: str
    risk: float
    rows: list[LedgerRow]
    more: int
    more_points: float


class WhatIf(BaseModel):
    """Ids of alerts, or of exposures as the ledger names them."""

    closed: Ids


class WhatIfOut(BaseModel):
    """The score now and with those items gone."""

    score: float
    score_then: float
    sites: dict[str, float]


@router.get("")
def posture(_: Viewer, service: TheService, worst: Annotated[int, Query(ge=0, le=100)] = 5) -> PostureOut:
    """Score and confidence, site by site and zone by zone, with the `worst` assets of each zone."""
    present = service.current()
    return PostureOut(
        time=to_text(present.time_ns),
        score=present.score,
        risk=present.risk,
        confidence=present.confidence,
        known=present.known,
        warning=present.colour,
        tenth_percentile=present.tenth_percentile(),
        colours=present.colours(),
        sites=[_site(present, site, worst) for site in present.sites],
        sensors=[
            SensorTrust(
                sensor=item.sensor,
                site=item.site,
                **{name: getattr(item, name) for name in FACTORS},
                confidence=item.value,
                reasons=[TrustReason(factor=each.factor, amount=each.amount) for each in item.reasons],
            )
            for item in present.sensors
        ],
    )


@router.get("/ledger")
def ledger(
    _: Viewer,
    service: TheService,
    site: Annotated[str | None, Query(max_length=128, description="Default: the worst site")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> LedgerOut:
    """Every open item of a site with its points, most first."""
    sites = service.current().sites
    found = next((item for item in sites if site is None or item.name == site), None)
    if found is None:
        if site is None:
            return LedgerOut(site="default", risk=0, rows=[], more=0, more_points=0)
        raise NotFound(f"there is no site {site}")
    rows = found.rows()
    points = apportion([row.site_points for row in rows], found.risk)
    shown = [_row(row, value) for row, value in zip(rows[:limit], points, strict=False)]
    return LedgerOut(
        site=found.name,
        risk=round(found.risk, 2),
        rows=shown,
        more=len(rows) - len(shown),
        more_points=round(sum(points[limit:]), 2),
    )


@router.post("/what-if")
def what_if(_: Viewer, service: TheService, body: WhatIf) -> WhatIfOut:
    """The score if these items were closed; changes nothing."""
    then = service.what_if(body.closed)
    return WhatIfOut(
        score=service.current().score,
        score_then=then.score,
        sites={site.name: site.score for site in then.sites},
    )


@router.get("/series")
def series(
    _: Viewer,
    store: TheStore,
    scope: Annotated[
        str, Query(max_length=300, description="all, site/<name> or zone/<site>/<name>")
    ] = "all",
    since: Annotated[Time | None, Query(description="Default: 30 days before `until`")] = None,
    until: Time | None = None,
    limit: Annotated[int, Query(ge=2, le=5000)] = 500,
) -> list[PosturePoint]:
    """Scores over time, oldest first."""
    last = now() if until is None else until
    return store.posture_series(scope, max(0, last - 30 * DAY) if since is None else since, last, limit)


def _site(present: Posture, site: SitePosture, worst: int) -> SiteOut:
    return SiteOut(
        name=site.name,
        score=site.score,
        risk=site.risk,
        confidence=present.confidence_of(site.name),
        warning=present.colour_of(site),
        zones=[_zone(present, zone, worst) for zone in site.zones],
    )


def _zone(present: Posture, zone: ZonePosture, worst: int) -> ZoneOut:
    return ZoneOut(
        name=zone.name,
        score=zone.score,
        risk=zone.risk,
        points=zone.points,
        warning=warning(zone.score, present.constants),
        assets=len(zone.assets),
        worst=[_asset(item) for item in zone.assets[:worst] if item.risk > 0],
    )


def _asset(item: AssetPosture) -> AssetOut:
    return AssetOut(
        id=item.asset.id,
        label=item.asset.label,
        listed=item.asset.listed,
        criticality=item.asset.criticality,
        risk=item.risk,
        points=item.site_points,
        open_items=len(item.rows),
    )


def _row(row: Row, points: float) -> LedgerRow:
    return LedgerRow(
        kind=row.kind,
        id=row.id,
        asset=row.asset,
        title=row.title,
        title_zh=row.title_zh,
        level=row.level,
        weight=row.weight,
        points=points,
        asset_points=row.points,
        last_seen=None if row.last_seen_ns is None else to_text(row.last_seen_ns),
        count=row.count,
        rule=row.rule,
    )
