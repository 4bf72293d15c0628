"""Pages hear of changes: through a real server, bounded, and never in the way of its end."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from console_people import HASH, PASSWORD
from plant_documents import alert

from console.api import stream
from console.store import open_store
from console.store.interface import Store


@dataclass
class Served:
    """A console in a process of its own, and its store opened beside it."""

    address: str
    process: subprocess.Popen[bytes]
    store: Store

    def browser(self) -> httpx.Client:
        client = httpx.Client(base_url=self.address, timeout=10)
        answer = client.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
        assert answer.status_code == 200
        return client


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    path, settings = tmp_path / "console.db", tmp_path / "settings.yaml"
    settings.write_text(getattr(request, "param", ""))
    store = open_store(path)
    store.add_user("viewer", "viewer", HASH, "setup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "console", "console", "serve", "--store", str(path), "--port", str(port)]
    command += ["--settings", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        for _ in range(400):
            try:
                httpx.get(f"{address}/api/v1/alive")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield Served(address, process, store)
        process.kill()
    store.close()


def events(lines: Iterator[str], wanted: int) -> list[tuple[str, str]]:
    """The next events: name and data."""
    found: list[tuple[str, str]] = []
    name = ""
    for line in lines:
        if line.startswith("event:"):
            name = line.partition(":")[2].strip()
        elif line.startswith("data:"):
            found.append((name, line.partition(":")[2].strip()))
            if len(found) == wanted:
                break
    return found


def test_a_change_by_another_process_is_told_and_the_end_is_prompt(served: Served) -> None:
    client = served.browser()
    with client.stream("GET", "/api/v1/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        page = client.get("/sensors").text
        assert events(lines, 1) == [("hello", re.findall(r'data-seen="([^"]+)"', page)[0])]
        served.store.ingest("s1", 1, [alert()])
        told = events(lines, 2)
        assert {name for name, _ in told} == {"changed", "heard"}
        began = time.monotonic()
        served.process.terminate()
        served.process.wait(10)
        assert time.monotonic() - began < 6, "an open page does not hold the console"


def test_listeners_are_bounded_and_leave_no_trace(served: Served) -> None:
    clients = [served.browser() for _ in range(2)]
    opened = []
    for number in range(stream.MOST_CLIENTS):
        answer = clients[0].send(clients[0].build_request("GET", "/api/v1/stream"), stream=True)
        assert answer.status_code == 200, number
        lines = answer.iter_lines()
        next(lines)
        opened.append((answer, lines))
    refused = clients[1].get("/api/v1/stream")
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert clients[1].get("/api/v1/status").status_code == 200
    for answer, _ in opened:
        answer.close()
    for _ in range(100):
        with clients[1].stream("GET", "/api/v1/stream") as again:
            if again.status_code == 200:
                break
        time.sleep(0.1)
    else:
        pytest.fail("closed listeners still count")


def test_only_those_who_are_logged_in_hear_anything(served: Served) -> None:
    assert httpx.get(f"{served.address}/api/v1/stream").status_code == 401


@pytest.mark.parametrize("served", ["pause_seconds: 0.5\nbody_seconds: 1.5\n"], indirect=True)
def test_a_body_that_trickles_in_is_refused(served: Served) -> None:
    host, _, port = served.address.removeprefix("http://").partition(":")
    token = served.store.add_sensor("s1", "north", "root")
    head = (
        f"POST /api/v1/ingest HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
        "content-type: application/json\r\ncontent-length: 100000\r\n\r\n"
    )
    for pause in (5.0, 0.2):
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(head.encode() + b'{"sensor": "s1",')
            connection.settimeout(pause)
            for _ in range(60):
                try:
                    answer = connection.recv(4096)
                    break
                except TimeoutError:
                    connection.sendall(b" ")
            assert answer.startswith(b"HTTP/1.1 408 ")
    assert served.store.counts()["alerts"] == 0
