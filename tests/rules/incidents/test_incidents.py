"""Which alerts become one story, how bad it is, and what must never become one."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.attack import attack_table
from rules.incidents.incident import incidents_of
from rules.incidents.phrases import TACTIC_NAMES
from rules.incidents.tactics import MATRIX, PHASE
from rules.rule import SEVERITY
from sensor.times import rfc3339

NOON = 1_796_126_400 * 10**9
MINUTE = 60
HOUR = 3600


def alert(
    second: float,
    rule: str,
    level: str = "medium",
    source: str | None = "10.0.0.66",
    destination: str | None = "10.0.0.10",
    tactics: tuple[str, ...] = (),
    action: str = "",
    zone: str = "control",
    **more: Any,
) -> dict[str, Any]:
    time = rfc3339(NOON + int(second * 10**9))
    document: dict[str, Any] = {
        "@timestamp": time,
        "event": {
            "id": f"{rule}-{source}-{destination}-{second}",
            "start": time,
            "end": time,
            "count": 1,
            "severity": SEVERITY[level],
        },
        "rule": {
            "id": f"id-{rule}",
            "name": rule,
            "title": f"T {rule}",
            "title_zh": f"标题 {rule}",
            "level": level,
        },
        "threat": {"tactic": {"name": list(tactics)}},
        **more,
    }
    if action:
        document["event"]["action"] = action
    if source:
        document["source"] = {"ip": source, "zone": "office"}
    if destination:
        document["destination"] = {"ip": destination, "role": "plc", "zone": zone}
    return document


def scan(second: float, level: str = "medium", **more: Any) -> dict[str, Any]:
    return alert(second, "machines-swept", level, tactics=("discovery",), **more)


def write(second: float, destination: str = "10.0.0.10", level: str = "high", **more: Any) -> dict[str, Any]:
    tactics = ("impair-process-control",)
    return alert(second, "new-write", level, destination=destination, tactics=tactics, action="write", **more)


ATTACK = [
    scan(0),
    write(600),
    write(610, "10.0.0.11"),
    write(620, "10.0.0.12"),
]


def only(alerts: list[dict[str, Any]], assets: dict[str, str] | None = None) -> dict[str, Any]:
    (document,) = incidents_of(alerts, assets).documents
    found: dict[str, Any] = document["incident"]
    return found


def test_discovery_followed_by_writes_is_one_story() -> None:
    found = only(ATTACK)
    assert found["title"] == "10.0.0.66 looked around, then wrote to 3 controllers"
    assert found["title_zh"] == "10.0.0.66 四处探测，随后写入了 3 台控制器"
    assert (found["level"], found["raised"]) == ("critical", True)
    assert [entry["name"] for entry in found["tactics"]] == ["discovery", "impair-process-control"]
    assert [step["text"] for step in found["steps"]] == [
        "10.0.0.66 looked around",
        "10.0.0.66 wrote to 3 controllers",
    ]
    assert found["alerts"]["count"] == 4
    assert found["alerts"]["ids"][0] == ATTACK[1]["event"]["id"]
    assert found["next"] == ["inhibit-response-function", "impact"]
    assert "not a forecast" in found["outlook"]
    assert "counts one level more" in found["explanation"]
    assert found["start"] == ATTACK[0]["event"]["start"]
    assert found["end"] == ATTACK[3]["event"]["end"]
    assert [source["address"] for source in found["sources"]] == ["10.0.0.66"]
    assert found["zones"] == ["control"]


def test_the_order_of_delivery_changes_nothing() -> None:
    chance = random.Random(4)
    expected = incidents_of(ATTACK)
    for _ in range(10):
        mixed = ATTACK[:]
        chance.shuffle(mixed)
        assert incidents_of(mixed) == expected


def test_an_alert_that_grows_keeps_the_incident() -> None:
    early, late = only(ATTACK[:2]), only(ATTACK)
    assert early["id"] == late["id"]
    assert early["title"] == "10.0.0.66 looked around, then wrote to 10.0.0.10"
    grown = [ATTACK[0], ATTACK[1] | {"event": ATTACK[1]["event"] | {"count": 99}}]
    assert only(grown)["steps"][1]["count"] == 99


def test_writes_before_the_scan_raise_nothing() -> None:
    found = only([write(0), scan(600)])
    assert (found["level"], found["raised"]) == ("high", False)
    assert "one level more" not in found["explanation"]


def test_one_packet_that_raises_two_alerts_is_one_deed() -> None:
    rogue = alert(0, "rogue", "high", tactics=("initial-access",), action="write")
    assert incidents_of([rogue, write(0)]).documents == []


def test_a_single_alert_is_an_alert() -> None:
    assert incidents_of([write(0)]).documents == []
    assert incidents_of([scan(0), scan(60)]).documents == []


def test_low_alerts_become_a_story_only_where_they_advance() -> None:
    quiet = [alert(0, "a", "low"), alert(60, "b", "low"), alert(120, "c", "informational")]
    assert incidents_of(quiet).documents == []
    advancing = [scan(0, "informational"), write(60, level="low")]
    found = only(advancing)
    assert (found["level"], found["raised"]) == ("medium", True)


def test_only_the_alert_that_advances_counts_more() -> None:
    found = only([scan(0, "high"), write(60, level="low")])
    assert (found["level"], found["raised"]) == ("high", False)
    found = only([scan(0, "high"), write(60, level="high")])
    assert (found["level"], found["raised"]) == ("critical", True)


def test_time_parts_stories() -> None:
    assert len(incidents_of([scan(0), write(23 * HOUR)]).documents) == 1
    assert incidents_of([scan(0), write(25 * HOUR)]).documents == []


def test_who_was_reached_acts_on() -> None:
    chain = [
        scan(0),
        alert(
            300,
            "remote-login",
            "high",
            destination="10.0.0.5",
            tactics=("lateral-movement",),
            action="authenticate",
        ),
        write(900, source="10.0.0.5"),
        alert(9000, "else", "high", source="10.0.0.9", destination="10.0.0.77", action="stop"),
    ]
    found = only(chain)
    assert (
        found["title"] == "10.0.0.66 looked around, logged in to 10.0.0.5, then 10.0.0.5 wrote to 10.0.0.10"
    )
    assert found["level"] == "critical"
    assert len(found["sources"]) == 2
    assert found["confidence"] < only([scan(0), write(900)])["confidence"]


def test_a_scan_of_everything_joins_nobody_it_met() -> None:
    others = [
        scan(0, destination="10.0.0.5"),
        write(60, source="10.0.0.5", destination="10.0.0.10"),
    ]
    assert incidents_of(others).documents == []


def test_addresses_of_one_asset_are_one_actor() -> None:
    alerts = [scan(0, source="10.0.0.66"), write(60, source="fd00::66")]
    assert incidents_of(alerts).documents == []
    found = only(alerts, {"10.0.0.66": "a-1", "fd00::66": "a-1"})
    assert found["sources"] == [{"address": "10.0.0.66", "zone": "office", "asset": "a-1"}]


def test_what_shows_on_a_machine_belongs_to_what_was_done_to_it() -> None:
    changed = alert(
        900,
        "firmware-changed",
        source=None,
        destination=None,
        asset={"id": "a-plc", "ip": ["10.0.0.10"], "change": "firmware"},
        tactics=("persistence",),
        action="firmware",
    )
    found = only([write(0), changed], {"10.0.0.10": "a-plc"})
    assert found["alerts"]["count"] == 2
    newcomer = alert(
        -60, "new-asset", "low", None, None, asset={"id": "a-x", "ip": ["10.0.0.66"], "change": "new_asset"},
        action="new_asset",
    )  # fmt: skip
    found = only([newcomer, write(0)], {"10.0.0.66": "a-x"})
    assert found["title"] == "10.0.0.66 appeared in the network, then wrote to 10.0.0.10"


def test_harm_that_somebody_reads_is_not_blamed_on_the_reader() -> None:
    shows = alert(
        900,
        "controller-stopped",
        "high",
        source="10.0.0.5",
        tactics=("inhibit-response-function",),
        action="read",
    )
    found = only([scan(0), write(600), shows])
    assert found["title"] == "10.0.0.66 looked around, wrote to 10.0.0.10, then 10.0.0.10 behaved unusually"
    assert found["title_zh"] == "10.0.0.66 四处探测，写入了 10.0.0.10，随后 10.0.0.10 出现异常"
    assert [source["address"] for source in found["sources"]] == ["10.0.0.66"]
    upload = alert(0, "upload", "medium", source="10.0.0.5", tactics=("collection",), action="program_upload")
    assert incidents_of([upload, shows]).documents == []


def test_the_same_blow_on_a_zone_is_one() -> None:
    storm = [write(at, f"10.0.0.{10 + at}", source=f"10.9.0.{at + 1}") for at in range(3)]
    assert only(storm)["alerts"]["count"] == 3
    elsewhere = [item | {"destination": {"ip": "1.2.3.4", "zone": f"z{at}"}} for at, item in enumerate(storm)]
    assert incidents_of(elsewhere).documents == []


def test_announced_work_is_no_incident_and_advances_nothing() -> None:
    note = {"work_order": "WO-1", "level": "high"}
    announced = [
        scan(0, "informational"),
        write(60, level="low", maintenance=note),
        write(70, "10.0.0.11", level="low", maintenance=note),
    ]
    assert incidents_of(announced).documents == []
    found = only([*announced, write(80, "10.0.0.12", level="medium")])
    assert found["level"] == "high"
    assert "announced work" in found["explanation"]
    within = only([write(0, level="low", maintenance=note), write(60, level="medium"), scan(120)])
    assert (within["level"], within["raised"]) == ("medium", False)


def test_silenced_alerts_and_those_without_machines_are_left_out() -> None:
    silenced = write(60)
    silenced["event"]["silenced"] = True
    assert incidents_of([scan(0), silenced]).documents == []
    assert incidents_of([alert(0, "sensor-silent", "high", None, None), write(60)]).documents == []
    broadcast = [scan(0, source="10.0.0.1", destination="224.0.0.1"), write(60, source="224.0.0.1")]
    assert incidents_of(broadcast).documents == []


def test_state_is_bounded_and_what_is_left_out_is_counted() -> None:
    flood = [scan(at, source=f"10.{at % 50}.0.1", destination=f"10.1.{at % 250}.9") for at in range(400)]
    found = incidents_of([*flood, *ATTACK], most_alerts=100)
    assert found.alerts_left_out == 304
    assert found.documents[0]["incident"]["alerts"]["levels"]["high"] == 3


def test_documents_with_next_to_nothing_in_them_do_no_harm() -> None:
    bare = {"@timestamp": rfc3339(NOON), "event": {"id": "e"}, "rule": {"level": "high"}}
    odd = [
        {**bare, "source": {"ip": "10.0.0.1"}},
        {**bare, "source": {}},
        {"rule": {}},
        {**bare, "threat": {}},
    ]
    assert incidents_of(odd).documents == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
PLACES = st.sampled_from(
    [
        "event",
        "event.action",
        "event.count",
        "rule.title",
        "rule.title_zh",
        "rule.id",
        "rule.level",
        "threat",
        "threat.tactic",
        "threat.tactic.name",
        "source",
        "source.ip",
        "source.name",
        "destination",
        "destination.zone",
        "asset",
        "asset.ip",
        "asset.change",
        "maintenance",
    ]
)


@given(st.lists(st.tuples(st.integers(0, 3), PLACES, JSON), max_size=6))
def test_any_value_in_any_place_does_no_harm(changes: list[tuple[int, str, object]]) -> None:
    alerts: list[Any] = copy.deepcopy(ATTACK)
    for number, place, value in changes:
        target = alerts[number]
        *path, last = place.split(".")
        for key in path:
            target = target.setdefault(key, {}) if isinstance(target, dict) else {}
        if isinstance(target, dict):
            target[last] = value
    json.dumps(incidents_of(alerts).documents)


def test_every_tactic_has_a_phase_and_a_name() -> None:
    table = {slug: name for name, slug in attack_table().tactics.values()}
    assert set(MATRIX) == set(PHASE) == set(TACTIC_NAMES) == set(table)
    assert {slug: phrase.english for slug, phrase in TACTIC_NAMES.items()} == table


def test_a_machine_is_called_by_its_best_name_throughout() -> None:
    arp = scan(0, source=None)
    arp["source"] = {"mac": "3c:f0:11:5d:77:42"}
    named = write(60)
    named["source"]["name"] = "LAPTOP-7"
    found = only([arp, named], {"3c:f0:11:5d:77:42": "a-1", "10.0.0.66": "a-1"})
    assert found["title"] == "LAPTOP-7 looked around, then wrote to 10.0.0.10"
    assert found["sources"] == [
        {"address": "10.0.0.66", "name": "LAPTOP-7", "zone": "office", "asset": "a-1"}
    ]


def test_a_long_story_has_a_short_headline() -> None:
    deeds = ("write", "stop", "reset", "mode", "configure", "firmware")
    alerts = [
        alert(60 * at, deed, "medium", tactics=("impair-process-control",), action=deed)
        for at, deed in enumerate(deeds, 2)
    ]
    appeared = alert(0, "new", "low", destination=None, action="new_asset")
    worst = alert(999, "load", "critical", action="program_download", tactics=("lateral-movement",))
    found = only([appeared, *alerts, scan(400), worst])
    assert found["title"] == (
        "10.0.0.66 appeared in the network, wrote to 10.0.0.10, looked around, "
        "then loaded a program into 10.0.0.10"
    )
    assert len(found["steps"]) == 9
