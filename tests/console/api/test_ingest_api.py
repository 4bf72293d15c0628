"""What a sensor may deliver over HTTP, and what happens when it is hostile."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plant_documents import HOUR, NOON, alert, asset

from console.settings import IngestSettings, Settings
from console.store.interface import Store
from console.store.records import Envelope
from console.store.times import now, to_nanoseconds

PCAP = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(8) + b"\xff\xff\x00\x00\x01\x00\x00\x00"
PACKET = (
    (1).to_bytes(4, "little") + (5).to_bytes(4, "little") + (20).to_bytes(4, "little") * 2 + bytes(range(20))
)


@pytest.fixture
def settings() -> Settings:
    return Settings(ingest=IngestSettings(body_bytes=100_000, decoded_bytes=200_000, documents=50))


@pytest.fixture
def token(store: Store) -> dict[str, str]:
    return {"authorization": f"Bearer {store.add_sensor('s1', 'north', 'admin')}"}


def batch(*documents: Envelope, sequence: int | str = 1, sensor: str = "s1") -> dict[str, Any]:
    return {
        "sensor": sensor,
        "sequence": sequence,
        "documents": [{"type": item.type, "body": item.body} for item in documents],
    }


def post(client: TestClient, token: dict[str, str], content: bytes, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"content-type": "application/json", **named, **token}
    return client.post("/api/v1/ingest", content=content, headers=kind)


def test_a_batch_is_taken_once(anyone: TestClient, token: dict[str, str], store: Store) -> None:
    first = anyone.post("/api/v1/ingest", json=batch(alert(), asset()), headers=token)
    again = anyone.post("/api/v1/ingest", json=batch(alert(), asset()), headers=token)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)
    assert store.counts()["alerts"] == 1
    assert store.asset("a-plc").site == "north"


def test_ndjson_and_gzip_say_the_same(anyone: TestClient, token: dict[str, str]) -> None:
    lines = [{"sensor": "s1", "sequence": "n1"}, *batch(alert("e1"), alert("e2"))["documents"]]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    answer = post(
        anyone,
        token,
        gzip.compress(content[:50]) + gzip.compress(content[50:]),
        content_type="application/x-ndjson",
        content_encoding="gzip",
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["new_alerts"] == 2


def test_nothing_without_a_token_or_for_another_sensor(
    anyone: TestClient, token: dict[str, str], store: Store
) -> None:
    body = batch(alert(), sensor="s2")
    assert anyone.post("/api/v1/ingest", json=body).status_code == 401
    wrong = {"authorization": "Bearer fws_wrong"}
    assert anyone.post("/api/v1/ingest", json=body, headers=wrong).status_code == 401
    assert anyone.post("/api/v1/ingest", json=body, headers=token).status_code == 403
    store.revoke_sensor("s1", "admin")
    assert anyone.post("/api/v1/ingest", json=batch(alert()), headers=token).status_code == 401
    assert store.counts()["alerts"] == 0


def test_a_sensors_token_opens_nothing_else(anyone: TestClient, token: dict[str, str]) -> None:
    for path in ("/api/v1/alerts", "/api/v1/users", "/api/v1/session"):
        assert anyone.get(path, headers=token).status_code == 401


def test_a_bad_document_refuses_the_batch_and_says_where(
    anyone: TestClient, token: dict[str, str], store: Store
) -> None:
    bad = alert("bad")
    bad.body["event"]["severity"] = 5000
    answer = anyone.post("/api/v1/ingest", json=batch(alert("good"), bad), headers=token)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "documents.1.body.event.severity"
    assert store.counts()["alerts"] == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 50_000, 400),
        (b'{"sensor": "s1", "sequence": 1, "documents": NaN}', 400),
        (b'{"sensor": "s1", "sequence": ' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b'{"sensor": "s1"}', 422),
        (b'{"sensor": "s1", "sequence": 1.5, "documents": []}', 422),
        (b'{"sensor": "s1", "sequence": "", "documents": []}', 422),
        (b'{"sensor": "s1", "sequence": 1, "documents": {}}', 422),
        (b'{"sensor": "s1", "sequence": 1, "documents": [], "extra": 1}', 422),
        (b'{"sensor": "s1", "sequence": 1, "documents": [{"type": "virus", "body": {}}]}', 422),
        (b'{"sensor": "s1", "sequence": 1, "documents": [{"type": "alert", "body": []}]}', 422),
        (b'{"sensor": "s1", "sequence": 1, "documents": [' + b'{"type":"x","body":{}},' * 60 + b"{}]}", 422),
    ],
)
def test_what_is_no_batch_is_refused(
    anyone: TestClient, token: dict[str, str], content: bytes, status: int
) -> None:
    answer = post(anyone, token, content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_sizes_are_bounded_on_the_wire_and_unpacked(anyone: TestClient, token: dict[str, str]) -> None:
    assert post(anyone, token, b" " * 100_001).status_code == 413
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert post(anyone, token, bomb, content_encoding="gzip").status_code == 413
    assert post(anyone, token, b"not gzip", content_encoding="gzip").status_code == 400
    assert post(anyone, token, gzip.compress(b"{}" * 100)[:-5], content_encoding="gzip").status_code == 400
    assert post(anyone, token, b"{}", content_encoding="br").status_code == 415
    many = batch(*(alert(f"e{index}") for index in range(51)))
    assert anyone.post("/api/v1/ingest", json=many, headers=token).status_code == 413


def test_a_clock_far_ahead_is_held_back(anyone: TestClient, token: dict[str, str], store: Store) -> None:
    ahead = now() + 10_000 * HOUR
    answer = anyone.post("/api/v1/ingest", json=batch(alert(start=ahead)), headers=token)
    assert answer.json()["times_held_back"] == 1
    assert to_nanoseconds(store.alert("e1").last_seen) < now() + HOUR


def test_hostile_names_stay_text(anyone: TestClient, token: dict[str, str], store: Store) -> None:
    html = "<img src=x onerror=alert(1)>"
    body = batch(alert(message=html), asset(name=html))
    assert anyone.post("/api/v1/ingest", json=body, headers=token).status_code == 200
    assert store.alert("e1").document["message"] == html


@pytest.mark.parametrize("event_id", ["../x", "a b", "a/b", ".", "", "x?y", "日"])
def test_ids_hold_nothing_that_means_something_in_an_address(
    anyone: TestClient, token: dict[str, str], event_id: str
) -> None:
    assert anyone.post("/api/v1/ingest", json=batch(alert(event_id)), headers=token).status_code == 422


def test_packets_come_with_their_alert(anyone: TestClient, token: dict[str, str], person: Any) -> None:
    anyone.post("/api/v1/ingest", json=batch(alert(start=NOON)), headers=token)
    assert anyone.post("/api/v1/ingest/evidence/e1", content=PCAP + PACKET, headers=token).status_code == 204
    assert anyone.post("/api/v1/ingest/evidence/other", content=PCAP, headers=token).status_code == 422
    assert anyone.post("/api/v1/ingest/evidence/e1", content=b"junk", headers=token).status_code == 422
    viewer = person("viewer")
    download = viewer.get("/api/v1/alerts/e1/packets.pcap")
    assert download.content == PCAP + PACKET
    assert "attachment" in download.headers["content-disposition"]
    shown = viewer.get("/api/v1/alerts/e1/packets").json()
    assert shown["packets"][0]["captured"] == 20
    assert shown["packets"][0]["rows"][0]["octets"].startswith("00 01 02 03")
    assert viewer.get("/api/v1/alerts/none/packets").status_code == 404
