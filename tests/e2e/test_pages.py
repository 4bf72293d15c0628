"""Every page, in both languages, light and dark, on a desk and a phone: sound, fitting, accessible."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e import plant
from e2e.conftest import Site, Visit, open_window
from playwright.sync_api import Browser, expect

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS = [("en", "light", DESK), ("zh", "dark", PHONE)]


def pages(site: Site) -> list[str]:
    stop = next(item.alert for item in site.store.open_items() if item.rule_name == "controller-stop")
    return [
        "/",
        "/alerts",
        f"/alerts/{stop}",
        f"/alerts/{stop}/allow?kind=mute",
        "/assets",
        f"/assets/{plant.PLC1.id}",
        "/rules",
        "/rules/controller-stop",
        "/allowances",
        "/sensors",
        "/audit",
        "/users",
        "/account",
    ]


@pytest.mark.parametrize(("language", "scheme", "size"), LOOKS, ids=["english-desk", "chinese-phone"])
def test_every_page_is_sound(
    chromium: Browser, site: Site, language: str, scheme: str, size: dict[str, int]
) -> None:
    context, visit = open_window(chromium, site, viewport=size, color_scheme=scheme)
    visit.enter("admin", path=f"/?lang={language}")
    expect(visit.page.locator("main h1")).to_be_visible()
    if AXE.exists():
        context.add_init_script(path=AXE)
    for path in pages(site):
        visit.go(path)
        expect(visit.page.locator("main h1")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert violations(visit) == [], path
    context.close()
    assert visit.complaints == []


def violations(visit: Visit) -> list[str]:
    """What axe-core (WCAG 2.1 A and AA) finds on the page; nothing where axe-core is not installed."""
    if not AXE.exists():
        return []
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = visit.page.evaluate(
        "tags => axe.run({runOnly: tags, resultTypes: ['violations']}).then(result => result.violations)",
        rules,
    )
    return [f"{item['id']}: {json.dumps([node['html'] for node in item['nodes'][:3]])}" for item in found]


def test_pages_read_without_javascript(chromium: Browser, site: Site) -> None:
    context, visit = open_window(chromium, site, java_script_enabled=False)
    visit.enter("anna", path="/alerts?level=critical")
    expect(visit.page.locator("[data-row]")).to_have_count(1)
    visit.page.locator("[data-open]").first.click()
    expect(visit.page.locator("time").first).to_contain_text("UTC")
    visit.page.get_by_role("button", name="Acknowledge").click()
    expect(visit.page.locator(".alert-head")).to_contain_text("Active")
    context.close()


def test_an_empty_console_says_what_to_do_next(chromium: Browser, empty_site: Site) -> None:
    context, visit = open_window(chromium, empty_site)
    visit.enter()
    for path in ("/", "/alerts", "/assets", "/sensors"):
        visit.go(path)
        expect(visit.page.locator(".empty")).to_contain_text("fieldwatch analyze")
    visit.go("/allowances")
    expect(visit.page.locator(".empty")).to_be_visible()
    context.close()
    assert visit.complaints == []
