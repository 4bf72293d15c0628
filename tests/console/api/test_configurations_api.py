"""What people set: checked before it is kept, with the line of every fault; history and the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from console.store.filters import AuditFilter, PageRequest
from console.store.interface import Store

Person = Callable[[str], TestClient]
PACKS = Path(__file__).parents[3] / "rules" / "packs"
SITE = "site: north\n"


def put(client: TestClient, texts: dict[str, str], base: int | None = None, **more: Any) -> Any:
    return client.post("/api/v1/configurations", json={"texts": texts, "base": base, **more})


@pytest.fixture
def admin(person: Person) -> TestClient:
    return person("admin")


def own_rule() -> str:
    """A shipped rule as a plant might have changed it: its own id and name."""
    text = next(iter(sorted((PACKS / "modbus").glob("*.yaml")))).read_text("utf-8")
    old = next(line for line in text.splitlines() if line.startswith("id:"))
    return text.replace(old, "id: 0b1f4c52-8f43-4a5e-9a37-0d6a3c7e51f2")


def test_a_rule_that_runs_is_kept(admin: TestClient, store: Store) -> None:
    answer = put(admin, {"rules/plant/own.yaml": own_rule()}, note="our own")
    assert answer.status_code == 201, answer.text
    version = answer.json()["version"]
    assert version["changes"] == [{"part": "rules/plant/own.yaml", "change": "added"}]
    assert (version["created_by"], version["note"]) == ("admin", "our own")
    shown = admin.get(f"/api/v1/configurations/{version['version']}").json()
    assert shown["texts"]["rules/plant/own.yaml"] == own_rule()
    rows = store.audit(AuditFilter(action="configuration.changed"), PageRequest()).items
    assert [row.actor for row in rows] == ["admin"]


@pytest.mark.parametrize(
    ("part", "text", "where"),
    [
        ("rules/a.yaml", "title: [unclosed\nid: x\n", "rules/a.yaml:"),
        ("rules/a.yaml", "title: A\nnonsense: 1\n", "rules/a.yaml"),
        ("site", "site: north\nzones:\n  - nam: x\n", "site:3:"),
        ("baseline", "nonsense: {\n", "baseline:"),
        ("suppressions", "suppressions:\n  - {}\n", "suppressions:"),
    ],
)
def test_what_no_sensor_could_run_is_refused_with_its_line(
    admin: TestClient, store: Store, part: str, text: str, where: str
) -> None:
    answer = put(admin, {part: text})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"].startswith(where), answer.text
    assert store.configurations() == []


@pytest.mark.parametrize(
    "name", ["rules/../x.yaml", "rules//etc/x.yaml", "rules/x.sh", "other", "rules/" + "x" * 280 + ".yaml"]
)
def test_parts_have_names_a_sensor_would_take(admin: TestClient, name: str) -> None:
    assert put(admin, {name: "a: 1"}).status_code == 422


def test_a_rule_whose_id_ships_already_is_refused(admin: TestClient) -> None:
    text = next(iter(sorted((PACKS / "modbus").glob("*.yaml")))).read_text("utf-8")
    answer = put(admin, {"rules/plant/copy.yaml": text})
    assert answer.status_code == 422
    assert "already belongs" in answer.json()["errors"][0]["message"]
    assert put(admin, {"rules/plant/copy.yaml": text}, values={"shipped_rules": False}).status_code == 201


def test_a_change_for_all_must_fit_every_site(admin: TestClient) -> None:
    rule = own_rule()
    assert put(admin, {"rules/site.yaml": rule}, scope="site/north").status_code == 201
    assert put(admin, {"rules/all.yaml": rule}).status_code == 422, "the same id twice in north"


def test_going_back_is_a_new_version(admin: TestClient, person: Person) -> None:
    first = put(admin, {"site": SITE}).json()["version"]["version"]
    second = put(admin, {"site": SITE + "\n"}, first).json()["version"]["version"]
    assert put(admin, {"site": SITE}, first).status_code == 409, "made from an old version"
    back = admin.post(f"/api/v1/configurations/{first}/restore")
    assert back.status_code == 201
    assert back.json()["version"] > second
    assert admin.get(f"/api/v1/configurations/{back.json()['version']}").json()["texts"] == {"site": SITE}
    assert len(person("viewer").get("/api/v1/configurations").json()) == 3


def test_only_admins_change_it(person: Person, admin: TestClient) -> None:
    version = put(admin, {"site": SITE}).json()["version"]["version"]
    for role in ("viewer", "analyst"):
        assert put(person(role), {"site": SITE}).status_code == 403
        assert person(role).post(f"/api/v1/configurations/{version}/restore").status_code == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"texts": {"site": 3}}', b'{"scope": "north"}'])
def test_a_body_of_another_shape_is_refused(admin: TestClient, body: bytes) -> None:
    assert admin.post("/api/v1/configurations", content=body).status_code == 422
