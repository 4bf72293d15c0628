"""The incidents of the API: filters, one by id, and who may see them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from plant_documents import NOON, alert

from console.store.interface import Store
from console.store.times import HOUR, MINUTE, to_text


def attack(number: int, source: str, destination: str, zone: str, start: int) -> list[Any]:
    common = {"source": source, "destination": destination, "zone": zone}
    scan = alert(
        f"scan-{number}", start=start, level="medium", rule="machines-swept", operation="identify", **common
    )
    scan.body["threat"]["tactic"]["name"] = ["discovery"]
    write = alert(
        f"write-{number}", start=start + MINUTE, level="medium", rule="new-write", operation="write", **common
    )
    write.body["threat"]["tactic"]["name"] = ["impair-process-control"]
    return [scan, write]


@pytest.fixture
def viewer(person: Any, store: Store) -> TestClient:
    store.ingest(
        "s1",
        1,
        [
            *attack(1, "10.0.0.66", "10.0.0.10", "control", NOON),
            *attack(2, "10.0.0.77", "10.9.0.10", "field", NOON + 5 * HOUR),
        ],
    )
    return person("viewer")  # type: ignore[no-any-return]


def get(client: TestClient, path: str) -> Any:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_incidents_by_filter_and_id(viewer: TestClient) -> None:
    found = get(viewer, "/incidents")
    assert [item["level"] for item in found["items"]] == ["high", "high"]
    latest, earlier = found["items"]
    assert latest["document"]["incident"]["zones"] == ["field"]
    assert get(viewer, f"/incidents/{earlier['id']}") == earlier
    one = [earlier["id"]]
    for query in (
        "address=10.0.0.66",
        "address=10.0.0.10",
        "zone=control",
        "status=open&zone=control",
        "limit=1&offset=1",
    ):
        assert [item["id"] for item in get(viewer, f"/incidents?{query}")["items"]] == one, query
    assert get(viewer, "/incidents?level=critical")["items"] == []
    assert get(viewer, "/incidents?status=closed")["total"] == 0
    assert [item["id"] for item in get(viewer, f"/incidents?since={to_text(NOON + HOUR)}")["items"]] == [
        latest["id"]
    ]


def test_what_there_is_not_and_who_may_not(viewer: TestClient, anyone: TestClient) -> None:
    assert viewer.get("/api/v1/incidents/i-nowhere").status_code == 404
    assert viewer.get("/api/v1/incidents?level=low").status_code == 422
    assert anyone.get("/api/v1/incidents").status_code == 401
