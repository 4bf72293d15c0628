"""A sensor's own affairs: its heartbeat, and what it should run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plant_documents import alert

from console.store.interface import Store
from console.store.times import SECOND, now, to_nanoseconds

Person = Callable[[str], TestClient]
NOW = "2026-11-22T08:00:00.123456789Z"
SITE = "site: north\nzones:\n  - name: control\n    networks: [10.0.0.0/24]\n"


@pytest.fixture
def token(store: Store) -> dict[str, str]:
    return {"authorization": f"Bearer {store.add_sensor('s1', 'north', 'admin')}"}


def put(person: Person, texts: dict[str, str], scope: str = "", **more: Any) -> Any:
    admin = person("admin")
    present = admin.get("/api/v1/configurations", params={"scope": scope}).json()
    base = present[0]["version"] if present else None
    body = {"scope": scope, "base": base, "texts": texts, **more}
    return admin.post("/api/v1/configurations", json=body)


def test_a_heartbeat_is_a_sign_of_life_and_is_answered(
    anyone: TestClient, token: dict[str, str], store: Store
) -> None:
    said = {
        "time": NOW,
        "boot": "b1",
        "uptime_s": 3.5,
        "configuration": None,
        "spool": {"documents": 12, "alerts": 1, "bytes": 4096, "oldest_s": 3.2},
        "from_the_future": {"x": 1},
    }
    answer = anyone.post("/api/v1/sensor/state", json=said, headers=token)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert abs(to_nanoseconds(body["time"]) - now()) < 5 * SECOND
    assert body["configuration"] is None
    assert body["evidence"] == []
    assert body["interval_s"] == 15
    (sensor,) = store.sensors()
    assert sensor.silent_seconds is not None
    assert sensor.silent_seconds < 5
    assert sensor.state is not None
    assert sensor.state["spool"]["documents"] == 12
    assert "from_the_future" not in sensor.state


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"time": 3},
        {"time": NOW, "uptime_s": -1},
        {"time": NOW, "evidence": {"unknown": ["x"] * 65}},
        {"time": NOW, "spool": {"documents": 1e300}},
        {"time": NOW, "boot": "b" * 300},
    ],
)
def test_a_hostile_heartbeat_is_refused(
    anyone: TestClient, token: dict[str, str], wrong: dict[str, Any]
) -> None:
    assert anyone.post("/api/v1/sensor/state", json=wrong, headers=token).status_code == 422


def test_packets_asked_for_are_listed_and_answered(
    anyone: TestClient, person: Person, token: dict[str, str], store: Store
) -> None:
    store.ingest("s1", 1, [alert("e1"), alert("e2", destination="10.0.0.12")])
    analyst = person("analyst")
    for event in ("e1", "e2"):
        assert analyst.post(f"/api/v1/alerts/{event}/evidence").status_code == 202
    assert person("viewer").post("/api/v1/alerts/e1/evidence").status_code == 403
    answer = anyone.post("/api/v1/sensor/state", json={"time": NOW}, headers=token)
    assert answer.json()["evidence"] == ["e1", "e2"]
    anyone.post("/api/v1/sensor/state", json={"time": NOW, "evidence": {"unknown": ["e1"]}}, headers=token)
    pcap = b"\x4d\x3c\xb2\xa1" + bytes(20)
    headers = {**token, "x-evidence-frames": "2, 1,x,0,-3,99999999999999999999"}
    assert anyone.post("/api/v1/ingest/evidence/e2", content=pcap, headers=headers).status_code == 204
    states = {event: analyst.get(f"/api/v1/alerts/{event}/evidence").json() for event in ("e1", "e2")}
    assert [states[event][0]["state"] for event in ("e1", "e2")] == ["not_held", "arrived"]
    assert store.evidence_marked("e2") == [1, 2]
    answer = anyone.post("/api/v1/sensor/state", json={"time": NOW}, headers=token)
    assert answer.json()["evidence"] == []


def test_without_a_configuration_there_is_nothing_to_run(anyone: TestClient, token: dict[str, str]) -> None:
    assert anyone.get("/api/v1/sensor/configuration", headers=token).status_code == 204


def test_a_sensor_gets_what_is_set_for_all_and_for_its_site(
    anyone: TestClient, person: Person, token: dict[str, str]
) -> None:
    assert (
        put(person, {"site": SITE}, values={"disabled": ["a"], "evidence_level": "medium"}).status_code == 201
    )
    put(person, {"site": SITE.replace("north", "south")}, "site/south")
    answer = put(person, {}, "site/north", values={"disabled": ["b"], "shipped_rules": False})
    assert answer.status_code == 201, answer.text
    answer = anyone.get("/api/v1/sensor/configuration", headers=token)
    bundle = answer.json()
    content = bundle["content"]
    assert content["site"] == SITE
    assert content["disabled"] == ["a", "b"]
    assert (content["shipped_rules"], content["evidence_level"]) == (False, "medium")
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert bundle["digest"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert answer.headers["etag"] == f'"{bundle["digest"]}"'
    again = anyone.get(
        "/api/v1/sensor/configuration", headers={**token, "if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    state = anyone.post("/api/v1/sensor/state", json={"time": NOW}, headers=token).json()
    assert state["configuration"] == {"version": bundle["version"], "digest": bundle["digest"]}


def test_another_sites_change_does_not_concern_it(
    anyone: TestClient, person: Person, token: dict[str, str]
) -> None:
    put(person, {"site": SITE})
    before = anyone.get("/api/v1/sensor/configuration", headers=token).json()
    put(person, {}, "site/south", values={"shipped_rules": False})
    assert anyone.get("/api/v1/sensor/configuration", headers=token).json() == before
    put(person, {"site": SITE + "\n"})
    after = anyone.get("/api/v1/sensor/configuration", headers=token).json()
    assert after["version"] > before["version"]
    assert after["digest"] != before["digest"]
