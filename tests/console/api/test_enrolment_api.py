"""Enrolling over HTTP: a code in, a token out; and what a stolen token is worth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from plant_documents import alert

from console.app import create_app
from console.settings import LoginSettings, Settings
from console.store.filters import AuditFilter, PageRequest
from console.store.interface import Store

Person = Callable[[str], TestClient]
CERTIFICATE = "5e" * 32


@pytest.fixture
def application(store: Store, settings: Settings) -> FastAPI:
    return create_app(store, settings, [CERTIFICATE])


@pytest.fixture
def settings() -> Settings:
    return Settings(login=LoginSettings(failures_per_address=6))


def made(person: Person, **wishes: object) -> str:
    answer = person("admin").post("/api/v1/enrolments", json={"site": "north", **wishes})
    assert answer.status_code == 201, answer.text
    return answer.json()["code"]


def enrol(client: TestClient, code: str, name: str | None = "line-1") -> tuple[int, dict[str, object]]:
    body = {"code": code, "versions": {"fieldwatch": "9.9"}, "from_the_future": [1]}
    answer = client.post("/api/v1/sensors/enrol", json=body | ({"name": name} if name else {}))
    return answer.status_code, answer.json()


def test_a_sensor_enrols_with_a_code(person: Person, anyone: TestClient, store: Store) -> None:
    code = made(person)
    assert code.endswith("-" + CERTIFICATE[:32])
    status, answer = enrol(anyone, code.lower())
    assert status == 201
    assert (answer["sensor"], answer["site"]) == ("line-1", "north")
    assert answer["certificates"] == [CERTIFICATE]
    assert store.sensor_of_token(str(answer["token"])) == "line-1"
    (listed,) = person("admin").get("/api/v1/enrolments").json()
    assert listed["state"] == "used"
    assert code not in str(listed)


def test_used_unknown_and_no_code_are_refused_alike(person: Person, anyone: TestClient) -> None:
    code = made(person)
    enrol(anyone, code)
    answers = [enrol(anyone, text, "line-2") for text in (code, "FW1-" + "A" * 24, "hello")]
    assert {status for status, _ in answers} == {403}
    assert len({str(body) for _, body in answers}) == 1


def test_conflicts_and_missing_names_are_told(person: Person, anyone: TestClient, store: Store) -> None:
    store.add_sensor("line-1", "north", "root")
    code = made(person)
    assert enrol(anyone, code, "line-1")[0] == 409
    assert enrol(anyone, code, None)[0] == 422
    bound = made(person, name="line-1")
    assert enrol(anyone, bound, "line-2")[0] == 409
    assert enrol(anyone, bound, None)[0] == 201


def test_guessing_is_slowed_down_and_seen(anyone: TestClient, store: Store) -> None:
    answers = [enrol(anyone, f"FW1-{'A' * 23}{letter}")[0] for letter in "ABCDEFGH"]
    assert answers == [403] * 6 + [429] * 2
    answer = anyone.post("/api/v1/sensors/enrol", json={"code": "x"})
    assert int(answer.headers["retry-after"]) > 0
    actions = {row.action for row in store.audit(AuditFilter(), PageRequest()).items}
    assert {"sensor.enrolment_refused", "sensor.enrolment_limited"} <= actions


def test_codes_are_made_and_withdrawn_by_admins_only(person: Person, anyone: TestClient) -> None:
    for role in ("viewer", "analyst"):
        assert person(role).post("/api/v1/enrolments", json={}).status_code == 403
        assert person(role).get("/api/v1/enrolments").status_code == 403
    code = made(person)
    admin = person("admin")
    number = admin.get("/api/v1/enrolments").json()[0]["id"]
    assert admin.delete(f"/api/v1/enrolments/{number}").status_code == 204
    assert admin.delete(f"/api/v1/enrolments/{number}").status_code == 404
    assert enrol(anyone, code)[0] == 403


def test_a_stolen_token_posts_as_its_sensor_only(person: Person, anyone: TestClient, store: Store) -> None:
    token = {"authorization": f"Bearer {enrol(anyone, made(person))[1]['token']}"}
    store.add_sensor("line-2", "south", "root")
    store.ingest("line-2", 1, [alert("theirs")])
    store.request_evidence("theirs", "anna")

    def batch(sensor: str) -> dict[str, object]:
        documents = [{"type": "alert", "body": alert("mine", destination="10.9.9.9").body}]
        return {"sensor": sensor, "sequence": "1", "documents": documents}

    assert anyone.post("/api/v1/ingest", json=batch("line-2"), headers=token).status_code == 403
    assert anyone.post("/api/v1/ingest", json=batch("line-1"), headers=token).status_code == 200
    assert store.alert("mine").sensors == ["line-1"]
    pcap = b"\xd4\xc3\xb2\xa1" + bytes(20)
    theirs = anyone.post("/api/v1/ingest/evidence/theirs", content=pcap, headers=token)
    assert theirs.status_code == 422
    state = {"time": "2026-11-22T08:00:00Z", "evidence": {"unknown": ["theirs"]}}
    answer = anyone.post("/api/v1/sensor/state", json=state, headers=token)
    assert answer.status_code == 200
    assert answer.json()["evidence"] == []
    assert store.evidence_wanted("line-2") == ["theirs"]
    for path in ("/api/v1/alerts", "/api/v1/sensors", "/api/v1/configurations", "/api/v1/stream"):
        assert anyone.get(path, headers=token).status_code == 401
    person("admin").delete("/api/v1/sensors/line-1")
    for path in ("/api/v1/sensor/state", "/api/v1/ingest"):
        assert anyone.post(path, json={}, headers=token).status_code == 401
    assert anyone.get("/api/v1/sensor/configuration", headers=token).status_code == 401
