"""As fast as tcpreplay sends: every packet is counted, and none is lost."""

import re

import pytest
from live_sensor import PCAPS, LiveSensor, running, write_traffic
from netns import plant_link

pytestmark = pytest.mark.xdist_group("live-short")

REPEATS = 4


def test_every_packet_of_a_replay_at_top_speed_is_counted(tmp_path):
    traffic = tmp_path / "traffic.pcap"
    packets, _ = write_traffic([PCAPS / "demo" / "plant.pcapng.zst"], traffic)
    octets = traffic.stat().st_size - 24 - 16 * packets
    with plant_link() as link:
        sensor = LiveSensor(link, tmp_path)
        with running(sensor):
            said = link.replay(traffic, "--topspeed", "--preload-pcap", "--loop", str(REPEATS))
            sensor.end()
    sent = re.search(r"Actual: (\d+) packets", said)
    assert sent
    assert int(sent[1]) == REPEATS * packets
    health = sensor.health()
    assert (health["packets"], health["bytes"]) == (REPEATS * packets, REPEATS * octets)
    assert health["drops"] == {"ring": 0, "interface": 0, "damaged": 0}
    assert [(item["packets"], item["drops"]) for item in health["interfaces"]] == [(REPEATS * packets, 0)]
    assert health["evidence"]["not_held"] == 0
