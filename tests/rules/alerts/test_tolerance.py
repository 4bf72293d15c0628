"""Announced work and suppressions: what they make quiet, and above all what they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rule_texts import rule, rule_text

from rules.alerts.collection import Alerts
from rules.alerts.tolerance import Tolerances
from rules.documents import table_of
from rules.engine.matching import Engine
from rules.language.reading import read_rule
from rules.site.reading import site_of_text
from rules.table import EVIDENCE_FRAMES, Occurrences

SECOND = 10**9
EIGHT = 1_796_112_000 * SECOND
"""2026-12-01T08:00:00Z."""
WINDOW = """\
site: x
assets:
- {ip: 10.0.0.10, name: Pump PLC}
- {ip: 10.0.0.5, name: ES01}
schedule:
  maintenance:
  - {from: "2026-12-01T08:00:00Z", to: "2026-12-01T12:00:00Z", name: Valve overhaul, work_order: WO-4711,
     who: Wang Fang, assets: [Pump PLC], sources: [ES01], operations: [program_download, stop]%s}
"""
STOP: dict[str, Any] = {
    "source.ip": "10.0.0.5",
    "destination.ip": "10.0.0.10",
    "network.protocol": "s7comm",
    "ics.operation": "stop",
}


def alerts_of(site: str) -> Alerts:
    return Alerts(clock=lambda: 0, tolerances=Tolerances(site_of_text(site, Path("site.yaml"))))


def feed(alerts: Alerts, *seconds: float, key: int = -1, **fields: Any) -> None:
    documents = [{**STOP, **fields, "@timestamp": EIGHT + int(second * SECOND)} for second in seconds]
    table = table_of(documents)
    for number, document in enumerate(documents):
        table.occurrences.first_ns[number] = table.occurrences.last_ns[number] = document["@timestamp"]
    table.occurrences.keys[:] = key
    detection = "selection:\n  source.ip|exists: true\ncondition: selection"
    alerts.add(table, Engine([rule(detection)]).match(table))


def levels(alerts: Alerts) -> list[str]:
    return [document["rule"]["level"] for document in alerts.take()]


def test_an_announced_stop_says_so_and_is_low() -> None:
    alerts = alerts_of(WINDOW % "")
    feed(alerts, 60)
    (document,) = alerts.take()
    assert document["maintenance"] == {
        "id": document["maintenance"]["id"],
        "work_order": "WO-4711",
        "text": "Valve overhaul",
        "who": "Wang Fang",
        "until": "2026-12-01T12:00:00.000000000Z",
        "level": "high",
    }
    assert (document["rule"]["level"], document["event"]["severity"]) == ("low", 21)
    assert "silenced" not in document["event"]


def test_what_was_not_announced_stays_as_it_is() -> None:
    others = (
        {"source.ip": "10.0.0.66"},
        {"destination.ip": "10.0.0.11"},
        {"ics.operation": "firmware"},
        {"ics.operation": None},
    )
    for change in others:
        alerts = alerts_of(WINDOW % "")
        feed(alerts, 60, **change)
        (document,) = alerts.take()
        assert document["rule"]["level"] == "high", change
        assert "maintenance" not in document


def test_others_may_see_what_the_work_does_to_values() -> None:
    read = {"source.ip": "10.0.0.7", "ics.operation": "read"}
    cases = [
        ({**read, "baseline.value_outside": True}, "low"),
        (read, "high"),
        ({**read, "baseline.value_outside": True, "destination.ip": "10.0.0.11"}, "high"),
        ({**read, "baseline.value_outside": True, "ics.operation": "write"}, "high"),
    ]
    for change, level in cases:
        alerts = alerts_of(WINDOW % "")
        feed(alerts, 60, **change)
        assert levels(alerts) == [level], change


def test_an_alert_is_tolerated_as_a_whole_or_not_at_all() -> None:
    alerts = alerts_of(WINDOW % "")
    feed(alerts, -10, 10, 4 * 3600 + 10)
    documents = alerts.take()
    assert [(item["rule"]["level"], item["event"]["count"]) for item in documents] == [
        ("high", 1),
        ("low", 1),
        ("high", 1),
    ]
    assert len({item["event"]["id"] for item in documents}) == 3


def test_what_goes_on_after_the_window_is_an_alert_of_its_own() -> None:
    alerts = alerts_of(WINDOW % "")
    feed(alerts, 60, key=7)
    (announced,) = alerts.take()

    def more(count: int, second: float) -> list[dict[str, Any]]:
        time = np.array([EIGHT + int(second * SECOND)], np.int64)
        frames = np.zeros((1, EVIDENCE_FRAMES), np.int64)
        alerts.update(Occurrences(np.array([7]), np.array([count]), time, time, frames))
        return alerts.take()

    (grown,) = more(5, 600)
    assert (grown["event"]["id"], grown["event"]["count"]) == (announced["event"]["id"], 5)
    more(6, 4 * 3600 - 60)
    (after,) = more(9, 4 * 3600 + 1)
    assert after["event"]["id"] != announced["event"]["id"]
    assert (after["rule"]["level"], after["event"]["count"]) == ("high", 3)


def test_a_weekly_window_explains_each_week_anew() -> None:
    alerts = alerts_of(WINDOW % ", every: week")
    feed(alerts, 60, 7 * 86400 + 60, 7 * 86400 - 60)
    documents = alerts.take()
    assert [item["rule"]["level"] for item in documents] == ["low", "high", "low"]
    assert [item["maintenance"]["until"][:10] for item in documents if "maintenance" in item] == [
        "2026-12-01",
        "2026-12-08",
    ]


def test_a_window_that_names_nothing_explains_engineering_and_nothing_else() -> None:
    everything = WINDOW.replace(
        "assets: [Pump PLC], sources: [ES01], operations: [program_download, stop]%s", ""
    )
    alerts = alerts_of(everything.replace("who: Wang Fang,\n", "who: Wang Fang\n"))
    feed(alerts, 1, **{"ics.operation": "firmware", "destination.ip": "10.0.0.99"})
    assert levels(alerts) == ["low"]
    feed(alerts, 1, **{"ics.operation": "protocol_error", "destination.ip": "10.0.0.98"})
    feed(alerts, 1, **{"ics.operation": None, "destination.ip": "10.0.0.97"})
    assert levels(alerts) == ["high", "high"]


def test_silence_keeps_the_alert_and_counts_it() -> None:
    alerts = alerts_of(WINDOW % ", effect: silence")
    feed(alerts, 60)
    feed(alerts, 61, **{"source.ip": "10.0.0.66"})
    quiet, loud = alerts.take()
    assert (quiet["event"]["silenced"], quiet["rule"]["level"], quiet["maintenance"]["level"]) == (
        True,
        "informational",
        "high",
    )
    assert "silenced" not in loud["event"]
    (told,) = alerts.tolerances.describe()
    assert (told["kind"], told["work_order"], told["silenced"], told["alerts"]) == (
        "maintenance",
        "WO-4711",
        True,
        1,
    )


SUPPRESSIONS = """\
site: x
suppressions:
- id: known-stop
  reason: The pump controller is stopped every night
  author: Li Wei
  expires: 2026-12-01T09:00:00Z
  rules: [a-rule]
  where: {destination.ip: 10.0.0.10, ics.operation: [stop, start]}
  unless: {source.role: unknown}
