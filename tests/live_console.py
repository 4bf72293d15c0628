"""A console as it is deployed: a process of its own that serves HTTPS and can be killed."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from console.agent.identity import Identity
from console.store import open_store
from console.store.filters import AlertFilter, AssetFilter, BehaviourFilter, PageRequest

ROOT = Path(__file__).parents[1]
SITE = "north"
FILTERS = {"alerts": AlertFilter, "assets": AssetFilter, "behaviours": BehaviourFilter}


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def certificate(folder: Path, name: str = "console") -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "3650", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def fingerprint(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()


class LiveConsole:
    """`fieldwatch console serve` on a store of its own."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.host = host
        self.port = free_port(host) if host == "127.0.0.1" else 8600
        self.store_path = folder / "console.db"
        self.certificate, self.key = certificate(folder)
        self.fingerprint = fingerprint(self.certificate)
        self.url = f"https://{host}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.wrapper: list[str] = []
        self.settings_text = ""

    def token(self, sensor: str) -> str:
        """Register a sensor; its token."""
        store = open_store(self.store_path)
        try:
            return store.add_sensor(sensor, SITE, "test")
        finally:
            store.close()

    def enrol(self, sensor: str, state: Path) -> None:
        """What enrolment leaves behind, without going through it."""
        state.mkdir(parents=True, exist_ok=True)
        identity = Identity(
            sensor=sensor, token=self.token(sensor), url=self.url, certificates=(self.fingerprint,)
        )
        identity.save(state)

    def revoke(self, sensor: str) -> None:
        store = open_store(self.store_path)
        try:
            store.revoke_sensor(sensor, "test")
        finally:
            store.close()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "console", "console", "serve", "--store", self.store_path]
        command += ["--host", self.host, "--port", str(self.port)]
        command += ["--tls-certificate", self.certificate, "--tls-key", self.key]
        if self.settings_text:
            settings = self.folder / "settings.yaml"
            settings.write_text(self.settings_text)
            command += ["--settings", settings]
        self.process = subprocess.Popen(
            [*self.wrapper, *map(str, command)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if self.host != "127.0.0.1":
            return
        end = time.monotonic() + 30
        while time.monotonic() < end:
            assert self.process.poll() is None, "the console ended"
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the console does not answer")

    def kill(self) -> None:
        """As by `kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def alerts(self) -> dict[str, dict[str, Any]]:
        """The alerts in the store by id."""
        return {record.id: record.document for record in self.records("alerts")}

    def records(self, noun: str) -> list[Any]:
        store = open_store(self.store_path)
        try:
            return everything(store, noun)
        finally:
            store.close()

    def batches(self, sensor: str) -> int:
        store = open_store(self.store_path)
        try:
            return next((item.batches for item in store.sensors() if item.name == sensor), 0)
        finally:
            store.close()


def everything(store: Any, noun: str) -> list[Any]:
    """All pages of the store's `alerts`, `assets` or `behaviours`."""
    found: list[Any] = []
    cursor = None
    while True:
        page = getattr(store, noun)(FILTERS[noun](), PageRequest(limit=200, cursor=cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def tally(documents: Any) -> Counter[tuple[str, str, int]]:
    """(event.id, rule.id, count) of alert documents."""
    return Counter((item["event"]["id"], item["rule"]["id"], item["event"]["count"]) for item in documents)


def run_sensor(
    state: Path, *options: str, wrapper: Sequence[str] = (), **popen: Any
) -> subprocess.Popen[bytes]:
    """`fieldwatch sensor run` as a process of its own; to be waited for, or killed, by the caller."""
    command = [sys.executable, "-m", "console", "sensor", "run", "--state", state, "--metrics", "127.0.0.1:0"]
    return subprocess.Popen(
        [*wrapper, *map(str, command), *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        **popen,
    )
