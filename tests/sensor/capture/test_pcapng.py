"""pcapng: what other tools wrote, and blocks drawn as draft-ietf-opsawg-pcapng describes them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from captures import (
    Captured,
    block,
    enhanced,
    interface,
    option,
    pcap_header,
    pcap_record,
    read,
    section,
    simple,
)
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgWriter

from sensor.capture import pcapng
from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile

TSRESOL, TSOFFSET = 9, 14


def written(path: Path, *blocks: bytes) -> Path:
    path.write_bytes(b"".join(blocks))
    return path


def test_what_scapy_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "written.pcapng"
    frames = [Ether(bytes(12) + b"\x08\x00" + bytes(size)) for size in range(30)]
    with PcapNgWriter(str(path)) as writer:
        for index, frame in enumerate(frames):
            frame.time = 1_700_000_000 + index
            writer.write(frame)
    assert [(item.time_ns, item.octets) for item in read(path)] == [
        ((1_700_000_000 + index) * 10**9, bytes(frame)) for index, frame in enumerate(frames)
    ]


@pytest.mark.skipif(not shutil.which("mergecap"), reason="mergecap is not installed")
def test_several_interfaces_as_mergecap_joins_them(tmp_path: Path) -> None:
    for name, link, second in (("one", 1, 10), ("two", 113, 11)):
        (tmp_path / name).write_bytes(
            pcap_header(link=link) + b"".join(pcap_record(name.encode(), seconds=second + i) for i in (0, 10))
        )
    joined = tmp_path / "joined.pcapng"
    subprocess.run(["mergecap", "-F", "pcapng", "-w", joined, tmp_path / "one", tmp_path / "two"], check=True)
    assert [(item.time_ns // 10**9, item.octets, item.link) for item in read(joined)] == [
        (10, b"one", 1), (11, b"two", 113), (20, b"one", 1), (21, b"two", 113),
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("editcap"), reason="editcap is not installed")
@pytest.mark.parametrize("snaplen", [3, 60])
def test_snaplen_as_editcap_cuts(tmp_path: Path, snaplen: int) -> None:
    source, cut = tmp_path / "whole.pcap", tmp_path / "cut.pcapng"
    source.write_bytes(pcap_header() + pcap_record(b"0123456789"))
    subprocess.run(["editcap", "-F", "pcapng", "-s", str(snaplen), source, cut], check=True)
    assert [(item.octets, item.original) for item in read(cut)] == [(b"0123456789"[:snaplen], 10)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks", "expected_ns"),
    [
        (None, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
        (0, 1_700_000_000, 1_700_000_000_000_000_000),
        (3, 1_700_000_000_001, 1_700_000_000_001_000_000),
        (6, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
        (9, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
        (12, 1_700_000_000_001_999, 1_700_000_000_001),
        (0x80, 1_700_000_000, 1_700_000_000_000_000_000),
        (0x80 | 20, (1_700_000_000 << 20) + (1 << 19), 1_700_000_000_500_000_000),
        (0x80 | 32, (1_700_000_000 << 32) + (3 << 30), 1_700_000_000_750_000_000),
        (0x80 | 63, 1 << 62, 500_000_000),
    ],
)
def test_time_resolutions(
    tmp_path: Path, order: str, resolution: int | None, ticks: int, expected_ns: int
) -> None:
    options = [] if resolution is None else [option(TSRESOL, bytes([resolution]), order)]
    path = written(
        tmp_path / "times.pcapng",
        section(order),
        interface(order=order, options=[option(2, b"eth0", order), *options]),
        enhanced(b"octets", ticks, order=order),
    )
    assert [item.time_ns for item in read(path)] == [expected_ns]


@pytest.mark.parametrize("offset", [0, 3600, -3600, 1_700_000_000])
def test_time_offset(tmp_path: Path, offset: int) -> None:
    path = written(
        tmp_path / "offset.pcapng",
        section(),
        interface(options=[option(TSOFFSET, struct.pack("<q", offset))]),
        enhanced(b"octets", 5_000_000_000_000),
    )
    assert [item.time_ns for item in read(path)] == [(5_000_000 + offset) * 10**9]


@pytest.mark.parametrize("resolution", [0, 6, 9, 18, 0x80, 0x80 | 20, 0x80 | 63])
@pytest.mark.parametrize("offset", [-(1 << 63), 0, (1 << 63) - 1])
def test_impossible_times_stay_in_range(tmp_path: Path, resolution: int, offset: int) -> None:
    options = [option(TSRESOL, bytes([resolution])), option(TSOFFSET, struct.pack("<q", offset))]
    path = written(
        tmp_path / "far.pcapng",
        section(),
        interface(options=options),
        *(enhanced(b"", ticks) for ticks in (0, (1 << 62) - 1, (1 << 63) - 1, (1 << 64) - 1)),
    )
    times = [item.time_ns for item in read(path)]
    assert times == sorted(times)
    assert times[-1] - times[0] <= pcapng.LATEST_NS


def test_each_section_has_its_own_interfaces_and_byte_order(tmp_path: Path) -> None:
    path = written(
        tmp_path / "sections.pcapng",
        section("<"),
        interface(1, "<"),
        interface(113, "<", options=[option(TSRESOL, b"\x09")]),
        enhanced(b"a", 1, 1, "<"),
        section(">"),
        interface(276, ">"),
        enhanced(b"b", 1, 0, ">"),
        section("<"),
        interface(101, "<"),
        enhanced(b"c", 2, 0, "<"),
    )
    assert read(path) == [
        Captured(1, b"a", 1, 113),
        Captured(1000, b"b", 1, 276),
        Captured(2000, b"c", 1, 101),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_simple_and_old_packets(tmp_path: Path, order: str) -> None:
    old = struct.pack(f"{order}HHIIII", 0, 7, 0, 1_000_000, 5, 9) + b"abcde"
    path = written(
        tmp_path / "others.pcapng",
        section(order),
        interface(order=order, snaplen=4),
        simple(b"abc", order),
        simple(b"abcd", order, original=1500),
        block(2, old, order),
    )
    assert read(path) == [
        Captured(0, b"abc", 3, 1),
        Captured(0, b"abcd", 1500, 1),
        Captured(10**9, b"abcde", 9, 1),
    ]


def test_unknown_blocks_are_stepped_over(tmp_path: Path) -> None:
    unknown = [block(kind, bytes(kind % 40)) for kind in (4, 5, 10, 0xBAD, 0x4242, 0x80000001, 0xFFFFFFFF)]
    path = written(
        tmp_path / "unknown.pcapng", section(), *unknown, interface(), *unknown, enhanced(b"x"), *unknown
    )
    capture = CaptureFile(path)
    assert [len(batch.records) for batch in capture] == [1]
    assert (capture.truncated, capture.notes) == (False, [])


def test_packets_of_an_undescribed_interface_are_counted(tmp_path: Path) -> None:
    path = written(
        tmp_path / "undescribed.pcapng",
        section(),
        simple(b"x"),
        interface(),
        enhanced(b"y", index=1),
        enhanced(b"z"),
    )
    capture = CaptureFile(path)
    assert [len(batch.records) for batch in capture] == [1]
    assert capture.notes == ["2 packets of interfaces that were never described"]


@pytest.mark.parametrize("size", [64, 100, 1001])
def test_blocks_across_reads(tmp_path: Path, size: int) -> None:
    octets = [bytes([index]) * (index * 53 % 300) for index in range(150)]
    blocks = [section(), interface()]
    for index, item in enumerate(octets):
        blocks.append(enhanced(item))
        if index % 40 == 0:
            blocks += [section(">"), interface(order=">"), enhanced(b"big", order=">")]
            blocks += [section(), block(5, bytes(700)), interface()]
    path = written(tmp_path / "many.pcapng", *blocks)
    assert [item.octets for item in read(path, block=size) if item.octets != b"big"] == octets


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (struct.pack("<II", 6, 13) + bytes(40), "block of impossible length"),
        (struct.pack("<II", 6, 0xFFFFFFFC) + bytes(40), "block of impossible length"),
        (struct.pack("<II", 6, 0) + bytes(40), "block of impossible length"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 100, 100) + b"short"), "block of impossible length"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 4, 4) + b"abcd")[:-4] + bytes(4), "block of impossible"),
        (struct.pack("<III", 0x0A0D0D0A, 28, 0x01020304) + bytes(16), "without a byte-order mark"),
        (struct.pack("<II", 1, 21) + bytes(20), "impossible length 21"),
    ],
    ids=["odd", "huge", "zero", "packet longer than block", "lengths differ", "no byte order", "interface"],
)
def test_damage_in_the_middle_ends_the_capture_with_an_error(
    tmp_path: Path, damage: bytes, what: str
) -> None:
    sound = section() + interface() + enhanced(b"first")
    path = written(tmp_path / "damaged.pcapng", sound, damage, enhanced(b"last") * 100)
    capture = iter(CaptureFile(path))
    assert len(next(capture).records) == 1
    with pytest.raises(CaptureError, match=rf"damaged at byte {len(sound)}, behind packet 1: .*{what}"):
        next(capture)


def test_more_interfaces_than_a_machine_has(tmp_path: Path) -> None:
    path = written(tmp_path / "interfaces.pcapng", section(), interface() * (pcapng.MOST_INTERFACES + 1))
    with pytest.raises(CaptureError, match="more than 4096 interfaces"):
        read(path)


@pytest.mark.parametrize("cut", [1, 4, 20, 35])
def test_a_cut_last_block_is_told_and_the_rest_is_read(tmp_path: Path, cut: int) -> None:
    whole = section() + interface() + enhanced(b"first") + enhanced(b"last")
    capture = CaptureFile(written(tmp_path / "cut.pcapng", whole[:-cut]))
    assert [len(batch.records) for batch in capture] == [1]
    assert capture.truncated
    assert capture.notes == [f"cut off in the middle of a record at byte {len(whole) - cut}, behind packet 1"]
