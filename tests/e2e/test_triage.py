"""An analyst's morning: filter, look, acknowledge, close, learn, by mouse and by keyboard."""

from __future__ import annotations

import re

from e2e.conftest import Visit
from playwright.sync_api import expect

STOP = "ES01 stopped controller PLC-INTAKE (S7comm PLC Stop)"


def test_filters_are_the_address(visit: Visit) -> None:
    visit.enter(path="/alerts")
    visit.page.locator("select[name=level]").select_option("high")
    expect(visit.page).to_have_url(re.compile(r"/alerts\?level=high$"))
    expect(visit.page.locator("[data-row]")).to_have_count(3)
    visit.page.locator("select[name=protocol]").select_option("dnp3")
    expect(visit.page.locator("[data-row]")).to_have_count(1)
    visit.page.reload()
    expect(visit.page.locator("[data-row]")).to_have_count(1)
    visit.page.go_back()
    expect(visit.page.locator("[data-row]")).to_have_count(3)
    visit.page.get_by_role("link", name="Remove all filters").click()
    expect(visit.page.locator("[data-row]")).to_have_count(9)
    visit.page.locator("select[name=zone]").select_option("control")
    expect(visit.page).to_have_url(re.compile("zone=control"))
    expect(visit.page.locator("form[data-ready]")).to_be_visible()
    visit.page.locator("h1").click()
    visit.page.keyboard.press("j")
    expect(visit.page.locator("[data-row]").first).to_have_attribute("data-current", "")
    visit.page.get_by_role("link", name="Closed").click()
    expect(visit.page).to_have_url(re.compile("zone=control.*status=closed"))
    visit.go("/alerts")
    visit.page.get_by_label("Search").fill("no such thing")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_text("No alert matches")).to_be_visible()


def test_an_alert_says_who_did_what_to_whom_and_shows_the_packets(visit: Visit) -> None:
    visit.enter(path="/alerts")
    visit.page.get_by_role("link", name=STOP).click()
    expect(visit.page.locator("h1")).to_have_text(STOP)
    expect(visit.page.get_by_role("link", name="PLC-INTAKE", exact=True)).to_be_visible()
    expect(visit.page.locator(".endpoint").nth(1)).to_contain_text("6ES7 315-2EH14-0AB0")
    expect(visit.page.locator(".advice")).to_contain_text("Call the control room")
    expect(visit.page.get_by_role("link", name="T0858 Change Operating Mode")).to_be_visible()
    expect(visit.page.locator(".packet")).to_have_count(3)
    expect(visit.page.locator(".packet pre").first).to_contain_text("03 00 00 21 02 f0 80 32 01")
    expect(visit.page.locator(".packet summary").first).to_contain_text("Frame 1017")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="Download pcap").click()
    assert download.value.path().read_bytes()[:4] == b"\x4d\x3c\xb2\xa1"


def test_acknowledge_comment_close_and_reopen_stand_in_the_history(visit: Visit) -> None:
    visit.enter(path="/alerts")
    visit.page.get_by_role("link", name=STOP).click()
    visit.page.get_by_role("button", name="Acknowledge").click()
    expect(visit.page.locator(".alert-head")).to_contain_text("Active")
    visit.page.get_by_label("Comment").fill("Called the control room: nobody ordered it.")
    visit.page.get_by_role("button", name="Add comment").click()
    expect(visit.page.locator("#history")).to_contain_text("nobody ordered it")
    visit.page.keyboard.press("c")
    visit.page.get_by_label("Outcome").select_option("false_positive")
    visit.page.get_by_label("Reason (required)").fill("Test of the stop key")
    visit.page.get_by_role("button", name="Close alert").click()
    expect(visit.page.locator(".alert-head")).to_contain_text("Closed · False positive")
    expect(visit.page.locator("#history li")).to_contain_text(
        ["opened", "acknowledged", "commented", "Test of the stop key"]
    )
    visit.page.get_by_role("button", name="Reopen").click()
    expect(visit.page.locator(".alert-head")).to_contain_text("Active")
    actions = [row.action for row in visit.site.store.alert_history(visit.page.url.rsplit("/", 1)[1])]
    assert actions == ["opened", "acknowledged", "commented", "closed", "reopened"]


def test_closing_many_needs_a_reason(visit: Visit) -> None:
    visit.enter(path="/alerts?level=low")
    visit.page.get_by_label("Select all on this page").check()
    expect(visit.page.locator(".bulk strong")).to_have_text("3 selected")
    visit.page.get_by_label("Action").select_option("authorised")
    visit.page.get_by_role("button", name="Apply").click()
    expect(visit.page.get_by_role("status")).to_contain_text("a reason is required")
    expect(visit.page.locator("[data-row]")).to_have_count(3)
    visit.page.get_by_label("Select all on this page").check()
    visit.page.get_by_label("Action").select_option("authorised")
    visit.page.get_by_label("Reason (required to close)").fill("Work permit 2026-120")
    visit.page.get_by_role("button", name="Apply").click()
    expect(visit.page.get_by_role("status")).to_contain_text("Alerts closed: 3")
    expect(visit.page.get_by_text("No alert matches")).to_be_visible()


def test_keys_move_select_prepare_and_open(visit: Visit) -> None:
    visit.enter(path="/alerts")
    rows = visit.page.locator("[data-row]")
    expect(rows).to_have_count(9)
    expect(visit.page.locator("form[data-ready]")).to_be_visible()
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("data-current", "")
    visit.page.keyboard.press("k")
    expect(rows.nth(0)).to_have_attribute("data-current", "")
    visit.page.keyboard.press("x")
    expect(visit.page.locator(".bulk strong")).to_have_text("1 selected")
    visit.page.keyboard.press("c")
    expect(visit.page.get_by_label("Action")).to_have_value("resolved")
    expect(visit.page.get_by_label("Reason (required to close)")).to_be_focused()
    visit.page.keyboard.type("j stays a letter here")
    expect(rows.nth(0)).to_have_attribute("data-current", "")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("/")
    expect(visit.page.get_by_label("Search")).to_be_focused()
    visit.page.keyboard.press("Tab")
    visit.page.locator("h1").click()
    visit.page.keyboard.press("?")
    expect(visit.page.get_by_role("dialog")).to_be_visible()
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("l")
    expect(visit.page).to_have_url(re.compile(r"/allow\?kind=learn$"))


def test_learning_shows_its_effect_first_and_can_be_taken_back(visit: Visit) -> None:
    visit.enter(path="/alerts")
    visit.page.get_by_role("link", name="HISTORIAN reads from PLC-FILTER").click()
    visit.page.get_by_role("link", name="Learn…").click()
    numbers = visit.page.locator("#preview dd")
    expect(numbers.nth(0)).to_have_text("1")
    for value in ("source", "destination", "object", "protocol"):
        box = visit.page.locator(f"input[name=keep][value={value}]")
        if box.count():
            box.uncheck()
    expect(numbers.nth(0)).not_to_have_text("1")
    visit.page.get_by_label("Reason (required)").fill("Planned since the upgrade")
    visit.page.get_by_label("Ends after").select_option("90")
    visit.page.get_by_role("button", name="Learn").click()
    expect(visit.page.locator(".alert-head")).to_contain_text("Closed · Learned")
    visit.go("/allowances")
    expect(visit.page.locator("tbody tr")).to_contain_text(["Planned since the upgrade"])
    visit.page.get_by_role("button", name="Take back").click()
    expect(visit.page.get_by_role("status")).to_contain_text("Taken back")
    assert visit.site.store.counts()["open_alerts"] == 9
