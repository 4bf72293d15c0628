"""On paper stands the content, dark on light, without what only a screen can use."""

from __future__ import annotations

from e2e.conftest import Site, open_window
from playwright.sync_api import Browser, expect


def test_an_alert_prints_dark_on_light_without_controls(chromium: Browser, site: Site) -> None:
    context, visit = open_window(chromium, site, color_scheme="dark")
    visit.enter(path="/alerts")
    visit.page.locator("[data-open]").first.click()
    colour = "getComputedStyle(document.body).getPropertyValue('--surface').trim()"
    assert visit.page.evaluate(colour) != "#ffffff"
    visit.page.emulate_media(media="print", color_scheme="dark")
    expect(visit.page.locator("main h1")).to_be_visible()
    expect(visit.page.locator("#evidence")).to_be_visible()
    for hidden in (".rail", ".actions", "form button"):
        expect(visit.page.locator(hidden).first).to_be_hidden()
    assert visit.page.evaluate(colour) == "#ffffff"
    context.close()
