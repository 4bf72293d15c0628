"""The first page: one score, how far to trust it, and the ledger that explains every point of it."""

from __future__ import annotations

import contextlib
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from console.api.incidents import TheIncidents
from console.auth.access import TheStore, Viewer
from console.posture.service import PostureService
from console.store import times
from console.store.errors import NotFound
from console.store.filters import LEVELS, AlertFilter, PageRequest
from console.store.interface import Store
from console.web.i18n import N_, translations
from console.web.posture_view import FIRST_ROWS, MOST_ROWS, PostureView, view_of
from console.web.queries import one
from console.web.rendering import language_of, render
from console.web.wording import sentence

router = APIRouter()

BUCKETS: dict[str, tuple[int | None, int]] = {
    "24h": (times.DAY, 24),
    "7d": (7 * times.DAY, 28),
    "30d": (30 * times.DAY, 30),
    "all": (None, 40),
}
"""Periods of the trend: length (None: from the first alert to the last), and how many slices."""
BUCKET_NAMES = {
    "24h": N_("24 hours"),
    "7d": N_("7 days"),
    "30d": N_("30 days"),
    "all": N_("All time"),
}


def posture_of(request: Request) -> PostureService:
    """The application's posture service."""
    return request.app.state.posture


ThePosture = Annotated[PostureService, Depends(posture_of)]


def span(store: Store, now: int) -> tuple[int, int]:
    """From the first alert to behind the last one: what a capture of long ago holds."""
    first = store.alerts(AlertFilter(), PageRequest(limit=1, sort="first_seen", descending=False)).items
    last = store.alerts(AlertFilter(), PageRequest(limit=1, sort="first_seen")).items
    if not first or not last:
        return now - times.DAY, now
    begin, end = times.to_nanoseconds(first[0].first_seen), times.to_nanoseconds(last[0].first_seen)
    return begin, max(end + 1, begin + 40 * times.SECOND)


def sentences_of(store: Store, view: PostureView, language: str) -> dict[str, str]:
    """What each alert of the ledger says, by id: its rule's title alone is the same for many."""
    found = {}
    for line in view.ledger:
        if line.kind == "alert":
            with contextlib.suppress(NotFound):
                found[line.id] = sentence(language, store.alert(line.id).document)
    return found


@router.get("/")
def show_posture(
    request: Request, principal: Viewer, store: TheStore, service: ThePosture, told: TheIncidents
) -> Response:
    """How exposed the plant is, made of what, and what closing some of it would bring."""
    query, language = request.query_params, language_of(request)
    say = translations(language).gettext
    chosen = tuple(dict.fromkeys(query.getlist("close")))[:200]
    now = times.now()
    period = query.get("period")
    if period not in BUCKETS:
        # A capture of long ago would show an empty week.
        period = (
            "7d"
            if store.alerts(AlertFilter(since=now - 7 * times.DAY), PageRequest(limit=1)).items
            else "all"
        )
    length, slices = BUCKETS[period]
    since, until = span(store, now) if length is None else (now - length, now)
    counts = store.counts()
    every = query.get("rows") == "all"
    view = view_of(service, language, one(query, "site"), chosen, MOST_ROWS if every else FIRST_ROWS)
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
        every=every,
        more_than_shown=view.items > FIRST_ROWS,
        sentences=sentences_of(store, view, language),
        incidents=told.current().open,
        empty=not (counts["assets"] or counts["alerts"]),
        change=view.overall.score - earlier[-1].score
        if view.overall.known and earlier and earlier[-1].confidence >= limit
        else None,
        series=[(point, point.confidence >= limit) for point in store.posture_series(scope, since, now, 200)],
        timeline=store.alert_timeline(AlertFilter(sensors=sensors), since, until, slices),
        levels=tuple(reversed(LEVELS)),
        period=period,
        periods=[(value, say(name)) for value, name in BUCKET_NAMES.items()],
        unknown_below=round(limit * 100),
    )
