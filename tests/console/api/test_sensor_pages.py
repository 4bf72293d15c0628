"""Pages and metrics of sensors survive whatever a sensor says of itself, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plant_documents import NOON, alert, health
from prometheus_client.parser import text_string_to_metric_families

from console.store.interface import Store
from console.store.times import now

Person = Callable[[str], TestClient]
HOSTILE: tuple[dict[str, Any], ...] = (
    {},
    {"packets_per_s": "many", "lag_s": [], "cpu_share": {}, "memory_bytes": True, "open_files": None},
    {"interfaces": "eth1", "protocols": ["modbus"], "conditions": "all", "versions": 3, "uplink": "ok"},
    {"interfaces": [1, None, {}, {"name": {"a": 1}, "state": ["up"], "packets": "x"}]},
    {"protocols": {"<script>alert(1)</script>": {"messages": -1, "understood": 1e308}, "m": 7}},
    {"spool": {"documents": -5, "oldest_s": "old"}, "learning": "no", "baseline": [], "evidence": 1},
    {"conditions": ["<b>bold</b>", {"a": 1}, 3, "no-traffic"], "boot": {"a": 1}, "rules": {"n": 1}},
    {"clock_offset_s": -1e300, "uptime_s": 1e300, "lag_s": 1e300, "bytes_per_s": -1},
    {"drops": {"ring": 2**53, "<i>": 1, **{f"cause-{n}": n for n in range(200)}}},
    {"versions": {"fieldwatch": {"deep": [1]}, "<u>": "x" * 500}, "rules_digest": "sha256:x"},
)


@pytest.mark.parametrize("said", HOSTILE)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_a_sensor_says_breaks_a_page(
    person: Person, store: Store, said: dict[str, Any], language: str
) -> None:
    store.add_sensor("s1", "north", "root")
    for step in range(3):
        store.ingest("s1", f"b.{step}", [health(now() - step * 10**12, **said)])
    store.heartbeat("s1", {"time": "x"})
    admin = person("admin")
    for path in ("/sensors", "/sensors/s1", "/configuration", "/", "/metrics", "/api/v1/posture"):
        answer = admin.get(path, params={"lang": language})
        assert answer.status_code == 200, (path, answer.text[-500:])
        for markup in ("<script>alert", "<b>bold", "<i>:", "<u>"):
            assert markup not in answer.text.replace("&lt;", "")


def test_a_sensor_nobody_knows_has_no_page(person: Person) -> None:
    assert person("viewer").get("/sensors/nobody").status_code == 404
    assert person("viewer").get("/configuration", params={"scope": "site/nowhere"}).status_code == 404


def test_pages_that_change_something_are_for_admins(person: Person, store: Store) -> None:
    store.add_sensor("s1", "north", "root")
    for role in ("viewer", "analyst"):
        client = person(role)
        for path in (
            "/sensors/enrolments",
            "/sensors/enrolments/1/withdraw",
            "/sensors/s1/revoke",
            "/configuration/part",
            "/configuration/values",
            "/configuration/1/restore",
        ):
            assert client.post(path).status_code == 403, path
    for path in ("/sensors/enrolments", "/configuration/part", "/configuration/values"):
        admin = person("admin")
        admin.headers.pop("x-csrf-token")
        assert admin.post(path, data={"scope": ""}).status_code == 403, "without the CSRF token"
    assert store.enrolments() == []
    assert store.configurations() == []


def test_metrics_tell_of_registered_sensors_with_few_labels(person: Person, store: Store) -> None:
    store.add_sensor("s1", "north", "root")
    drops = {"ring": 5, **{f"cause-{n}": 1 for n in range(100)}}
    store.ingest("s1", 1, [health(NOON, drops=drops, lag_s=1.5, clock_offset_s=-0.25), alert()])
    for n in range(20):
        store.ingest(f"file-{n}", 1, [alert(f"f{n}")])
    store.heartbeat("s1", {"spool": {"documents": 7, "oldest_s": 2.0}})
    text = person("admin").get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert values["fieldwatch_sensor_lag_seconds", "s1"] == 1.5
    assert values["fieldwatch_sensor_clock_offset_seconds", "s1"] == -0.25
    assert values["fieldwatch_sensor_spool_documents", "s1"] == 7
    assert values["fieldwatch_sensor_state", "alive", "s1"] == 1
    assert values["fieldwatch_sensor_drops_total", "ring", "s1"] == 5
    assert values["fieldwatch_sensor_drops_total", "other", "s1"] == 100
    assert values["fieldwatch_losses_total", "closed_alerts_evicted"] == 0
    assert len(families["fieldwatch_sensor_drops"].samples) == 5
    assert not any(
        "file-3" in str(sample.labels) for family in families.values() for sample in family.samples
    )
