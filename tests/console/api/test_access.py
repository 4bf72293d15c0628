"""Login, roles, CSRF, limits, headers, audit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_people import HASH, PASSWORD
from fastapi import FastAPI
from fastapi.testclient import TestClient
from plant_documents import alert

from console.app import create_app
from console.auth.first_admin import first_admin
from console.auth.passwords import verify_password
from console.hardening import HEADERS
from console.settings import LoginSettings, Settings
from console.store import open_store
from console.store.filters import AuditFilter, PageRequest
from console.store.interface import Store
from console.store.times import HOUR, now, to_text

Person = Callable[[str], TestClient]
OPEN = {
    "/api/v1/alive",
    "/api/v1/session",
    "/api/v1/sensors/enrol",
    "/api/v1/ingest",
    "/api/v1/ingest/evidence/{event_id}",
}
ADMIN_ONLY = ("/api/v1/users", "/api/v1/audit", "/api/v1/enrolments")
ANALYST = (
    ("post", "/api/v1/alerts/acknowledge", {"ids": ["e1"]}),
    ("post", "/api/v1/alerts/close", {"ids": ["e1"], "reason": "resolved"}),
    ("post", "/api/v1/alerts/reopen", {"ids": ["e1"]}),
    ("post", "/api/v1/alerts/assign", {"ids": ["e1"], "assignee": None}),
    ("post", "/api/v1/alerts/e1/comments", {"text": "x"}),
    ("post", "/api/v1/allowances", {"kind": "mute", "scope": {"zone": "z"}, "reason": "r"}),
    ("patch", "/api/v1/assets/a", {"zone": "z"}),
)


def operations(application: FastAPI) -> list[tuple[str, str]]:
    paths = application.openapi()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods]


def test_every_route_but_the_open_ones_needs_a_login(application: FastAPI, anyone: TestClient) -> None:
    tried = 0
    for method, path in operations(application):
        if path in OPEN and not (path == "/api/v1/session" and method != "post"):
            continue
        answer = anyone.request(method, path, json={})
        assert answer.status_code == 401, (method, path, answer.status_code)
        assert answer.headers["content-type"] == "application/problem+json"
        tried += 1
    assert tried > 30


def test_roles_are_a_ladder(person: Person, store: Store) -> None:
    store.ingest("s1", 1, [alert()])
    viewer, analyst, admin = person("viewer"), person("analyst"), person("admin")
    assert viewer.get("/api/v1/alerts").json()["total"] == 1
    for method, path, body in ANALYST:
        assert viewer.request(method, path, json=body).status_code == 403, path
        assert analyst.request(method, path, json=body).status_code != 403, path
    for path in ADMIN_ONLY:
        assert analyst.get(path).status_code == 403
        assert admin.get(path).status_code == 200
    assert analyst.post("/api/v1/sensors", json={"name": "x"}).status_code == 403


def test_a_wrong_password_and_an_unknown_name_look_alike(anyone: TestClient) -> None:
    wrong = anyone.post("/api/v1/session", json={"name": "viewer", "password": "wrong"})
    unknown = anyone.post("/api/v1/session", json={"name": "nobody", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers


def test_a_disabled_account_cannot_log_in_and_its_session_ends(person: Person, store: Store) -> None:
    viewer = person("viewer")
    store.change_user("viewer", "admin", disabled=True)
    assert viewer.get("/api/v1/session").status_code == 401
    assert viewer.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD}).status_code in (
        401,
        403,
    )


def test_changes_need_the_csrf_token_of_this_session(person: Person, store: Store) -> None:
    store.ingest("s1", 1, [alert()])
    analyst, other = person("analyst"), person("admin")
    body = {"ids": ["e1"]}
    token = analyst.headers.pop("x-csrf-token")
    assert analyst.post("/api/v1/alerts/acknowledge", json=body).status_code == 403
    for wrong in ("", "x", other.headers["x-csrf-token"]):
        answer = analyst.post("/api/v1/alerts/acknowledge", json=body, headers={"x-csrf-token": wrong})
        assert answer.status_code == 403
    assert store.alert("e1").status == "new"
    foreign = {"x-csrf-token": token, "origin": "https://evil.example"}
    assert analyst.post("/api/v1/alerts/acknowledge", json=body, headers=foreign).status_code == 403
    own = {"x-csrf-token": token, "origin": "http://testserver"}
    assert analyst.post("/api/v1/alerts/acknowledge", json=body, headers=own).status_code == 200


def test_another_sites_page_cannot_log_somebody_in(anyone: TestClient) -> None:
    body = {"name": "viewer", "password": PASSWORD}
    answer = anyone.post("/api/v1/session", json=body, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_the_session_cookie_is_out_of_reach(anyone: TestClient, store: Store, settings: Settings) -> None:
    answer = anyone.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    secure = create_app(store, settings.model_copy(update={"https": True}))
    client = TestClient(secure, base_url="https://testserver")
    answer = client.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-fieldwatch_session=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" in answer.headers


def test_logging_out_ends_the_session_for_good(person: Person) -> None:
    viewer = person("viewer")
    cookies = dict(viewer.cookies)
    assert viewer.delete("/api/v1/session").status_code == 204
    viewer.cookies.update(cookies)
    assert viewer.get("/api/v1/session").status_code == 401


class TestLimits:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(login=LoginSettings(failures_per_account=3, failures_per_address=6))

    def fail(self, client: TestClient, name: str) -> int:
        return client.post("/api/v1/session", json={"name": name, "password": "wrong"}).status_code

    def test_an_account_rests_after_failures_even_with_the_right_password(self, anyone: TestClient) -> None:
        assert [self.fail(anyone, "viewer") for _ in range(4)] == [401, 401, 401, 429]
        answer = anyone.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert anyone.post("/api/v1/session", json={"name": "admin", "password": PASSWORD}).status_code == 200

    def test_an_address_rests_after_failures_over_many_accounts(self, anyone: TestClient) -> None:
        assert [self.fail(anyone, f"user{index}") for index in range(7)] == [401] * 6 + [429]

    def test_a_forged_forwarding_header_gives_no_new_address(self, anyone: TestClient) -> None:
        for index in range(6):
            anyone.headers["x-forwarded-for"] = f"198.51.100.{index}"
            self.fail(anyone, f"user{index}")
        assert self.fail(anyone, "user9") == 429

    def test_success_forgives(self, anyone: TestClient) -> None:
        for _ in range(3):
            self.fail(anyone, "viewer")
            self.fail(anyone, "viewer")
            answer = anyone.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
            if answer.status_code == 429:
                break
            assert answer.status_code == 200
            anyone.cookies.clear()

    def test_refusals_are_audited_with_the_address(self, anyone: TestClient, store: Store) -> None:
        self.fail(anyone, "viewer")
        row = store.audit(AuditFilter(action="session.refused"), PageRequest()).items[0]
        assert (row.subject, row.address) == ("user/viewer", "192.0.2.9")


def test_every_answer_carries_the_security_headers(anyone: TestClient, application: FastAPI) -> None:
    @application.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("secret inside")

    for path in ("/api/v1/alive", "/api/v1/alerts", "/nothing", "/api/v1/broken", "/login"):
        answer = anyone.get(path, follow_redirects=False)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (path, name)
        assert "secret" not in answer.text
    assert anyone.get("/api/v1/broken").status_code == 500
    assert "script-src" not in HEADERS["content-security-policy"]
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_large_bodies_are_refused_before_they_are_read(person: Person) -> None:
    analyst = person("analyst")
    large = b'{"ids": ["' + b"x" * (1 << 20) + b'"]}'
    headers = {"content-type": "application/json"}
    assert analyst.post("/api/v1/alerts/acknowledge", content=large, headers=headers).status_code == 413
    chunks = (large[start : start + 65536] for start in range(0, len(large), 65536))
    assert analyst.post("/api/v1/alerts/acknowledge", content=chunks, headers=headers).status_code == 413


def test_people_may_change_their_own_password_only_knowing_the_present_one(
    person: Person, store: Store
) -> None:
    viewer = person("viewer")
    wrong = viewer.put("/api/v1/session/password", json={"present": "nope", "new": "x" * 20})
    assert wrong.status_code == 403
    short = viewer.put("/api/v1/session/password", json={"present": PASSWORD, "new": "short"})
    assert short.status_code == 422
    assert (
        viewer.put("/api/v1/session/password", json={"present": PASSWORD, "new": "y" * 20}).status_code == 204
    )
    assert viewer.get("/api/v1/session").status_code == 401
    assert verify_password(store.password_hash("viewer"), "y" * 20)


def test_api_tokens_act_without_csrf_but_never_above_their_role(person: Person, anyone: TestClient) -> None:
    analyst = person("analyst")
    assert analyst.post("/api/v1/tokens", json={"name": "t", "role": "admin"}).status_code == 422
    made = analyst.post(
        "/api/v1/tokens", json={"name": "t", "role": "viewer", "expires": to_text(now() + HOUR)}
    )
    secret = {"authorization": f"Bearer {made.json()['secret']}"}
    assert anyone.get("/api/v1/alerts", headers=secret).status_code == 200
    assert anyone.post("/api/v1/alerts/acknowledge", json={"ids": ["e"]}, headers=secret).status_code == 403
    assert anyone.post("/api/v1/tokens", json={"name": "child"}, headers=secret).status_code == 403
    assert "secret" not in analyst.get("/api/v1/tokens").text
    assert analyst.delete(f"/api/v1/tokens/{made.json()['token']['id']}").status_code == 204
    assert anyone.get("/api/v1/alerts", headers=secret).status_code == 401


def test_a_bearer_header_never_falls_back_on_the_cookie(person: Person) -> None:
    admin = person("admin")
    del admin.headers["x-csrf-token"]
    answer = admin.post("/api/v1/sensors", json={"name": "x"}, headers={"authorization": "Bearer nonsense"})
    assert answer.status_code == 401


def test_admins_manage_accounts_and_all_of_it_is_audited(person: Person) -> None:
    admin = person("admin")
    weak = admin.post("/api/v1/users", json={"name": "anna", "password": "short"})
    assert weak.status_code == 422
    made = admin.post("/api/v1/users", json={"name": "anna", "role": "analyst", "password": "p" * 16})
    assert made.status_code == 201
    assert "hash" not in made.text
    assert admin.post("/api/v1/users", json={"name": "anna", "password": "p" * 16}).status_code == 409
    assert admin.patch("/api/v1/users/anna", json={"disabled": True}).json()["disabled"]
    assert admin.patch("/api/v1/users/admin", json={"role": "viewer"}).status_code == 409
    assert admin.put("/api/v1/users/nobody/password", json={"password": "p" * 16}).status_code == 404
    actions = [row["action"] for row in admin.get("/api/v1/audit?subject=user/anna").json()["items"]]
    assert actions == ["user.changed", "user.added"]
    assert admin.get("/api/v1/audit?actor=admin").json()["items"][0]["address"] == "192.0.2.10"


def test_metrics_are_for_this_machine_or_an_admin(
    application: FastAPI, anyone: TestClient, person: Person
) -> None:
    assert anyone.get("/metrics").status_code == 403
    assert person("analyst").get("/metrics").status_code == 403
    answer = person("admin").get("/metrics")
    assert answer.status_code == 200
    assert "fieldwatch_posture_confidence 0.0" in answer.text
    assert 'fieldwatch_losses_total{cause="evidence_evicted"} 0.0' in answer.text
    local = TestClient(application, client=("127.0.0.1", 5000))
    assert local.get("/metrics").status_code == 200
    assert local.get("/metrics", headers={"x-forwarded-for": "198.51.100.1"}).status_code == 403


def test_the_first_admin_is_made_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = open_store(tmp_path / "new.db")
    password = first_admin(store)
    assert password is not None
    assert len(password) >= 20
    assert verify_password(store.password_hash("admin"), password)
    assert first_admin(store) is None
    store.close()


def test_hashes_are_argon2id() -> None:
    assert HASH.startswith("$argon2id$")
    assert not verify_password(None, PASSWORD)
    assert not verify_password("nonsense", PASSWORD)
