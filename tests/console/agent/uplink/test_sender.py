import contextlib
import gzip
import http.server
import json
import sqlite3
import ssl
import threading
import time
import typing

import pytest
from agent_documents import alert, asset, behaviour
from live_console import certificate, fingerprint

from console.agent.documents import Outgoing
from console.agent.spool.spool import Spool
from console.agent.uplink.answers import Backoff
from console.agent.uplink.client import Client, Unreachable, WrongConsole
from console.agent.uplink.sender import Sender

QUICK = {"first": 0.05, "most": 0.2}


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path / "spool.db", 16 << 20)
    yield opened
    opened.close()


def sender_to(console, spool, token, **options):
    client = Client(console.url, (console.fingerprint,), token)
    return Sender(client, "line-1", [spool], backoff=Backoff(**QUICK), **options)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def test_documents_arrive_once_though_the_console_is_killed_again_and_again(live_console, spool):
    token = live_console.token("line-1")
    live_console.start()
    sender = sender_to(live_console, spool, token)
    sender.start()
    for start in range(0, 300, 10):
        spool.put([alert(f"a{number}", count=number + 1) for number in range(start, start + 10)])
        spool.put([behaviour(f"b{number}") for number in range(start, start + 10)] + [asset(f"p{start}")])
        sender.wake()
        if start in (100, 200):
            live_console.kill()
            time.sleep(0.3)
            live_console.start()
        time.sleep(0.01)
    until(lambda: spool.depth.documents == 0)
    assert sender.condition.state == "ok"
    assert sender.sent == 300 + 300 + 30
    sender.stop(1)
    live_console.kill()
    stored = live_console.alerts()
    assert {key: body["event"]["count"] for key, body in stored.items()} == {
        f"a{number}": number + 1 for number in range(300)
    }
    assert len(live_console.records("behaviours")) == 300
    assert len(live_console.records("assets")) == 30
    assert spool.dropped() == {}


def test_a_batch_whose_answer_was_lost_is_stored_once(live_console, spool):
    token = live_console.token("line-1")
    live_console.start()
    sender = sender_to(live_console, spool, token)
    spool.put([behaviour("b1", count=5)])
    parcel = spool.take()
    sender.step()
    spool._connection.execute("INSERT INTO batch VALUES (?, ?)", (parcel.number, parcel.sequence))
    spool.put([behaviour("b1", count=5)])
    spool._connection.execute("UPDATE document SET batch = ?", (parcel.number,))
    sender.step()
    assert sender.repeats == 1
    [record] = live_console.records("behaviours")
    assert record.count == 5


def test_refused_documents_are_set_aside_and_the_others_pass(live_console, spool):
    token = live_console.token("line-1")
    live_console.start()
    sender = sender_to(live_console, spool, token)
    spool.put([alert(f"a{number}") for number in range(50)])
    bad = alert("bad")
    bad.body["event"]["count"] = "many"
    long = alert("long", message="x" * 5000)
    spool.put([bad, long, Outgoing("asset", {"asset": {"id": "no times"}})])
    while spool.depth.documents:
        assert sender.step() < 1
    live_console.kill()
    assert set(live_console.alerts()) == {f"a{number}" for number in range(50)}
    assert sender.refused == 3
    reasons = {kind + " " + reason.partition(":")[0] for kind, reason, _ in spool.refused()}
    assert {reason.split()[0] for reason in reasons} == {"alert", "asset"}
    assert any("event.count" in reason for reason in reasons)
    assert spool.dropped() == {"alert.high.refused": 2, "asset.refused": 1}


def test_a_revoked_token_loses_nothing(live_console, spool):
    token = live_console.token("line-1")
    live_console.start()
    live_console.revoke("line-1")
    sender = sender_to(live_console, spool, token)
    spool.put([alert("a1")])
    assert sender.step() >= 60
    assert sender.condition.state == "revoked"
    assert spool.depth.alerts == 1
    sender.client = Client(live_console.url, (live_console.fingerprint,), live_console.token("line-1"))
    sender.step()
    assert sender.condition.state == "ok"
    assert spool.depth.alerts == 0


def test_a_token_posts_as_its_own_sensor_only(live_console, spool):
    token = live_console.token("line-1")
    live_console.token("line-2")
    live_console.start()
    sender = sender_to(live_console, spool, token)
    sender.sensor = "line-2"
    spool.put([alert("a1")])
    sender.step()
    assert sender.condition.state == "revoked"
    assert "line-1" in sender.condition.error
    assert spool.depth.alerts == 1


def test_another_certificate_is_not_talked_to(live_console, spool):
    live_console.start()
    client = Client(live_console.url, ("00" * 32,), "secret-token")
    with pytest.raises(WrongConsole, match=live_console.fingerprint):
        client.request("POST", "/ingest")
    sender = Sender(client, "line-1", [spool])
    spool.put([alert("a1")])
    sender.step()
    assert sender.condition.state == "unreachable"
    assert live_console.fingerprint in sender.condition.error
    # A renewed certificate that was announced beside the old one is as good.
    client.context.pins = ("00" * 32, live_console.fingerprint)
    assert client.request("POST", "/ingest").status == 401


