"""Filters, sorting and paging against a plain Python reading of the same documents."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from plant_documents import HOUR, MINUTE, NOON, alert

from console.store.errors import NotFound, QueryRefused
from console.store.filters import COUNT_LIMIT, LEVELS, AlertFilter, PageRequest
from console.store.interface import Store

PROTOCOLS = ("modbus", "s7comm", "dnp3")
ZONES = ("control", "safety", "dmz")
TECHNIQUES = ("T0858", "T0843", "T0846")


@pytest.fixture
def bodies(store: Store) -> list[dict[str, Any]]:
    """Two hundred alerts, every fifth closed, every seventh active; with their status beside."""
    rng = random.Random(5)
    envelopes = [
        alert(
            f"e{index}",
            start=NOON + rng.randrange(100) * MINUTE,
            count=rng.randrange(1, 50),
            level=rng.choice(LEVELS),
            rule=f"rule-{rng.randrange(6)}",
            source=f"10.0.0.{rng.randrange(5)}",
            destination=f"10.0.1.{rng.randrange(5)}",
            zone=rng.choice(ZONES),
            protocol=rng.choice(PROTOCOLS),
            operation=rng.choice(("read", "stop")),
            technique=rng.choice(TECHNIQUES),
        )
        for index in range(200)
    ]
    store.ingest("s1", 1, envelopes)
    closed = [f"e{index}" for index in range(0, 200, 5)]
    active = [f"e{index}" for index in range(0, 200, 7) if index % 5]
    store.close_alerts(closed, "resolved", "anna")
    store.acknowledge(active, "anna")
    for envelope in envelopes:
        name = envelope.body["event"]["id"]
        envelope.body["status"] = "closed" if name in closed else "active" if name in active else "new"
    return [envelope.body for envelope in envelopes]


FILTERS: list[tuple[AlertFilter, Callable[[dict[str, Any]], bool]]] = [
    (AlertFilter(), lambda a: True),
    (AlertFilter(levels=("high", "critical")), lambda a: a["rule"]["level"] in ("high", "critical")),
    (AlertFilter(statuses=("new", "active")), lambda a: a["status"] != "closed"),
    (AlertFilter(statuses=("closed",)), lambda a: a["status"] == "closed"),
    (AlertFilter(protocols=("modbus",)), lambda a: a["network"]["protocol"] == "modbus"),
    (AlertFilter(protocols=("modbus", "dnp3")), lambda a: a["network"]["protocol"] != "s7comm"),
    (AlertFilter(operations=("stop",)), lambda a: a["ics"]["operation"] == "stop"),
    (AlertFilter(source="10.0.0.3"), lambda a: a["source"]["ip"] == "10.0.0.3"),
    (AlertFilter(destination="10.0.0.3"), lambda a: False),
    (AlertFilter(address="10.0.1.2"), lambda a: a["destination"]["ip"] == "10.0.1.2"),
    (AlertFilter(zones=("safety",)), lambda a: a["destination"]["zone"] == "safety"),
    (AlertFilter(zones=("office",)), lambda a: True),
    (AlertFilter(rules=("rule-2",)), lambda a: a["rule"]["name"] == "rule-2"),
    (AlertFilter(rules=("id-of-rule-2", "rule-3")), lambda a: a["rule"]["name"] in ("rule-2", "rule-3")),
    (AlertFilter(techniques=("T0843",)), lambda a: a["threat"]["technique"]["id"] == ["T0843"]),
    (AlertFilter(sensors=("s1",)), lambda a: True),
    (AlertFilter(sensors=("s2",)), lambda a: False),
    (AlertFilter(assignee="nobody"), lambda a: False),
    (AlertFilter(since=NOON + HOUR), lambda a: int(a["@timestamp"][11:13]) >= 13),
    (AlertFilter(until=NOON + HOUR), lambda a: int(a["@timestamp"][11:13]) < 13),
    (
        AlertFilter(since=NOON + HOUR // 2, until=NOON + HOUR, levels=("low", "high")),
        lambda a: "12:30" <= a["@timestamp"][11:16] < "13:00" and a["rule"]["level"] in ("low", "high"),
    ),
    (AlertFilter(text="stopped 10.0.1.4"), lambda a: a["destination"]["ip"] == "10.0.1.4"),
    (AlertFilter(text="controller-st"), lambda a: False),
    (AlertFilter(text="RULE-4 停止"), lambda a: a["rule"]["name"] == "rule-4"),
    (AlertFilter(text='" OR * NEAR('), lambda a: False),
    (
        AlertFilter(statuses=("new",), zones=("dmz",), operations=("read",), text="10.0.0"),
        lambda a: (
            a["status"] == "new" and a["destination"]["zone"] == "dmz" and a["ics"]["operation"] == "read"
        ),
    ),
]
KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "last_seen": lambda a: a["event"]["end"],
    "first_seen": lambda a: a["event"]["start"],
    "severity": lambda a: a["event"]["severity"],
    "count": lambda a: a["event"]["count"],
    "rule": lambda a: a["rule"]["name"],
    "status": lambda a: ("new", "active", "closed").index(a["status"]),
}


@pytest.fixture(params=[True, False], ids=["few", "many"])
def rare(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Also with a count limit so low that every condition is common, which takes the other way through."""
    if not request.param:
        for module in ("console.store.sqlite.plan",):
            monkeypatch.setattr(f"{module}.COUNT_LIMIT", 3, raising=False)
    return request.param


