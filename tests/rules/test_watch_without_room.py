"""A watch of more hosts than it has room for goes on, and says what it can."""

from __future__ import annotations

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from traffic import batch_of

from rules.watch import Watch
from sensor.capacity import Capacity

HOSTS = 40


def hosts() -> list[bytes]:
    """Each from a MAC and IP address of its own: a claim, and a datagram to everybody."""
    packets = []
    for number in range(1, HOSTS + 1):
        mac, ip = f"02:00:00:00:00:{number:02x}", f"10.0.0.{number}"
        ether = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")
        packets.append(bytes(ether / ARP(op=1, hwsrc=mac, psrc=ip, pdst="10.0.0.250")))
        packets.append(bytes(ether / IP(src=ip, dst="10.0.0.255") / UDP(sport=137, dport=137)))
    return packets


def test_behaviours_of_hosts_that_found_no_room_have_ends_of_which_nothing_is_known() -> None:
    watch = Watch([], capacity=Capacity(endpoints=16))
    watch.begin("port")
    watch.feed(batch_of(hosts()))
    watch.finish()
    assert watch.losses["endpoints_not_kept"] > 0
    documents = list(watch.behaviours())
    assert {} in [document["source"] for document in documents]
    assert all({"source", "destination", "network", "ics"} <= document.keys() for document in documents)
    assert len(list(watch.assets())) <= 16