class _Stubborn(http.server.BaseHTTPRequestHandler):
    """What may stand between a sensor and its console, or be the console on a bad day."""

    protocol_version = "HTTP/1.1"
    answers: typing.ClassVar[list] = []
    seen: typing.ClassVar[list] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(gzip.decompress(body).decode())
        status, headers, text, wait = self.answers.pop(0) if self.answers else (200, {}, "{}", 0)
        time.sleep(wait)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def stubborn(folder, answers):
    handler = type("Handler", (_Stubborn,), {"answers": list(answers), "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    pem, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", fingerprint(pem), handler
    finally:
        server.shutdown()
        server.server_close()


def test_the_same_octets_are_sent_until_they_are_taken(tmp_path, spool):
    answers = [
        (503, {"Retry-After": "7"}, "", 0),
        (500, {}, "", 0),
        (
            429,
            {"Retry-After": "Sun, 22 Nov 2026 07:00:09 GMT", "Date": "Sun, 22 Nov 2026 07:00:00 GMT"},
            "",
            0,
        ),
        (404, {"content-type": "text/html"}, "<h1>nginx</h1>", 0),
        (400, {"content-type": "text/html"}, "<h1>nginx</h1>", 0),
        (302, {"location": "https://elsewhere/"}, "", 0),
    ]
    with stubborn(tmp_path, answers) as (url, pin, handler):
        sender = Sender(
            Client(url, (pin,)), "line-1", [spool], backoff=Backoff(uniform=lambda low, high: low)
        )
        spool.put([alert("a1"), alert("a2")])
        waits = []
        for number, _ in enumerate(answers):
            waits.append(sender.step())
            assert sender.condition.state == "unreachable"
            spool.put([alert(f"later{number}")])
        assert waits[0] == 7
        sender.step()
        assert sender.condition.state == "ok"
        assert len(set(handler.seen)) == 1
        assert len(handler.seen) == len(answers) + 1
        assert spool.depth.alerts == len(answers)
        assert spool.dropped() == {}


def test_what_a_proxy_refuses_is_not_given_up(tmp_path, spool):
    answers = [(413, {"content-type": "text/html"}, "too large", 0)] * 3
    with stubborn(tmp_path, answers) as (url, pin, handler):
        sender = Sender(Client(url, (pin,)), "line-1", [spool], backoff=Backoff(**QUICK))
        spool.put([alert("a1"), alert("a2")])
        for _ in range(6):
            sender.step()
        assert spool.depth.documents == 0
        assert spool.dropped() == {}
        delivered = [line for text in handler.seen[3:] for line in text.splitlines()[1:]]
        assert [json.loads(line)["body"]["event"]["id"] for line in delivered] == ["a1", "a2"]


def test_damage_found_when_a_batch_is_settled_does_not_end_the_uplink(live_console, spool, monkeypatch):
    token = live_console.token("line-1")
    live_console.start()
    sender = sender_to(live_console, spool, token)
    spool.put([alert("a1")])
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def broken(*_):
        raise damage

    monkeypatch.setattr(spool._held, "forget", broken)
    sender.start()
    until(lambda: spool.lost_files)
    monkeypatch.undo()
    spool.put([alert("a2")])
    sender.wake()
    until(lambda: spool.depth.documents == 0)
    sender.stop(1)
    live_console.kill()
    assert set(live_console.alerts()) == {"a1", "a2"}


def test_what_nobody_thought_of_does_not_end_the_uplink(live_console, spool):
    token = live_console.token("line-1")
    live_console.start()
    tries = []

    def extra(client):
        tries.append(client)
        if len(tries) == 1:
            raise LookupError("nobody thought of it")
        return False

    sender = sender_to(live_console, spool, token, extra=extra)
    sender.start()
    until(lambda: len(tries) > 1)
    spool.put([alert("a1")])
    sender.wake()
    until(lambda: spool.depth.documents == 0)
    sender.stop(1)


def test_a_console_that_answers_too_slowly_is_unreachable_not_fatal(tmp_path, spool, monkeypatch):
    import httpx

    monkeypatch.setattr("console.agent.uplink.client.TIMEOUTS", httpx.Timeout(0.2))
    with stubborn(tmp_path, [(200, {}, "{}", 1.0)]) as (url, pin, _):
        sender = Sender(Client(url, (pin,)), "line-1", [spool], backoff=Backoff(**QUICK))
        spool.put([alert("a1")])
        sender.step()
        assert (sender.condition.state, sender.condition.error) == (
            "unreachable",
            f"{url}: no answer in time",
        )
        sender.step()
        assert sender.condition.state == "ok"
        assert spool.depth.documents == 0


def test_nobody_there_is_unreachable(spool):
    client = Client("https://127.0.0.1:9", ("00",), "t")
    with pytest.raises(Unreachable, match="refused"):
        client.request("GET", "/status")
