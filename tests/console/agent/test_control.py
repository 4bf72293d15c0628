import json
import signal
import sqlite3
import subprocess
import sys

from live_console import ROOT, SITE, run_sensor
from netns import wait_until
from rule_texts import RULE

from console.agent.identity import load_identity
from console.fleet.codes import new_code
from console.fleet.edits import edit
from console.store import open_store
from console.store.times import HOUR, now

CAPTURE = ROOT / "pcaps" / "demo" / "plant.pcapng.zst"
READS = RULE.replace("ics.operation: stop", "ics.operation: read").replace("3f6c1f0e", "3f6c1fff")


def enrol(console, state, code):
    command = [sys.executable, "-m", "console", "sensor", "enrol", console.url, code, "--state", state]
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def made_code(console, fingerprint, name="line-1"):
    store = open_store(console.store_path)
    try:
        code, code_hash = new_code(fingerprint)
        store.add_enrolment(code_hash, name, SITE, now() + HOUR, "admin")
        return code
    finally:
        store.close()


def test_a_code_enrols_once_and_only_with_the_console_that_made_it(live_console, tmp_path):
    live_console.start()
    code = made_code(live_console, live_console.fingerprint)
    status, said = enrol(live_console, tmp_path, made_code(live_console, "0" * 64))
    assert status == 1
    assert live_console.fingerprint in said
    assert load_identity(tmp_path) is None
    assert enrol(live_console, tmp_path, "FW1-nonsense")[0] == 1
    status, said = enrol(live_console, tmp_path, f" {code.lower()} ")
    assert (status, said) == (0, f"Enrolled as line-1 (site {SITE}) with {live_console.url}\n")
    identity = load_identity(tmp_path)
    assert identity.certificates == (live_console.fingerprint,)
    assert (tmp_path / "identity.json").stat().st_mode & 0o777 == 0o600
    status, said = enrol(live_console, tmp_path / "other", code)
    assert status == 1
    assert "used" in said


def change(console, function):
    store = open_store(console.store_path)
    try:
        return edit(store, "", function, "test", "admin")[0].version
    finally:
        store.close()


def force(console, function):
    """As `change`, past the checks that the console makes."""
    store = open_store(console.store_path)
    try:
        base, content = store.newest_configuration("")
        function(content)
        return store.put_configuration("", content, "test", "admin", base).version
    finally:
        store.close()


def state_of(console):
    store = open_store(console.store_path)
    try:
        return next(item.state for item in store.sensors() if item.name == "line-1") or {}
    finally:
        store.close()


def test_what_the_console_sends_is_run_and_what_cannot_be_run_is_refused(live_console, tmp_path):
    live_console.settings_text = "sensors: {heartbeat_seconds: 5}\n"
    state = tmp_path / "state"
    live_console.enrol("line-1", state)
    live_console.start()
    first = change(live_console, lambda content: content.texts.update({"rules/plant/reads.yaml": READS}))
    sensor = run_sensor(state, "--replay", str(CAPTURE), "--speed", "2")
    try:
        # On a machine that never ran it the sensor compiles its decoders first.
        wait_until(lambda: (state_of(live_console).get("configuration") or {}).get("version") == first, 400)
        wait_until(lambda: "3f6c1fff-6c1b-4a44-9d53-0a4a1f6f1c11" in rules_told(live_console), 60)
        broken = READS.replace("3f6c1fff", "3f6c1ffe").replace("ics.operation", "ics.operatoin")
        bad = force(live_console, lambda content: content.texts.update({"rules/plant/bad.yaml": broken}))
        wait_until(lambda: (state_of(live_console).get("refused") or {}).get("version") == bad, 60)
        told = state_of(live_console)
        assert "rules/plant/bad.yaml" in told["refused"]["reason"]
        assert "ics.operatoin" in told["refused"]["reason"]
        assert told["configuration"]["version"] == first
        good = force(live_console, lambda content: content.texts.pop("rules/plant/bad.yaml"))
        wait_until(lambda: (state_of(live_console).get("configuration") or {}).get("version") == good, 60)
        assert "refused" not in state_of(live_console)
        # What runs is remembered, for a start without a console.
        kept = json.loads((state / "configuration.json").read_bytes())
        assert list(kept["content"]["rules"]) == ["plant/reads.yaml"]
        # Not one that the console raised about the sensor, which was silent while it compiled.
        event = next(
            key
            for key, alert in live_console.alerts().items()
            if not alert["rule"]["name"].startswith("sensor-")
        )
        ask(live_console, event)
        wait_until(lambda: has_packets(live_console, event), 60)
    finally:
        sensor.send_signal(signal.SIGTERM)
        sensor.wait(60)
    assert sensor.returncode == 0


def rules_told(console):
    with sqlite3.connect(f"file:{console.store_path}?mode=ro", uri=True) as store:
        return {row[0] for row in store.execute("SELECT rule FROM alert")}


def ask(console, event):
    store = open_store(console.store_path)
    try:
        store.request_evidence(event, "admin")
    finally:
        store.close()


def has_packets(console, event):
    store = open_store(console.store_path)
    try:
        return store.alert(event).has_packets
    finally:
        store.close()
