"""Packets as scapy builds them: whatever they are wrapped in or cut into, the messages are the same."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    fragment6,
)
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw
from traffic import batch_of, run

from sensor.capacity import Capacity
from sensor.capture.batch import PacketBatch
from sensor.capture.writing import wire_octets
from sensor.messages import Kind
from sensor.protocols.protocol import Number

READ_REQUEST = bytes.fromhex("0000 0006 01 03 0064 0002")
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4, V6 = IP(src="10.1.1.5", dst="10.1.1.10"), IPv6(src="2001:db8::5", dst="2001:db8::10")
WHOLE = [(transaction, Kind.REQUEST, 3, 100) for transaction in range(4)]


def request(transaction: int) -> bytes:
    return transaction.to_bytes(2) + READ_REQUEST


def segment(transaction: int) -> Packet:
    """The TCP segment with one of four requests of a connection."""
    sequence = 1 + len(request(0)) * transaction
    return TCP(sport=50000, dport=502, seq=sequence, ack=1, flags="PA") / Raw(request(transaction))


def conversation(network: Packet) -> list[Packet]:
    """A connection that is opened and asks four times."""
    opening = TCP(sport=50000, dport=502, seq=0, flags="S")
    return [network.copy() / opening, *(network.copy() / segment(number) for number in range(4))]


def modbus(rows: list[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    return [
        (row["transaction"], row["kind"], row["function"], row["address"])
        for row in rows
        if row["protocol"] == Number.MODBUS
    ]


def family(packet: Packet, v6: int) -> int:
    return v6 if IPv6 in packet else 2


def qinq_9100(packet: Packet) -> bytes:
    """The outer tag with the EtherType that some switches used before 802.1ad."""
    octets = bytes(ETHER / Dot1Q(vlan=7) / Dot1Q(vlan=20) / packet)
    return octets[:12] + b"\x91\x00" + octets[14:]


Wrapping = Callable[[Packet], bytes]
WRAPPINGS: dict[str, tuple[int, int, Wrapping]] = {
    "ethernet": (1, 0, lambda packet: bytes(ETHER / packet)),
    "vlan": (1, 20, lambda packet: bytes(ETHER / Dot1Q(vlan=20) / packet)),
    "priority tag": (1, 0, lambda packet: bytes(ETHER / Dot1Q(vlan=0, prio=6) / packet)),
    "802.1ad": (1, 20, lambda packet: bytes(ETHER / Dot1AD(vlan=7) / Dot1Q(vlan=20) / packet)),
    "qinq 9100": (1, 20, qinq_9100),
    "three tags": (1, 4095, lambda packet: bytes(
        ETHER / Dot1AD(vlan=7) / Dot1Q(vlan=20) / Dot1Q(vlan=4095) / packet)),
    "padded": (1, 0, lambda packet: bytes(ETHER / packet) + bytes(6)),
    "frame check sequence": (1, 0, lambda packet: bytes(ETHER / packet) + b"\xde\xad\xbe\xef"),
    "sll": (113, 0, lambda packet: bytes(CookedLinux(src=b"\2\0\0\0\0\1") / packet)),
    "sll vlan": (113, 20, lambda packet: bytes(CookedLinux(src=b"\2\0\0\0\0\1") / Dot1Q(vlan=20) / packet)),
    "sll2": (276, 0, lambda packet: bytes(CookedLinuxV2(src=b"\2\0\0\0\0\1") / packet)),
    "null little": (0, 0, lambda packet: struct.pack("<I", family(packet, 30)) + bytes(packet)),
    "null big": (0, 0, lambda packet: struct.pack(">I", family(packet, 30)) + bytes(packet)),
    "null linux": (0, 0, lambda packet: struct.pack("<I", family(packet, 10)) + bytes(packet)),
    "null netbsd": (0, 0, lambda packet: struct.pack(">I", family(packet, 24)) + bytes(packet)),
    "null freebsd": (0, 0, lambda packet: struct.pack("<I", family(packet, 28)) + bytes(packet)),
    "loop": (108, 0, lambda packet: struct.pack(">I", family(packet, 24)) + bytes(packet)),
    "raw": (101, 0, bytes),
    "raw, old number": (12, 0, bytes),
    "raw, openbsd": (14, 0, bytes),
}  # fmt: skip


@pytest.mark.parametrize("network", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_any_link_layer_gives_the_same_messages(wrapping: str, network: Packet) -> None:
    link, vlan, wrap = WRAPPINGS[wrapping]
    pipeline, rows = run([batch_of([wrap(packet) for packet in conversation(network)], link)])
    assert modbus(rows) == WHOLE
    assert {row["vlan"] for row in rows} == {vlan}
    assert {row["server_port"] for row in rows} == {502}
    assert not any(pipeline.losses.values())


TAGGED = ["vlan", "priority tag", "802.1ad", "qinq 9100", "three tags"]


@pytest.mark.parametrize("wrapping", TAGGED)
def test_a_tag_that_was_taken_out_counts_as_if_it_were_there(wrapping: str) -> None:
    """As Linux does with the outermost tag of a live packet."""
    link, vlan, wrap = WRAPPINGS[wrapping]
    whole = batch_of([wrap(packet) for packet in conversation(V4)], link)
    frames = [octets_of(whole, row) for row in whole.records]
    batch = batch_of([octets[:12] + octets[16:] for octets in frames], link)
    for record, octets in zip(batch.records, frames, strict=True):
        record["tag"], record["original"] = int.from_bytes(octets[12:16], "big"), len(octets)
    assert [wire_octets(batch.data, row) for row in batch.records] == frames
    pipeline, rows = run([batch])
    _, expected = run([whole])
    for row in rows + expected:
        del row["offset"]  # in the batch's octets
    assert rows == expected
    assert {row["vlan"] for row in rows} == {vlan}
    assert not any(pipeline.losses.values())


def octets_of(batch: PacketBatch, row: Any) -> bytes:
    return batch.data[row["offset"] : row["offset"] + row["length"]].tobytes()


@pytest.mark.parametrize(("network", "link"), [(V4, 228), (V6, 229)])
def test_link_types_of_one_ip_version(network: Packet, link: int) -> None:
    _, rows = run([batch_of([bytes(packet) for packet in conversation(network)], link)])
    assert modbus(rows) == WHOLE


EXTENSIONS: dict[str, Packet] = {
    "hop by hop": IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(20))]),
    "routing": IPv6ExtHdrRouting(addresses=["2001:db8::77"]),
    "destination": IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]),
    "all": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt(),
    "atomic fragment": IPv6ExtHdrFragment(id=9),
    "fragment behind options": IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(id=9) / IPv6ExtHdrDestOpt(),
}


@pytest.mark.parametrize("name", [name for name in EXTENSIONS if name != "fragment behind options"])
def test_ipv6_extension_headers_are_stepped_over(name: str) -> None:
    packets = [bytes(ETHER / packet) for packet in conversation(V6 / EXTENSIONS[name])]
    pipeline, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE
    assert not any(pipeline.losses.values())


def test_authentication_header_is_stepped_over() -> None:
    """RFC 4302 2: next header, length in fours less two, reserved, SPI, sequence number, 12 octets."""
    packets = []
    for packet in conversation(V6):
        header = struct.pack(">BBHII12x", 6, 4, 0, 1, 2)
        packets.append(bytes(ETHER / V6.copy() / Raw(header + bytes(packet.payload))))
        packets[-1] = packets[-1][:20] + b"\x33" + packets[-1][21:]
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE


def test_more_extension_headers_than_anybody_sends_are_refused_and_counted() -> None:
    chain: Packet = V6.copy()
    for _ in range(40):
        chain = chain / IPv6ExtHdrDestOpt()
    pipeline, rows = run([batch_of([bytes(ETHER / packet) for packet in conversation(chain)])])
    assert modbus(rows) == []
    assert pipeline.losses["other_ip_protocol"] == 5


def fragments_of(network: Packet, size: int) -> list[bytes]:
    """The SYN whole, and the four requests, as one segment of a datagram, in fragments of `size`."""
    payload = b"".join(request(number) for number in range(4))
    big = TCP(sport=50000, dport=502, seq=1, ack=1, flags="PA") / Raw(payload)
    if IPv6 in network:
        pieces = fragment6(IPv6(bytes(network / IPv6ExtHdrFragment(id=77) / big)), size + 48)
    else:
        pieces = fragment(IP(bytes(network / big)), size)
    assert len(pieces) > 2
    return [bytes(ETHER / piece) for piece in pieces]


@pytest.mark.parametrize("network", [IP(src="10.1.1.5", dst="10.1.1.10", id=7), V6], ids=["IPv4", "IPv6"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_fragments_in_any_order_and_repeated(network: Packet, data: st.DataObject) -> None:
    pieces = fragments_of(network, 16)
    order = data.draw(st.permutations(range(len(pieces))))
    repeated = [*order, *data.draw(st.lists(st.sampled_from(order), max_size=4))]
    packets = [pieces[index] for index in repeated]
    split = data.draw(st.integers(1, len(packets)))
    batches = [batch_of(packets[:split]), batch_of(packets[split:], first=split + 1)]
    pipeline, rows = run([batch for batch in batches if len(batch.records)])
    assert modbus(rows) == WHOLE
    assert pipeline.losses["ip_fragments_dropped"] == 0


def test_overlapping_fragments_keep_what_came_first() -> None:
    network = IP(src="10.1.1.5", dst="10.1.1.10", id=7)
    pieces = fragments_of(network, 24)
    forged = IP(pieces[1][14:])
    forged[Raw].load = b"\xee" * len(forged[Raw].load)
    del forged.chksum
    _, rows = run([batch_of([pieces[0], pieces[1], bytes(ETHER / forged), *pieces[2:]])])
    assert modbus(rows) == WHOLE


def test_fragments_behind_the_last_one_spoil_the_datagram() -> None:
    network = IP(src="10.1.1.5", dst="10.1.1.10", id=7)
    pieces = fragments_of(network, 24)
    beyond = IP(pieces[-1][14:])
    beyond.frag += 50
    del beyond.len, beyond.chksum
    pipeline, rows = run([batch_of([*pieces[:-2], bytes(ETHER / beyond), *pieces[-1:], *pieces[-2:-1]])])
    assert modbus(rows) == []
    assert pipeline.losses["ip_fragments_dropped"] >= 1


@pytest.mark.parametrize(
    "piece",
    [
        IP(src="1.1.1.1", dst="2.2.2.2", flags="MF", frag=0) / Raw(bytes(9)),
        IP(src="1.1.1.1", dst="2.2.2.2", flags="MF", frag=0),
        IP(src="1.1.1.1", dst="2.2.2.2", frag=8191) / Raw(bytes(80)),
    ],
    ids=["no multiple of eight", "empty", "beyond 65,535 octets"],
)
def test_impossible_fragments_are_counted(piece: Packet) -> None:
    pipeline, rows = run([batch_of([bytes(ETHER / piece)])])
    assert rows == []
    assert pipeline.losses["ip_fragments_dropped"] == 1


def test_oldest_incomplete_datagrams_give_way_and_are_counted() -> None:
    """A thousand datagrams that never end do not keep later ones from being put together."""
    hostile = [
        bytes(ETHER / IP(src="10.9.9.9", dst="10.1.1.10", id=number, flags="MF") / Raw(bytes(64)))
        for number in range(1000)
    ]
    pieces = fragments_of(IP(src="10.1.1.5", dst="10.1.1.10", id=7), 16)
    pipeline, rows = run([batch_of([*hostile, *pieces])])
    assert modbus(rows) == WHOLE
    assert pipeline.losses["ip_datagrams_incomplete"] == 1000 + 1 - 128


def test_fragments_that_come_a_minute_late_are_another_datagram() -> None:
    pieces = fragments_of(IP(src="10.1.1.5", dst="10.1.1.10", id=7), 16)
    _, rows = run([batch_of(pieces, step_ns=61_000_000_000)])
    assert modbus(rows) == []


def cut(packets: Sequence[bytes], snaplen: int) -> Any:
    """The packets as a capture with this snapshot length holds them."""
    batch = batch_of([packet[:snaplen] for packet in packets])
    batch.records["original"] = [len(packet) for packet in packets]
    return batch


@pytest.mark.parametrize("network", [V4, V6], ids=["IPv4", "IPv6"])
def test_what_the_snapshot_length_cuts_is_counted_and_the_rest_understood(network: Packet) -> None:
    packets = [bytes(ETHER / packet) for packet in conversation(network)]
    headers = len(packets[0])
    pipeline, rows = run([cut(packets, headers + 7)])
    assert modbus(rows) == []
    assert pipeline.losses["cut_by_snaplen"] == 4
    whole_again = batch_of(packets[3:], first=6)
    pipeline, rows = run([cut(packets[:3], headers + 7), whole_again])
    assert [row[0] for row in modbus(rows)] == [2, 3]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ethernet_padding_is_no_payload(transport: str) -> None:
    if transport == "tcp":
        bare = bytes(ETHER / V4 / TCP(sport=50000, dport=502, flags="A", ack=1, seq=1))
    else:
        bare = bytes(ETHER / V4 / UDP(sport=50000, dport=502))
    padded = bare.ljust(60, b"\xa5")
    pipeline, rows = run([batch_of([padded, padded])])
    assert modbus(rows) == []
    assert pipeline.understood == (0, 0)


def test_a_segment_the_network_card_was_to_cut_up() -> None:
    """Total length 0: the capture was taken before segmentation offload filled it in."""
    packets = []
    for packet in conversation(V4):
        packet.len = 0
        packets.append(bytes(ETHER / packet))
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE
    packets = []
    for packet in conversation(V6):
        packet.plen = 0
        packets.append(bytes(ETHER / packet))
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE


PLAIN = ETHER / V4 / segment(0)


@pytest.mark.parametrize(
    ("at", "octets", "cause"),
    [
        (14, b"\x55", "bad_ip_header"),  # version 5
        (14, b"\x44", "bad_ip_header"),  # a header of 16 octets
        (14, b"\x4f", "bad_ip_header"),  # a header of 60 octets, longer than the packet
        (16, b"\x00\x13", "bad_ip_header"),  # shorter than the header
        (16, b"\x00\x20", "bad_transport_header"),  # ends inside the TCP header
        (23, b"\x84", "other_ip_protocol"),  # SCTP
        (46, b"\x40", "bad_transport_header"),  # a TCP header of 16 octets
        (46, b"\xf0", "bad_transport_header"),  # a TCP header of 60 octets
        (12, b"\x88\xb8", "other_ethertype"),  # GOOSE
        (12, b"\x00\x2e", "other_ethertype"),  # 802.3
    ],
)
def test_lying_headers_are_counted_by_cause(at: int, octets: bytes, cause: str) -> None:
    packet = bytearray(bytes(PLAIN))
    packet[at : at + len(octets)] = octets
    pipeline, rows = run([batch_of([bytes(packet)])])
    assert rows == []
    assert {name: number for name, number in pipeline.losses.items() if number} == {cause: 1}


@pytest.mark.parametrize("length", [1, 7])
def test_a_udp_length_below_its_header(length: int) -> None:
    packet = bytearray(bytes(ETHER / V4 / UDP(sport=1, dport=2) / Raw(bytes(20))))
    packet[38:40] = length.to_bytes(2)
    pipeline, rows = run([batch_of([bytes(packet)])])
    assert rows == []
    assert pipeline.losses["bad_transport_header"] == 1


def test_an_address_in_the_space_of_macs_is_refused() -> None:
    """0:0:0:1::/64 is reserved (RFC 4291 2.4): nobody passes for a MAC address by using it."""
    for ends in ({"src": "0:0:0:1:ffff::1"}, {"dst": "0:0:0:1::1"}):
        pipeline, rows = run([batch_of([bytes(ETHER / IPv6(**ends) / segment(0))])])
        assert rows == []
        assert pipeline.losses["bad_ip_header"] == 1


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_every_packet_that_ends_early_is_counted_or_understood(wrapping: str) -> None:
    link, _, wrap = WRAPPINGS[wrapping]
    small = Capacity(streams=4, endpoints=8, blocks=1024)
    for network in (V4, V6 / EXTENSIONS["fragment behind options"]):
        whole = wrap(network / segment(0))
        for length in range(0, len(whole), 3):
            batch = batch_of([whole[:length]], link)
            batch.records["original"] = len(whole)
            pipeline, rows = run([batch], small)
            assert rows or any(pipeline.losses.values()), (network.summary(), length)
            assert pipeline.losses["kernel_faults"] == 0
            assert not modbus(rows) or length >= len(whole) - 6


def checked(octets: bytes) -> bytes:
    """Octets and their CRC as IEEE 1815 9.2.6 defines it."""
    value = 0
    for octet in octets:
        for bit in range(8):
            value = value >> 1 ^ (0xA6BC if (value ^ octet >> bit) & 1 else 0)
    return octets + (value ^ 0xFFFF).to_bytes(2, "little")


READ_CLASS_0 = checked(bytes.fromhex("0564 0b c4 0a00 0100")) + checked(bytes.fromhex("c0 c0 01 3c0106"))
LIST_IDENTITY = bytes.fromhex("6300") + bytes(22)


@pytest.mark.parametrize(
    ("port", "datagram", "protocol"),
    [(20000, READ_CLASS_0, Number.DNP3), (44818, LIST_IDENTITY, Number.ENIP)],
    ids=["dnp3", "enip"],
)
@pytest.mark.parametrize("network", [V4, V6], ids=["IPv4", "IPv6"])
def test_datagrams(network: Packet, port: int, datagram: bytes, protocol: int) -> None:
    packet = ETHER / network / UDP(sport=50000, dport=port)
    packets = [
        bytes(packet / Raw(datagram)),
        bytes(packet / Raw(datagram * 2)),
        bytes(packet / Raw(datagram)),
    ]
    _, rows = run([batch_of(packets)])
    found = [row for row in rows if row["protocol"] == protocol]
    assert [row["packet"] for row in found] == [1, 2, 2, 3]
    assert {(row["kind"], row["server_port"], row["transport"]) for row in found} == {(0, port, 17)}


@pytest.mark.parametrize(("port", "datagram"), [(20000, READ_CLASS_0), (44818, LIST_IDENTITY)])
def test_a_datagram_that_ends_inside_its_pdu_is_malformed_and_costs_no_other(
    port: int, datagram: bytes
) -> None:
    packet = ETHER / V4 / UDP(sport=50000, dport=port)
    packets = [bytes(packet / Raw(octets)) for octets in (datagram, datagram[:-1], datagram)]
    _, rows = run([batch_of(packets)])
    found = [(row["packet"], row["flags"] & 1) for row in rows if row["protocol"] != Number.UDP]
    assert found == [(1, 0), (2, 1), (3, 0)]


@pytest.mark.parametrize(("port", "datagram"), [(20000, READ_CLASS_0), (44818, LIST_IDENTITY)])
def test_a_datagram_that_the_capture_cut_is_a_loss_and_not_malformed(port: int, datagram: bytes) -> None:
    packet = ETHER / V4 / UDP(sport=50000, dport=port) / Raw(datagram)
    batch = batch_of([bytes(packet)] * 3)
    batch.records["length"][1] -= 1
    pipeline, rows = run([batch])
    found = [(row["packet"], row["flags"] & 1) for row in rows if row["protocol"] != Number.UDP]
    assert found == [(1, 0), (3, 0)]
    assert pipeline.losses["cut_by_snaplen"] == pipeline.losses["unfinished_pdus"] == 1


def test_a_udp_length_beyond_the_datagram_takes_what_is_there() -> None:
    packet = bytearray(bytes(ETHER / V4 / UDP(sport=50000, dport=20000) / Raw(READ_CLASS_0)))
    packet[38:40] = b"\xff\xff"
    _, rows = run([batch_of([bytes(packet)])])
    assert [row["protocol"] for row in rows if row["protocol"] != Number.UDP] == [Number.DNP3]


def test_datagrams_of_several_packets_are_put_together() -> None:
    whole = IP(bytes(V4 / UDP(sport=50000, dport=20000) / Raw(READ_CLASS_0 * 20)))
    packets = [bytes(ETHER / piece) for piece in fragment(whole, 64)]
    _, rows = run([batch_of(packets)])
    assert [row["protocol"] for row in rows if row["protocol"] != Number.UDP] == [Number.DNP3] * 20
    assert np.unique([row["packet"] for row in rows]).tolist() == [len(packets)]
