"""The first page: one score, and a ledger that explains every point of it."""

from __future__ import annotations

import re

from e2e import plant
from e2e.conftest import Visit
from playwright.sync_api import expect

from console.store.records import Envelope
from console.store.times import now


def number(text: str) -> float:
    found = re.search(r"\d+(\.\d+)?", text)
    assert found, text
    return float(found[0])


def test_the_score_is_explained_to_the_last_point(visit: Visit) -> None:
    visit.enter()
    score = number(visit.page.locator(".gauge .score").text_content() or "")
    told = visit.page.locator("#ledger > .spread .small").inner_text()
    risk = float(re.findall(r"\d+\.\d+", told)[-1])
    assert abs(100 - risk - score) <= 0.5
    points = [number(cell.inner_text()) for cell in visit.page.locator("#ledger tbody td.number").all()]
    assert len(points) == 12
    assert round(sum(points), 1) == risk
    assert points == sorted(points, reverse=True)


def test_closing_alerts_is_tried_before_it_is_done(visit: Visit) -> None:
    visit.enter()
    before = number(visit.page.locator(".gauge .score").text_content() or "")
    boxes = visit.page.locator("#ledger input[type=checkbox]")
    for index in range(3):
        boxes.nth(index).check()
    expect(visit.page.locator("#whatif")).to_contain_text("Without 3 items")
    after = number(visit.page.locator("#whatif b").inner_text())
    assert after > before
    expect(visit.page).to_have_url(re.compile(r"close=.*close=.*close="))
    assert visit.site.store.counts()["open_alerts"] == 9


def test_the_chart_shows_what_its_table_says(visit: Visit) -> None:
    visit.enter()
    expect(visit.page.locator("#trend .chart svg")).to_be_visible()
    visit.page.locator("#trend summary").click()
    cells = visit.page.locator("#alerts-by-time tbody td")
    assert sum(int(number(text)) for text in cells.all_inner_texts()) == 15


def test_ledger_and_rankings_lead_to_what_they_name(visit: Visit) -> None:
    visit.enter()
    visit.page.locator("#ledger tbody a").first.click()
    expect(visit.page).to_have_url(re.compile("/alerts/"))
    visit.go("/")
    visit.page.locator("#assets tbody a").first.click()
    expect(visit.page).to_have_url(re.compile("/assets/"))


def test_from_the_score_to_the_packet_in_one_click(visit: Visit) -> None:
    visit.enter()
    first = visit.page.locator("#ledger tbody tr").first
    expect(first.locator(".what")).to_have_text("ES01 stopped controller PLC-INTAKE (S7comm PLC Stop)")
    first.locator(".what").click()
    expect(visit.page.locator("#evidence .hex").first).to_contain_text("50 52")


def test_a_score_nobody_can_trust_is_grey(visit: Visit) -> None:
    now_ns = now()
    blind = plant.health(now_ns)
    blind["health"]["drops"] = {"ring": 400_000_000}
    visit.site.store.ingest(plant.SENSOR, 2, [Envelope("health", blind)])
    visit.enter()
    expect(visit.page.locator(".gauge .score")).to_have_text("?")
    expect(visit.page.locator(".verdict")).to_contain_text("Unknown")
    expect(visit.page.locator(".parts")).to_contain_text("Packets not dropped intake-tap")
    assert visit.page.locator(".gauge .good, .gauge .red").count() == 0
    visit.page.get_by_role("link", name="Sensors").click()
    expect(visit.page.locator(".sensors")).to_contain_text("ring full: 400\u2009000\u2009000")


def test_several_sites_are_ranked_and_each_has_its_own_page(visit: Visit) -> None:
    visit.site.store.add_sensor("south-tap", "south", "admin")
    odd = plant.assets(now())[0]
    odd["asset"] |= {"id": "a-south", "ip": ["10.99.1.1"], "mac": ["28:63:36:ff:00:01"]}
    visit.site.store.ingest("south-tap", 1, [Envelope("asset", odd), Envelope("health", plant.health(now()))])
    # On a busy machine the posture of a moment ago is shown for a few seconds: ask for the one of now.
    visit.site.posture.current(exact=True)
    visit.enter()
    expect(visit.page.locator("#sites tbody tr")).to_have_count(2)
    expect(visit.page.locator("#ledger")).to_have_count(0)
    visit.page.locator("#sites").get_by_role("link", name="waterworks").click()
    expect(visit.page.locator("#ledger tbody tr")).to_have_count(12)
