"""`fieldwatch console` on the command line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from plant_documents import alert, asset, behaviour
from typer.testing import CliRunner, Result

from console.auth.passwords import verify_password
from console.commands.console import app
from console.store import open_store
from console.store.delivery import deliver
from console.store.filters import AuditFilter, PageRequest


def run(*arguments: object, typed: str = "\n") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "console.db"


def test_accounts_are_added_changed_and_listed(path: Path) -> None:
    added = run("user", "add", "anna", "--role", "analyst", "--store", path)
    assert added.exit_code == 0, added.output
    password = next(line for line in added.output.splitlines() if "password: " in line).rpartition(" ")[2]
    store = open_store(path)
    assert verify_password(store.password_hash("anna"), password)
    assert run("user", "password", "anna", "--store", path, typed="a long password\n").exit_code == 0
    assert verify_password(store.password_hash("anna"), "a long password")
    assert "anna\tanalyst\tenabled\tnever" in run("user", "list", "--store", path).output
    assert [row.actor for row in store.audit(AuditFilter(), PageRequest()).items] == ["console"] * 2
    store.close()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("user", "add", "a b"), 1, "name:"),
        (("user", "add", "anna", "--role", "king"), 2, "--role"),
        (("user", "password", "nobody"), 1, "no user nobody"),
        (("sensor", "revoke", "none"), 1, "no sensor none"),
        (("sensor", "add", "a/b"), 1, "name:"),
    ],
)
def test_mistakes_get_one_clear_line(path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(*arguments, "--store", path)
    assert result.exit_code == code
    assert says in result.output
    assert "Traceback" not in result.output


def test_a_short_password_is_refused(path: Path) -> None:
    result = run("user", "add", "anna", "--store", path, typed="short\n")
    assert result.exit_code == 2
    assert "shorter than 12" in result.output


def test_a_sensors_token_is_printed_once_and_works(path: Path) -> None:
    token = run("sensor", "add", "s1", "--site", "north", "--store", path).output.strip()
    store = open_store(path)
    assert store.sensor_of_token(token) == "s1"
    assert token not in run("sensor", "list", "--store", path).output
    assert run("sensor", "revoke", "s1", "--store", path).exit_code == 0
    assert store.sensor_of_token(token) is None
    store.close()


def test_a_finished_run_is_loaded_once(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "alerts.jsonl").write_text("\n".join(json.dumps(alert(f"e{i}").body) for i in range(3)))
    (out / "assets.jsonl").write_text(json.dumps(asset().body))
    (out / "behaviours.jsonl").write_text(json.dumps(behaviour().body))
    (out / "summary.json").write_text(json.dumps({"packets": 10, "understood": {"share": 0.5}}))
    first = run("ingest", out, "--store", path)
    assert "3 new alerts" in first.output
    assert "already stored" in run("ingest", out, "--store", path).output
    store = open_store(path)
    assert store.counts()["alerts"] == 3
    assert store.alert("e0").destination_asset == "a-plc"
    assert store.sensors()[0].summary == {"packets": 10, "understood": {"share": 0.5}}
    store.close()


def test_a_damaged_run_is_named_by_file_and_line(path: Path, tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").write_text("{}\n{")
    result = run("ingest", tmp_path, "--store", path)
    assert result.exit_code == 1
    assert "alerts.jsonl, line 2" in result.output
    assert run("ingest", tmp_path / "none", "--store", path).exit_code == 1


def test_delivering_a_run_twice_changes_nothing(path: Path) -> None:
    store = open_store(path)
    documents = [alert(), asset(), behaviour()]
    assert not deliver(store, "s1", documents).duplicate
    revision = store.revision()
    again = deliver(store, "s1", documents)
    assert (again.duplicate, again.new_alerts) == (True, 0)
    assert store.revision() == revision
    store.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("login: {session_hours: -1}", "login.session_hours"),
        ("logins: {}", "logins"),
        ("- a list", "settings.yaml"),
        ("a: [", "settings.yaml"),
    ],
)
def test_wrong_settings_are_named(path: Path, tmp_path: Path, settings: str, says: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(settings)
    result = run("serve", "--store", path, "--settings", file)
    assert result.exit_code == 2
    assert says in result.output


def test_half_of_a_certificate_is_refused(path: Path) -> None:
    assert run("serve", "--store", path, "--tls-key", path).exit_code == 2


def test_serving_prints_the_first_password_and_answers(path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["console", "serve", "--store", str(path), "--port", str(port)]
    command = [sys.executable, "-c", "from console.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            base = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    assert httpx.get(f"{base}/api/v1/alive").json() == {"status": "ok"}
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            assert server.stdout is not None
            password = server.stdout.readline().strip().rpartition(" ")[2]
            login = httpx.post(f"{base}/api/v1/session", json={"name": "admin", "password": password})
            assert login.status_code == 200
            assert "server" not in login.headers
        finally:
            server.terminate()
            server.wait(20)
