"""The published worked values and the invariants of the risk ledger."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_documents import HOUR, NOON, alert, asset, behaviour, health

from console.posture.confidence import overall_confidence, sensor_confidence
from console.posture.constants import PostureConstants
from console.posture.exposures import exposures_of, public
from console.posture.formula import aggregate, apportion, asset_risk, event_weight, vulnerability, warning
from console.posture.ledger import Ledger, PostureAsset
from console.posture.service import PostureService, combine, compute, tenth_percentile
from console.store import open_store
from console.store.filters import LEVELS
from console.store.records import OpenItem, SensorRecord
from console.store.times import now

C = PostureConstants()


def item(name: str, asset_id: str | None, **fields: object) -> OpenItem:
    base = OpenItem(
        alert=name,
        asset=asset_id,
        asset_label=asset_id or "192.0.2.1",
        zone=None,
        sensor="s1",
        level="high",
        confidence=1.0,
        count=1,
        last_seen_ns=NOON,
        rule="r",
        rule_name="r",
        title="t",
        title_zh=None,
        criticality=1.0,
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def node(name: str, zone: str = "z", site: str = "s", criticality: float = 1.0) -> PostureAsset:
    return PostureAsset(name, name, zone, site, criticality)


def weight(level: str, criticality: float = 1, age: float = 0, count: int = 1) -> float:
    return event_weight(level, criticality, 1.0, age, count, C)


def test_one_critical_on_a_crown_jewel_controller() -> None:
    assert round(asset_risk(weight("critical", criticality=2))) == 91


def test_one_high_now_and_after_three_days() -> None:
    assert asset_risk(weight("high")) == pytest.approx(45)
    assert round(asset_risk(weight("high", age=72)), 1) == 25.8


def test_a_thousand_repeats_of_one_low() -> None:
    assert round(asset_risk(weight("low", count=1000)), 1) == 10.3


def test_repeats_count_at_most_half_more() -> None:
    assert weight("low", count=10**12) == pytest.approx(weight("low") * 1.5)


def test_one_of_two_hundred_assets_burning() -> None:
    assets = [node(f"a{i}", zone=f"z{i % 8}") for i in range(199)] + [node("jewel", criticality=2)]
    site = Ledger([item("e", "jewel", level="critical", criticality=2)], [], assets, C, NOON).sites[0]
    assert round(site.risk) == 91


@pytest.mark.parametrize(
    ("cvss", "epss", "kev", "reachable", "p"),
    [
        (10, 0, True, True, 0.7),
        (5, 0, True, True, 0.5),
        (10, 0, False, True, 0.1),
        (8, 0.5, False, False, 0.132),
    ],
)
def test_vulnerabilities(cvss: float, epss: float, kev: bool, reachable: bool, p: float) -> None:
    assert vulnerability(cvss, epss, kev, reachable, C) == pytest.approx(p)


def test_the_parent_formula_with_equal_weights() -> None:
    whole = aggregate([80, 40, 20], [1, 1, 1], 0.5)
    assert whole.risk == pytest.approx(80 + 20 * 0.5 * 30 / 100)
    assert aggregate([], [], 0.5).risk == 0
    assert aggregate([30], [2], 0.5).risk == 30


def test_a_clock_ahead_of_ours_adds_nothing() -> None:
    assert weight("high", age=-1000) == weight("high")


def test_the_warning_colours() -> None:
    assert [warning(score, C) for score in (10, 50, 70, 80, 95)] == [
        "red",
        "orange",
        "yellow",
        "blue",
        "none",
    ]


levels = st.sampled_from(LEVELS)
items = st.lists(
    st.tuples(
        st.integers(0, 9),
        levels,
        st.integers(1, 10**6),
        st.floats(0, 2000),
        st.floats(0.05, 1),
    ),
    max_size=25,
)
criticalities = st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0]), min_size=8, max_size=8)


def ledger(drawn: list[tuple[int, str, int, float, float]], weights: list[float]) -> Ledger:
    """Assets 0 to 7 are known, 8 and 9 are addresses nobody listed."""
    assets = [node(f"a{i}", f"z{i % 3}", f"s{i % 2}", weights[i]) for i in range(8)]
    open_items = [
        item(
            f"e{n}",
            f"a{target}" if target < 8 else None,
            asset_label=f"192.0.2.{target}",
            zone="z1",
            level=level,
            count=count,
            last_seen_ns=NOON - int(age * HOUR),
            confidence=confidence,
        )
        for n, (target, level, count, age, confidence) in enumerate(drawn)
    ]
    return Ledger(open_items, [], assets, C, NOON, "s0")


@settings(max_examples=60, deadline=None)
@given(items, criticalities)
def test_points_add_up_to_the_risk_and_rows_are_the_open_items(drawn, weights) -> None:  # type: ignore[no-untyped-def]
    book = ledger(drawn, weights)
    names = []
    for site in book.sites:
        assert 0 <= site.risk <= 100
        assert math.fsum(zone.points for zone in site.zones) == pytest.approx(site.risk)
        rows = site.rows()
        names += [row.id for row in rows]
        assert math.fsum(row.site_points for row in rows) == pytest.approx(site.risk, abs=1e-9)
        shown = apportion([row.site_points for row in rows], site.risk)
        assert sum(round(points * 100) for points in shown) == (round(site.risk * 100) if rows else 0)
        for zone in site.zones:
            assert math.fsum(entry.points for entry in zone.assets) == pytest.approx(zone.risk)
            for entry in zone.assets:
                assert math.fsum(row.points for row in entry.rows) == pytest.approx(entry.risk)
    assert sorted(names) == sorted(f"e{n}" for n in range(len(drawn)))


@settings(max_examples=60, deadline=None)
@given(
    items,
    criticalities,
    st.tuples(st.integers(0, 9), levels, st.integers(1, 999), st.floats(0, 200), st.just(1.0)),
)
def test_adding_an_alert_never_lowers_a_risk(drawn, weights, more) -> None:  # type: ignore[no-untyped-def]
    before, after = ledger(drawn, weights), ledger([*drawn, more], weights)
    old = {site.name: site.risk for site in before.sites}
    for site in after.sites:
        assert site.risk >= old[site.name] - 1e-9
    old_zones = {(s.name, z.name): z.risk for s in before.sites for z in s.zones}
    for site in after.sites:
        for zone in site.zones:
            assert zone.risk >= old_zones.get((site.name, zone.name), 0) - 1e-9


@settings(max_examples=40, deadline=None)
@given(items, criticalities, st.sets(st.integers(0, 24)))
def test_what_if_is_the_ledger_without_those_items(drawn, weights, gone) -> None:  # type: ignore[no-untyped-def]
    closed = {f"e{n}" for n in gone}
    book = ledger(drawn, weights)
    rest = [row for n, row in enumerate(drawn) if n not in gone]
    expected = {site.name: site.risk for site in ledger(rest, weights).sites}
    for site in book.without(closed):
        assert site.risk == pytest.approx(expected[site.name])
    assert all(site.risk == 0 for site in book.without({f"e{n}" for n in range(25)}))


def test_a_heavy_child_overtaken_by_a_light_one_does_not_lower_the_parent() -> None:
    weights = [2.0, 0.5, 1.0]
    before = aggregate([50, 49.9, 0], weights, 0.5).risk
    after = aggregate([50, 50.1, 0], weights, 0.5).risk
    assert after >= before


def sensor(**fields: object) -> SensorRecord:
    base = SensorRecord("s1", "s", True, False, "2026-01-01T00:00:00Z", None, 10.0, 1, 1, health().body, None)
    return replace(base, **fields)  # type: ignore[arg-type]


def test_confidence_is_the_product_of_its_factors() -> None:
    body = health(packets=900, drops={"ring": 100}, understood=0.8, baseline={"completeness": 0.5}).body
    found = sensor_confidence(sensor(health=body, silent_seconds=600.0), C)
    assert (found.heartbeat, found.kept, found.understood, found.baseline) == (0.5, 0.9, 0.8, 0.5)
    assert found.value == pytest.approx(0.18)
    assert sensor_confidence(sensor(silent_seconds=None), C).value == 0
    assert sensor_confidence(sensor(registered=False, silent_seconds=1e9, health=None), C).value == 1
    assert overall_confidence([]) == 0


@pytest.mark.parametrize(
    ("said", "factor", "value", "amount"),
    [
        ({"conditions": ["sensor-no-traffic"]}, "watching", 0.0, 0.0),
        ({"interfaces": [{"state": "up"}, {"state": "gone"}]}, "watching", 0.5, 1.0),
        ({"lag_s": 240.0}, "timely", 0.5, 240.0),
        ({"spool": {"oldest_s": 1200}}, "timely", 0.1, 1200.0),
        ({"clock_offset_s": -10.0}, "clock", 0.5, 10.0),
        ({"understood": 0.7}, "understood", 0.7, 0.7),
    ],
)
def test_what_a_sensor_says_of_itself_lowers_confidence_with_a_reason(
    said: dict[str, object], factor: str, value: float, amount: float
) -> None:
    found = sensor_confidence(sensor(health=health(understood=said.pop("understood", 1.0), **said).body), C)
    assert getattr(found, factor) == pytest.approx(value)
    assert found.value == pytest.approx(value)
    assert [(reason.factor, reason.amount) for reason in found.reasons] == [(factor, amount)]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"interfaces": "x", "conditions": {"no-traffic": 1}, "spool": [], "drops": []},
        {
            "lag_s": "late",
            "clock_offset_s": True,
            "interfaces": [1, None],
            "packets": None,
            "drops": {"a": "b"},
        },
        {"lag_s": -5, "spool": {"oldest_s": {}}, "baseline": 3},
    ],
)
def test_nonsense_from_a_sensor_is_no_reason(nonsense: dict[str, object]) -> None:
    assert sensor_confidence(sensor(health={"health": {"understood": 1.0, **nonsense}}), C).value == 1


def test_months_without_loss_do_not_hide_an_hour_of_it() -> None:
    old = health(packets=10**9, drops={"ring": 0}, boot="b", understood=1.0).body
    new = health(packets=10**9 + 500, drops={"ring": 500}, boot="b", understood=1.0).body
    assert sensor_confidence(sensor(health=new), C).kept > 0.99
    assert sensor_confidence(sensor(health=new), C, [new, old]).kept == pytest.approx(0.5)
    restarted = health(packets=10, drops={"ring": 0}, boot="c", understood=1.0).body
    assert sensor_confidence(sensor(health=restarted), C, [restarted, new]).kept == 1


def test_a_silent_sensor_counts_at_its_site(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = open_store(tmp_path / "a.db")
    store.add_sensor("line-1", "north", "root")
    body = alert("silence", rule="sensor-silent").body
    kept = {name: value for name, value in body.items() if name not in ("source", "destination")}
    assert store.raise_alert("line-1", kept)
    assert not store.raise_alert("line-1", kept)
    (site,) = compute(store, C, NOON).sites
    assert (site.name, [row.title for row in site.rows()]) == ("north", ["Title of sensor-silent"])
    assert compute(store, C, NOON + 1000 * HOUR).risk == pytest.approx(site.risk), "it stands until closed"
    assert store.sensors()[0].last_seen is None
    store.close()


def test_exposures_of_a_plant(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = open_store(tmp_path / "a.db")
    store.ingest(
        "s1",
        1,
        [
            asset("a-1", ip="10.0.0.10", authorised=False),
            asset("a-2", ip="10.0.0.5"),
            behaviour("b-1", operation="program_download", protocol="s7comm"),
            behaviour("b-2", source="10.0.0.5", destination="8.8.8.8", protocol="http"),
            behaviour("b-3", source="10.0.0.5", destination="224.0.0.1"),
        ],
    )
    posture = compute(store, C, NOON)
    assert {row.id for row in posture.sites[0].rows()} == {
        "internet_flow:a-2",
        "unauthorised_device:a-1",
        "cleartext_engineering:a-1",
    }
    later = compute(store, C, NOON + 1000 * HOUR)
    assert later.risk == posture.risk > 0, "exposures do not decay"
    store.decide_asset("a-1", {"authorised": True}, "anna")
    assert compute(store, C, NOON).risk < posture.risk
    store.close()


def test_public_addresses() -> None:
    assert [public(a) for a in ("8.8.8.8", "10.0.0.1", "239.1.1.1", "28:63:36:aa:bb:cc", "fe80::1")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert exposures_of([], [], C) == []


def test_closing_mutes_and_learning_take_an_alert_out(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = open_store(tmp_path / "a.db")
    time = now()
    store.ingest("s1", 1, [asset(seen=time, criticality=2), alert("e1", start=time, level="critical")])
    service = PostureService(store, C)
    posture = service.current()
    assert round(posture.risk) == 91
    assert posture.colour == "red"
    assert round(service.what_if({"e1"}).risk) == 0
    store.close_alerts(["e1"], "resolved", "anna")
    assert service.current(exact=True).risk == 0
    assert service.sample()
    assert not service.sample()
    assert store.posture_series("all", 0, now())[0].score == 100
    store.close()


def test_without_sensors_the_score_is_unknown_never_green(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = open_store(tmp_path / "a.db")
    posture = PostureService(store, C).current()
    assert (posture.known, posture.colour, posture.confidence) == (False, "unknown", 0)
    store.add_sensor("silent", "north", "root")
    assert compute(store, C, NOON).colour == "unknown"
    store.close()


def test_over_several_sites_the_mean_and_the_tenth_percentile_count() -> None:
    book = Ledger(
        [item("e", "a", level="critical")], [], [node("a", site="s1"), node("b", site="s2")], C, NOON
    )
    assert combine(book.sites) == pytest.approx(35)
    assert tenth_percentile([100, 30]) == pytest.approx(37)
    assert tenth_percentile([]) == 100


def test_an_old_capture_is_judged_as_of_its_end_and_not_by_the_clock() -> None:
    year_later = NOON + 365 * 24 * HOUR
    by_clock = Ledger([item("a", "x")], (), [node("x")], C, year_later)
    as_of_end = Ledger([item("a", "x")], (), [node("x")], C, year_later, as_of={"s1": NOON})
    assert by_clock.sites[0].risk == pytest.approx(0)
    assert as_of_end.sites[0].risk == pytest.approx(45)
