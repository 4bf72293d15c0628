"""Full tables: what was silent longest gives way, each loss is counted, and the newest is understood."""

from __future__ import annotations

from typing import Any

import numpy as np
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from traffic import CLIENT, SERVER, batch_of, run

from sensor.capacity import Capacity
from sensor.observer import Observer
from sensor.protocols.protocol import Number
from sensor.wire.follow import BLOCK_ROOM
from sensor.wire.streams import BLOCKS_USED

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def request(transaction: int, address: int = 100) -> bytes:
    return (
        transaction.to_bytes(2)
        + bytes.fromhex("0000 0006 01 06")
        + address.to_bytes(2)
        + bytes.fromhex("0001")
    )


def segment(
    payload: bytes, port: int, seq: int = 1, flags: str = "PA", client: str = CLIENT, to: int = 502
) -> bytes:
    header = TCP(sport=port, dport=to, seq=seq, ack=1, flags=flags)
    return bytes(ETHER / IP(src=client, dst=SERVER) / header / payload)


def transactions(rows: list[dict[str, Any]]) -> list[int]:
    return [row["transaction"] for row in rows if row["protocol"] == Number.MODBUS]


def test_conversations_silent_longest_give_way() -> None:
    packets = []
    steady = 0
    for number in range(1000):
        packets.append(segment(request(number), 10_000 + number))
        if number % 10 == 0:  # one that goes on must not be forgotten
            packets.append(segment(request(5000 + steady), 9000, 1 + 12 * steady))
            steady += 1
    pipeline, rows = run([batch_of(packets)], Capacity(streams=64, endpoints=8))
    assert sorted(transactions(rows)) == [*range(1000), *range(5000, 5100)]
    streams = pipeline.wire.streams.rows
    kept = np.sort(streams["low_port"][streams["number"] >= 0])
    newest = kept[kept >= 10_000]
    assert 9000 in kept
    assert newest.tolist() == list(range(11_000 - len(newest), 11_000))
    assert pipeline.losses["streams_evicted"] == 1001 - len(kept)
    assert len({row["stream"] for row in rows if row["client_port"] == 9000}) == 1


def test_closed_conversations_give_way_before_open_ones_and_are_no_loss() -> None:
    packets = [segment(request(9000), 9000)]
    for number in range(200):
        packets.append(segment(request(number), 10_000 + number))
        packets.append(segment(b"", 10_000 + number, 13, "FA"))
    pipeline, rows = run([batch_of(packets)], Capacity(streams=64, endpoints=8))
    assert sorted(transactions(rows)) == [*range(200), 9000]
    assert pipeline.losses["streams_evicted"] < 64


def test_calls_nobody_answered_are_told_when_they_are_forgotten() -> None:
    packets = [segment(b"", 10_000 + number, flags="S") for number in range(500)]
    _, rows = run([batch_of(packets)], Capacity(streams=64, endpoints=8))
    assert [row["client_port"] for row in rows] == list(range(10_000, 10_500))


def test_unfinished_messages_waiting_longest_give_way() -> None:
    streams = 3000
    half = [segment(request(number)[:8], 10_000 + number) for number in range(streams)]
    rest = [segment(request(number)[8:], 10_000 + number, 9) for number in range(streams)]
    whole = [segment(request(number), 10_000 + number, 13) for number in range(streams)]
    pipeline, rows = run(
        [batch_of(half), batch_of(rest, first=streams + 1), batch_of(whole, first=2 * streams + 1)],
        Capacity(streams=4096, endpoints=8, blocks=2 * BLOCK_ROOM),
    )
    finished = [row["transaction"] for row in rows if streams < row["packet"] <= 2 * streams]
    dropped = pipeline.losses["unfinished_pdus"]
    assert finished == list(range(streams - len(finished), streams))
    assert dropped == streams - len(finished)
    assert 0 < len(finished) <= BLOCK_ROOM + 1
    assert pipeline.losses["reassembly_evictions"] > 0
    understood = {row["transaction"] for row in rows if row["packet"] > 2 * streams}
    assert understood >= set(range(streams))
    assert pipeline.wire.streams.used[BLOCKS_USED] == 0


def test_early_segments_give_way_and_no_block_is_lost() -> None:
    """Segments behind a gap that never closes, from more connections than there is room for."""
    packets = []
    for number in range(2000):
        packets.append(segment(b"", 10_000 + number, 0, "S"))
        packets.append(segment(request(number), 10_000 + number, 500))
    packets.append(segment(request(7), 9000))
    pipeline, rows = run([batch_of(packets, step_ns=1000)], Capacity(4096, 8, 2 * BLOCK_ROOM))
    assert 7 in transactions([row for row in rows if row["client_port"] == 9000])
    assert pipeline.losses["early_segments"] > 0
    assert pipeline.wire.streams.used[BLOCKS_USED] == 0


