"""Blocks as <linux/if_packet.h> draws them, and octets that are no blocks."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.capture.ring.blocks import OUTSIDE, Blocks

SIZE, COUNT = 1 << 12, 4
OUTGOING, HOST = 4, 0


def packet(
    octets: bytes, last: bool, status: int = 0, tci: int = 0, tpid: int = 0, kind: int = HOST
) -> bytes:
    """struct tpacket3_hdr, struct sockaddr_ll, and the frame behind them."""
    place = 82
    step = (place + len(octets) + 15) // 16 * 16
    header = struct.pack(
        "=6I2H", 0 if last else step, 5, 7, len(octets), len(octets), status | 1, place, place
    )
    header += struct.pack("=2I2H8x", 0, tci, tpid, 0)
    address = struct.pack("=HHiHBB8x", 17, 0, 1, 1, kind, 6)
    return (header + address).ljust(place, b"\0") + octets.ljust(step - place, b"\0")


def block(*packets: bytes) -> bytes:
    """struct tpacket_block_desc of a retired block."""
    head = struct.pack("=7I", 1, 0, 1, len(packets), 48, 0, 0)
    return (head.ljust(48, b"\0") + b"".join(packets)).ljust(SIZE, b"\0")


def blocks_of(octets: bytes) -> Blocks:
    return Blocks(np.frombuffer(bytearray(octets.ljust(SIZE * COUNT, b"\0")), np.uint8), 0, SIZE, COUNT)


def test_a_block_as_the_header_file_draws_it() -> None:
    frames = [bytes([index]) * (60 + index) for index in range(4)]
    first = block(
        packet(frames[0], False),
        packet(frames[1], False, status=1 << 4, tci=0x2005),
        packet(frames[2], False, status=1 << 4 | 1 << 6, tci=7, tpid=0x88A8),
        packet(b"ours" * 20, True, kind=OUTGOING),
    )
    blocks = blocks_of(first + block(packet(frames[3], True)))
    blocks.fill(1, 3, False)
    rows = blocks.waiting
    assert [int(row["length"]) for row in rows] == [60, 61, 62]  # a quarter of the ring at a time
    assert [int(row["original"]) for row in rows] == [60, 65, 66]
    assert [hex(row["tag"]) for row in rows] == ["0x0", "0x81002005", "0x88a80007"]
    assert {int(row["time_ns"]) for row in rows} == {5_000_000_007}
    assert {int(row["interface"]) for row in rows} == {3}
    blocks.fill(1, 3, True)
    assert [int(row["length"]) for row in blocks.waiting] == [60, 61, 62, 63]
    assert blocks.cursor[OUTSIDE] == 0


def test_a_packet_that_does_not_lie_in_its_block_is_counted() -> None:
    long = bytearray(packet(bytes(60), True))
    struct.pack_into("=I", long, 12, SIZE)
    blocks = blocks_of(block(packet(bytes(60), False), bytes(long)))
    blocks.fill(1, 0, False)
    assert len(blocks.waiting) == 1
    assert blocks.cursor[OUTSIDE] == 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=20))
def test_whatever_lies_in_the_ring_is_survived(noise: bytes, changes: list[tuple[int, int]]) -> None:
    """Nothing raises, hangs, or points outside the ring."""
    whole = bytearray(block(packet(bytes(60), False), packet(bytes(90), False), packet(bytes(70), True)))
    for at, value in changes:
        whole[at] = value
    retired = bytearray(noise.ljust(SIZE, b"\0"))
    retired[8] = 1
    blocks = blocks_of(bytes(whole) + bytes(retired) + bytes(whole))
    for _ in range(6):
        blocks.fill(1, 0, False)
        for row in blocks.take(len(blocks.waiting)):
            assert 0 <= row["offset"] <= row["offset"] + row["length"] <= SIZE * COUNT
        blocks.give_back()
