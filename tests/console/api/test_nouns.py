"""The nouns of the API over a small plant."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from plant_documents import HOUR, alert, asset, behaviour, health

from console.store.interface import Store
from console.store.times import now, to_text


@pytest.fixture
def analyst(person: Any, store: Store) -> TestClient:
    time = now() - HOUR
    store.ingest(
        "s1",
        1,
        [
            asset(seen=time, criticality=2.0),
            asset("a-es", seen=time, ip="10.0.0.5", role="engineering_workstation", zone="office"),
            behaviour(start=time),
            health(time),
            alert("e1", start=time, level="critical"),
            alert("e2", start=time, source="10.0.0.6", level="low", rule="new-device"),
        ],
    )
    return person("analyst")


def get(client: TestClient, path: str) -> Any:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_alerts_by_filter_and_page(analyst: TestClient) -> None:
    assert [item["id"] for item in get(analyst, "/alerts?level=critical&level=high")["items"]] == ["e1"]
    assert [item["id"] for item in get(analyst, "/alerts?q=new-dev")["items"]] == ["e2"]
    assert get(analyst, "/alerts?q=dev-new")["items"] == []
    assert get(analyst, "/alerts?address=10.0.0.6")["total"] == 1
    first = get(analyst, "/alerts?limit=1&sort=severity")
    second = get(analyst, f"/alerts?limit=1&sort=severity&cursor={first['next_cursor']}")
    assert [first["items"][0]["id"], second["items"][0]["id"]] == ["e1", "e2"]
    assert get(analyst, f"/alerts?until={to_text(now() - 2 * HOUR)}")["total"] == 0


@pytest.mark.parametrize(
    "query",
    ["level=awful", "limit=0", "limit=9999", "since=yesterday", "cursor=zz", "sort=x", "q=" + "x" * 300],
)
def test_a_wrong_query_is_told_where(analyst: TestClient, query: str) -> None:
    answer = analyst.get(f"/api/v1/alerts?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.text


def test_the_work_on_an_alert(analyst: TestClient) -> None:
    assert analyst.post("/api/v1/alerts/acknowledge", json={"ids": ["e1", "e2"]}).json() == {"changed": 2}
    assert (
        analyst.post("/api/v1/alerts/assign", json={"ids": ["e1"], "assignee": "analyst"}).status_code == 200
    )
    assert analyst.post("/api/v1/alerts/e1/comments", json={"text": "hm"}).json()["note"] == "hm"
    closing = {"ids": ["e1"], "reason": "resolved", "note": "done"}
    assert analyst.post("/api/v1/alerts/close", json=closing).json() == {"changed": 1}
    actions = [row["action"] for row in get(analyst, "/alerts/e1/history")]
    assert actions == ["opened", "acknowledged", "assigned", "commented", "closed"]
    assert get(analyst, "/alerts/e1")["close_reason"] == "resolved"
    assert analyst.post("/api/v1/alerts/close", json={**closing, "reason": "muted"}).status_code == 422
    assert analyst.post("/api/v1/alerts/close", json={**closing, "ids": ["none"]}).status_code == 404


def test_muting_with_a_look_first(analyst: TestClient) -> None:
    scope = {name: value for name, value in get(analyst, "/alerts/e1/scope").items() if name == "rule"}
    assert analyst.post("/api/v1/allowances/preview", json=scope).json()["open"] == 1
    assert analyst.post("/api/v1/allowances/preview", json={}).status_code == 422
    body = {"kind": "mute", "scope": scope, "reason": "test", "expires": to_text(now() + HOUR)}
    made = analyst.post("/api/v1/allowances", json=body)
    assert (made.status_code, made.json()["hidden"]) == (201, 1)
    assert get(analyst, "/alerts/e1")["close_reason"] == "muted"
    assert len(get(analyst, "/allowances")) == 1
    assert analyst.delete(f"/api/v1/allowances/{made.json()['id']}").status_code == 200
    assert get(analyst, "/alerts/e1")["status"] == "active"
    past = {**body, "expires": "2001-01-01T00:00:00Z"}
    assert analyst.post("/api/v1/allowances", json=past).status_code == 422


def test_assets_zones_behaviours_and_flows(analyst: TestClient) -> None:
    assert get(analyst, "/assets?role=plc")["items"][0]["open_alerts"] == 2
    decided = analyst.patch("/api/v1/assets/a-plc", json={"zone": "safety", "authorised": False})
    assert decided.json()["document"]["asset"]["zone"] == "safety"
    assert analyst.patch("/api/v1/assets/a-plc", json={"serial": "1"}).status_code == 422
    assert get(analyst, "/assets/a-plc/history")[0]["source"] == "user/analyst"
    assert {zone["name"] for zone in get(analyst, "/zones")} >= {"safety", "office"}
    assert get(analyst, "/assets/tally?field=role")[0]["count"] == 1
    assert get(analyst, "/behaviours?asset=a-plc")["items"][0]["id"] == "b-1"
    assert get(analyst, "/behaviours/b-1")["count"] == 10
    assert get(analyst, "/flows")[0]["destination_asset"] == "a-plc"
    assert analyst.get("/api/v1/assets/none/history").status_code == 404


def test_overviews(analyst: TestClient) -> None:
    assert {row["key"]: row["count"] for row in get(analyst, "/alerts/tally?facet=level")} == {
        "critical": 1,
        "low": 1,
    }
    timeline = get(analyst, "/alerts/timeline?buckets=24")
    assert sum(sum(bucket["levels"].values()) for bucket in timeline) == 2
    assert {rule["name"] for rule in get(analyst, "/rules")} == {"controller-stop", "new-device"}
    assert get(analyst, "/sensors")[0]["name"] == "s1"
    assert get(analyst, "/sensors/s1/health")[0]["health"]["packets"] == 1000
    assert get(analyst, "/status")["counts"]["alerts"] == 2


def test_the_posture_and_what_would_change_it(analyst: TestClient) -> None:
    posture = get(analyst, "/posture")
    assert posture["known"]
    assert posture["warning"] == "red"
    ledger = get(analyst, "/posture/ledger")
    assert round(sum(row["points"] for row in ledger["rows"]), 2) == ledger["risk"]
    assert ledger["rows"][0]["id"] == "e1"
    answer = analyst.post("/api/v1/posture/what-if", json={"closed": ["e1"]}).json()
    assert answer["score_then"] > answer["score"] + 40
    assert analyst.get("/api/v1/posture/ledger?site=nowhere").status_code == 404
    assert isinstance(get(analyst, "/posture/series"), list)


def test_the_description_covers_every_route_and_says_what_it_does(anyone: TestClient) -> None:
    paths = anyone.get("/api/v1/openapi.json").json()["paths"]
    assert len(paths) > 30
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation.get("description"), path
            assert operation["tags"], path
