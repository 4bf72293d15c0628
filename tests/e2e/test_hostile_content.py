"""Pages hold what they are given: names that are markup, run on without end, or are written from right to
left; a thousand alerts; two hundred sensors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e import plant
from e2e.conftest import Site, Visit, new_store, open_window, serve
from e2e.test_pages import DESK, PHONE
from playwright.sync_api import Browser, expect

from console.store.records import Envelope
from console.store.times import MINUTE, now, to_text

NAMES = (
    "<img src=x onerror=alert(1)>{{ 7 * 7 }}${7*7}",
    "W" * 200,
    "مضخة الماء الرئيسية \u202e)31( \u2066",
    "泵" * 120,
    "a\u0301" * 60 + " \u200b \ufeff \U0001f4a7",
)
SENSORS, ALERTS = 200, 1000


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = new_store(tmp_path_factory.mktemp("crowded") / "plant.db")
    time = now()
    plant.fill(store, time)
    pattern = plant.alerts(time)
    machines = [json.loads(json.dumps(document)) for document in plant.assets(time)[: len(NAMES)]]
    for number, (document, name) in enumerate(zip(machines, NAMES, strict=True)):
        document["asset"] |= {
            "id": f"a-odd{number}",
            "name": name,
            "vendor": name,
            "model": name,
            "zone": name,
        }
        document["asset"] |= {"ip": [f"10.66.0.{number}"], "mac": [f"02:00:00:00:66:{number:02x}"]}
    store.ingest(plant.SENSOR, "odd.1", [Envelope("asset", document) for document in machines])
    for batch in range(ALERTS // 100):
        alerts = [odd(pattern[number % len(pattern)], batch * 100 + number, time) for number in range(100)]
        store.ingest(plant.SENSOR, f"odd.{batch + 2}", [Envelope("alert", document) for document in alerts])
    for number in range(SENSORS):
        name = f"tap-{number:03d}" + "-x" * (number % 60)
        store.add_sensor(name, "waterworks", "admin")
        store.ingest(name, 1, [Envelope("health", plant.health(time))])
    yield from serve(store)


def odd(document: dict[str, Any], number: int, time: int) -> dict[str, Any]:
    """An alert of its own between two odd machines."""
    made: dict[str, Any] = json.loads(json.dumps(document))
    name = NAMES[number % len(NAMES)]
    made["event"] |= {"id": f"odd-{number}", "start": to_text(time - number * MINUTE)}
    made["@timestamp"] = made["event"]["start"]
    made["event"]["end"] = made["event"]["start"]
    made["rule"] |= {"id": f"odd-{number % 300}", "name": f"odd-{number % 300}"}
    made["source"] = {"ip": f"10.66.1.{number % 250}", "name": name, "zone": name}
    made["destination"] = {"ip": f"10.66.0.{number % len(NAMES)}", "name": name, "port": 502}
    made["ics"] = {"operation": "write", "object": name, "value": name, "function": name}
    made["message"] = made["message_zh"] = f"{name} wrote to {name}"
    return made


@pytest.mark.parametrize(
    ("language", "size"), [("en", DESK), ("zh", PHONE)], ids=["english-desk", "chinese-phone"]
)
def test_pages_hold_what_they_are_given(
    chromium: Browser, crowded: Site, language: str, size: dict[str, int]
) -> None:
    context, visit = open_window(chromium, crowded, viewport=size)
    # A page of two hundred sensors takes its time on a busy machine.
    context.set_default_timeout(30_000)
    visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
    visit.enter("admin", path=f"/?lang={language}")
    incident = crowded_incident(visit)
    paths = ["/", "/?rows=all", "/incidents", incident, "/alerts", "/alerts?offset=950", "/alerts/odd-0"]
    paths += ["/alerts/odd-1", "/alerts/odd-2/allow", "/assets", "/rules", "/rules/odd-1", "/audit"]
    paths += [f"/assets/a-odd{number}" for number in range(len(NAMES))]
    paths += ["/sensors", "/sensors/tap-059" + "-x" * 59, "/configuration"]
    for path in paths:
        visit.go(path)
        expect(visit.page.locator("main h1")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert visit.page.locator("main img").count() == 0, path
    context.close()
    assert visit.complaints == []


def crowded_incident(visit: Visit) -> str:
    visit.go("/incidents")
    return str(visit.page.locator(".incident .what").first.get_attribute("href"))


def test_the_ledger_shows_its_heaviest_lines_and_all_on_request(chromium: Browser, crowded: Site) -> None:
    context, visit = open_window(chromium, crowded)
    context.set_default_timeout(30_000)
    visit.enter()
    rows = visit.page.locator("#ledger tbody tr")
    expect(rows).to_have_count(15)
    visit.page.get_by_role("link", name="Show all", exact=True).click()
    expect(rows).to_have_count(300)
    rows.nth(20).locator("input").check()
    expect(visit.page.locator("#whatif")).to_contain_text("Without 1 item")
    expect(visit.page).to_have_url(re.compile("rows=all"))
    context.close()
    assert visit.complaints == []


def test_sensors_come_in_pages_those_in_trouble_first(chromium: Browser, crowded: Site) -> None:
    crowded.store.add_sensor("zz-never-heard", "waterworks", "admin")
    context, visit = open_window(chromium, crowded)
    context.set_default_timeout(30_000)
    visit.enter("admin", path="/sensors")
    cards = visit.page.locator(".sensors .card")
    expect(cards).to_have_count(30)
    names = cards.locator("h2").all_inner_texts()
    # Those that were filled in long ago may have fallen silent meanwhile; whoever is well comes last.
    well = [card.locator(".chip.good", has_text="Alive").count() for card in cards.all()]
    assert well == sorted(well)
    visit.page.get_by_role("link", name="Next").click()
    expect(visit.page.locator(".paging")).to_contain_text("31–60")
    assert not set(names) & set(cards.locator("h2").all_inner_texts())
    context.close()
    assert visit.complaints == []


def test_rules_come_in_pages(visit: Visit) -> None:
    visit.enter(path="/rules")
    rows = visit.page.locator("#results tbody tr")
    expect(rows).to_have_count(50)
    first = rows.first.inner_text()
    visit.page.get_by_role("link", name="Next").click()
    expect(visit.page.locator(".paging")).to_contain_text("51–100")
    assert rows.first.inner_text() != first


def test_a_store_path_is_what_pages_tell_to_analyse_into(chromium: Browser, tmp_path: Path) -> None:
    for site in serve(new_store(tmp_path / "empty.db")):
        context, visit = open_window(chromium, site)
        visit.enter(path="/sensors")
        expect(visit.page.locator(".empty pre")).to_contain_text("--store fieldwatch.db")
        context.close()