@pytest.mark.parametrize(("query", "test"), FILTERS, ids=range(len(FILTERS)))
def test_a_filter_gives_exactly_what_it_says(
    store: Store,
    bodies: list[dict[str, Any]],
    rare: bool,
    query: AlertFilter,
    test: Callable[[dict[str, Any]], bool],
) -> None:
    expected = {body["event"]["id"] for body in bodies if test(body)}
    page = store.alerts(query, PageRequest(limit=500))
    if not rare and query.text and len(expected) > 3:
        # Words that nearly everything contains: only the newest arrivals are looked at.
        assert {item.id for item in page.items} <= expected
        assert not page.total_exact
        return
    assert {item.id for item in page.items} == expected
    if page.total_exact:
        assert page.total == len(expected)
    else:
        assert page.total <= len(expected)
    assert page.next_cursor is None


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", KEYS)
@pytest.mark.parametrize(
    "query", [AlertFilter(), AlertFilter(statuses=("new", "active"), protocols=("dnp3",))]
)
def test_cursors_walk_every_alert_once_in_order(
    store: Store, bodies: list[dict[str, Any]], rare: bool, sort: str, descending: bool, query: AlertFilter
) -> None:
    by_id = {body["event"]["id"]: body for body in bodies}
    seen: list[str] = []
    request = PageRequest(limit=7, sort=sort, descending=descending)
    while True:
        page = store.alerts(query, request)
        seen += [item.id for item in page.items]
        if page.next_cursor is None:
            break
        request = replace(request, cursor=page.next_cursor)
    assert len(seen) == len(set(seen)) == len(store.alerts(query, PageRequest(limit=500)).items)
    keys = [KEYS[sort](by_id[name]) for name in seen]
    assert keys == sorted(keys, reverse=descending)


def test_offsets_give_the_same_pages(store: Store, bodies: list[dict[str, Any]]) -> None:
    everything = [item.id for item in store.alerts(AlertFilter(), PageRequest(limit=200)).items]
    assert [i.id for i in store.alerts(AlertFilter(), PageRequest(limit=10, offset=50)).items] == everything[
        50:60
    ]


@pytest.mark.parametrize("facet", ["level", "status", "protocol", "operation", "zone", "rule", "technique"])
@pytest.mark.parametrize(
    "query", [AlertFilter(), AlertFilter(levels=("low",)), AlertFilter(protocols=("dnp3",))]
)
def test_tallies_count_what_is_there(
    store: Store, bodies: list[dict[str, Any]], facet: str, query: AlertFilter
) -> None:
    values: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "level": lambda a: [a["rule"]["level"]],
        "status": lambda a: [a["status"]],
        "protocol": lambda a: [a["network"]["protocol"]],
        "operation": lambda a: [a["ics"]["operation"]],
        "zone": lambda a: [a["source"]["zone"], a["destination"]["zone"]],
        "rule": lambda a: [a["rule"]["id"]],
        "technique": lambda a: a["threat"]["technique"]["id"],
    }
    wanted = [
        body
        for body in bodies
        if (not query.levels or body["rule"]["level"] in query.levels)
        and (not query.protocols or body["network"]["protocol"] in query.protocols)
    ]
    expected = Counter(value for body in wanted for value in values[facet](body))
    found = store.tally_alerts(query, facet)  # type: ignore[arg-type]
    assert {tally.key: tally.count for tally in found} == dict(expected)
    assert [tally.count for tally in found] == sorted(expected.values(), reverse=True)


