"""The way in: once per (sensor, sequence), repeats merge, nothing half-stored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from plant_documents import HOUR, MINUTE, NOON, SECOND, alert, asset, behaviour, health

from console.store.bounds import Bounds
from console.store.errors import DocumentsRefused
from console.store.filters import AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import Envelope
from console.store.times import to_nanoseconds, to_text


def listed(store: Store, query: AlertFilter | None = None) -> list[str]:
    return [found.id for found in store.alerts(query or AlertFilter(), PageRequest()).items]


def test_a_batch_is_stored_once_however_often_it_is_sent(store: Store) -> None:
    first = store.ingest("s1", 1, [alert(count=3), asset(), behaviour()])
    revision = store.revision()
    again = store.ingest("s1", 1, [alert(count=3), asset(), behaviour()])
    assert (first.duplicate, first.new_alerts, first.new_assets, first.new_behaviours) == (False, 1, 1, 1)
    assert again.duplicate
    assert again.new_alerts == 1
    assert store.revision() == revision
    assert store.counts()["alerts"] == 1
    assert store.alert("e1").count == 3
    assert store.behaviour("b-1").count == 10


def test_the_same_documents_under_another_sequence_double_nothing(store: Store) -> None:
    store.ingest("s1", "digest-1", [alert(count=3, end=NOON + HOUR), behaviour(end=NOON + HOUR)])
    store.ingest("s1", "digest-2", [alert(count=3, end=NOON + HOUR), behaviour(end=NOON + HOUR)])
    assert store.counts()["alerts"] == 1
    assert store.alert("e1").count == 3
    assert store.behaviour("b-1").count == 10
    assert store.tally_alerts(AlertFilter(), "level")[0].count == 1


def test_many_threads_sending_the_same_batch_store_it_once(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: store.ingest("s1", 7, [alert()]), range(12)))
    assert sum(not receipt.duplicate for receipt in receipts) == 1
    assert store.counts()["alerts"] == 1


def test_a_repeat_updates_an_open_alert(store: Store) -> None:
    store.ingest("s1", 1, [alert(count=2)])
    receipt = store.ingest("s1", 2, [alert(count=9, end=NOON + HOUR)])
    found = store.alert("e1")
    assert receipt.updated_alerts == 1
    assert (found.count, found.last_seen, found.first_seen) == (9, to_text(NOON + HOUR), to_text(NOON))
    assert found.document["event"]["count"] == 9
    assert found.document["event"]["end"] == to_text(NOON + HOUR)


def test_a_disjoint_report_of_the_same_event_adds_its_count(store: Store) -> None:
    store.ingest("s1", 1, [alert(count=2, end=NOON + MINUTE)])
    store.ingest("s1", 2, [alert(count=5, start=NOON + HOUR)])
    assert store.alert("e1").count == 7


def test_a_repeat_after_closing_is_a_new_alert(store: Store) -> None:
    store.ingest("s1", 1, [alert(count=2)])
    store.close_alerts(["e1"], "resolved", "anna")
    store.ingest("s1", 2, [alert(count=2)])
    assert listed(store) == ["e1"], "the same report again is nothing new"
    store.ingest("s1", 3, [alert(count=5, end=NOON + HOUR)])
    assert sorted(listed(store)) == ["e1", "e1.2"]
    new, old = store.alert("e1.2"), store.alert("e1")
    assert (new.status, new.count) == ("new", 3)
    assert (old.status, old.count) == ("closed", 2)
    store.ingest("s1", 4, [alert(count=6, end=NOON + 2 * HOUR)])
    assert store.alert("e1.2").count == 4


def test_the_same_alert_of_two_sensors_of_one_zone_is_one(store: Store) -> None:
    store.ingest("s1", 1, [alert("from-one", count=4)])
    store.ingest("s2", 1, [alert("from-two", count=3, start=NOON + 9 * MINUTE)])
    found = store.alert("from-one")
    assert found.sensors == ["s1", "s2"]
    assert found.count == 4
    assert store.counts()["alerts"] == 1
    assert listed(store, AlertFilter(sensors=("s2",))) == ["from-one"]


def test_beyond_ten_minutes_or_in_another_zone_it_is_another(store: Store) -> None:
    store.ingest("s1", 1, [alert("from-one")])
    store.ingest("s2", 1, [alert("later", start=NOON + 11 * MINUTE)])
    store.ingest("s2", 2, [alert("elsewhere", zone="safety")])
    assert store.counts()["alerts"] == 3


def test_a_sensor_cannot_change_anothers_alert_by_its_id(store: Store) -> None:
    store.ingest("s1", 1, [alert("mine", level="critical")])
    store.ingest("s2", 1, [alert("mine", level="low", rule="harmless", end=NOON + HOUR)])
    assert store.alert("mine").level == "critical"
    assert store.alert("mine.2").level == "low"


def test_assets_of_the_same_batch_stand_behind_its_alerts(store: Store) -> None:
    store.ingest("s1", 1, [alert(), asset()])
    assert store.alert("e1").destination_asset == "a-plc"
    assert store.asset("a-plc").open_alerts == 1


def test_an_asset_that_comes_later_adopts_its_alerts(store: Store) -> None:
    store.ingest("s1", 1, [alert()])
    store.ingest("s1", 2, [asset()])
    assert store.alert("e1").destination_asset == "a-plc"
    assert listed(store, AlertFilter(asset="a-plc")) == ["e1"]
    store.close_alerts(["e1"], "resolved", "anna")
    assert store.asset("a-plc").open_alerts == 0


def test_one_bad_document_refuses_the_whole_batch(store: Store) -> None:
    bad = alert("bad")
    bad.body["event"]["count"] = -1
    with pytest.raises(DocumentsRefused) as refusal:
        store.ingest("s1", 1, [alert("good"), bad])
    assert refusal.value.faults[0][0] == "documents.1.body.event.count"
    assert store.counts() == {
        "alerts": 0,
        "open_alerts": 0,
        "assets": 0,
        "behaviours": 0,
        "sensors": 0,
        "users": 0,
    }
    assert store.ingest("s1", 1, [alert("good")]).new_alerts == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"@timestamp": "yesterday"}, "@timestamp"),
        ({"@timestamp": "9999-12-31T23:59:59Z"}, "@timestamp"),
        ({"@timestamp": "0001-01-01T00:00:00Z"}, "@timestamp"),
        ({"message": 5}, "message"),
        ({"message": "x" * 5000}, "message"),
        ({"rule": {"id": "r", "title": "t", "level": "apocalyptic"}}, "rule.level"),
        ({"event": {"id": "x" * 200}}, "event.id"),
        ({"event": {"id": "e", "count": 2**60}}, "event.count"),
        ({"event": {"id": "e", "count": True}}, "event.count"),
        ({"event": {"id": "e", "severity": 101}}, "event.severity"),
        ({"source": []}, "source"),
        ({"source": {"port": 70000}}, "source.port"),
        ({"destination": {"criticality": float("inf")}}, ""),
        ({"evidence": {"frames": list(range(1, 3000))}}, "evidence.frames"),
        ({"filler": ["x"] * 40_000}, ""),
    ],
)
def test_each_fault_is_named_by_its_place(store: Store, change: dict[str, object], where: str) -> None:
    document = alert()
    document.body.update(change)
    with pytest.raises(DocumentsRefused) as refusal:
        store.ingest("s1", 1, [document])
    assert refusal.value.faults[0][0].startswith(f"documents.0.body{'.' if where else ''}{where}")


def test_nesting_without_end_is_refused(store: Store) -> None:
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"a": deep}
    with pytest.raises(DocumentsRefused, match="nested"):
        store.ingest("s1", 1, [alert(filler=deep)])


def test_bad_characters_are_replaced_not_refused(store: Store) -> None:
    store.ingest("s1", 1, [alert(message="a\x00b\ud800c\u202ed<script>")])
    assert store.alert("e1").document["message"] == "a\ufffdb\ufffdc\ufffdd<script>"


def test_times_ahead_of_the_clock_are_held_back(store: Store) -> None:
    ahead = NOON + 1000 * HOUR
    receipt = store.ingest(
        "s1", 1, [alert(start=ahead), asset(seen=ahead), behaviour(start=ahead), health(ahead)], latest=NOON
    )
    assert receipt.times_held_back == 3
    assert store.alert("e1").last_seen == to_text(NOON)
    assert store.alert("e1").document["@timestamp"] == to_text(NOON)
    assert store.asset("a-plc").last_seen == to_text(NOON)
    assert store.losses()["times_held_back"] == 4


def test_health_is_kept_newest_first_and_bounded(open_empty) -> None:  # type: ignore[no-untyped-def]
    store = open_empty(Bounds(health_per_sensor=3))
    for index in range(5):
        store.ingest("s1", index, [health(NOON + index * SECOND, packets=index)])
    assert [item["health"]["packets"] for item in store.health("s1")] == [4, 3, 2]
    assert store.losses()["health_evicted"] == 2
    assert store.sensors()[0].health["health"]["packets"] == 4


def test_alerts_beyond_the_bound_go_closed_and_oldest_first(open_empty) -> None:  # type: ignore[no-untyped-def]
    store = open_empty(Bounds(alerts=5))
    store.ingest("s1", 0, [alert(f"e{i}", start=NOON + i * HOUR) for i in range(5)])
    store.close_alerts(["e3"], "resolved", "anna")
    store.ingest("s1", 1, [alert("e5", start=NOON + 5 * HOUR)])
    assert sorted(listed(store)) == ["e0", "e1", "e2", "e4", "e5"]
    store.ingest("s1", 2, [alert("e6", start=NOON + 6 * HOUR)])
    assert sorted(listed(store)) == ["e1", "e2", "e4", "e5", "e6"]
    assert store.losses()["closed_alerts_evicted"] == 1
    assert store.losses()["open_alerts_evicted"] == 1
    assert store.tally_alerts(AlertFilter(), "level")[0].count == 5
    assert listed(store, AlertFilter(text="10.0.0.10")) == listed(store)


def test_behaviours_of_several_sensors_and_times_sum_up(store: Store) -> None:
    store.ingest("s1", 1, [behaviour(count=10, end=NOON + MINUTE)])
    store.ingest("s1", 2, [behaviour(count=15, end=NOON + 2 * MINUTE)])
    store.ingest("s2", 1, [behaviour(count=4)])
    store.ingest("s1", 3, [behaviour(count=7, start=NOON + HOUR)])
    found = store.behaviour("b-1")
    assert found.count == 15 + 4 + 7
    assert found.document["behaviour"]["count"] == found.count
    assert found.sensors == ["s1", "s2"]


def test_a_behaviour_cannot_be_moved_to_other_addresses(store: Store) -> None:
    store.ingest("s1", 1, [behaviour()])
    store.ingest("s2", 1, [behaviour(source="6.6.6.6", end=NOON + HOUR)])
    assert store.behaviour("b-1").document["source"]["ip"] == "10.0.0.5"


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 200, "a\n"])
def test_a_sensor_has_a_plain_name(store: Store, name: str) -> None:
    with pytest.raises(DocumentsRefused):
        store.ingest(name, 1, [alert()])


def test_an_unknown_type_is_refused(store: Store) -> None:
    with pytest.raises(DocumentsRefused, match=r"documents\.0\.type"):
        store.ingest("s1", 1, [Envelope("virus", {})])  # type: ignore[arg-type]


def test_pcap_slices_are_bounded_and_the_oldest_goes(open_empty) -> None:  # type: ignore[no-untyped-def]
    store = open_empty(Bounds(evidence_bytes=250, evidence_slice=120))
    pcap = b"\xd4\xc3\xb2\xa1" + bytes(96)
    store.ingest("s1", 1, [alert(f"e{i}", start=NOON + i) for i in range(3)])
    assert [store.put_evidence(f"e{i}", pcap) for i in range(3)] == [True] * 3
    assert store.evidence("e0") is None
    assert store.evidence("e2") == pcap
    assert (store.alert("e0").has_packets, store.alert("e2").has_packets) == (False, True)
    assert not store.put_evidence("e2", pcap + bytes(100))
    assert not store.put_evidence("e2", bytes(100))
    assert not store.put_evidence("nothing", pcap)
    assert not store.put_evidence("e2", pcap, sensor="another")
    losses = store.losses()
    assert (losses["evidence_evicted"], losses["evidence_too_large"], losses["evidence_no_pcap"]) == (1, 1, 1)
    assert losses["evidence_without_alert"] == 2


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T07:39:29.123456789Z", 1795333169123456789),
        ("2026-11-22T15:39:29.123456789+08:00", 1795333169123456789),
        ("2026-11-22t07:39:29.1z", 1795333169100000000),
    ],
)
def test_times_of_rfc_3339(text: str, nanoseconds: int) -> None:
    assert to_nanoseconds(text) == nanoseconds
    assert to_nanoseconds(to_text(nanoseconds)) == nanoseconds


def test_what_only_evicted_alerts_had_is_listed_no_more(open_empty: Callable[..., Store]) -> None:
    store = open_empty(Bounds(alerts=2))
    for index in range(6):
        store.ingest(
            "s1", index, [alert(f"e{index}", start=NOON + index * HOUR, rule=f"r{index}", zone=f"z{index}")]
        )
    assert {rule.name for rule in store.rules()} == {"r4", "r5"}
    assert {zone.name for zone in store.zones()} == {"office", "z4", "z5"}
    with store.connections.read() as connection:  # type: ignore[attr-defined]
        assert connection.execute("SELECT count(*) FROM alert_tally WHERE count <= 0").fetchone() == (0,)
        assert connection.execute("SELECT sum(count), count(*) FROM alert_hour").fetchone() == (2, 2)


def test_an_event_forgotten_with_its_last_alert_finds_its_id_taken_by_an_earlier_one(
    open_empty: Callable[..., Store],
) -> None:
    store = open_empty(Bounds(alerts=2))
    store.ingest("s1", 1, [alert("e1")])
    store.close_alerts(["e1"], "resolved", "anna")
    store.ingest("s1", 2, [alert("e1", start=NOON + HOUR)])
    store.reopen(["e1"], "anna")
    store.close_alerts(["e1.2"], "resolved", "anna")
    store.ingest("s1", 3, [alert("e9", start=NOON + 2 * HOUR)])
    assert set(listed(store)) == {"e1", "e9"}
    store.close_alerts(["e9"], "resolved", "anna")
    store.ingest("s1", 4, [alert("e1", start=NOON + 3 * HOUR)])
    assert set(listed(store)) == {"e1", "e1.2"}


def test_counts_of_disjoint_times_add_up_to_a_bound(store: Store) -> None:
    for index in range(3):
        store.ingest("s1", index, [alert("e1", start=NOON + index * HOUR, count=2**53)])
    assert store.alert("e1").count == 2**53


@pytest.mark.parametrize("value", ["3", True, "nan", 7, -1])
def test_a_number_that_is_none_is_refused_and_named(store: Store, value: object) -> None:
    document = asset()
    document.body["asset"]["purdue_level"] = value
    with pytest.raises(DocumentsRefused, match=r"documents\.0\.body\.asset\.purdue_level"):
        store.ingest("s1", 1, [document])