def test_octets_that_found_no_room_make_no_message_of_what_is_left_around_them() -> None:
    """Segments behind gaps, cut inside of requests, of more connections than can be put together at once."""
    size = 65_400
    stream = b"".join(
        number.to_bytes(2)
        + bytes.fromhex("0000 00fd 01 10")
        + number.to_bytes(2)
        + b"\0\x7b\xf6"
        + b"U" * 246
        for number in range(6200)
    )
    waiting = [[size] * 24] * 2 + [[size] * 4, [size] * 20]
    before, closing, behind = [], [], []
    for port, sizes in enumerate(waiting, 9000):
        before += [segment(b"", port, 0, "S"), segment(stream[:7], port, 1)]
        closing.append(segment(stream[7 : 7 + size], port, 8))
        at = 7 + size
        for length in sizes:
            before.append(segment(stream[at : at + length], port, 1 + at))
            at += length
        behind.append(segment(stream[at : at + 1000], port, 1 + at))
    packets = before + closing + behind
    pipeline, rows = run([batch_of(packets, step_ns=1000)], Capacity(64, 8))
    found = [row for row in rows if row["protocol"] == Number.MODBUS]
    assert pipeline.losses["early_segments"] > 0
    assert len(found) > 10_000
    assert {(row["unit"], row["function"], row["count"]) for row in found} == {(1, 16, 123)}
    assert all(row["transaction"] == row["address"] for row in found)
    assert not any(row["flags"] for row in found)


def test_requests_that_may_still_be_answered_are_counted_when_they_give_way() -> None:
    packets = [segment(request(number & 0xFFFF), 9000, 1 + 12 * number) for number in range(40_000)]
    for step_ns, lost in ((1000, True), (1_000_000_000, False)):
        pipeline, rows = run([batch_of(packets, step_ns=step_ns)], Capacity(64, 8))
        assert len(transactions(rows)) == 40_000
        assert (pipeline.losses["requests_evicted"] > 0) == lost


def test_messages_in_parts_that_give_way_are_counted() -> None:
    """RFC 1006 and ISO 8073: data TPDUs of which none is the last (80 is not set), in 500 connections."""
    part = bytes.fromhex("0300000b 02f000 32010000")
    packets = []
    for port in range(10_000, 10_500):
        packets += [segment(b"", port, 0, "S", to=102), segment(part * 2, port, 1, to=102)]
    pipeline, _ = run([batch_of(packets)], Capacity(1024, 8))
    kept = 256
    assert pipeline.losses["fragments_evicted"] >= 500 - kept
    assert pipeline.losses["fragments_overlong"] == 0


def test_addresses_beyond_the_table_are_counted_and_their_messages_kept() -> None:
    packets = [
        segment(request(number), 10_000, client=f"10.2.{number // 250}.{number % 250 + 1}")
        for number in range(500)
    ]
    pipeline, rows = run([batch_of(packets)], Capacity(streams=64, endpoints=16))
    assert sorted(transactions(rows)) == list(range(500))
    known = {row["client"] for row in rows}
    assert known == {0, *(number for number in range(1, 16) if number != rows[0]["server"])}
    assert pipeline.losses["endpoints_not_kept"] == 500 + 1 - 15


def test_behaviours_silent_longest_give_way() -> None:
    observer = Observer(Capacity(behaviours=64))
    table = observer.behaviours
    fresh = gone = 0
    for first in range(0, 500, 50):
        packets = [
            segment(request(number, number), 9000, 1 + 12 * number) for number in range(first, first + 50)
        ]
        for step in observer.feed(batch_of(packets, first=first + 1)):
            fresh += len(step.fresh)
            gone += len(step.gone)
    for step in observer.finish():
        fresh += len(step.fresh)
        gone += len(step.gone)
    inhabited = table.rows[np.flatnonzero(table.hashes)]
    addresses = np.sort(inhabited["address"][inhabited["protocol"] == Number.MODBUS])
    assert addresses.tolist() == list(range(500 - len(addresses), 500))
    assert 32 <= len(inhabited) <= 64
    assert fresh == 501  # the requests, and the conversation
    assert observer.losses["behaviours_evicted"] == gone == fresh - len(inhabited)
    assert observer.messages[Number.MODBUS] == 500
