"""Sensors from the first code to the last packet: what an admin and an analyst do with them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from e2e import live
from e2e.conftest import Site, Visit, open_window
from playwright.sync_api import Browser, Route, expect

from console.store.sqlite.store import SqliteStore
from console.store.times import now

PACKET = bytes.fromhex("0200000000010200000000020800") + b"\x45\x00\x00\x14" + bytes(16)
PCAP = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + b"".join(
    struct.pack("<IIII", 1_700_000_000 + n, 0, len(PACKET), len(PACKET)) + PACKET for n in range(3)
)


@pytest.fixture
def tokens(site: Site) -> dict[str, str]:
    return live.connect(site.store, now())


def post(site: Site, path: str, token: str, **more: object) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.post(site.address + path, headers=headers, **more)  # type: ignore[arg-type]


def test_an_admin_enrols_a_sensor(visit: Visit) -> None:
    visit.enter("admin", path="/sensors")
    visit.page.locator("input[name=name]").first.fill("hall-2")
    visit.page.locator("input[name=site]").first.fill("waterworks")
    visit.page.get_by_role("button", name="Make a code").click()
    code = visit.page.locator("[data-copy]").inner_text()
    assert re.fullmatch(r"FW1-[A-Z2-7]{24}", code)
    answer = httpx.post(f"{visit.site.address}/api/v1/sensors/enrol", json={"code": code})
    assert answer.json()["sensor"] == "hall-2"
    card = visit.page.locator("#sensors .card", has_text="hall-2")
    expect(card).to_contain_text("Never seen", timeout=10_000)
    state = {"time": "2026-11-22T08:00:00Z", "version": "0.1.0"}
    assert post(visit.site, "/api/v1/sensor/state", answer.json()["token"], json=state).status_code == 200
    expect(card).to_contain_text("Alive", timeout=10_000)
    visit.go("/sensors")
    expect(visit.page.locator("table", has_text="Codes")).to_contain_text("Used")
    visit.go("/sensors/hall-2")
    visit.page.get_by_role("button", name="Revoke token").click()
    expect(visit.page.locator("#sensors .card", has_text="hall-2")).to_contain_text("Revoked")
    assert post(visit.site, "/api/v1/sensor/state", answer.json()["token"], json=state).status_code == 401


def test_what_changes_before_a_page_listens_is_shown_too(visit: Visit) -> None:
    visit.enter("admin", path="/users")

    def change(route: Route) -> None:
        visit.site.store.add_sensor("late-1", "waterworks", "admin")
        route.continue_()

    visit.page.route("**/api/v1/stream", change, times=1)
    visit.go("/sensors")
    expect(visit.page.locator("#sensors .card", has_text="late-1")).to_contain_text(
        "Never seen", timeout=10_000
    )


def test_a_viewer_sees_sensors_and_changes_nothing(visit: Visit, tokens: dict[str, str]) -> None:
    visit.enter("vera", path=f"/sensors/{live.DOSING}")
    expect(visit.page.locator("#now")).to_contain_text("Clock is wrong")
    expect(visit.page.locator("main")).to_contain_text("unknown field 'ics.objekt'")
    expect(visit.page.locator("#day .small-chart svg")).to_have_count(7)
    assert visit.page.locator("main form").count() == 0
    visit.go("/configuration")
    expect(visit.page.locator("#runners")).to_contain_text("Refused")
    assert visit.page.locator("main form").count() == 0


def test_a_faulty_site_file_is_shown_with_its_line_and_a_good_one_kept(
    visit: Visit, tokens: dict[str, str]
) -> None:
    visit.enter("admin", path="/configuration")
    visit.page.get_by_role("link", name="Site file").click()
    text = visit.page.locator("textarea[name=text]")
    text.fill("site: waterworks\nzones:\n  - nam: x\n")
    visit.page.get_by_role("button", name="Check and save").click()
    expect(visit.page.locator("#faults")).to_contain_text("site:3:")
    expect(text).to_have_value("site: waterworks\nzones:\n  - nam: x\n")
    text.fill("site: waterworks\nzones:\n  - name: control\n    networks: [10.20.1.0/24]\n")
    visit.page.locator("input[name=note]").fill("one zone")
    visit.page.get_by_role("button", name="Check and save").click()
    expect(visit.page.locator(".notice[role=status]")).to_contain_text("is kept")
    expect(visit.page.locator("#runners")).to_contain_text("Behind")
    visit.page.locator("#history tr", has_text="first").get_by_role("button", name="Restore").click()
    expect(visit.page.locator("#history tbody tr").first).to_contain_text("as version 1")


def test_an_analyst_asks_for_packets_and_sees_them_arrive(visit: Visit, tokens: dict[str, str]) -> None:
    item = next(item for item in visit.site.store.open_items() if item.rule_name == "controller-stop")
    document = visit.site.store.alert(item.alert).document
    report = {"type": "alert", "body": {**document, "event": {**document["event"], "id": "asked-for"}}}
    for end in ("source", "destination"):
        report["body"][end] = {**document[end], "ip": document[end]["ip"].replace("10.20", "10.99")}
    batch = {"sensor": live.INTAKE, "sequence": "boot.2", "documents": [report]}
    assert post(visit.site, "/api/v1/ingest", tokens[live.INTAKE], json=batch).status_code == 200
    visit.enter("anna", path="/alerts/asked-for")
    visit.page.get_by_role("button", name="Ask the sensor for its packets").click()
    expect(visit.page.locator("#requests")).to_contain_text("Asked for")
    state = {"time": "2026-11-22T08:00:00Z"}
    answer = post(visit.site, "/api/v1/sensor/state", tokens[live.INTAKE], json=state)
    assert answer.json()["evidence"] == ["asked-for"]
    sent = httpx.post(
        f"{visit.site.address}/api/v1/ingest/evidence/asked-for",
        content=PCAP,
        headers={"authorization": f"Bearer {tokens[live.INTAKE]}", "x-evidence-frames": "2"},
    )
    assert sent.status_code == 204
    expect(visit.page.locator(".packet")).to_have_count(3, timeout=10_000)
    expect(visit.page.locator(".packet.marked")).to_contain_text("of this alert")


def test_the_list_of_alerts_grows_by_itself_but_not_under_ones_hands(
    visit: Visit, tokens: dict[str, str]
) -> None:
    visit.enter("anna", path="/alerts?status=all&sort=last_seen")
    rows = visit.page.locator("[data-row]")
    before = rows.count()
    box = visit.page.locator("input[name=id]").first
    box.check()
    _report(visit.site.store, "one")
    visit.page.wait_for_timeout(2500)
    assert rows.count() == before, "a choice is being made"
    box.uncheck()
    visit.page.evaluate("document.activeElement.blur()")
    expect(rows).to_have_count(before + 1, timeout=10_000)


def _report(store: SqliteStore, event: str) -> None:
    item = store.open_items()[0]
    document = store.alert(item.alert).document
    time = {"start": document["event"]["start"], "end": document["event"]["end"]}
    body = {**document, "event": {**document["event"], "id": event, **time}}
    body["rule"] = {**document["rule"], "id": f"rule-{event}"}
    store.raise_alert("intake-tap", body)


@pytest.fixture(params=[("en", "light", 1440), ("zh", "dark", 390)], ids=["english-desk", "chinese-phone"])
def window(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Visit]:
    language, scheme, width = request.param
    live.connect(site.store, now())
    context, visit = open_window(
        chromium, site, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    visit.enter("admin", path=f"/?lang={language}")
    yield visit
    context.close()
    assert visit.complaints == []


def test_pages_of_live_sensors_fit_and_read(window: Visit) -> None:
    from e2e.test_pages import AXE, violations

    if AXE.exists():
        window.page.context.add_init_script(path=Path(AXE))
    width = window.page.viewport_size["width"]  # type: ignore[index]
    for path in (
        "/",
        "/sensors",
        f"/sensors/{live.DOSING}",
        "/configuration",
        "/configuration?scope=site%2Fwaterworks",
        "/configuration/part?part=site",
        "/configuration/part",
        "/configuration/1",
    ):
        window.go(path)
        expect(window.page.locator("main h1")).to_be_visible()
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert violations(window) == [], path
