"""Processes that share an interface: every packet goes to one of them, and a conversation stays together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict

import pytest
from live import capturing
from netns import PlantLink, plant_link
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from sensor.capture.errors import CaptureError
from sensor.capture.ring.fanout import pair_hash
from sensor.capture.ring.settings import Fanout, Settings

WORKER = """
import json, signal, sys
from sensor.capture.ring.capture import RingCapture
from sensor.capture.ring.settings import Fanout, Settings
from sensor.capture.writing import wire_octets
capture = RingCapture(["cap0"], settings=Settings(fanout=Fanout(7, int(sys.argv[1]))))
signal.signal(signal.SIGTERM, lambda *_: capture.stop())
print("ready", flush=True)
found = [wire_octets(batch.data, row).hex() for batch in capture for row in batch.records]
health = capture.health()[0]
print(json.dumps([found, health.passed, health.dropped]))
"""


def wrapped(packet: Packet, forth: bool, tags: int) -> Packet:
    """On Ethernet between two stations, with so many VLAN tags."""
    macs = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
    ether = Ether(src=macs[not forth], dst=macs[forth])
    return ether / [packet, Dot1Q(vlan=5) / packet, Dot1AD(vlan=7) / Dot1Q(vlan=5) / packet][tags]


def conversations() -> dict[int, list[bytes]]:
    """Both directions of 120 conversations, their packets mixed in every way that hash functions trip over.

    Each carries its number; between the same two addresses there are TCP, UDP and fragments.
    """
    found: dict[int, list[bytes]] = defaultdict(list)
    for number in range(120):
        one, other = f"10.0.{number}.5", f"10.0.{number * 7 % 256}.{number % 50 + 100}"
        if number % 3 == 1:
            one, other = f"2001:db8::{number:x}:5", f"2001:db8:1::{number:x}"
        for forth in (True, False):
            ends = {"src": one, "dst": other} if forth else {"src": other, "dst": one}
            ip = IPv6(**ends) if ":" in one else IP(**ends)
            ports = {"sport": 40000 + number, "dport": 502}
            if not forth:
                ports = {"sport": 502, "dport": 40000 + number}
            mark = Raw(b"%04d" % number)
            packets = [ip / TCP(**ports, flags="PA") / mark, ip / UDP(sport=2222, dport=2222) / mark]
            if ":" not in one:
                datagram = ip / UDP(sport=2222, dport=2222) / (b"%04d" % number * 500)
                packets += fragment(datagram, 1000)
                packets.append(ARP(op=1 if forth else 2, psrc=ends["src"], pdst=ends["dst"]))
            found[number] += [bytes(wrapped(packet, forth, number % 3)) for packet in packets]
    return found


def start(link: PlantLink, workers: int) -> subprocess.Popen[bytes]:
    process = link.start(
        [sys.executable, "-c", WORKER, str(workers)], "sensor", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", process.stderr.read().decode() if process.stderr else ""
    return process


def result(process: subprocess.Popen[bytes]) -> tuple[list[bytes], int, int]:
    process.terminate()
    output, _ = process.communicate(timeout=20)
    octets, passed, dropped = json.loads(output)
    return [bytes.fromhex(item) for item in octets], passed, dropped


def test_both_directions_arrive_at_the_same_member() -> None:
    """So do all conversations of two addresses, fragments among them, whatever tags they wear."""
    talks = conversations()
    with plant_link() as link:
        members = [start(link, 3) for _ in range(3)]
        everything = [octets for packets in talks.values() for octets in packets]
        link.send(everything)
        shares = [result(member) for member in members]
    assert sorted(octets for share, _, _ in shares for octets in share) == sorted(everything)
    for share, passed, dropped in shares:
        assert len(share) == passed
        assert dropped == 0
        assert len(share) > len(everything) / 6  # each does its part
    for packets in talks.values():
        homes = {index for index, (share, _, _) in enumerate(shares) for octets in packets if octets in share}
        assert len(homes) == 1


def test_one_member_more_than_agreed_is_refused() -> None:
    settings = Settings(fanout=Fanout(group=9, workers=1))
    refused = pytest.raises(CaptureError, match="fanout group 9 has its 1 members already")
    with (
        plant_link() as link,
        capturing(link, settings=settings),
        refused,
        capturing(link, settings=settings),
    ):
        pass


def test_groups_of_several_interfaces_have_numbers_of_their_own() -> None:
    settings = Settings(fanout=Fanout(group=20, workers=2))
    with plant_link(interfaces=2) as link, capturing(link, settings=settings) as capture:
        assert len(capture.health()) == 2


@pytest.mark.parametrize("fanout", [(-1, 2), (1 << 16, 2), (1, 0), (1, 257)])
def test_groups_that_cannot_be_are_refused(fanout: tuple[int, int]) -> None:
    with pytest.raises(CaptureError, match="fanout"):
        Settings(fanout=Fanout(*fanout))


def test_the_program_jumps_forward_and_ends() -> None:
    code = pair_hash().instructions
    assert len(code) < 4096
    assert code[-1][0] == 0x16
    for index, (operation, if_true, if_false, _) in enumerate(code):
        if operation == 0x15:
            assert index + 1 + max(if_true, if_false) < len(code)
