"""What an analyst learns in the console, sensors of the site come to know; taken back, they unlearn it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plant_documents import alert

from console.fleet.accepted import decisions_of, entry_of
from console.store.interface import Store
from rules.baseline.entries import Entry
from rules.baseline.model import Conversation
from sensor.messages import Operation
from sensor.protocols.registry import PROTOCOLS

Person = Callable[[str], TestClient]
MODBUS = next(number for number, protocol in PROTOCOLS.items() if protocol.name == "modbus")
ENTRY = Entry(
    conversation=Conversation("10.0.0.5", "10.0.0.10", MODBUS, 6, 502), operation=int(Operation.WRITE)
)
NEWS = {"entry": ENTRY.id, "entry_text": ENTRY.text}


@pytest.fixture
def token(store: Store) -> dict[str, str]:
    made = {"authorization": f"Bearer {store.add_sensor('s1', 'north', 'admin')}"}
    store.ingest("s1", 1, [alert("e1", baseline=NEWS), alert("plain", destination="10.0.0.77")])
    return made


def accepted(client: TestClient, token: dict[str, str]) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/sensor/configuration", headers=token)
    return answer.json()["content"]["accepted"] if answer.status_code == 200 else []


def test_a_learn_is_sent_down_as_a_decision(
    person: Person, anyone: TestClient, token: dict[str, str], store: Store
) -> None:
    body = {"reason": 'new panel "7": order {12}', "expires": "2030-01-01T00:00:00Z"}
    assert person("viewer").post("/api/v1/alerts/e1/learn", json=body).status_code == 403
    answer = person("analyst").post("/api/v1/alerts/e1/learn", json=body)
    assert answer.status_code == 201, answer.text
    assert store.alert("e1").close_reason == "learned"
    (sent,) = accepted(anyone, token)
    assert (sent["by"], sent["decision"], sent["until"][:10]) == ("analyst", "accept", "2030-01-01")
    (decision,) = decisions_of([sent])
    assert decision.entry == ENTRY
    assert decision.reason == body["reason"]
    number = answer.json()["allowance"]["id"]
    assert person("analyst").delete(f"/api/v1/allowances/{number}").status_code == 200
    assert accepted(anyone, token) == []
    assert [version.created_by for version in store.configurations("site/north")] == ["analyst"] * 2


def test_the_page_does_the_same_and_only_where_it_can(
    person: Person, anyone: TestClient, token: dict[str, str]
) -> None:
    analyst = person("analyst")
    assert 'name="teach"' in analyst.get("/alerts/e1/allow?kind=learn").text
    assert 'name="teach"' not in analyst.get("/alerts/e1/allow?kind=mute").text
    assert 'name="teach"' not in analyst.get("/alerts/plain/allow?kind=learn").text
    form = {"kind": "learn", "expires": "30", "reason": "known", "keep": ["rule", "source"], "teach": "1"}
    assert analyst.post("/alerts/e1/allow", data=form, follow_redirects=False).status_code == 303
    assert [item["id"] for item in accepted(anyone, token)] == [ENTRY.id]


def test_what_names_no_entry_cannot_be_taught(person: Person, token: dict[str, str], store: Store) -> None:
    body = {"reason": "known"}
    assert person("analyst").post("/api/v1/alerts/plain/learn", json=body).status_code == 409
    assert person("analyst").post("/api/v1/alerts/none/learn", json=body).status_code == 404
    assert store.alert("plain").status == "new"


@pytest.mark.parametrize(
    "baseline",
    [
        {"entry": "0" * 12, "entry_text": ENTRY.text},
        {"entry": ENTRY.id, "entry_text": "{what: nonsense}"},
        {"entry": ENTRY.id, "entry_text": "{what: operation, client: [1, 2]}"},
        {"entry": ENTRY.id, "entry_text": "!!python/object:os.system {a: b}"},
        {"entry": ENTRY.id, "entry_text": "&a [*a]"},
        {"entry": ENTRY.id, "entry_text": "{" * 4000},
        {"entry": ENTRY.id, "entry_text": 7},
    ],
)
def test_a_hostile_sensor_teaches_nobody(
    person: Person, anyone: TestClient, token: dict[str, str], store: Store, baseline: dict[str, Any]
) -> None:
    store.ingest("s1", 2, [alert("evil", destination="10.0.0.66", baseline=baseline)])
    answer = person("analyst").post("/api/v1/alerts/evil/learn", json={"reason": "x"})
    assert answer.status_code == 409, answer.text
    assert accepted(anyone, token) == []
    assert store.alert("evil").status != "closed", "what could not be taught is not learned either"


def test_numbers_stay_as_they_are_written() -> None:
    text = "{what: value, server: 10.0.0.9, protocol: modbus, at: 0x10, unit: 01, value: 1e3}"
    assert entry_of({"baseline": {"entry_text": text}}) == {
        "what": "value",
        "server": "10.0.0.9",
        "protocol": "modbus",
        "at": "0x10",
        "unit": "01",
        "value": "1e3",
    }
