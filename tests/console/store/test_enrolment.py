"""One-time codes: once, in time, for the name they were made for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused, StoreError
from console.store.filters import AuditFilter, PageRequest
from console.store.interface import Store
from console.store.records import ConfigurationContent
from console.store.times import HOUR, now


def code(store: Store, secret: str = "h1", name: str | None = None, site: str = "north") -> int:
    return store.add_enrolment(secret, name, site, now() + HOUR, "root").id


def test_a_code_gives_a_token_once(store: Store) -> None:
    code(store)
    made = store.redeem_enrolment("h1", "line-1")
    assert (made.sensor, made.site, made.replaced) == ("line-1", "north", False)
    assert store.sensor_of_token(made.token) == "line-1"
    with pytest.raises(NotFound):
        store.redeem_enrolment("h1", "line-2")
    (entry,) = store.enrolments()
    assert (entry.state, entry.used_by) == ("used", "line-1")


def test_only_one_of_many_at_once_gets_it(store: Store) -> None:
    code(store)

    def redeem(index: int) -> bool:
        try:
            store.redeem_enrolment("h1", f"line-{index}")
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, range(16))) == 1


@pytest.mark.parametrize("what", ["unknown", "withdrawn", "expired"])
def test_what_is_not_open_is_refused_alike(store: Store, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    number = code(store)
    if what == "withdrawn":
        store.withdraw_enrolment(number, "root")
    if what == "expired":
        later = now() + 2 * HOUR
        monkeypatch.setattr("console.store.sqlite.enrolments.now", lambda: later)
    with pytest.raises(NotFound, match="unknown, used or expired"):
        store.redeem_enrolment("h2" if what == "unknown" else "h1", "line-1")


def test_a_code_made_for_a_name_is_for_that_name(store: Store) -> None:
    code(store, name="line-1")
    with pytest.raises(Conflict):
        store.redeem_enrolment("h1", "line-2")
    assert store.redeem_enrolment("h1", None).sensor == "line-1"


def test_a_name_must_come_from_somewhere(store: Store) -> None:
    code(store)
    with pytest.raises(QueryRefused):
        store.redeem_enrolment("h1", None)
    with pytest.raises(QueryRefused):
        store.redeem_enrolment("h1", "fieldwatch:console")
    assert store.enrolments()[0].state == "open", "a mistyped name does not use the code up"


def test_a_present_sensor_is_replaced_only_by_a_code_made_for_it(store: Store) -> None:
    old = store.add_sensor("line-1", "north", "root")
    code(store, "h1")
    with pytest.raises(Conflict):
        store.redeem_enrolment("h1", "line-1")
    assert store.sensor_of_token(old) == "line-1"
    code(store, "h2", name="line-1")
    made = store.redeem_enrolment("h2", "line-1")
    assert made.replaced
    assert store.sensor_of_token(old) is None
    assert store.sensor_of_token(made.token) == "line-1"


def test_a_revoked_sensor_may_enrol_again(store: Store) -> None:
    code(store, "h1")
    first = store.redeem_enrolment("h1", "line-1")
    store.revoke_sensor("line-1", "root")
    assert store.sensor_of_token(first.token) is None
    code(store, "h2")
    assert store.sensor_of_token(store.redeem_enrolment("h2", "line-1").token) == "line-1"


def test_moving_to_another_site_never_lowers_the_configuration(store: Store) -> None:
    content = ConfigurationContent({}, {"shipped_rules": False})
    store.put_configuration("site/south", content, "", "root", None)
    newest = store.put_configuration("site/north", content, "", "root", None).version
    code(store, "h1", site="north")
    store.redeem_enrolment("h1", "line-1")
    code(store, "h2", name="line-1", site="south")
    store.redeem_enrolment("h2", None)
    moved = store.newest_version("site/south")
    assert moved is not None
    assert moved > newest
    assert store.configuration(moved)[1] == content


def test_every_step_is_in_the_audit_log_without_the_secret(store: Store) -> None:
    store.withdraw_enrolment(code(store, "h1"), "root")
    code(store, "h2", name="line-1")
    store.redeem_enrolment("h2", None)
    rows = store.audit(AuditFilter(), PageRequest()).items
    assert {"enrolment.added", "enrolment.withdrawn", "sensor.enrolled"} <= {row.action for row in rows}
    assert not any("h1" in str(row.detail) or "h2" in str(row.detail) for row in rows)


def test_open_codes_are_bounded(open_empty: object) -> None:
    store: Store = open_empty(Bounds(open_enrolments=2))  # type: ignore[operator]
    code(store, "h1")
    code(store, "h2")
    with pytest.raises(StoreError):
        code(store, "h3")


def test_a_heartbeat_changes_nothing_that_is_computed(store: Store) -> None:
    store.add_sensor("line-1", "north", "root")
    revision = store.revision()
    store.heartbeat("line-1", {"boot": "b"})
    assert store.revision() == revision
    assert store.last_heard() > 0
    assert store.sensors()[0].state == {"boot": "b"}
