"""Incidents: the story on its page, the way there, and what closing its alerts does to it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from e2e.conftest import Site, Visit, open_window
from e2e.test_pages import AXE, DESK, PHONE, violations
from playwright.sync_api import Browser, expect

from console.store.records import Envelope
from console.store.times import MINUTE, now, to_text


def test_the_worst_open_incident_stands_on_top_of_the_first_page(visit: Visit) -> None:
    visit.enter()
    first = visit.page.locator("#incidents .incident").first
    expect(first.locator(".what")).to_have_text(
        "ES01 read the program of PLC-INTAKE, loaded a program into it, then stopped it"
    )
    first.locator(".what").click()
    expect(visit.page.locator("main h1")).to_contain_text("then stopped it")
    expect(visit.page.locator("#story .steps > li")).to_have_count(3)
    expect(visit.page.locator("#outlook")).to_contain_text("not a forecast")
    expect(visit.page.locator("#tactics li").first).to_contain_text("Collection")


def test_a_step_leads_to_its_alert_and_the_alert_back(visit: Visit) -> None:
    visit.enter(path="/incidents")
    visit.page.locator(".incident .what").first.click()
    incident = visit.page.url
    visit.page.locator("#story .evidence a").first.click()
    expect(visit.page).to_have_url(re.compile("/alerts/"))
    visit.page.locator("#incident .what").click()
    expect(visit.page).to_have_url(incident)


def test_closing_all_alerts_closes_the_incident(visit: Visit) -> None:
    visit.enter(path="/incidents")
    rows = visit.page.locator(".incident")
    before = rows.count()
    assert before == 2
    rows.first.locator(".what").click()
    visit.page.get_by_role("button", name="Acknowledge all alerts").click()
    expect(visit.page.locator("[role=status]")).to_contain_text("acknowledged: 3")
    visit.page.locator("summary", has_text="Close all alerts").click()
    visit.page.locator("textarea[name=note]").fill("Work permit missing, engineer warned")
    visit.page.get_by_role("button", name="Close 3 alerts").click()
    expect(rows).to_have_count(before - 1)
    visit.go("/incidents?status=closed")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Closed")
    visit.go("/incidents?status=all&level=critical")
    expect(rows.filter(has_text="then stopped it")).to_contain_text("Closed")


def test_a_page_that_is_open_hears_of_new_incidents(visit: Visit) -> None:
    visit.enter(path="/incidents?status=closed")
    expect(visit.page.locator(".empty")).to_be_visible()
    opened = [item.alert for item in visit.site.store.open_items()]
    visit.site.store.close_alerts(opened, "resolved", "anna", "all is well")
    expect(visit.page.locator(".incident").first).to_be_visible(timeout=15_000)


def test_viewers_read_and_change_nothing(visit: Visit) -> None:
    visit.enter("vera", path="/incidents")
    visit.page.locator(".incident .what").first.click()
    expect(visit.page.locator("#story")).to_be_visible()
    expect(visit.page.locator(".actions")).to_have_count(0)


def test_an_unknown_incident_is_an_error_page(visit: Visit) -> None:
    visit.enter(path="/incidents/i-nowhere")
    expect(visit.page.locator("main")).to_contain_text("There is no incident i-nowhere")


def announced(site: Site) -> str:
    """An alert of announced work and a silenced one, as a sensor delivers them; the first one's id."""
    open_items = site.store.open_items()
    document: dict[str, Any] = json.loads(json.dumps(site.store.alert(open_items[0].alert).document))
    start = to_text(now() - MINUTE)
    for number, (kind, note) in enumerate(
        (
            (
                "maintenance",
                {"id": "m-1", "work_order": "WO-4711", "text": "Valve overhaul", "who": "Wang Fang",
                 "until": to_text(now() + 60 * MINUTE), "level": "high"},
            ),
            (
                "suppression",
                {"id": "s", "reason": "Known scanner", "author": "Li Wei",
                 "expires": to_text(now() + 60 * MINUTE), "level": "high"},
            ),
        )
    ):  # fmt: skip
        event = {"id": f"quiet{number}", "start": start, "end": start, "count": 1, "severity": 21}
        body = {**document, "@timestamp": start, "event": {**document["event"], **event}, kind: note}
        body["rule"] = {**document["rule"], "id": f"quiet-{kind}", "level": "low"}
        if kind == "suppression":
            body["event"]["silenced"] = True
        site.store.ingest(f"tap-{number}", 1, [Envelope("alert", body)])
    return "quiet0"


def test_announced_work_is_told_on_the_alert(visit: Visit) -> None:
    announced(visit.site)
    visit.enter(path="/alerts/quiet0")
    told = visit.page.locator("#quieted")
    expect(told).to_contain_text("WO-4711: Valve overhaul (Wang Fang)")
    expect(told).to_contain_text("Without it the level would be: High.")
    visit.go("/alerts/quiet1")
    expect(visit.page.locator("#quieted")).to_contain_text("Known scanner (Li Wei)")
    expect(visit.page.locator(".alert-head")).to_contain_text("Silenced by the site file")


@pytest.mark.parametrize(
    ("language", "scheme", "size"),
    [("zh", "light", DESK), ("en", "dark", PHONE)],
    ids=["chinese-desk", "english-phone"],
)
def test_incident_pages_fit_and_are_accessible(
    chromium: Browser, site: Site, language: str, scheme: str, size: dict[str, int]
) -> None:
    quiet = announced(site)
    context, visit = open_window(chromium, site, viewport=size, color_scheme=scheme)
    visit.enter("admin", path=f"/?lang={language}")
    if AXE.exists():
        context.add_init_script(path=AXE)
    visit.go("/incidents")
    target = visit.page.locator(".incident .what").first.get_attribute("href")
    for path in ("/", "/incidents", str(target), "/incidents?status=closed", f"/alerts/{quiet}"):
        visit.go(path)
        expect(visit.page.locator("main h1")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert violations(visit) == [], path
    context.close()
    assert visit.complaints == []