- id: other
  reason: nothing to see here
  author: Li Wei
  expires: 2030-01-01
  rules: [another-rule]
"""


def test_a_suppression_silences_until_it_expires_by_packet_time() -> None:
    alerts = alerts_of(SUPPRESSIONS)
    feed(alerts, 0)
    feed(alerts, 3600)
    quiet, loud = alerts.take()
    assert quiet["suppression"] == {
        "id": "known-stop",
        "reason": "The pump controller is stopped every night",
        "author": "Li Wei",
        "expires": "2026-12-01T09:00:00.000000000Z",
        "level": "high",
    }
    assert quiet["event"]["silenced"] is True
    assert loud["rule"]["level"] == "high"
    assert [(told["id"], told["alerts"]) for told in alerts.tolerances.describe()] == [
        ("known-stop", 1),
        ("other", 0),
    ]


def test_a_suppression_is_no_wider_than_it_says() -> None:
    for change in ({"destination.ip": "10.0.0.11"}, {"ics.operation": "mode"}, {"source.role": "unknown"}):
        alerts = alerts_of(SUPPRESSIONS)
        feed(alerts, 0, **change)
        assert levels(alerts) == ["high"], change


def test_asset_changes_are_covered_by_their_own_fields() -> None:
    alerts = alerts_of(WINDOW % "")
    text = rule_text("selection:\n  asset.change|exists: true\ncondition: selection", "group_by: [asset.id]")
    text = text.replace("category: behaviour", "category: asset").replace("source.ip", "asset.ip")
    changed = read_rule(text.replace("destination.ip", "asset.ip"), Path("a-rule.yaml"))
    for change, ip in (("firmware", "10.0.0.10"), ("mac_conflict", "10.0.0.10"), ("firmware", "10.0.0.11")):
        document = {"@timestamp": EIGHT + SECOND, "asset": {"id": ip + change, "ip": [ip], "change": change}}
        table = table_of([document], "asset")
        alerts.add(table, Engine([changed]).match(table))
    assert sorted(levels(alerts)) == ["high", "high", "low"]
