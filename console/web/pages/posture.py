"""The first page: one score, how far to trust it, and the ledger that explains every point of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from console.auth.access import TheStore, Viewer
from console.posture.service import PostureService
from console.store import times
from console.store.filters import LEVELS, AlertFilter
from console.web.i18n import N_, translations
from console.web.posture_view import view_of
from console.web.queries import one
from console.web.rendering import language_of, render

router = APIRouter()

BUCKETS = {"24h": (times.DAY, 24), "7d": (7 * times.DAY, 28), "30d": (30 * times.DAY, 30)}
"""Periods of the trend: their length and into how many slices they are cut."""
BUCKET_NAMES = {"24h": N_("24 hours"), "7d": N_("7 days"), "30d": N_("30 days")}


def posture_of(request: Request) -> PostureService:
    """The application's posture service."""
    return request.app.state.posture


ThePosture = Annotated[PostureService, Depends(posture_of)]


@router.get("/")
def show_posture(request: Request, principal: Viewer, store: TheStore, service: ThePosture) -> Response:
    """How exposed the plant is, made of what, and what closing some of it would bring."""
    query, language = request.query_params, language_of(request)
    say = translations(language).gettext
    chosen = tuple(dict.fromkeys(query.getlist("close")))[:200]
    period = query.get("period", "7d")
    period = period if period in BUCKETS else "7d"
    length, slices = BUCKETS[period]
    now = times.now()
    counts = store.counts()
    view = view_of(service, language, one(query, "site"), chosen)
    several = len(view.sites) > 1
    scope = f"site/{view.site}" if view.site else "all"
    # Alerts know their sensors, not their site.
    sensors = tuple(each.name for each in store.sensors() if each.site == view.site) if several else ()
    earlier = store.posture_series(scope, now - 26 * times.HOUR, now - 22 * times.HOUR, 1)
    limit = service.constants.unknown_below
    return render(
        request,
        "posture.html",
        principal,
        view=view,
        empty=not (counts["assets"] or counts["alerts"]),
        change=view.overall.score - earlier[-1].score
        if view.overall.known and earlier and earlier[-1].confidence >= limit
        else None,
        series=[
            (point, point.confidence >= limit)
            for point in store.posture_series(scope, now - length, now, 200)
        ],
        timeline=store.alert_timeline(AlertFilter(sensors=sensors), now - length, now, slices),
        levels=tuple(reversed(LEVELS)),
        period=period,
        periods=[(value, say(name)) for value, name in BUCKET_NAMES.items()],
        unknown_below=round(limit * 100),
        store_path="fieldwatch.db",
        origin=str(request.base_url).rstrip("/"),
    )