@pytest.mark.parametrize(
    "query", [AlertFilter(), AlertFilter(protocols=("dnp3",)), AlertFilter(levels=("low",))]
)
@pytest.mark.parametrize("buckets", [1, 2, 8])
def test_the_timeline_holds_every_alert_of_its_span(
    store: Store, bodies: list[dict[str, Any]], rare: bool, query: AlertFilter, buckets: int
) -> None:
    slices = store.alert_timeline(query, NOON, NOON + 2 * HOUR, buckets)
    assert len(slices) == buckets
    found = sum(count for bucket in slices for count in bucket.levels.values())
    expected = [
        body
        for body in bodies
        if (not query.levels or body["rule"]["level"] in query.levels)
        and (not query.protocols or body["network"]["protocol"] in query.protocols)
    ]
    assert found == len(expected)
    first = sum(slices[0].levels.values())
    width = 120 // buckets
    minutes = [int(b["@timestamp"][11:13]) * 60 + int(b["@timestamp"][14:16]) - 720 for b in expected]
    assert first == sum(minute < width for minute in minutes)


def test_rules_that_fired_are_listed_with_their_counts(store: Store, bodies: list[dict[str, Any]]) -> None:
    rules = {rule.name: rule for rule in store.rules()}
    assert {name: rule.alerts for name, rule in rules.items()} == dict(
        Counter(body["rule"]["name"] for body in bodies)
    )
    opened = Counter(body["rule"]["name"] for body in bodies if body["status"] != "closed")
    assert {name: rule.open_alerts for name, rule in rules.items()} == dict(opened)


@pytest.mark.parametrize(
    "request_",
    [
        PageRequest(sort="colour"),
        PageRequest(limit=0),
        PageRequest(limit=501),
        PageRequest(offset=-1),
        PageRequest(offset=10_001),
        PageRequest(cursor="%%%"),
        PageRequest(cursor="W10"),
        PageRequest(cursor="WyJjb3VudCIsdHJ1ZSxbMSwyLDNdXQ"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused(store: Store, request_: PageRequest) -> None:
    with pytest.raises(QueryRefused):
        store.alerts(AlertFilter(), request_)


def test_unknown_names_are_refused_or_not_found(store: Store) -> None:
    with pytest.raises(QueryRefused):
        store.alerts(AlertFilter(levels=("dreadful",)), PageRequest())
    with pytest.raises(QueryRefused):
        store.tally_alerts(AlertFilter(), "colour")  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        store.alert("none")
    with pytest.raises(NotFound):
        store.alert_history("none")


@pytest.mark.parametrize(
    "query",
    [
        AlertFilter(zones=("safety",), statuses=("new", "active")),
        AlertFilter(techniques=("T0843",), levels=("high",)),
        AlertFilter(protocols=("modbus", "dnp3", "modbus"), statuses=("closed",)),
        AlertFilter(rules=("rule-2", "id-of-rule-2"), levels=("low", "critical")),
        AlertFilter(sensors=("s1",)),
    ],
)
def test_one_facet_with_statuses_and_levels_has_an_exact_total_however_many_there_are(
    store: Store, bodies: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, query: AlertFilter
) -> None:
    counted = store.alerts(query, PageRequest(limit=500))
    monkeypatch.setattr("console.store.sqlite.plan.COUNT_LIMIT", 3)
    page = store.alerts(query, PageRequest(limit=2))
    assert (page.total, page.total_exact) == (len(counted.items), True)
    assert page.total > 2


def test_a_total_of_many_conditions_is_a_lower_bound_never_below_what_is_shown(
    store: Store, bodies: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.store.sqlite.plan.COUNT_LIMIT", 3)
    query = AlertFilter(protocols=("modbus",), zones=("safety",))
    everything = store.alerts(query, PageRequest(limit=500))
    assert everything.total_exact
    page = store.alerts(query, PageRequest(limit=5, offset=2))
    assert not page.total_exact
    assert 8 <= page.total <= everything.total


def test_the_count_limit_is_what_pages_promise() -> None:
    assert COUNT_LIMIT == 10_000


def test_a_forged_cursor_is_refused_or_harmless(store: Store, bodies: list[dict[str, Any]]) -> None:
    for values in (["x", 1], [1, "x"], [1.5, 2], [10**30, 1], [float("nan"), 1], ["\ud800", 1]):
        forged = base64.urlsafe_b64encode(json.dumps(["last_seen", True, values]).encode()).decode()
        for query in (AlertFilter(), AlertFilter(levels=("low",))):
            with contextlib.suppress(QueryRefused):
                store.alerts(query, PageRequest(cursor=forged))
