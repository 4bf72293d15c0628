"""TCP put in order: any way of cutting, swapping and repeating segments gives the same messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traffic import batch_of, run, segment

from sensor.messages import MESSAGES, Kind
from sensor.pipeline import Pipeline
from sensor.protocols import transport
from sensor.protocols.protocol import Number
from sensor.wire import streams


def read_request(transaction: int) -> bytes:
    return transaction.to_bytes(2) + bytes.fromhex("0000 0006 01 03 0064 0002")


def read_response(transaction: int) -> bytes:
    return transaction.to_bytes(2) + bytes.fromhex("0000 0007 01 03 04 0001 0002")


REQUESTS = b"".join(read_request(index) for index in range(20))


def modbus(rows: list[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    return sorted(
        (row["transaction"], row["kind"], row["function"], row["address"])
        for row in rows
        if row["protocol"] == Number.MODBUS
    )


WHOLE = [(index, Kind.REQUEST, 3, 100) for index in range(20)]


@pytest.mark.parametrize("start", [1000, 0xFFFFFFF0])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_segmentation_order_and_repetition_is_the_same(start: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(REQUESTS) - 1), max_size=12)))
    bounds = list(zip([0, *cuts], [*cuts, len(REQUESTS)], strict=True))
    pieces = [segment(REQUESTS[low:high], start + 1 + low) for low, high in bounds]
    pieces += [pieces[index] for index in data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=3))]
    order = data.draw(st.permutations(range(len(pieces))))
    packets = [segment(b"", start, flags="S"), *(pieces[index] for index in order)]
    split = data.draw(st.integers(1, len(packets)))
    batches = [batch_of(packets[:split]), batch_of(packets[split:], first=split + 1)]
    _, rows = run([batch for batch in batches if len(batch.records)])
    assert modbus(rows) == WHOLE


def test_one_octet_at_a_time() -> None:
    packets = [segment(b"", 0, flags="S")]
    packets += [segment(REQUESTS[at : at + 1], 1 + at) for at in range(len(REQUESTS))]
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE


def test_overlap_keeps_what_came_first() -> None:
    evil = REQUESTS[:12].replace(b"\0\x64", b"\0\x65")
    packets = [segment(b"", 0, flags="S"), segment(REQUESTS[:12], 1), segment(evil + REQUESTS[12:], 1)]
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE


def test_a_gap_costs_only_what_it_hides() -> None:
    packets = [segment(b"", 0, flags="S")]
    packets += [segment(read_request(index), 1 + 12 * index) for index in range(20) if index != 7]
    pipeline, rows = run([batch_of(packets)])
    assert modbus(rows) == [row for row in WHOLE if row[0] != 7]
    assert pipeline.wire.streams.used[streams.GAPS] == 1
    assert pipeline.losses["tcp_gap_octets"] == 12


def test_a_gap_inside_a_pdu_is_resynchronised() -> None:
    packets = [segment(b"", 0, flags="S"), segment(read_request(0)[:8], 1)]
    packets += [segment(read_request(index), 1 + 12 * index) for index in range(1, 20)]
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE[1:]


@pytest.mark.parametrize("cut", [5, 12, 40])
def test_how_much_of_a_protocol_is_understood_is_counted(cut: int) -> None:
    """Twenty requests of 12 octets in segments of any size, then 30 octets that are no PDU."""
    octets = REQUESTS + b"\xff" * 30
    packets = [segment(b"", 0, flags="S")]
    packets += [segment(octets[at : at + cut], 1 + at) for at in range(0, len(octets), cut)]
    pipeline, _ = run([batch_of(packets)])
    assert pipeline.understood_by_protocol == {Number.MODBUS: (len(octets), len(REQUESTS))}
    assert pipeline.understood == (len(octets), len(REQUESTS))


def test_a_stream_joined_midway_is_understood_with_its_client() -> None:
    packets = []
    for index in range(5):
        packets.append(segment(read_request(index), 1 + 12 * index))
        packets.append(segment(read_response(index), 1 + 13 * index, from_server=True))
    _, rows = run([batch_of(packets)])
    assert [row["kind"] for row in rows if row["protocol"] == Number.MODBUS] == [0, 1] * 5
    assert {row["server_port"] for row in rows} == {502}
    assert all(row["request_packet"] for row in rows if row["protocol"] == Number.MODBUS and row["kind"])


def test_reused_ports_are_a_new_stream() -> None:
    packets = []
    for isn in (5000, 90000):
        packets += [
            segment(b"", isn, flags="S"),
            segment(b"", 700, flags="SA", ack=isn + 1, from_server=True),
            segment(read_request(1), isn + 1),
            segment(b"", isn + 13, flags="FA"),
        ]
    _, rows = run([batch_of(packets)])
    requests = [row for row in rows if row["protocol"] == Number.MODBUS]
    assert len({row["stream"] for row in requests}) == len(requests) == 2


def test_a_connection_that_begins_anew_unseen_does_not_go_dark() -> None:
    packets = [segment(read_request(index), 1 << 30 | 12 * index) for index in range(5)]
    packets += [segment(read_request(index), 12 * index) for index in range(5, 10)]
    _, rows = run([batch_of(packets)])
    assert [row[0] for row in modbus(rows)] == list(range(10))


def test_keep_alives_with_an_octet_are_no_data_however_many() -> None:
    """RFC 9293 3.8.4: sequence number one below the next, without data or with one octet of garbage."""
    packets = [segment(b"", 0, flags="S"), segment(read_request(0), 1)]
    for number in range(100):
        packets.append(segment(b"\0" if number % 3 else b"", 12, flags="A"))
        packets.append(segment(b"", 1, ack=13, from_server=True, flags="A"))
    packets += [segment(read_request(1), 13), segment(read_request(2), 25)]
    pipeline, rows = run([batch_of(packets, step_ns=1_000_000_000)])
    assert [row[0] for row in modbus(rows)] == [0, 1, 2]
    assert pipeline.losses["tcp_gaps"] == 0


@pytest.mark.parametrize(
    ("answer", "function"), [("SA", 1), ("RA", 2), (None, 3)], ids=["accepted", "refused", "unanswered"]
)
def test_calls_are_told_by_how_they_ended(answer: str | None, function: int) -> None:
    packets = [segment(b"", 10, flags="S", port=4711)]
    if answer:
        packets.append(segment(b"", 0, flags=answer, ack=11, from_server=True, port=4711))
    _, rows = run([batch_of(packets)])
    assert [(row["protocol"], row["function"], row["server_port"]) for row in rows] == [
        (Number.TCP, function, 4711)
    ]


def calls(packets: list[bytes], ended: bool = False) -> list[int]:
    """The functions of the events told of packets a second apart, before the capture ends."""
    pipeline = Pipeline()
    functions: list[int] = []
    steps = [pipeline.feed(batch_of(packets, step_ns=10**9)), *([pipeline.finish()] if ended else [])]
    for drains in steps:
        for _ in drains:
            rows = pipeline.out.messages[: pipeline.out.used[MESSAGES]]
            functions += [int(row["function"]) for row in rows if row["protocol"] == Number.TCP]
    return functions


def test_a_call_without_an_answer_is_told_while_others_go_on() -> None:
    call = segment(b"", 10, flags="S", port=4711)
    other = segment(b"", 20, flags="A", port=80)
    assert calls([call, other, call]) == []
    assert calls([call, other, call, other]) == [transport.UNANSWERED]
    assert calls([call, other, call, other, call, other], ended=True) == [transport.UNANSWERED]


def test_a_late_answer_is_told_as_well() -> None:
    call = segment(b"", 10, flags="S", port=4711)
    answer = segment(b"", 0, flags="SA", ack=11, from_server=True, port=4711)
    assert calls([call] * 4 + [answer], ended=True) == [transport.UNANSWERED, transport.ACCEPTED]


def test_more_calls_than_can_be_watched_are_told_when_they_are_closed() -> None:
    many = streams.CALLS + 100
    packets = [segment(b"", 10, flags="S", port=1 + index) for index in range(many)]
    pipeline, rows = run([batch_of(packets, step_ns=1000)])
    assert [row["function"] for row in rows] == [transport.UNANSWERED] * many
    assert pipeline.wire.streams.used[streams.CALLS_SETTLED] == 100


def test_protocol_is_known_by_content_not_by_port() -> None:
    packets = [segment(b"", 0, flags="S", port=15020), segment(REQUESTS, 1, port=15020)]
    _, rows = run([batch_of(packets)])
    assert modbus(rows) == WHOLE


@pytest.mark.parametrize(
    "junk", [b"GET / HTTP/1.1\r\n\r\n", bytes(40), b"\xff" * 64, b"\x16\x03\x01\0\x05hello"]
)
def test_junk_on_a_known_port_is_not_classified(junk: bytes) -> None:
    _, rows = run([batch_of([segment(b"", 0, flags="S"), segment(junk, 1)])])
    assert not modbus(rows)
