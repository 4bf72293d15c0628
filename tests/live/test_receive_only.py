"""Nothing leaves a mirror port: not when a sensor starts, watches, is asked, or ends."""

import json

import pytest
from live_sensor import PCAPS, LiveSensor, Recorder, running, write_traffic
from netns import plant_link

pytestmark = pytest.mark.xdist_group("live-short")

ASKS_FOR_ALL = bytes.fromhex("ffffffffffff 020000000099 0806 0001080006040001")


def asked() -> list[bytes]:
    """ARP and ICMPv6 that a host would answer, for many addresses."""
    arp = [
        ASKS_FOR_ALL + bytes.fromhex("020000000099c0000263000000000000") + bytes((192, 0, 2, host))
        for host in range(1, 255)
    ]
    return [frame.ljust(60, b"\0") for frame in arp]


def sent_by(link) -> dict[str, int]:
    """What the kernel counts as sent at the mirror port."""
    said = link.run(["ip", "-json", "-stats", "link", "show", "dev", link.interface], "sensor")
    return json.loads(said)[0]["stats64"]["tx"]


def test_not_one_frame_leaves_the_mirror_port(tmp_path):
    traffic = tmp_path / "traffic.pcap"
    packets, _ = write_traffic([PCAPS / "demo" / "plant.pcapng.zst"], traffic)
    with plant_link() as link:
        before = sent_by(link)
        heard = Recorder(link, link.wire, tmp_path / "heard.pcap", "wire", inbound=True)
        sensor = LiveSensor(link, tmp_path)
        with running(sensor):
            link.replay(traffic, "--topspeed")
            link.send(asked())
            sensor.end()
        assert heard.stop() == 0
        assert sent_by(link) == before
    assert before["packets"] == 0
    assert sensor.health()["packets"] == packets + len(asked())
