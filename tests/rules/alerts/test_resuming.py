from typing import Any

from rule_texts import rule

from rules.alerts.collection import Alerts
from rules.alerts.resuming import resumed
from rules.documents import table_of
from rules.engine.matching import Engine

SECOND = 10**9
START = 1_800_000_000 * SECOND


def stop(second: int, server: str = "10.0.0.10") -> dict[str, Any]:
    return {
        "ics.operation": "stop",
        "ics.malformed": False,
        "source.ip": "10.0.0.5",
        "destination.ip": server,
        "network.protocol": "s7comm",
        "@timestamp": START + second * SECOND,
        "behaviour.last_seen": START + second * SECOND,
        "evidence.frames": [second + 1],
    }


def told(alerts: Alerts, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    table = table_of(list(documents))
    alerts.add(table, Engine([RULE]).match(table))
    return alerts.take()


RULE = rule()


def test_a_repeat_after_a_restart_grows_the_alert_that_was_told_before() -> None:
    (before,) = told(Alerts(observer="sensor-1"), stop(0), stop(5))
    after = Alerts(observer="sensor-1")
    alert = resumed(before, {RULE.id: RULE})
    assert alert is not None
    after.resume(alert)
    assert after.take() == []
    (again,) = told(after, stop(20))
    assert again["event"]["id"] == before["event"]["id"]
    assert again["event"]["count"] == 3
    assert again["event"]["start"] == before["event"]["start"]
    assert again["event"]["end"] > before["event"]["end"]
    assert again["message"] == before["message"]
    assert again["evidence"] == {"frames": [21]}


def test_another_group_or_a_repeat_after_the_quiet_time_is_an_alert_of_its_own() -> None:
    (before,) = told(Alerts(), stop(0))
    after = Alerts()
    alert = resumed(before, {RULE.id: RULE})
    assert alert is not None
    after.resume(alert)
    others = told(after, stop(1, "10.0.0.11"), stop(RULE.quiet_ns // SECOND + 10))
    assert len(others) == 2
    assert before["event"]["id"] not in {item["event"]["id"] for item in others}


def test_what_cannot_be_gone_on_with_is_left_alone() -> None:
    (before,) = told(Alerts(), stop(0))
    assert resumed(before, {}) is None
    assert resumed({"event": {}}, {RULE.id: RULE}) is None
    assert resumed({**before, "maintenance": {"id": "w"}}, {RULE.id: RULE}) is None
