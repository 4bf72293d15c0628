"""What is on the wire is what is captured: tags, and not one frame from the sensor's side."""

from __future__ import annotations

import select
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from captures import read
from live import EXPERIMENTAL, MACS, capturing, collect, frame
from netns import plant_link, wait_until
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether

from sensor.capture.batch import PacketBatch
from sensor.capture.ring.settings import Settings
from sensor.capture.writing import pcap_header, put_pcap_records, wire_octets

TAGGINGS = {
    "none": b"",
    "802.1Q": bytes.fromhex("8100 0005"),
    "priority only": bytes.fromhex("8100 c000"),
    "all ones": bytes.fromhex("8100 ffff"),
    "802.1ad": bytes.fromhex("88a8 0007"),
    "QinQ": bytes.fromhex("88a8 0007 8100 a014"),
    "9100": bytes.fromhex("9100 0007 8100 0014"),
    "three": bytes.fromhex("8100 0001 8100 0002 8100 0003"),
}


@pytest.mark.parametrize("tags", TAGGINGS.values(), ids=list(TAGGINGS))
def test_tags_that_the_kernel_takes_out_are_put_back(tags: bytes, tmp_path: Path) -> None:
    """The same octets as were sent, and as tcpdump writes them to a file beside us."""
    frames = [frame(number, 60 + number, MACS + tags + EXPERIMENTAL) for number in range(20)]
    path = tmp_path / "tcpdump.pcap"
    with plant_link() as link, capturing(link) as capture:
        command = ["tcpdump", "-i", "cap0", "-c", str(len(frames)), "-w", str(path)]
        tcpdump = link.start(command, "sensor", stderr=subprocess.PIPE)
        assert tcpdump.stderr is not None
        tcpdump.stderr.readline()
        found = collect(capture, lambda: link.send(frames))
        assert tcpdump.wait(10) == 0
        assert [packet.octets for packet in found] == frames
        assert [packet.original for packet in found] == [len(item) for item in frames]
        expected = int.from_bytes(tags[:4], "big") if tags[:2] in (b"\x81\x00", b"\x88\xa8") else 0
        assert {packet.tag for packet in found} == {expected}
        beside = read(path)
        assert [packet.octets for packet in beside] == frames
        assert [packet.original for packet in beside] == [packet.original for packet in found]
        # Both times are the kernel's; tcpdump keeps microseconds.
        assert all(
            abs(ours.time_ns - theirs.time_ns) < 1_000_000 for ours, theirs in zip(found, beside, strict=True)
        )


def test_records_written_as_pcap(tmp_path: Path) -> None:
    """Into a buffer that is too small for all, so that it takes several turns."""
    heads = [MACS + tags + EXPERIMENTAL for tags in TAGGINGS.values()]
    frames = [frame(number, 60 + number * 3, heads[number % len(heads)]) for number in range(200)]
    target = tmp_path / "kept.pcap"
    with plant_link() as link, capturing(link) as capture:
        link.send(frames)
        batch: PacketBatch = next(batch for batch in capture if len(batch.records))
        buffer = np.zeros(5000, np.uint8)
        assert len(batch.records) == len(frames)
        with target.open("wb") as stream:
            stream.write(pcap_header(1))
            index = 0
            while index < len(batch.records):
                index, end = put_pcap_records(batch.data, batch.records, index, buffer, 0)
                assert end > 0
                stream.write(buffer[:end].tobytes())
        times = batch.records["time_ns"].tolist()
        assert [wire_octets(batch.data, row) for row in batch.records] == frames
    kept = read(target)
    assert [packet.octets for packet in kept] == frames
    assert [packet.original for packet in kept] == [len(item) for item in frames]
    assert [packet.time_ns for packet in kept] == times


def provoking() -> list[bytes]:
    """Frames that a host would answer, if it were one: to its own addresses, to all, to groups."""
    ours, sender, everybody = "02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"
    packets = []
    for target in (ours, everybody, "01:00:5e:00:00:01"):
        ether = Ether(src=sender, dst=target)
        packets += [
            ether / ARP(op=1, hwsrc=sender, psrc="10.0.0.2", pdst="10.0.0.1"),
            ether / IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=4000, dport=502, flags="S"),
            ether / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=4000, dport=161) / b"x",
            ether / IP(src="10.0.0.2", dst="10.0.0.1", proto=1) / bytes.fromhex("0800f7ff00000000"),
            ether / Dot1Q(vlan=5) / ARP(op=1, hwsrc=sender, psrc="10.0.0.2", pdst="10.0.0.1"),
            ether / Dot1AD(vlan=5) / Dot1Q(vlan=6) / IP(dst="10.0.0.1") / TCP(dport=80, flags="S"),
        ]
    return [bytes(packet) for packet in packets]


def drained(tap: socket.socket) -> list[bytes]:
    """What lies in a packet socket that was not sent by its own side."""
    found = []
    while select.select([tap], [], [], 0.2)[0]:
        octets, (_, _, kind, *_) = tap.recvfrom(1 << 16)
        if kind != socket.PACKET_OUTGOING:
            found.append(octets)
    return found


@pytest.mark.parametrize("settings", [Settings(), Settings(promiscuous=False)], ids=["promiscuous", "not"])
def test_not_one_frame_leaves_the_interface(settings: Settings) -> None:
    """From before the ring is opened until after it is closed, whatever is sent at it."""
    with plant_link() as link, link.socket("wire", "wire0") as tap:
        with link.socket("sensor", "cap0") as control:
            control.send(frame(1))
            assert drained(tap) == [frame(1)]  # the test sees what is sent
        before = transmitted(link.run(["cat", "/proc/net/dev"], "sensor"))
        with capturing(link, settings=settings) as capture:
            found = collect(capture, lambda: link.send(provoking() * 20))
            assert len(found) == len(provoking()) * 20
            link.ip("sensor", "link", "set", "cap0", "down")
            link.ip("sensor", "link", "set", "cap0", "up")
            assert len(capture.health()) == 1
        assert drained(tap) == []
        assert transmitted(link.run(["cat", "/proc/net/dev"], "sensor")) == before


def transmitted(text: str) -> int:
    """Packets that cap0 has sent, from /proc/net/dev."""
    line = next(line for line in text.splitlines() if line.strip().startswith("cap0:"))
    return int(line.split(":")[1].split()[9])


def test_promiscuity_goes_with_the_socket() -> None:
    with plant_link() as link:

        def promiscuity() -> bool:
            return "promiscuity 1" in link.run(["ip", "-d", "link", "show", "cap0"], "sensor")

        with capturing(link, settings=Settings(promiscuous=False)):
            assert not promiscuity()
        with capturing(link):
            assert promiscuity()
        wait_until(lambda: not promiscuity())


@pytest.mark.parametrize("outgoing", [False, True])
def test_what_this_host_sends_itself_is_taken_only_when_asked_for(outgoing: bool) -> None:
    with plant_link() as link, capturing(link, settings=Settings(outgoing=outgoing)) as capture:

        def talk() -> None:
            with link.socket("sensor", "cap0") as ours:
                ours.send(frame(1))
            link.send([frame(2)])

        found = collect(capture, talk)
        assert [packet.octets for packet in found] == [frame(1), frame(2)][not outgoing :]
