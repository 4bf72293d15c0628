"""Packets an analyst asks for: asked of those who can be asked, answered by them only."""

from __future__ import annotations

import struct

import pytest
from plant_documents import alert

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound
from console.store.interface import Store

PCAP = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)


@pytest.fixture
def asked(store: Store) -> Store:
    store.add_sensor("s1", "north", "root")
    store.ingest("s1", 1, [alert("e1"), alert("e2", destination="10.0.0.11")])
    return store


def test_a_request_is_listed_until_the_packets_are_there(asked: Store) -> None:
    (request,) = asked.request_evidence("e1", "anna")
    assert (request.sensor, request.state, request.requested_by) == ("s1", "requested", "anna")
    assert asked.evidence_wanted("s1") == ["e1"]
    assert asked.put_evidence("e1", PCAP, "s1", [3, 1, 1])
    assert asked.evidence_wanted("s1") == []
    assert asked.evidence_requests("e1")[0].state == "arrived"
    assert asked.evidence_marked("e1") == [1, 3]
    assert asked.alert("e1").has_packets


def test_a_sensor_may_say_that_it_has_none(asked: Store) -> None:
    asked.request_evidence("e1", "anna")
    assert asked.evidence_not_held("s2", ["e1"]) == 0, "another sensor has no say"
    assert asked.evidence_not_held("s1", ["e1", "nonsense"]) == 1
    assert asked.evidence_requests("e1")[0].state == "not_held"
    asked.request_evidence("e1", "anna")
    assert asked.evidence_wanted("s1") == ["e1"], "one may ask again"


def test_what_came_from_a_file_cannot_be_asked_for(store: Store) -> None:
    store.ingest("analyze", 1, [alert("e1")])
    with pytest.raises(Conflict):
        store.request_evidence("e1", "anna")
    with pytest.raises(NotFound):
        store.request_evidence("e9", "anna")


def test_an_alert_about_the_sensor_has_no_packets(asked: Store) -> None:
    asked.ingest("s1", 2, [alert("e3", rule="sensor-no-traffic", destination="10.0.0.13")])
    with pytest.raises(Conflict, match="sensor itself"):
        asked.request_evidence("e3", "anna")


def test_both_sensors_of_a_shared_alert_are_asked_by_their_own_event(asked: Store) -> None:
    asked.add_sensor("s2", "north", "root")
    asked.ingest("s2", 1, [alert("other-id")])
    assert {request.sensor for request in asked.request_evidence("e1", "anna")} == {"s1", "s2"}
    assert asked.evidence_wanted("s2") == ["other-id"]
    asked.put_evidence("other-id", PCAP, "s2")
    assert asked.evidence_wanted("s1") == [], "one slice is enough"


def test_requests_are_bounded(open_empty: object) -> None:
    store: Store = open_empty(Bounds(evidence_requests=1))  # type: ignore[operator]
    store.add_sensor("s1", "north", "root")
    store.ingest("s1", 1, [alert("e1"), alert("e2", destination="10.0.0.11")])
    store.request_evidence("e1", "anna")
    store.request_evidence("e1", "anna")
    with pytest.raises(Conflict):
        store.request_evidence("e2", "anna")
