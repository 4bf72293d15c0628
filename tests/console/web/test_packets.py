"""The hex view of stored packets: every pcap variant, and nothing a file can hold breaks it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.web.packets import MAX_OCTETS, MAX_PACKETS, hex_rows, packets_of


def pcap(order: str, magic: int, records: list[tuple[int, int, bytes]]) -> bytes:
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for seconds, fraction, octets in records:
        data += struct.pack(order + "IIII", seconds, fraction, len(octets), len(octets) + 4) + octets
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 250_000), (0xA1B23C4D, 250_000_000)])
def test_all_four_variants_give_the_same_packets(order: str, magic: int, fraction: int) -> None:
    shown, left = packets_of(pcap(order, magic, [(1_700_000_000, fraction, b"\x03\x00AB")]), [17])
    assert left == 0
    assert shown[0].time == "2023-11-14T22:13:20.250000000Z"
    assert (shown[0].frame, shown[0].captured, shown[0].original) == (17, 4, 8)
    assert shown[0].rows[0].octets.split() == ["03", "00", "41", "42"]
    assert shown[0].rows[0].text == "..AB"


def test_frame_numbers_are_left_out_when_they_do_not_fit() -> None:
    shown, _ = packets_of(pcap("<", 0xA1B2C3D4, [(0, 0, b"x"), (0, 0, b"y")]), [1])
    assert [packet.frame for packet in shown] == [None, None]


def test_what_is_shown_is_bounded_and_says_what_is_left_out() -> None:
    records = [(0, 0, b"z" * (MAX_OCTETS + 10))] * (MAX_PACKETS + 3)
    shown, left = packets_of(pcap("<", 0xA1B2C3D4, records))
    assert (len(shown), left, shown[0].cut) == (MAX_PACKETS, 3, 10)


def test_rows_are_sixteen_octets_with_a_gap_after_eight() -> None:
    rows = hex_rows(bytes(range(20)))
    assert [row.offset for row in rows] == ["0000", "0010"]
    assert rows[0].octets == "00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f"
    assert len(rows[1].octets) == len(rows[0].octets)


@given(st.binary(max_size=400), st.booleans())
def test_arbitrary_bytes_never_raise(octets: bytes, with_header: bool) -> None:
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    packets_of(header + octets if with_header else octets, [1, 2])
