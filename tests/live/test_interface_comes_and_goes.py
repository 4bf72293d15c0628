"""A mirror port that goes down, disappears and comes back while the sensor watches it."""

import pytest
from live_sensor import PCAPS, LiveSensor, console_of, running, stored_health, write_traffic
from netns import CONSOLE_IP, plant_link, wait_until

pytestmark = pytest.mark.xdist_group("live-gone")

PATIENCE_S = 60
NAME = "sensor-interface-down"


def test_the_console_shows_it_and_the_sensor_goes_on(tmp_path):
    traffic = tmp_path / "traffic.pcap"
    packets, _ = write_traffic([PCAPS / "modbus" / "water-works-overdose.pcapng.zst"], traffic)
    with plant_link(uplink=True) as link, console_of(link, tmp_path / "console", CONSOLE_IP) as console:
        sensor = LiveSensor(link, tmp_path)
        console.enrol(sensor.name, sensor.state)
        console.start()

        def shown():
            told = stored_health(console, sensor.name).get("interfaces") or [{}]
            return told[0].get("state"), told[0].get("packets")

        def raised():
            return [
                record for record in console.records("alerts") if record.document["rule"].get("name") == NAME
            ]

        with running(sensor):
            link.replay(traffic, "--topspeed")
            wait_until(lambda: shown() == ("up", packets), PATIENCE_S)
            link.ip("sensor", "link", "set", link.interface, "down")
            wait_until(lambda: shown() == ("down", packets), PATIENCE_S)
            link.ip("sensor", "link", "set", link.interface, "up")
            wait_until(lambda: shown() == ("up", packets), PATIENCE_S)
            link.replay(traffic, "--topspeed")
            wait_until(lambda: shown() == ("up", 2 * packets), PATIENCE_S)
            assert raised() == []
            link.ip("sensor", "link", "del", link.interface)
            wait_until(lambda: shown() == ("gone", 2 * packets), PATIENCE_S)
            wait_until(raised, PATIENCE_S)
            link.connect()
            wait_until(lambda: shown() == ("up", 2 * packets), PATIENCE_S)
            link.replay(traffic, "--topspeed")
            wait_until(lambda: shown() == ("up", 3 * packets), PATIENCE_S)
            sensor.end()
    assert stored_health(console, sensor.name)["packets"] == 3 * packets
    assert len(raised()) == 1
