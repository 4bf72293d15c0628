import json
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from live_console import ROOT, everything, run_sensor
from netns import wait_until

from console.agent.plan import own_plan
from console.agent.service import Service
from console.agent.settings import load_settings
from console.agent.sources import Replay
from console.store import open_store
from rules.analysis import Analysis
from rules.baseline.stage import span_window
from rules.language.loader import PACKS, load_rules
from sensor.capture.source import CaptureFile

CAPTURE = ROOT / "pcaps" / "demo" / "plant.pcapng.zst"
LEARN = "1m"
IDS = {"alert": "event", "asset": "asset", "behaviour": "behaviour"}


@pytest.fixture(scope="module")
def analysed():
    """What the file analysis makes of the capture, by type and id."""
    analysis = Analysis(load_rules((PACKS,)), window=span_window(LEARN), observer="line-1")
    analysis.begin(str(CAPTURE))
    for batch in CaptureFile(CAPTURE):
        analysis.feed(batch)
    analysis.finish()
    return {
        "alert": analysis.alerts,
        "asset": {item["asset"]["id"]: item for item in analysis.assets()},
        "behaviour": {item["behaviour"]["id"]: item for item in analysis.behaviours()},
    }


def replay(state: Path, speed: str, **popen):
    options = ["--replay", str(CAPTURE), "--speed", speed, "--learn", LEARN, "--name", "line-1"]
    return run_sensor(state, *options, **popen)


def spooled(state: Path) -> dict[str, dict[str, dict]]:
    found: dict[str, dict[str, dict]] = {kind: {} for kind in IDS}
    rows = sqlite3.connect(state / "spool.db").execute("SELECT type, body FROM document")
    for kind, text in rows:
        body = json.loads(text)
        if kind in IDS:
            found[kind][body[IDS[kind]]["id"]] = body
    return found


@pytest.mark.parametrize("speed", ["max", "60"])
def test_a_replay_tells_exactly_what_the_file_analysis_tells(tmp_path, analysed, speed):
    assert replay(tmp_path, speed).wait(120) == 0
    told = spooled(tmp_path)
    for kind, expected in analysed.items():
        assert told[kind].keys() == expected.keys()
        assert [key for key in expected if told[kind][key] != expected[key]] == []
    assert len(analysed["alert"]) > 5


def test_nothing_is_lost_or_told_twice_when_console_and_sensor_are_killed(tmp_path, live_console, analysed):
    state = tmp_path / "state"
    live_console.enrol("line-1", state)
    live_console.start()
    for _ in range(2):
        before = live_console.batches("line-1")
        sensor = replay(state, "10")
        wait_until(lambda: live_console.batches("line-1") > before + 1, 60)  # noqa: B023
        live_console.kill()
        time.sleep(1)
        assert sensor.poll() is None
        sensor.send_signal(signal.SIGKILL)
        sensor.wait()
        live_console.start()
    assert replay(state, "max").wait(120) == 0
    live_console.kill()
    assert spooled(state)["alert"] == {}
    store = open_store(live_console.store_path)
    alerts = {record.id: record for record in everything(store, "alerts")}
    assets = everything(store, "assets")
    behaviours = everything(store, "behaviours")
    health = store.health("line-1")
    store.close()
    expected = analysed["alert"]
    assert {key: record.count for key, record in alerts.items()} == {
        key: body["event"]["count"] for key, body in expected.items()
    }
    assert {key for key, record in alerts.items() if record.has_packets} == {
        key for key, body in expected.items() if body["rule"]["level"] in ("high", "critical")
    }
    assert {record.id for record in assets} >= analysed["asset"].keys()
    assert {record.id: record.count for record in behaviours} == {
        key: body["behaviour"]["count"] for key, body in analysed["behaviour"].items()
    }
    assert len({item["health"]["boot"] for item in health}) == 3
    integrity = sqlite3.connect(live_console.store_path).execute("PRAGMA integrity_check").fetchone()
    assert integrity == ("ok",)


def test_sigterm_ends_a_sensor_with_everything_judged_and_written(tmp_path):
    sensor = replay(tmp_path, "20")
    wait_until((tmp_path / "baseline.yaml").exists, 60)
    sensor.send_signal(signal.SIGTERM)
    assert sensor.wait(30) == 0
    health = [
        json.loads(text)
        for (text,) in sqlite3.connect(tmp_path / "spool.db").execute(
            "SELECT body FROM document WHERE type = 'health' ORDER BY number"
        )
    ]
    assert health[-1]["health"]["packets"] > 0
    assert spooled(tmp_path)["asset"]


def test_two_sensors_do_not_share_a_folder(tmp_path):
    first = replay(tmp_path, "1")
    wait_until((tmp_path / "baseline.yaml").exists, 60)
    second = replay(tmp_path, "max", stderr=-1)
    _, said = second.communicate(timeout=60)
    first.kill()
    first.wait()
    assert second.returncode == 1
    assert b"another sensor" in said


class Defect:
    """A source of findings that fails once, in the middle of a capture."""

    def __init__(self) -> None:
        self.epochs = 0

    def tables(self, step):
        self.epochs += 1
        if self.epochs == 3:
            raise RuntimeError("a defect nobody knew of")
        return iter(())


def test_a_defect_is_told_and_the_sensor_goes_on(tmp_path):
    settings = load_settings(None, {"state": tmp_path, "metrics": "none"})
    own = own_plan(settings)
    service = Service(settings, Replay(str(CAPTURE), 0.0), own, own, None, "line-1", "run", remember=False)
    defect = Defect()
    service.watch.sources.append(defect)
    assert service.run() == 0
    assert defect.epochs > 3
    rows = sqlite3.connect(tmp_path / "spool.db").execute("SELECT type, body FROM document").fetchall()
    health = [json.loads(body)["health"] for kind, body in rows if kind == "health"][-1]
    assert health["faults"] == 1
    assert health["packets"] == 9772
    assert len(spooled(tmp_path)["alert"]) > 5
