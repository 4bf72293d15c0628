"""Incidents over a store: they follow what analysts do with alerts, by service, API and page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from plant_documents import NOON, alert

from console.incidents.service import IncidentService
from console.store import open_store
from console.store.interface import Store
from console.store.times import MINUTE


def story(**more: Any) -> list[Any]:
    common = {"source": "10.0.0.66", "destination": "10.0.0.10", **more}
    scan = alert("scan", level="medium", rule="machines-swept", operation="identify", **common)
    scan.body["threat"]["tactic"]["name"] = ["discovery"]
    write = alert(
        "write", start=NOON + 10 * MINUTE, level="high", rule="new-write", operation="write", **common
    )
    write.body["threat"]["tactic"]["name"] = ["impair-process-control"]
    return [scan, write]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "console.db")


def test_incidents_follow_the_work_on_their_alerts(store: Store) -> None:
    store.ingest("s1", 1, story())
    service = IncidentService(store)
    (record,) = service.current(exact=True).records
    assert (record.status, record.level, record.open_alerts, record.sensors) == (
        "open",
        "critical",
        2,
        ["s1"],
    )
    assert record.document["incident"]["title"] == "10.0.0.66 looked around, then wrote to 10.0.0.10"
    store.close_alerts(["scan", "write"], "resolved", "anna", "done")
    (closed,) = service.current(exact=True).records
    assert (closed.id, closed.status) == (record.id, "closed")
    store.reopen(["write"], "anna")
    (again,) = service.current(exact=True).records
    assert (again.status, again.open_alerts) == ("open", 1)
    store.close_alerts(["write"], "false_positive", "anna", "it was us")
    assert service.current(exact=True).records == []


def test_an_alert_that_grows_changes_its_incident(store: Store) -> None:
    store.ingest("s1", 1, story())
    service = IncidentService(store)
    before = service.current(exact=True).records[0]
    grown = story()[1]
    grown.body["event"] |= {"count": 7, "end": grown.body["event"]["end"].replace("12:10", "12:40")}
    store.ingest("s1", 2, [grown])
    after = service.current(exact=True).records[0]
    assert after.id == before.id
    assert after.document["incident"]["steps"][1]["count"] == 7
    assert after.document["incident"]["end"] > before.document["incident"]["end"]


def test_the_same_store_gives_the_same_incidents_as_the_documents(store: Store) -> None:
    from rules.incidents.incident import incidents_of

    store.ingest("s1", 1, story())
    (record,) = IncidentService(store).current().records
    assert [record.document] == incidents_of(envelope.body for envelope in story()).documents


def test_what_the_site_file_silences_is_kept_closed_and_in_no_story(store: Store) -> None:
    scan, write = story()
    write.body["event"]["silenced"] = True
    write.body["suppression"] = {"id": "a", "reason": "b", "author": "c", "expires": "2030-01-01T00:00:00Z"}
    receipt = store.ingest("s1", 1, [scan, write])
    assert (receipt.new_alerts, receipt.silenced_alerts) == (1, 1)
    kept = store.alert("write")
    assert (kept.status, kept.close_reason) == ("closed", "silenced")
    assert IncidentService(store).current().records == []
    assert [item.alert for item in store.open_items()] == ["scan"]
    later = story()[1]
    later.body["event"] |= {"silenced": True, "count": 5, "end": "2026-11-20T12:50:00Z"}
    store.ingest("s1", 2, [later])
    assert (store.alert("write").count, store.alert("write").status) == (5, "closed")
    store.reopen(["write"], "anna")
    assert store.alert("write").status == "active"


def test_a_page_does_not_wait_for_what_takes_long(store: Store) -> None:
    store.ingest("s1", 1, story())
    service = IncidentService(store)
    first = service.current()
    service.found.quick_s = -1
    service.found.fresh_s = 0
    store.close_alerts(["write"], "false_positive", "anna", "it was us")
    assert service.current() is first
    deadline = time.monotonic() + 10
    while service.current().records and time.monotonic() < deadline:
        time.sleep(0.01)
    assert service.current().records == []
