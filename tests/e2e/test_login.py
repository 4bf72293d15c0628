"""Getting in, in one's own language, and no further than one's role."""

from __future__ import annotations

import re
from pathlib import Path

from e2e.conftest import PASSWORD, Visit, new_store, open_window, serve
from playwright.sync_api import Browser, expect

from console.auth.first_admin import first_admin
from console.store.tokens import digest


def test_a_wrong_password_says_so_and_the_right_one_leads_where_one_wanted_to_go(visit: Visit) -> None:
    visit.go("/alerts?level=high")
    expect(visit.page).to_have_url(re.compile(r"/login\?next="))
    visit.page.locator("input[name=name]").fill("anna")
    visit.page.locator("input[name=password]").fill("not this one, surely")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("alert")).to_be_visible()
    expect(visit.page.locator("input[name=name]")).to_have_value("anna")
    visit.page.locator("input[name=password]").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    expect(visit.page).to_have_url(re.compile(r"/alerts\?level=high$"))


def test_who_starts_a_console_is_told_where_its_first_password_stands(
    chromium: Browser, tmp_path: Path
) -> None:
    store = new_store(tmp_path / "new.db", accounts=())
    password = first_admin(store)
    assert password is not None
    for site in serve(store):
        context, visit = open_window(chromium, site)
        visit.go("/")
        expect(visit.page.locator("main")).to_contain_text("the user is admin")
        visit.log_in("admin", password)
        expect(visit.page.locator("main h1")).to_have_text("Security posture")
        visit.page.get_by_role("button", name="Log out").click()
        expect(visit.page.locator("main")).not_to_contain_text("the user is admin")
        context.close()


def test_who_may_not_is_told_so_in_the_language_of_the_page(visit: Visit) -> None:
    visit.enter("vera", path="/users?lang=zh")
    expect(visit.page.locator("main h1")).to_have_text("没有权限")
    expect(visit.page.locator("main")).to_contain_text("该操作需要“管理员”角色")
    visit.go("/alerts/nowhere")
    expect(visit.page.locator("main")).to_contain_text("不存在告警 nowhere")
    visit.go("/nowhere")
    expect(visit.page.locator("main")).to_contain_text("本控制台没有该页面")


def test_logging_out_ends_the_session(visit: Visit) -> None:
    visit.enter()
    visit.page.get_by_role("button", name="Log out").click()
    expect(visit.page).to_have_url(re.compile("/login"))
    visit.go("/alerts")
    expect(visit.page).to_have_url(re.compile("/login"))


def test_the_language_is_switched_and_stays(visit: Visit) -> None:
    visit.enter(path="/alerts")
    expect(visit.page.locator("h1")).to_have_text("Alerts")
    visit.page.get_by_role("link", name="中文").click()
    expect(visit.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(visit.page.locator("h1")).to_have_text("告警")
    expect(visit.page.get_by_text("ES01 停止了控制器 PLC-INTAKE（S7comm PLC Stop）")).to_be_visible()
    visit.go("/assets")
    expect(visit.page.locator("h1")).to_have_text("资产")


def test_colours_are_switched_and_stay(visit: Visit) -> None:
    visit.enter()
    visit.page.get_by_role("button", name="Dark colours").click()
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    visit.go("/alerts")
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_viewer_reads_and_cannot_act(visit: Visit) -> None:
    visit.enter("vera", path="/alerts")
    expect(visit.page.locator("[data-row]")).to_have_count(9)
    expect(visit.page.locator("input[type=checkbox][name=id]")).to_have_count(0)
    visit.page.locator("[data-open]").first.click()
    expect(visit.page.locator("#evidence")).to_be_visible()
    expect(visit.page.locator("form[action='/alerts/act'], form[action$='/comment']")).to_have_count(0)
    token = visit.page.locator("body").get_attribute("data-csrf")
    alert = visit.page.url.rsplit("/", 1)[1]
    answer = visit.page.request.post(
        f"{visit.site.address}/alerts/act",
        form={"csrf_token": token or "", "id": alert, "action": "acknowledge"},
    )
    assert answer.status == 403
    assert visit.page.request.get(f"{visit.site.address}/users").status == 403
    assert visit.site.store.alert(alert).status == "new"


def test_a_form_without_the_token_of_the_session_changes_nothing(visit: Visit) -> None:
    visit.enter(path="/alerts")
    alert = visit.page.locator("[data-row]").first.get_attribute("data-row") or ""
    answer = visit.page.request.post(
        f"{visit.site.address}/alerts/act", form={"id": alert, "action": "acknowledge"}
    )
    assert answer.status == 403
    assert visit.site.store.alert(alert).status == "new"


def test_an_admin_adds_a_sensor_and_a_user(visit: Visit) -> None:
    visit.enter("admin", path="/sensors")
    visit.page.get_by_text("A token by hand").click()
    visit.page.locator("form[action='/sensors'] input[name=name]").fill("booster-tap")
    visit.page.get_by_role("button", name="Add and show token").click()
    token = visit.page.locator("[data-copy]").inner_text()
    assert visit.site.store.sensor_of_token(token) == "booster-tap"
    visit.go("/users")
    visit.page.locator("form[action='/users'] input[name=name]").fill("bo")
    visit.page.locator("form[action='/users'] input[name=password]").fill("a long enough password")
    visit.page.get_by_role("button", name="Add user").click()
    expect(visit.page.get_by_role("rowheader", name="bo", exact=True)).to_be_visible()
    visit.go("/audit")
    expect(visit.page.get_by_text("user/bo")).to_be_visible()


def test_one_changes_ones_password_and_is_out_everywhere(visit: Visit) -> None:
    visit.enter(path="/account")
    visit.page.get_by_label("Present password").fill("wrong, wrong, wrong")
    visit.page.get_by_label("New password").fill("quite another battery")
    visit.page.get_by_role("button", name="Change password").click()
    expect(visit.page.get_by_role("status")).to_contain_text("the present password is wrong")
    visit.page.get_by_label("Present password").fill(PASSWORD)
    visit.page.get_by_label("New password").fill("quite another battery")
    visit.page.get_by_role("button", name="Change password").click()
    expect(visit.page).to_have_url(re.compile("/login"))
    visit.log_in("anna", "quite another battery", path="/alerts")
    expect(visit.page.locator("h1")).to_have_text("Alerts")


def test_a_token_is_shown_once_and_revoked(visit: Visit) -> None:
    visit.enter(path="/account")
    visit.page.locator("form[action='/account/tokens'] input[name=name]").fill("siem")
    visit.page.get_by_role("button", name="Add and show token").click()
    secret = visit.page.locator("[data-copy]").inner_text()
    assert visit.site.store.api_token(digest(secret)) is not None
    visit.go("/account")
    expect(visit.page.locator("[data-copy]")).to_have_count(0)
    visit.page.get_by_role("button", name="Revoke token").click()
    expect(visit.page.get_by_role("status")).to_contain_text("works no more")
    assert visit.site.store.api_token(digest(secret)) is None
