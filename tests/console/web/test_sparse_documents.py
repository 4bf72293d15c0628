"""Pages show what documents have and survive what they lack: absent means unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from console.app import create_app
from console.auth.access import INSECURE_COOKIE
from console.store.records import Envelope
from console.store.sqlite.store import SqliteStore
from console.store.times import HOUR, now, to_text
from console.store.tokens import digest
from rules.incidents.incident import incidents_of

TIME = to_text(now())
EVENT = {"id": "e1", "kind": "alert", "start": TIME, "end": TIME, "count": 1, "severity": 47}
RULE = {"id": "00000000-0000-4000-8000-000000000000", "name": "r", "title": "T", "level": "medium"}
BARE_ALERT: dict[str, Any] = {
    "@timestamp": TIME,
    "event": EVENT,
    "rule": RULE,
    "observer": {"name": "s"},
    "message": "m",
}
LINK_LAYER_ALERT = {
    **BARE_ALERT,
    "event": {**EVENT, "id": "e2"},
    "source": {"mac": "00:30:a7:00:00:01"},
    "destination": {"mac": "01:0c:cd:01:00:01"},
    "network": {"protocol": "goose"},
    "ics": {"operation": "report", "values": [1, True, {"q": "good"}], "status": "ok"},
}
CHANGE_ALERT = {
    **BARE_ALERT,
    "event": {**EVENT, "id": "e3"},
    "asset": {"id": "a-bare", "change": "firmware", "old": "V1", "new": "V2"},
}
ANNOUNCED_ALERT = {
    **BARE_ALERT,
    "event": {**EVENT, "id": "e4"},
    "rule": {**RULE, "id": "x"},
    "maintenance": {"until": TIME},
}
SUPPRESSED_ALERT = {
    **BARE_ALERT,
    "event": {**EVENT, "id": "e5", "silenced": True},
    "rule": {**RULE, "id": "y"},
    "suppression": {"expires": TIME},
}
BARE_ASSET = {"asset": {"id": "a-bare", "first_seen": TIME, "last_seen": TIME}}
ODD_ASSET = {
    "asset": {
        "id": "a-odd",
        "mac": ["00:30:a7:00:00:01"],
        "role": "quantum_controller",
        "zone": "a zone of their own",
        "purdue_level": 3.5,
        "first_seen": TIME,
        "last_seen": TIME,
        "colour": "green",
    },
    "evidence": {"role": {"reason": "it says so"}},
}
STORY = [
    {
        **BARE_ALERT,
        "event": {**EVENT, "id": "s1", "start": to_text(now() - HOUR)},
        "source": {"ip": "10.0.0.66"},
    },
    {
        **BARE_ALERT,
        "event": {**EVENT, "id": "s2"},
        "rule": {**RULE, "id": "z"},
        "source": {"ip": "10.0.0.66"},
    },
]
"""Two alerts of one source that say nothing else."""
INCIDENT = incidents_of(STORY).documents[0]["incident"]["id"]
BEHAVIOUR = {
    "behaviour": {"id": "b-1", "count": 3, "first_seen": TIME, "last_seen": TIME},
    "source": {"mac": "00:30:a7:00:00:01"},
    "destination": {"mac": "01:0c:cd:01:00:01"},
    "network": {"protocol": "goose"},
    "ics": {"operation": "report", "kind": "event"},
}


ALERTS = (BARE_ALERT, LINK_LAYER_ALERT, CHANGE_ALERT, ANNOUNCED_ALERT, SUPPRESSED_ALERT, *STORY)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    store = SqliteStore(tmp_path / "sparse.db")
    store.add_user("anna", "analyst", "x", "test")
    documents = [
        Envelope("asset", BARE_ASSET),
        Envelope("asset", ODD_ASSET),
        Envelope("behaviour", BEHAVIOUR),
    ]
    documents += [Envelope("alert", each) for each in ALERTS]
    store.ingest("s", 1, documents)
    store.open_session("anna", digest("t"), "csrf", now() + HOUR, "test")
    with TestClient(create_app(store), cookies={INSECURE_COOKIE: "t"}) as inside:
        yield inside


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/alerts",
        "/alerts/e1",
        "/alerts/e2",
        "/alerts/e3",
        "/alerts/e4",
        "/alerts/e5",
        "/incidents",
        "/incidents?status=all",
        f"/incidents/{INCIDENT}",
        "/alerts/e1/allow?kind=learn",
        "/assets",
        "/assets/a-bare",
        "/assets/a-odd",
        "/rules",
        "/rules/r",
        "/sensors",
    ],
)
def test_pages_stand_what_documents_lack(client: TestClient, path: str, language: str) -> None:
    answer = client.get(path, params={"lang": language} | dict(p.split("=") for p in path.split("?")[1:]))
    assert answer.status_code == 200
    assert "None" not in answer.text.replace("None.", "")


def test_unknown_words_and_fields_are_shown_as_they_are(client: TestClient) -> None:
    text = client.get("/assets/a-odd").text
    for shown in ("quantum controller", "a zone of their own", "3.5 · Industrial DMZ", "green", "it says so"):
        assert shown in text


def test_a_change_of_an_asset_tells_before_and_after(client: TestClient) -> None:
    text = client.get("/alerts/e3").text
    assert "Firmware changed" in text
    assert text.index("V1") < text.index("V2")


@pytest.mark.parametrize("path", ["/alerts/nothing", "/assets/nothing", "/rules/nothing", "/nowhere"])
def test_what_is_not_there_is_said_so(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"accept-language": "zh"})
    assert answer.status_code == 404
    assert "未找到" in answer.text


@pytest.mark.parametrize(
    "query",
    ["offset=-5", "offset=x", "offset=99999999", "sort=nope", "level=x&level=high", "period=x", "purdue=x"],
)
def test_made_up_queries_fall_back(client: TestClient, query: str) -> None:
    for path in ("/alerts", "/assets", "/incidents"):
        assert client.get(f"{path}?{query}").status_code == 200
