"""A silent sensor gets one alert, with hysteresis; the console's own absence gives none."""

from __future__ import annotations

from pathlib import Path

import pytest
from plant_documents import alert

from console.fleet.silence import RULE, SilenceWatch
from console.settings import SensorSettings
from console.store.filters import AlertFilter, PageRequest
from console.store.records import AlertRecord, Scope
from console.store.sqlite.store import SqliteStore
from console.store.times import SECOND, now

LIMIT = 60


class Clocks:
    """A wall clock and a steady one that move together unless told otherwise."""

    def __init__(self) -> None:
        self.wall = now()
        self.steady = 0.0

    def go(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.steady += seconds


class Plant:
    """A store with one sensor, and the watch over it."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clocks = Clocks()
        for module in ("sensors", "ingest"):
            monkeypatch.setattr(f"console.store.sqlite.{module}.now", lambda: self.clocks.wall)
        self.store = SqliteStore(path)
        self.store.add_sensor("line-1", "north", "root")
        self.start()

    def start(self) -> None:
        self.watch = SilenceWatch(
            self.store, SensorSettings(), lambda: self.clocks.wall, lambda: self.clocks.steady
        )

    def pass_time(self, seconds: float, heard: bool) -> None:
        """Let time pass as the console sees it: a look every five seconds, a heartbeat every fifteen."""
        for step in range(int(seconds // 5)):
            self.clocks.go(5)
            if heard and step % 3 == 0:
                self.store.heartbeat("line-1", {})
            self.watch.look()

    def alerts(self, **query: object) -> list[AlertRecord]:
        filters = AlertFilter(rules=("sensor-silent",), **query)  # type: ignore[arg-type]
        return self.store.alerts(filters, PageRequest()).items

    def open(self) -> list[AlertRecord]:
        return self.alerts(statuses=("new", "active"))


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    return Plant(tmp_path / "console.db", monkeypatch)


def test_silence_is_one_alert_however_long_it_lasts(plant: Plant) -> None:
    plant.pass_time(120, heard=True)
    assert plant.alerts() == []
    plant.pass_time(LIMIT - 10, heard=False)
    assert plant.alerts() == []
    plant.pass_time(3600, heard=False)
    (alert,) = plant.open()
    assert alert.sensors == ["line-1"]
    assert alert.level == "high"
    assert "line-1" in alert.document["message_zh"]
    assert plant.store.sensors()[0].silent_seconds is not None, "the alert is no sign of life"


def test_it_is_closed_once_the_sensor_is_heard_steadily(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    plant.pass_time(300, heard=False)
    plant.pass_time(LIMIT, heard=True)
    assert len(plant.open()) == 1, "not at the first word"
    plant.pass_time(2 * LIMIT, heard=True)
    (alert,) = plant.alerts()
    assert (alert.status, alert.close_reason) == ("closed", "resolved")
    plant.pass_time(300, heard=False)
    assert len(plant.alerts()) == 2, "another silence is another alert"


def test_one_that_comes_and_goes_keeps_its_one_alert(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    for _ in range(10):
        plant.pass_time(90, heard=False)
        plant.pass_time(30, heard=True)
    assert len(plant.alerts()) == 1


def test_the_consoles_own_absence_is_not_the_sensors(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    plant.clocks.go(86_400)
    plant.start()
    plant.pass_time(LIMIT - 10, heard=False)
    assert plant.alerts() == []
    plant.pass_time(30, heard=False)
    assert len(plant.alerts()) == 1


def test_a_restart_neither_repeats_nor_forgets(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    plant.pass_time(300, heard=False)
    plant.start()
    plant.pass_time(300, heard=False)
    assert len(plant.alerts()) == 1
    plant.pass_time(300, heard=True)
    assert plant.open() == []


def test_a_jump_of_the_clock_is_no_silence(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    plant.clocks.wall += 86_400 * SECOND
    plant.watch.look()
    plant.pass_time(30, heard=True)
    assert plant.alerts() == []


def test_whoever_closes_or_mutes_it_has_decided(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    plant.pass_time(300, heard=False)
    plant.store.close_alerts([plant.open()[0].id], "authorised", "anna")
    plant.pass_time(300, heard=False)
    assert len(plant.alerts()) == 1
    plant.store.allow("mute", Scope(rule=RULE["id"]), "known", None, "anna")
    plant.pass_time(300, heard=True)
    plant.pass_time(300, heard=False)
    assert plant.open() == []


def test_a_sensor_that_never_spoke_is_silent_too(plant: Plant) -> None:
    plant.pass_time(300, heard=False)
    assert "enrolled" in plant.open()[0].document["message"]


def test_a_revoked_sensor_is_not_missed(plant: Plant) -> None:
    plant.pass_time(30, heard=True)
    plant.pass_time(300, heard=False)
    plant.store.revoke_sensor("line-1", "root")
    plant.pass_time(30, heard=False)
    assert plant.open() == []


def test_a_program_that_sends_no_heartbeats_is_not_missed(plant: Plant) -> None:
    plant.store.ingest("line-1", 1, [alert()])
    plant.pass_time(600, heard=False)
    assert plant.alerts() == []


def test_of_many_silent_sensors_those_that_are_back_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.fleet.silence.MAX_LIMIT", 1)
    plant = Plant(tmp_path / "a.db", monkeypatch)
    for name in ("line-2", "line-3"):
        plant.store.add_sensor(name, "north", "root")
    plant.pass_time(LIMIT + 30, heard=False)
    assert {alert.sensors[0] for alert in plant.open()} == {"line-1", "line-2", "line-3"}
    plant.pass_time(3 * LIMIT + 30, heard=True)
    assert {alert.sensors[0] for alert in plant.open()} == {"line-2", "line-3"}
