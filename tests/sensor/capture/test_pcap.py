"""Classic captures: what scapy and dpkt wrote or read, and files drawn octet by octet."""

from __future__ import annotations

from pathlib import Path

import dpkt
import pytest
from captures import Captured, pcap_header, pcap_record, read
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from traffic import write_pcap

from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile

PACKETS = [
    bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP() / UDP() / bytes(range(size)))
    for size in range(40)
]


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_what_scapy_wrote_is_read(tmp_path: Path, endianness: str, nano: bool) -> None:
    path = tmp_path / "written.pcap"
    frames = [Ether(octets) for octets in PACKETS]
    for index, frame in enumerate(frames):
        frame.time = 1_700_000_000 + index
    write_pcap(path, frames, endianness=endianness, nano=nano)
    assert read(path) == [
        Captured((1_700_000_000 + index) * 10**9, octets, len(octets), 1)
        for index, octets in enumerate(PACKETS)
    ]


def test_what_dpkt_reads_is_read(tmp_path: Path) -> None:
    path = tmp_path / "written.pcap"
    with path.open("wb") as stream:
        writer = dpkt.pcap.Writer(stream, nano=True)
        for index, octets in enumerate(PACKETS):
            writer.writepkt_time(octets, index + 0.5)
    with path.open("rb") as stream:
        expected = [(int(seconds * 1_000_000_000), octets) for seconds, octets in dpkt.pcap.Reader(stream)]
    assert [(item.time_ns, item.octets) for item in read(path)] == expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "tick"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_ticks_of_both_byte_orders(tmp_path: Path, order: str, magic: int, tick: int) -> None:
    path = tmp_path / "drawn.pcap"
    latest = 2**32 - 1
    path.write_bytes(
        pcap_header(order, magic, link=113)
        + pcap_record(b"one", order, 1, 2)
        + pcap_record(b"", order, latest, 999_999, original=1500)
    )
    assert read(path) == [
        Captured(10**9 + 2 * tick, b"one", 3, 113),
        Captured(latest * 10**9 + 999_999 * tick, b"", 1500, 113),
    ]


def test_the_length_of_the_frame_check_sequence_is_no_link_type(tmp_path: Path) -> None:
    path = tmp_path / "fcs.pcap"
    path.write_bytes(pcap_header(link=0x24000001) + pcap_record(b"octets"))
    assert [item.link for item in read(path)] == [1]


@pytest.mark.parametrize("block", [24, 25, 64, 1000])
def test_records_across_blocks(tmp_path: Path, block: int) -> None:
    path = tmp_path / "long.pcap"
    octets = [bytes([index]) * (index * 37 % 400) for index in range(200)]
    path.write_bytes(pcap_header() + b"".join(pcap_record(item) for item in octets))
    assert [item.octets for item in read(path, block=block)] == octets


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_cut_last_record_is_told_and_the_rest_is_read(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.pcap"
    whole = pcap_header() + pcap_record(b"first") + pcap_record(b"last")
    path.write_bytes(whole[:-cut])
    capture = CaptureFile(path)
    assert [len(batch.records) for batch in capture] == [1]
    assert capture.truncated
    assert capture.notes == [f"cut off in the middle of a record at byte {len(whole) - cut}, behind packet 1"]


def test_a_whole_capture_has_nothing_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "whole.pcap"
    path.write_bytes(pcap_header() + pcap_record(b"first"))
    capture = CaptureFile(path)
    assert (capture.packets, len(list(capture)), capture.packets) == (0, 1, 1)
    assert (capture.truncated, capture.notes, capture.octets) == (False, [], 5)


def test_a_capture_without_packets(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(pcap_header())
    capture = CaptureFile(path)
    assert list(capture) == []
    assert not capture.truncated


def test_damage_in_the_middle_ends_the_capture_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "damaged.pcap"
    sound = pcap_header() + pcap_record(b"first")
    path.write_bytes(sound + bytes(8) + b"\xff" * 8 + pcap_record(b"last") * 100)
    capture = iter(CaptureFile(path))
    assert len(next(capture).records) == 1
    with pytest.raises(CaptureError, match=rf"damaged\.pcap: damaged at byte {len(sound)}, behind packet 1"):
        next(capture)


def test_a_file_header_that_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "header.pcap"
    path.write_bytes(pcap_header()[:23])
    with pytest.raises(CaptureError, match="cut inside the pcap file header"):
        read(path)
