"""`fieldwatch console serve --tls`: one command to HTTPS, and a code that lets a sensor check it."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
from typer.testing import CliRunner

from console.commands.console import app
from console.fleet.certificate import CERTIFICATE, KEY


def test_the_code_carries_the_fingerprint_of_the_certificate_that_is_served(tmp_path: Path) -> None:
    path = tmp_path / "console.db"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = ["console", "serve", "--tls", "--store", str(path), "--port", str(port)]
    with subprocess.Popen([sys.executable, "-m", "console", *serve], stdout=subprocess.PIPE) as process:
        try:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            for _ in range(400):
                try:
                    with (
                        socket.create_connection(("127.0.0.1", port), 5) as plain,
                        context.wrap_socket(plain, server_hostname="localhost") as tls,
                    ):
                        shown = tls.getpeercert(binary_form=True)
                    break
                except OSError:
                    time.sleep(0.05)
            assert shown is not None
            fingerprint = hashlib.sha256(shown).hexdigest()
            made = CliRunner().invoke(app, ["sensor", "enrol", "line-1", "--store", str(path)])
            code = made.output.strip()
            assert re.fullmatch(r"FW1-[A-Z2-7]{24}-[0-9a-f]{32}", code)
            assert fingerprint.startswith(code.rpartition("-")[2])
            trusted = ssl.create_default_context(cafile=str(tmp_path / CERTIFICATE))
            answer = httpx.post(
                f"https://localhost:{port}/api/v1/sensors/enrol", json={"code": code}, verify=trusted
            )
            assert answer.status_code == 201, answer.text
            assert answer.json()["certificates"] == [fingerprint]
            page = httpx.get(f"https://localhost:{port}/login", verify=trusted)
            assert "strict-transport-security" in page.headers
        finally:
            process.terminate()
            said = process.communicate(timeout=20)[0].decode()
    assert fingerprint in said
    assert (tmp_path / KEY).stat().st_mode & 0o077 == 0


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    result = CliRunner().invoke(
        app,
        [
            "serve",
            "--store",
            str(tmp_path / "a.db"),
            "--tls-cert",
            str(tmp_path / "x.pem"),
            "--tls-key",
            str(tmp_path / "x.pem"),
        ],
    )
    assert result.exit_code == 1
    assert "x.pem" in result.output
