"""Repeats and floods of hostile packets: nothing grows, and every packet is accounted for."""

import pytest
from live_sensor import console_of, running, score_captures, write_traffic
from netns import CONSOLE_IP, plant_link

from bench.soak import Soak, accounted, hostile, invented

pytestmark = pytest.mark.xdist_group("live-short")

ROUNDS = 4
FLOOD = 3000
MOST_RESIDENT = 1 << 30
"""Octets in a flood of hosts that do not exist; tables of fixed size fill up."""
MOST_GROWTH = 96 << 20
"""Octets over repeats of what was seen before: the 64 MiB of the ring, page by page, and a little."""
MOST_SPOOL = 64 << 20
"""Octets of the spool's file and its log, which keep the room that they once took."""
# Frames whose fate is known (IEEE 802.3, RFC 791): a type nobody decodes, a protocol nobody decodes, an IP
# header that is longer than the packet, and a frame that ends within its header.
ETHERNET = bytes.fromhex("020000000001020000000002")
IP = bytes.fromhex("0800 4500001c00000000400300000a0000010a000002") + bytes(8)
KNOWN = {
    "other_ethertype": ETHERNET + b"\x88\xb5" + bytes(46),
    "other_ip_protocol": ETHERNET + IP,
    "bad_ip_header": ETHERNET + b"\x08\0\x42" + bytes(45),
    "too_short": ETHERNET + b"\x08\0\x45\0\0\x1c",
}
EACH = 100


def test_nothing_grows_and_nothing_is_unaccounted_for(tmp_path):
    captures = list(score_captures(400))
    traffic = tmp_path / "traffic.pcap"
    packets, _ = write_traffic(captures, traffic)
    with plant_link(uplink=True) as link, console_of(link, tmp_path / "console", CONSOLE_IP) as console:
        soak = Soak(link, console, tmp_path, seed=1)
        console.enrol(soak.sensor.name, soak.sensor.state)
        console.start()
        with running(soak.sensor):
            soak.flood([frame for frame in KNOWN.values() for _ in range(EACH)])
            soak.settled()
            losses = soak.health()["losses"]
            assert {cause: losses.get(cause) for cause in KNOWN} == dict.fromkeys(KNOWN, EACH)
            for _ in range(ROUNDS):
                soak.replay(traffic, packets, "--topspeed")
                soak.flood(hostile(soak.chance, captures))
                soak.flood(list(invented(soak.chance, FLOOD)))
                soak.settled()
                soak.measure()
            before = soak.measure()
            for _ in range(ROUNDS):
                soak.replay(traffic, packets, "--topspeed")
                soak.settled()
            after = soak.measure()
            soak.sensor.end()
            health = soak.health()
    assert accounted(health) == soak.sent
    assert health["faults"] == 0
    assert max(measure.resident for measure in soak.measures) < MOST_RESIDENT
    assert after.resident - before.resident < MOST_GROWTH
    assert after.files <= before.files + 2
    assert after.threads <= before.threads
    assert after.spool < MOST_SPOOL
    assert not soak.sensor.spooled("alert")
