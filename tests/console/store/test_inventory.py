"""Assets, behaviours, flows, sensors, accounts and samples."""

from __future__ import annotations

import pytest
from plant_documents import HOUR, NOON, alert, asset, behaviour

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.filters import AssetFilter, BehaviourFilter, PageRequest
from console.store.interface import Store
from console.store.records import PosturePoint
from console.store.times import now, to_text
from console.store.tokens import digest


def names(store: Store, query: AssetFilter) -> list[str]:
    return sorted(item.id for item in store.assets(query, PageRequest()).items)


def test_an_asset_changes_and_remembers(store: Store) -> None:
    store.ingest("s1", 1, [asset(firmware="V1")])
    store.ingest("s1", 2, [asset(seen=NOON + HOUR, firmware="V2")])
    found = store.asset("a-plc")
    assert found.document["asset"]["firmware"] == "V2"
    assert (found.first_seen, found.last_seen) == (to_text(NOON), to_text(NOON + HOUR))
    change = store.asset_history("a-plc")[0]
    assert (change.field, change.old, change.new, change.source) == ("firmware", "V1", "V2", "sensor/s1")


def test_an_older_report_adds_but_does_not_overrule(store: Store) -> None:
    store.ingest("s1", 1, [asset(seen=NOON, firmware="V2")])
    store.ingest("s1", 2, [asset(seen=NOON - HOUR, firmware="V1", model="315")])
    document = store.asset("a-plc").document["asset"]
    assert (document["firmware"], document["model"]) == ("V2", "315")
    assert document["first_seen"] == to_text(NOON - HOUR)


def test_two_sensors_see_one_asset(store: Store) -> None:
    store.ingest("s1", 1, [asset(role="plc", role_confidence=0.95, protocols=["s7comm"])])
    store.ingest(
        "s2",
        1,
        [asset(seen=NOON + HOUR, role="workstation", role_confidence=0.3, protocols=["http"], ip="10.9.9.9")],
    )
    found = store.asset("a-plc")
    assert found.sensors == ["s1", "s2"]
    assert found.document["asset"]["role"] == "plc"
    assert found.document["asset"]["protocols"] == ["s7comm", "http"]
    assert names(store, AssetFilter(address="10.9.9.9")) == ["a-plc"]


def test_a_persons_word_wins_and_can_be_taken_back(store: Store) -> None:
    store.ingest("s1", 1, [asset()])
    decided = store.decide_asset("a-plc", {"zone": "safety", "criticality": 2, "authorised": True}, "anna")
    assert decided.document["asset"]["zone"] == "safety"
    assert decided.document["evidence"]["zone"]["decided_by"] == "anna"
    store.ingest("s1", 2, [asset(seen=NOON + HOUR, zone="office", authorised=False)])
    assert store.asset("a-plc").document["asset"]["zone"] == "safety"
    assert names(store, AssetFilter(authorised=True)) == ["a-plc"]
    store.decide_asset("a-plc", {"zone": None}, "anna")
    assert store.asset("a-plc").document["asset"]["zone"] == "office"
    assert {change.source for change in store.asset_history("a-plc")} >= {"user/anna", "sensor/s1"}


@pytest.mark.parametrize(
    "decision",
    [{"zone": ""}, {"criticality": 99}, {"criticality": True}, {"authorised": "yes"}, {"serial": "1"}],
)
def test_a_decision_is_checked(store: Store, decision: dict[str, object]) -> None:
    store.ingest("s1", 1, [asset()])
    with pytest.raises(QueryRefused):
        store.decide_asset("a-plc", decision, "anna")


def test_assets_by_filter(store: Store) -> None:
    store.ingest(
        "s1",
        1,
        [
            asset("a-1", ip="10.0.0.1", name="PLC_1", vendor="ABB"),
            asset("a-2", ip="10.0.0.2", role="hmi", zone="office", purdue_level=2, name="100% HMI"),
            asset("a-3", ip="10.0.0.3", protocols=["modbus"], seen=NOON + HOUR),
        ],
    )
    assert names(store, AssetFilter(roles=("hmi",))) == ["a-2"]
    assert names(store, AssetFilter(zones=("control",))) == ["a-1", "a-3"]
    assert names(store, AssetFilter(vendors=("ABB",))) == ["a-1"]
    assert names(store, AssetFilter(protocols=("modbus",))) == ["a-3"]
    assert names(store, AssetFilter(purdue_levels=(2.0,))) == ["a-2"]
    assert names(store, AssetFilter(since=NOON + 1)) == ["a-3"]
    assert names(store, AssetFilter(text="plc_1 abb")) == ["a-1"]
    assert names(store, AssetFilter(text="100%")) == ["a-2"]
    assert names(store, AssetFilter(sensors=("s2",))) == []
    assert [i.id for i in store.assets(AssetFilter(), PageRequest(sort="ip", descending=False)).items] == [
        "a-1",
        "a-2",
        "a-3",
    ]
    page = store.assets(AssetFilter(), PageRequest(sort="name", limit=2))
    rest = store.assets(AssetFilter(), PageRequest(sort="name", limit=2, cursor=page.next_cursor))
    assert len({item.id for item in page.items + rest.items}) == 3
    assert {tally.key: tally.count for tally in store.tally_assets("role")} == {"plc": 2, "hmi": 1}
    assert {tally.key: tally.count for tally in store.tally_assets("purdue_level")} == {"1": 2, "2": 1}


