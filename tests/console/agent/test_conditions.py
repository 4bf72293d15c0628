import pytest

from console.agent.conditions.kinds import KINDS
from console.agent.conditions.readings import Interface, Reading
from console.agent.conditions.standing import Conditions
from console.agent.settings import LimitSettings
from console.store.records import Envelope
from console.store.validation import checked

START = 1_800_000_000 * 10**9
LIMITS = LimitSettings()


class Sensor:
    """Feeds readings every ten seconds."""

    def __init__(self):
        self.conditions = Conditions("line-1", LIMITS)
        self.second = 0.0
        self.packets = self.dropped = self.octets = self.understood = 0

    def run(self, seconds, rate=100, drop=0, understood=1.0, **fields):
        told = []
        for _ in range(int(seconds // 10)):
            self.second += 10
            self.packets += rate * 10
            self.dropped += drop * 10
            self.octets += rate * 1000
            self.understood += int(rate * 1000 * understood)
            interface = Interface("eth1", fields.get("state", "up"), self.packets)
            reading = Reading(
                self.second,
                START + int(self.second * 1e9),
                self.packets,
                self.dropped,
                self.octets,
                self.understood,
                (interface,),
                fields.get("offset"),
                fields.get("spool", 0.0),
                fields.get("reason", ""),
            )
            told += self.conditions.judge(reading)
        return [(alert["rule"]["name"], alert["event"]["id"]) for alert in told]


def names(told):
    return [name for name, _ in told]


def test_a_healthy_sensor_raises_nothing():
    sensor = Sensor()
    assert sensor.run(7200) == []
    assert sensor.conditions.standing == []


def test_no_traffic_is_raised_after_the_limit_and_told_again_as_the_same_event():
    sensor = Sensor()
    sensor.run(300)
    assert names(sensor.run(110, rate=0)) == []
    told = sensor.run(600, rate=0)
    raised = [identity for name, identity in told if name == "sensor-no-traffic"]
    assert len(raised) >= 2
    assert len(set(raised)) == 1
    assert "no-traffic" in sensor.conditions.standing
    sensor.run(60)
    assert sensor.conditions.standing == []
    again = [identity for name, identity in sensor.run(300, rate=0) if name == "sensor-no-traffic"]
    assert again
    assert again[0] != raised[0]


def test_a_sudden_fall_is_told_and_a_slow_one_becomes_usual():
    sensor = Sensor()
    sensor.run(3600)
    assert names(sensor.run(200, rate=10)) == ["sensor-traffic-fell"]
    slow = Sensor()
    told = []
    for rate in range(100, 10, -1):
        told += names(slow.run(1200, rate=rate))
    assert told == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("sensor-dropping-packets", {"drop": 5}),
        ("sensor-not-understood", {"understood": 0.5}),
        ("sensor-clock-skew", {"offset": -7.5}),
        ("sensor-interface-down", {"state": "down"}),
        ("sensor-spool-full", {"spool": 0.9}),
        ("sensor-configuration-refused", {"reason": "rules/a.yaml:3: no such field"}),
    ],
)
def test_each_condition_is_raised_once_and_ends(name, fields):
    sensor = Sensor()
    sensor.run(900)
    assert names(sensor.run(200, **fields)) == [name]
    assert sensor.conditions.standing == [name.removeprefix("sensor-")]
    sensor.run(900)
    assert sensor.conditions.standing == []


def test_flapping_does_not_raise_what_has_to_last():
    sensor = Sensor()
    sensor.run(900)
    told = []
    for _ in range(20):
        told += sensor.run(10, offset=9.0) + sensor.run(10, offset=0.0)
    assert told == []


def test_the_alerts_are_what_the_console_takes():
    sensor = Sensor()
    sensor.run(900)
    found = []
    judge = sensor.conditions.judge
    sensor.conditions.judge = lambda reading: found.extend(judge(reading)) or []
    sensor.run(300, rate=0, state="gone", offset=9.0, spool=0.95, reason="x")
    assert len({alert["rule"]["id"] for alert in found}) >= 4
    assert len(checked([Envelope("alert", alert) for alert in found])) == len(found)
    assert all(alert["message_zh"] and alert["rule"]["title_zh"] for alert in found)


def test_ids_are_as_many_as_kinds():
    assert len({kind.id for kind in KINDS}) == len(KINDS) == len({kind.name for kind in KINDS})
