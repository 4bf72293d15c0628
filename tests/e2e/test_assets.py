"""The inventory proves what it says and lets a person correct it; hostile names stay text."""

from __future__ import annotations

from e2e import plant
from e2e.conftest import Visit
from e2e.waterworks_machines import HOSTILE_NAME
from playwright.sync_api import expect


def test_each_field_names_the_frame_that_proves_it(visit: Visit) -> None:
    visit.enter(path="/assets")
    visit.page.get_by_role("link", name="PLC-INTAKE").click()
    firmware = visit.page.locator("#facts tr", has_text="Firmware")
    expect(firmware).to_contain_text("V3.2.6")
    expect(firmware).to_contain_text("waterworks-week47.pcap · frame 28")
    expect(visit.page.locator("#facts tr", has_text="Role")).to_contain_text("confidence 95 %")
    expect(visit.page.locator("#conversations")).to_contain_text("Program download")
    expect(visit.page.locator("#conversations")).to_contain_text("812\u2009400")


def test_a_person_corrects_the_zone_and_it_is_noted(visit: Visit) -> None:
    visit.enter(path=f"/assets/{plant.ODD.id}")
    visit.page.get_by_text("Correct what the sensor believes").click()
    visit.page.locator("input[name=zone]").fill("field")
    visit.page.locator("select[name=authorised]").select_option("yes")
    visit.page.get_by_role("button", name="Save").click()
    zone = visit.page.locator("#facts tr", has_text="Zone")
    expect(zone).to_contain_text("Field")
    expect(zone).to_contain_text("decided by anna")
    document = visit.site.store.asset(plant.ODD.id).document
    assert (document["asset"]["zone"], document["asset"]["authorised"]) == ("field", True)


def test_a_name_made_of_markup_is_shown_as_text(visit: Visit) -> None:
    visit.page.on("dialog", lambda dialog: visit.complaints.append("a script of the name ran"))
    visit.enter(path="/assets?q=script")
    for path in ("/assets", f"/assets/{plant.ODD.id}", "/alerts", "/"):
        visit.go(path)
        expect(visit.page.get_by_text(HOSTILE_NAME).first).to_be_visible()
    assert visit.page.locator("main script").count() == 0


def test_filters_narrow_the_inventory(visit: Visit) -> None:
    visit.enter(path="/assets")
    expect(visit.page.locator("tbody tr")).to_have_count(len(plant.MACHINES))
    visit.page.get_by_label("Role").select_option("plc")
    expect(visit.page.locator("tbody tr")).to_have_count(3)
    visit.page.get_by_label("Vendor").select_option("Schneider Electric")
    expect(visit.page.locator("tbody tr")).to_have_count(1)