def test_zones_count_assets_and_open_alerts(store: Store) -> None:
    store.ingest("s1", 1, [asset(), alert(), alert("e2", zone="safety")])
    zones = {zone.name: zone for zone in store.zones()}
    assert (zones["control"].assets, zones["control"].open_alerts) == (1, 1)
    assert zones["control"].purdue_levels == [1]
    assert (zones["safety"].assets, zones["safety"].open_alerts) == (0, 1)


def test_assets_beyond_the_bound_go_oldest_first_but_not_the_decided(open_empty) -> None:  # type: ignore[no-untyped-def]
    store = open_empty(Bounds(assets=2))
    store.ingest("s1", 1, [asset("a-0", ip="10.0.0.1")])
    store.decide_asset("a-0", {"zone": "safety"}, "anna")
    store.ingest("s1", 2, [asset("a-1", seen=NOON + 1), asset("a-2", seen=NOON + 2)])
    assert names(store, AssetFilter()) == ["a-0", "a-2"]
    assert store.losses()["assets_evicted"] == 1


def test_behaviours_by_filter_and_the_flows_they_make(store: Store) -> None:
    store.ingest(
        "s1",
        1,
        [
            asset(),
            behaviour("b-1", count=5),
            behaviour("b-2", count=7, operation="write", start=NOON + HOUR),
            behaviour("b-3", source="10.0.0.10", destination="10.0.0.7", protocol="dnp3"),
        ],
    )

    def ids(query: BehaviourFilter) -> list[str]:
        return sorted(item.id for item in store.behaviours(query, PageRequest()).items)

    assert ids(BehaviourFilter(protocols=("modbus",))) == ["b-1", "b-2"]
    assert ids(BehaviourFilter(operations=("write",))) == ["b-2"]
    assert ids(BehaviourFilter(source="10.0.0.10")) == ["b-3"]
    assert ids(BehaviourFilter(asset="a-plc")) == ["b-1", "b-2", "b-3"]
    assert ids(BehaviourFilter(asset="none")) == []
    assert ids(BehaviourFilter(since=NOON + 1)) == ["b-2"]
    assert ids(BehaviourFilter(text="DNP3 10.0.0.7")) == ["b-3"]
    flows = store.flows(BehaviourFilter())
    assert [(f.source, f.destination, f.protocol, f.behaviours, f.messages) for f in flows] == [
        ("10.0.0.5", "10.0.0.10", "modbus", 2, 12),
        ("10.0.0.10", "10.0.0.7", "dnp3", 1, 10),
    ]
    assert flows[0].operations == {"read": 1, "write": 1}
    assert flows[0].destination_asset == "a-plc"
    assert [f.protocol for f in store.flows(BehaviourFilter(text="dnp3"))] == ["dnp3"]
    assert store.behaviour("b-1").destination_asset == "a-plc"


def test_counts_of_a_lying_sensor_end_where_sums_still_fit(store: Store) -> None:
    most = 2**53
    for sequence in range(3):
        # Each tells of another period, so that they add up.
        store.ingest(
            "s1",
            sequence,
            [
                behaviour(f"b-{i}", count=most, operation=f"op-{i % 1100}", start=NOON + sequence * HOUR)
                for i in range(1200)
            ],
        )
    assert store.behaviour("b-0").count == most
    for query in (BehaviourFilter(), BehaviourFilter(since=NOON), BehaviourFilter(text="op-1")):
        assert [flow.messages for flow in store.flows(query)] == [most]
    assert store.flows(BehaviourFilter())[0].behaviours == 1200


