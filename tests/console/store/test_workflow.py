"""New, active, closed; learn and mute; who did what."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from plant_documents import HOUR, NOON, alert

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.filters import AlertFilter, AuditFilter, PageRequest
from console.store.interface import Store
from console.store.records import Scope
from console.store.times import now


@pytest.fixture(autouse=True)
def three_alerts(store: Store) -> None:
    store.ingest("s1", 1, [alert("e1"), alert("e2", source="10.0.0.6"), alert("e3", rule="new-device")])


def actions(store: Store, alert_id: str) -> list[str]:
    return [row.action for row in store.alert_history(alert_id)]


def audited(store: Store, **wanted: str) -> list[str]:
    return [row.action for row in store.audit(AuditFilter(**wanted), PageRequest()).items]  # type: ignore[arg-type]


def test_the_way_from_new_to_closed_and_back(store: Store) -> None:
    assert store.acknowledge(["e1", "e2"], "anna", "looking") == 2
    assert store.acknowledge(["e1"], "anna") == 0, "already active"
    assert store.close_alerts(["e1"], "false_positive", "anna", "test bench") == 1
    closed = store.alert("e1")
    assert (closed.status, closed.close_reason) == ("closed", "false_positive")
    assert store.reopen(["e1"], "ben") == 1
    assert (store.alert("e1").status, store.alert("e1").close_reason) == ("active", None)
    assert actions(store, "e1") == ["opened", "acknowledged", "closed", "reopened"]
    assert audited(store, subject="alert/e1") == ["alert.reopened", "alert.closed", "alert.acknowledged"]
    assert store.counts()["open_alerts"] == 3


def test_one_unknown_alert_leaves_all_as_they_were(store: Store) -> None:
    with pytest.raises(NotFound):
        store.close_alerts(["e1", "nothing"], "resolved", "anna")
    assert store.alert("e1").status == "new"
    assert audited(store) == []


def test_assigning_and_commenting(store: Store) -> None:
    store.add_user("anna", "analyst", "hash", "root")
    assert store.assign(["e1"], "anna", "root") == 1
    assert store.assign(["e1"], "anna", "root") == 0
    assert [a.id for a in store.alerts(AlertFilter(assignee="anna"), PageRequest()).items] == ["e1"]
    assert store.assign(["e1"], None, "root") == 1
    store.comment("e1", "  seen before  ", "anna")
    assert store.alert("e1").comments == 1
    assert store.alert_history("e1")[-1].note == "seen before"
    with pytest.raises(NotFound):
        store.assign(["e1"], "nobody", "root")
    for text in ("", "   ", "x" * 5000):
        with pytest.raises(QueryRefused):
            store.comment("e1", text, "anna")


def test_a_preview_says_what_a_mute_would_hide(store: Store) -> None:
    scope = store.scope_of("e1")
    assert scope == Scope(
        rule="id-of-controller-stop",
        source="10.0.0.5",
        destination="10.0.0.10",
        protocol="s7comm",
        operation="stop",
        object="P_PROGRAM",
        zone="control",
    )
    assert store.preview(scope).open == 1
    wider = store.preview(Scope(rule=scope.rule))
    assert (wider.open, {item.id for item in wider.examples}) == (2, {"e1", "e2"})
    assert store.preview(Scope(source="10.0.0.6")).open == 1
    assert store.preview(Scope(zone="control")).open == 3
    assert store.preview(Scope(rule="none")).open == 0


@pytest.mark.parametrize(("kind", "reason"), [("mute", "muted"), ("learn", "learned")])
def test_an_allowance_closes_what_it_covers_and_silences_repeats(
    store: Store, kind: str, reason: str
) -> None:
    scope = Scope(rule="id-of-controller-stop", source="10.0.0.5")
    allowance = store.allow(kind, scope, "maintenance", now() + HOUR, "anna")  # type: ignore[arg-type]
    assert allowance.hidden == 1
    assert (store.alert("e1").status, store.alert("e1").close_reason) == ("closed", reason)
    assert store.alert("e2").status == "new"
    receipt = store.ingest("s1", 2, [alert("e1", count=5, end=NOON + HOUR), alert("e4", start=NOON + HOUR)])
    assert (receipt.new_alerts, receipt.silenced_alerts, receipt.updated_alerts) == (0, 1, 1)
    assert store.alert("e1").count == 5, "a silenced alert still counts"
    assert store.alert("e4").allowance == allowance.id
    assert store.allowances()[0].hidden == 2
    assert actions(store, "e1")[-1] == reason
    assert audited(store, action=f"allowance.{reason}") == [f"allowance.{reason}"]


def test_revoking_reopens_and_lets_repeats_through(store: Store) -> None:
    allowance = store.allow("mute", Scope(source="10.0.0.5"), "why", None, "anna")
    assert store.counts()["open_alerts"] == 1
    ended = store.revoke_allowance(allowance.id, "ben")
    assert ended.revoked_by == "ben"
    assert {store.alert(name).status for name in ("e1", "e3")} == {"active"}
    assert store.allowances() == []
    assert [item.id for item in store.allowances(include_ended=True)] == [allowance.id]
    assert store.ingest("s1", 2, [alert("e5", start=NOON + HOUR)]).new_alerts == 1
    with pytest.raises(Conflict):
        store.revoke_allowance(allowance.id, "ben")
    with pytest.raises(NotFound):
        store.revoke_allowance(99, "ben")


def test_after_its_end_an_allowance_silences_nothing(store: Store) -> None:
    store.allow("mute", Scope(source="10.0.0.5"), "why", now() + 50_000_000, "anna")
    while store.allowances():
        pass
    store.ingest("s1", 2, [alert("e1", count=5, end=NOON + HOUR)])
    assert store.alert("e1.2").status == "new"


def test_an_allowance_needs_a_scope_a_reason_and_a_future(store: Store) -> None:
    scope = Scope(rule="id-of-controller-stop")
    for wrong in (
        lambda: store.allow("mute", Scope(), "why", None, "anna"),
        lambda: store.allow("mute", scope, "  ", None, "anna"),
        lambda: store.allow("mute", scope, "why", NOON - 10**18, "anna"),
        lambda: store.allow("forgive", scope, "why", None, "anna"),  # type: ignore[arg-type]
    ):
        with pytest.raises(QueryRefused):
            wrong()
    assert store.counts()["open_alerts"] == 3


def test_open_items_are_the_alerts_that_are_not_closed(store: Store) -> None:
    store.close_alerts(["e2"], "resolved", "anna")
    items = {item.alert: item for item in store.open_items()}
    assert set(items) == {"e1", "e3"}
    assert items["e1"].level == "high"
    assert items["e1"].rule_name == "controller-stop"
    assert items["e1"].last_seen_ns == NOON


def test_audit_rows_carry_the_address_and_page_by_cursor(store: Store) -> None:
    with store.acting_from("192.0.2.7"):
        store.acknowledge(["e1", "e2", "e3"], "anna")
    page = store.audit(AuditFilter(), PageRequest(limit=2))
    assert {row.address for row in page.items} == {"192.0.2.7"}
    assert page.total == 3
    rest = store.audit(AuditFilter(), PageRequest(limit=2, cursor=page.next_cursor))
    assert len(rest.items) == 1
    assert rest.next_cursor is None


def test_a_forged_cursor_of_the_audit_log_is_refused(store: Store) -> None:
    for value in ("abc", 1.5, float("inf"), [1]):
        forged = base64.urlsafe_b64encode(json.dumps(["last_seen", True, [value]]).encode()).decode()
        with pytest.raises(QueryRefused, match="cursor"):
            store.audit(AuditFilter(), PageRequest(cursor=forged))


def test_audit_rows_beyond_the_bound_go_with_the_next_batch(open_empty: Callable[..., Store]) -> None:
    store = open_empty(Bounds(audit_rows=2))
    store.ingest("s1", 1, [alert(f"e{index}") for index in range(4)])
    store.acknowledge([f"e{index}" for index in range(4)], "anna")
    store.ingest("s1", 2, [alert("e9")])
    assert [row.subject for row in store.audit(AuditFilter(), PageRequest()).items] == [
        "alert/e3",
        "alert/e2",
    ]
    assert store.losses()["audit_rows_evicted"] == 2
