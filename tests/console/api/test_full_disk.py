"""What a sensor hears when the console's disk is full: later, and nothing of it was stored."""

from __future__ import annotations

from fastapi.testclient import TestClient
from plant_documents import alert

from console.store.sqlite.store import SqliteStore


def test_a_full_disk_is_told_and_passes(anyone: TestClient, store: SqliteStore) -> None:
    token = {"authorization": f"Bearer {store.add_sensor('s1', 'north', 'root')}"}
    documents = [alert(f"e{n}", destination=f"10.0.1.{n}") for n in range(250)]
    batch = {
        "sensor": "s1",
        "sequence": 1,
        "documents": [{"type": item.type, "body": item.body} for item in documents],
    }
    writer = store.connections._writer
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0] + 4}")
    for path, body in (("/api/v1/ingest", batch), ("/api/v1/ingest/evidence/e1", None)):
        if body is None:
            store.ingest("s1", 0, [alert("e1")])
            pcap = b"\xd4\xc3\xb2\xa1" + bytes(900_000)
            answer = anyone.post(path, content=pcap, headers=token)
        else:
            answer = anyone.post(path, json=body, headers=token)
        assert answer.status_code == 507, answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
    writer.execute("PRAGMA max_page_count = 1000000")
    assert anyone.post("/api/v1/ingest", json=batch, headers=token).json()["new_alerts"] == 249
