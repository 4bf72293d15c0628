"""Two sensors of one zone that see the same attack make one alert, which names both."""

import subprocess
import time

import pytest
from live_sensor import PCAPS, LiveSensor, console_of, is_of_plant, running, stored_health, write_traffic
from netns import CONSOLE_IP, plant_link

pytestmark = pytest.mark.xdist_group("live-short")

LATER_S = 0.35
"""The second mirror shows everything this much later."""
NAMES = ["east", "west"]
SITE_FILE = """
zones:
  - {name: cell, purdue_level: 2, networks: [0.0.0.0/0]}
"""


def test_the_same_attack_is_one_alert_of_both(tmp_path):
    traffic = tmp_path / "traffic.pcap"
    packets, _ = write_traffic([PCAPS / "modbus" / "water-works-overdose.pcapng.zst"], traffic)
    with (
        plant_link(interfaces=2, uplink=True) as link,
        console_of(link, tmp_path / "console", CONSOLE_IP) as console,
    ):
        sensors = [LiveSensor(link, tmp_path, name, number) for number, name in enumerate(NAMES)]
        for sensor in sensors:
            console.enrol(sensor.name, sensor.state)
        console.start()
        with running(*sensors):
            replays = []
            for wire in link.wires:
                replays.append(
                    link.start(
                        ["tcpreplay", "-i", wire, "--multiplier", "10", str(traffic)],
                        "wire",
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                )
                time.sleep(LATER_S)
            assert [replay.wait(60) for replay in replays] == [0, 0]
            for sensor in sensors:
                sensor.end()
        for sensor in sensors:
            assert stored_health(console, sensor.name)["packets"] == packets
            assert sensor.spooled("alert") == []
        alerts = [record for record in console.records("alerts") if is_of_plant(record.document)]
    assert len(alerts) > 1
    assert [sorted(alert.sensors) for alert in alerts] == [NAMES] * len(alerts)
    things = [
        (
            alert.document["rule"]["id"],
            str(alert.document.get("source")),
            str(alert.document.get("destination")),
        )
        for alert in alerts
    ]
    assert len(set(things)) == len(things)