def test_behaviours_beyond_the_bound_go_and_their_flows_too(open_empty) -> None:  # type: ignore[no-untyped-def]
    store = open_empty(Bounds(behaviours=2))
    store.ingest("s1", 1, [behaviour(f"b-{i}", start=NOON + i, source=f"10.0.0.{i}") for i in range(4)])
    assert store.counts()["behaviours"] == 2
    assert {flow.source for flow in store.flows(BehaviourFilter())} == {"10.0.0.2", "10.0.0.3"}
    assert store.losses()["behaviours_evicted"] == 2


def test_a_sensors_token_is_its_own_and_ends_with_revoking(store: Store) -> None:
    token = store.add_sensor("s1", "north", "root")
    assert store.sensor_of_token(token) == "s1"
    assert store.sensor_of_token(token + "x") is None
    with pytest.raises(Conflict):
        store.add_sensor("s1", "north", "root")
    store.ingest("s1", 1, [asset()])
    assert store.asset("a-plc").site == "north"
    store.revoke_sensor("s1", "root")
    assert store.sensor_of_token(token) is None
    assert store.sensors()[0].revoked
    with pytest.raises(NotFound):
        store.revoke_sensor("s1", "root")
    assert store.sensor_of_token(store.add_sensor("s1", "north", "root")) == "s1"


def test_accounts_sessions_and_the_last_admin(store: Store) -> None:
    store.add_user("root", "admin", "hash-1", "setup")
    store.add_user("anna", "viewer", "hash-2", "root")
    with pytest.raises(Conflict):
        store.add_user("anna", "viewer", "hash", "root")
    with pytest.raises(QueryRefused):
        store.add_user("a b", "viewer", "hash", "root")
    with pytest.raises(Conflict):
        store.change_user("root", "root", role="viewer")
    with pytest.raises(Conflict):
        store.change_user("root", "root", disabled=True)
    store.open_session("anna", digest("t"), "csrf", now() + HOUR, "192.0.2.1")
    session = store.session(digest("t"))
    assert session is not None
    assert (session.user.name, session.csrf) == ("anna", "csrf")
    store.change_user("anna", "root", role="analyst")
    assert store.session(digest("t")) is None, "a change of role ends sessions"
    store.open_session("anna", digest("u"), "csrf", now() - 1, "192.0.2.1")
    assert store.session(digest("u")) is None, "expired"
    store.open_session("anna", digest("v"), "csrf", now() + HOUR, "192.0.2.1")
    store.set_password("anna", "hash-3", "root")
    assert store.session(digest("v")) is None
    assert store.password_hash("anna") == "hash-3"
    assert store.set_preferences("anna", {"language": "zh"}).preferences == {"language": "zh"}


def test_sessions_per_user_are_bounded(open_empty) -> None:  # type: ignore[no-untyped-def]
    store = open_empty(Bounds(sessions_per_user=2))
    store.add_user("anna", "viewer", "hash", "root")
    for name in "abc":
        store.open_session("anna", digest(name), "csrf", now() + HOUR, "192.0.2.1")
    assert [store.session(digest(name)) is not None for name in "abc"] == [False, True, True]


def test_api_tokens_never_exceed_their_owner(store: Store) -> None:
    store.add_user("root", "admin", "hash", "setup")
    store.add_user("anna", "analyst", "hash", "root")
    with pytest.raises(QueryRefused):
        store.add_api_token("anna", "script", "admin", digest("t"), None, "anna")
    token = store.add_api_token("anna", "script", "analyst", digest("t"), None, "anna")
    assert store.api_token(digest("t")).role == "analyst"  # type: ignore[union-attr]
    store.change_user("anna", "root", role="viewer")
    assert store.api_token(digest("t")).role == "viewer"  # type: ignore[union-attr]
    store.change_user("anna", "root", disabled=True)
    assert store.api_token(digest("t")) is None
    store.change_user("anna", "root", disabled=False)
    store.revoke_api_token(token.id, "root")
    assert store.api_token(digest("t")) is None
    assert store.api_tokens("anna")[0].revoked


def test_samples_of_a_score_are_thinned_evenly(store: Store) -> None:
    begin = now() - 100 * HOUR
    store.put_posture(
        PosturePoint(to_text(begin + i), begin + i * HOUR, "all", 90.0 - i, 10.0 + i, 1.0) for i in range(50)
    )
    series = store.posture_series("all", begin, now(), limit=5)
    assert [point.score for point in series] == [90, 78, 66, 53, 41]
    assert store.posture_series("site/none", begin, now()) == []
