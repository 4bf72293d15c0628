"""Sequence numbers and lengths that lie: neither may silence a conversation or invent a loss."""

from __future__ import annotations

from typing import Any

import pytest
from traffic import batch_of, run, segment

from sensor.protocols.protocol import Number

START = 1000
REQUEST = 12


def read_request(transaction: int) -> bytes:
    return transaction.to_bytes(2) + bytes.fromhex("0000 0006 01 03 0064 0002")


def conversation(count: int) -> list[bytes]:
    requests = [segment(read_request(index), START + 1 + REQUEST * index) for index in range(count)]
    return [segment(b"", START, flags="S"), *requests]


def transactions(rows: list[dict[str, Any]]) -> list[int]:
    return [row["transaction"] for row in rows if row["protocol"] == Number.MODBUS]


@pytest.mark.parametrize(
    "jump", [1 << 25, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - (1 << 25)]
)
def test_a_sequence_number_gone_wrong_is_no_gap_of_that_size(jump: int) -> None:
    packets = conversation(20)
    packets[8] = segment(read_request(7), START + 1 + REQUEST * 7 + jump)
    pipeline, rows = run([batch_of(packets, step_ns=100_000_000)])
    assert sorted(transactions(rows)) == list(range(20))
    assert pipeline.losses["tcp_gaps"] > 0
    assert pipeline.losses["tcp_gap_octets"] <= 20 * REQUEST


def test_a_real_gap_is_counted_in_octets() -> None:
    lost = 1 << 20
    packets = [*conversation(1), segment(read_request(1), START + 1 + REQUEST + lost)]
    pipeline, rows = run([batch_of(packets)])
    assert transactions(rows) == [0, 1]
    assert pipeline.losses["tcp_gap_octets"] == lost


def test_an_ip_length_beyond_the_frame_hides_nothing() -> None:
    packets = conversation(10)
    liar = bytearray(packets[5])
    liar[16:18] = (40_000).to_bytes(2)
    packets[5] = bytes(liar)
    pipeline, rows = run([batch_of(packets)])
    assert transactions(rows) == list(range(10))
    assert pipeline.losses["tcp_gap_octets"] == 0


def test_octets_that_the_capture_cut_off_are_a_gap() -> None:
    packets = conversation(10)
    batch = batch_of(packets)
    batch.records[5]["length"] -= 8
    pipeline, rows = run([batch])
    assert transactions(rows) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert pipeline.losses["tcp_gap_octets"] == 8
