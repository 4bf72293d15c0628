"""DNP3 frames annotated from IEEE 1815-2012: link (9), transport (8), application (4), objects (A)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import (
    BROADCAST,
    DOUBTFUL,
    FROM_CLIENT,
    FROM_SERVER,
    IDENTITY,
    MALFORMED,
    NEGATIVE,
    SELECT,
    UNSOLICITED,
    Kind,
    Operation,
    ValueKind,
)
from sensor.protocols import dnp3
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NAMES, NEED_MORE, NOT_IT, Record

MASTER, OUTSTATION = 1, 10
Pdu = tuple[int, bytes]


def checked(octets: bytes) -> bytes:
    """Octets and their CRC, bit by bit as 9.2.6 defines it."""
    value = 0
    for octet in octets:
        for bit in range(8):
            feedback = (value ^ octet >> bit) & 1
            value = value >> 1 ^ (0xA6BC if feedback else 0)
    return octets + (value ^ 0xFFFF).to_bytes(2, "little")


def link(control: int, user: bytes = b"", destination: int = OUTSTATION, source: int = MASTER) -> bytes:
    header = struct.pack("<BBBBHH", 0x05, 0x64, 5 + len(user), control, destination, source)
    return checked(header) + b"".join(checked(user[at : at + 16]) for at in range(0, len(user), 16))


def request(fragment: str, destination: int = OUTSTATION, transport: int = 0xC0) -> Pdu:
    return FROM_CLIENT, link(0xC4, bytes([transport]) + bytes.fromhex(fragment), destination)


def response(fragment: str, transport: int = 0xC0) -> Pdu:
    return FROM_SERVER, link(0x44, bytes([transport]) + bytes.fromhex(fragment), MASTER, OUTSTATION)


def segments(fragment: bytes, size: int = 249, first: int = 60) -> list[Pdu]:
    """A response cut into transport segments, whose sequence numbers wrap at 64."""
    pieces = [fragment[at : at + size] for at in range(0, len(fragment), size)]
    result = []
    for number, piece in enumerate(pieces):
        header = (first + number) % 64
        header |= 0x40 if number == 0 else 0
        header |= 0x80 if number == len(pieces) - 1 else 0
        result.append((FROM_SERVER, link(0x44, bytes([header]) + piece, MASTER, OUTSTATION)))
    return result


def decode(*pdus: Pdu) -> Decoded:
    return decode_pdus(dnp3, pdus)


def test_the_published_reset_frame_has_its_crc() -> None:
    # Reset of link states from 1024 to 1, a frame printed in many DNP3 primers
    assert link(0xC0, destination=1, source=1024) == bytes.fromhex("056405c001000004e921")


def test_class_poll_and_its_answer() -> None:
    # READ of classes 1, 2, 3 and 0; the answer has two analog inputs and three binary inputs
    result = decode(
        request("c3 01 3c0206 3c0306 3c0406 3c0106"),
        response("c3 81 9000 1e02 00 04 05 01 2a00 01 feff 0101 00 00 02 05"),
    )
    rows = result.rows
    assert rows["part"].tolist() == [0, 1, 2, 3, 0, 1]
    assert rows["space"].tolist() == [60, 60, 60, 60, 30, 1]
    assert rows["subfunction"].tolist() == [2, 3, 4, 1, 2, 1]
    assert set(rows["operation"].tolist()) == {Operation.READ}
    assert set(rows["unit"].tolist()) == {OUTSTATION}
    analog, binary = rows[4], rows[5]
    assert (analog["address"], analog["count"], analog["value"], analog["status"]) == (4, 2, 42.0, 0)
    assert (analog["request_packet"], analog["latency_ns"]) == (1, 1_000_000)
    assert (binary["address"], binary["count"], binary["value"]) == (0, 3, 1.0)
    assert result.details[4]["dnp3.values"] == [42, -2]
    assert result.details[4]["dnp3.flags"] == [1, 1]
    assert result.details[4]["dnp3.indications"] == [4, 7]  # need time, device restart
    assert result.details[5]["dnp3.values"] == [1, 0, 1]
    assert not np.any(rows["flags"])


def test_select_before_operate_of_a_relay() -> None:
    # g12v1, index 5: trip, pulse on, once, 100 ms on, 200 ms off; the outstation has no select
    block = "0c01 28 0100 0500 81 01 64000000 c8000000 "
    result = decode(
        request(f"c1 03 {block} 00"),
        response(f"c1 81 0000 {block} 00"),
        request(f"c2 04 {block} 00"),
        response(f"c2 81 0000 {block} 02"),
    )
    select, selected, operate, refused = result.rows
    for row in result.rows:
        assert (row["operation"], row["space"], row["address"]) == (Operation.OPERATE, 12, 5)
        assert (row["value_kind"], row["value"]) == (ValueKind.DISCRETE, 0x81)
    assert select["flags"] == selected["flags"] == SELECT
    assert (selected["status"], operate["flags"]) == (0, 0)
    assert (refused["status"], refused["flags"]) == (256 + 2, NEGATIVE)
    details = result.details[0]
    assert (details["dnp3.control_operation"], details["dnp3.trip_close"]) == (1, 2)
    assert (details["dnp3.execute_count"], details["dnp3.on_time"], details["dnp3.off_time"]) == (1, 100, 200)
    record = Record(operate, "", result.details[2])
    assert dnp3.describe(record) == "binary_output_command 5 trip pulse_on"


def test_every_control_of_a_request_is_a_row() -> None:
    # two blocks under one header, then a set-point of 12.5 (g41v3)
    result = decode(
        request(
            "c1 06 0c01 17 02 01 41 01 00000000 00000000 00 02 03 01 00000000 00000000 00"
            "2903 17 01 07 00004841 00"
        )
    )
    assert result.rows["address"].tolist() == [1, 2, 7]
    assert result.rows["value"].tolist() == [0x41, 0x03, 12.5]
    assert result.rows["value_kind"].tolist() == [ValueKind.DISCRETE, ValueKind.DISCRETE, ValueKind.REAL]
    assert result.rows["part"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("objects", "values"),
    [
        ("2901 17 01 07 feffffff 00", -2.0),
        ("2902 28 0100 0700 0080 00", -32768.0),
        ("2903 17 01 07 0000c03f 00", 1.5),
        ("2904 17 01 07 000000000000f83f 00", 1.5),
    ],
)
def test_analog_outputs(objects: str, values: float) -> None:
    result = decode(request("c1 05" + objects))
    row = result.rows[0]
    assert (row["address"], row["value"], row["space"]) == (7, values, 41)
    assert result.details[0]["dnp3.control_status"] == 0


@pytest.mark.parametrize(
    ("fragment", "operation"),
    [
        ("c0 00", Operation.SESSION),
        ("c0 02 3201 07 01 000000000000", Operation.TIME),
        ("c0 02 5001 00 07 07 00", Operation.WRITE),
        ("c0 02 2201 17 01 03 0500", Operation.CONFIGURE),
        ("c0 07 1400 06", Operation.OTHER),
        ("c0 09 1400 06", Operation.WRITE),
        ("c0 0b 3202 07 01 000000000000 10270000 1400 06", Operation.OTHER),
        ("c0 0d", Operation.RESET),
        ("c0 0e", Operation.RESET),
        ("c0 0f", Operation.CONFIGURE),
        ("c0 11 5a01 5b 01 0200 4142", Operation.START),
        ("c0 12 5a01 5b 01 0200 4142", Operation.STOP),
        ("c0 13", Operation.CONFIGURE),
        ("c0 14 3c02 06", Operation.SUBSCRIBE),
        ("c0 15 3c02 06", Operation.SUBSCRIBE),
        ("c0 16 3c03 06 0100 00 00 03", Operation.CONFIGURE),
        ("c0 17", Operation.TIME),
        ("c0 18", Operation.TIME),
        ("c0 1f", Operation.CONFIGURE),
        ("c0 20 7804 07 01 0100", Operation.AUTHENTICATE),
    ],
)
def test_operations_of_requests(fragment: str, operation: Operation) -> None:
    result = decode(request(fragment))
    assert set(result.rows["operation"].tolist()) == {operation}
    assert not result.rows["flags"].any()
    assert set(result.rows["kind"].tolist()) == {Kind.REQUEST}


def test_events_with_indices_and_times() -> None:
    # unsolicited: g32v3 (32-bit with flag and time) at index 3, g2v1 at 1 and 2
    result = decode(response("f5 82 0200 2003 28 0100 0300 01 e8030000 00a0d1a17801 0201 17 02 01 81 02 01"))
    analog, binary = result.rows
    assert (analog["kind"], analog["operation"], analog["flags"]) == (
        Kind.EVENT,
        Operation.REPORT,
        UNSOLICITED,
    )
    assert (analog["address"], analog["count"], analog["value"]) == (3, 1, 1000.0)
    assert result.details[0]["dnp3.times"] == [0x0178A1D1A000]
    assert (binary["address"], binary["count"]) == (-1, 2)
    assert result.details[1]["dnp3.index"] == [1, 2]
    assert result.details[1]["dnp3.values"] == [1, 0]


@pytest.mark.parametrize(
    ("flags", "doubtful"), [("01", False), ("21", False), ("00", True), ("03", True), ("05", True)]
)
def test_values_of_offline_sources_are_doubtful(flags: str, doubtful: bool) -> None:
    """Not online, restarted, communication lost; a value out of range is one all the same."""
    (row,) = decode(response(f"f5 82 0000 2001 28 0100 0300 {flags} e8030000")).rows
    assert bool(row["flags"] & DOUBTFUL) is doubtful
    assert row["value"] == 1000


def test_a_refused_request_has_a_status() -> None:
    # IIN2.1: object unknown
    result = decode(request("c4 01 6e01 06"), response("c4 81 0002"))
    row = result.rows[1]
    assert (row["status"], row["flags"], row["space"]) == (2, NEGATIVE, 110)
    assert dnp3.PROTOCOL.statuses[2] == "object_unknown"


def test_device_attributes_give_facts() -> None:
    # g0: manufacturer (252), model (250), serial (248), software (242), each a visible string
    texts = {252: b"ACME", 250: b"RTU-9", 248: b"SN1", 242: b"2.1"}
    objects = b"".join(bytes([0, code, 0, 0, 0, 1, len(text)]) + text for code, text in texts.items())
    result = decode(request("c1 01 00fe 00 00 00"), response("c1 81 0000" + objects.hex()))
    assert set(result.rows["operation"].tolist()) == {Operation.IDENTIFY}
    found = {}
    for row, details in zip(result.rows[1:], result.details[1:], strict=True):
        assert row["flags"] == IDENTITY
        for fact in dnp3.PROTOCOL.facts(Record(row, "", details)):
            found[fact.field] = fact.value
    assert found == {"vendor": "ACME", "model": "RTU-9", "serial": "SN1", "firmware": "2.1"}
    assert NAMES[int(result.rows[1]["protocol"])] == "dnp3"


def test_file_open_and_status() -> None:
    name = b"a/b.cfg"
    command = struct.pack("<HH6sHIIHHH", 26, len(name), bytes(6), 0o644, 0x12345678, 512, 2, 1024, 7) + name
    status = struct.pack("<IIHHB", 0xCAFE, 512, 1024, 7, 3)
    result = decode(
        request("c1 19 4603 5b 01" + struct.pack("<H", len(command)).hex() + command.hex()),
        response("c1 81 0000 4604 5b 01" + struct.pack("<H", len(status)).hex() + status.hex()),
    )
    opened, answered = result.rows
    assert (opened["operation"], opened["value"], opened["value_kind"]) == (
        Operation.FILE,
        2,
        ValueKind.DISCRETE,
    )
    assert result.details[0]["dnp3.file_name"] == "a/b.cfg"
    assert result.details[0]["dnp3.file_key"] == 0x12345678
    assert answered["name"] == opened["name"] >= 0
    assert (answered["status"], answered["flags"]) == (512 + 3, NEGATIVE)
    assert result.details[1]["dnp3.file_handle"] == 0xCAFE


def test_challenge_does_not_take_the_answer_of_what_it_challenges() -> None:
    block = "0c01 17 01 05 03 01 00000000 00000000 00"
    result = decode(
        request(f"c1 05 {block}"),
        response("c1 83 0000 7801 5b 01 0c00 01000000 0100 04 01 aabbccdd"),
        request("c1 20 7802 5b 01 0a00 01000000 0100 11223344"),
        response(f"c1 81 0000 {block}"),
    )
    assert [row["operation"] for row in result.rows] == [
        Operation.OPERATE,
        Operation.AUTHENTICATE,
        Operation.AUTHENTICATE,
        Operation.OPERATE,
    ]
    assert result.rows["request_packet"].tolist() == [0, 1, 0, 1]
    assert result.details[1]["dnp3.authentication_user"] == 1


def test_link_services_are_rows_without_function() -> None:
    result = decode(
        (FROM_CLIENT, link(0xC9)),
        (FROM_SERVER, link(0x0B, b"", MASTER, OUTSTATION)),
    )
    asked, status = result.rows
    assert (asked["function"], asked["subfunction"], status["subfunction"]) == (-1, 0x19, 0x0B)
    assert (asked["operation"], status["operation"]) == (Operation.SESSION, Operation.SESSION)
    assert (status["request_packet"], status["unit"], status["kind"]) == (1, OUTSTATION, Kind.RESPONSE)
    assert dnp3.PROTOCOL.function_name(-1, 0x19) == "Request Link Status"


def test_broadcast() -> None:
    result = decode(request("c0 0d", destination=0xFFFF))
    assert (result.rows[0]["unit"], result.rows[0]["flags"]) == (0xFFFF, BROADCAST)


FRAGMENT = bytes.fromhex("c1810000 0a02 01 0000 2c01") + bytes(range(256)) + bytes(45)
"""A response with 301 binary outputs with flags: it takes two segments at least."""


@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 249])
def test_segments_make_one_fragment(size: int) -> None:
    pdus = segments(FRAGMENT, size)
    result = decode(*pdus)
    assert len(result.rows) == 1
    row = result.rows[0]
    assert (row["packet"], row["function"], row["count"], row["length"]) == (
        len(pdus),
        129,
        301,
        len(FRAGMENT),
    )
    assert result.details[0]["dnp3.flags"] == list(range(256)) + [0] * 45
    assert not row["flags"] & MALFORMED


def test_a_missing_segment_costs_one_fragment() -> None:
    pdus = segments(FRAGMENT, 100)
    result = decode(pdus[0], *pdus[2:], *pdus)
    assert [int(row["function"]) for row in result.rows] == [-1, 129]
    broken = result.rows[0]
    assert broken["flags"] == MALFORMED
    assert broken["operation"] == Operation.PROTOCOL_ERROR
    assert result.details[0]["dnp3.lost"] == 100


def test_a_new_fragment_cuts_the_unfinished_one() -> None:
    pdus = segments(FRAGMENT, 100)
    result = decode(*pdus[:2], response("c1 81 0000"))
    assert [int(row["function"]) for row in result.rows] == [-1, 129]
    assert result.details[0]["dnp3.lost"] == 200


def test_a_segment_sent_twice_counts_once() -> None:
    pdus = segments(FRAGMENT, 100)
    result = decode(pdus[0], pdus[1], pdus[1], *pdus[2:])
    assert len(result.rows) == 1
    assert not result.rows[0]["flags"] & MALFORMED


def test_a_wrong_block_crc_is_malformed() -> None:
    direction, frame = response("c1 81 0000 0a02 00 00 1f" + "01" * 32)
    damaged = bytearray(frame)
    damaged[30] ^= 1
    result = decode((direction, bytes(damaged)))
    assert (result.rows[0]["function"], result.rows[0]["flags"]) == (-1, MALFORMED)
    assert result.details[0]["dnp3.crc_errors"] == 1


def test_frames_are_found_behind_junk() -> None:
    direction, frame = request("c1 01 3c01 06")
    result = decode((direction, b"\x05\x64\xff" + frame))
    assert [int(row["function"]) for row in result.rows] == [1, -1]
    assert result.rows[1]["flags"] == MALFORMED
    assert result.details[1]["dnp3.skipped"] == 3


def test_a_response_in_two_fragments_is_one_answer() -> None:
    # FIR without FIN, then FIN under the next sequence number
    result = decode(
        request("c7 01 3c01 06"),
        response("a7 81 0000 1e02 00 00 00 01 0100"),
        request("c7 00"),
        response("48 81 0000 1e02 00 01 01 01 0200"),
    )
    assert result.rows["request_packet"].tolist() == [0, 1, 0, 1]
    assert result.rows[3]["operation"] == Operation.READ


@pytest.mark.parametrize(
    "fragment",
    [
        "c0 50",  # a reserved function code
        "c0 81 0000",  # a response from a master
        "c0 01 3c02 0c",  # a reserved range specifier
        "c0 01 1e02 00 05 04",  # stops before it starts
        "c0 02 3201 07 01 0000",  # a cut object
        "c0",
    ],
)
def test_what_contradicts_the_standard_is_malformed(fragment: str) -> None:
    assert decode(request(fragment)).rows[0]["flags"] & MALFORMED


def test_an_unknown_object_keeps_the_rest() -> None:
    result = decode(response("c0 81 0000 1e02 00 00 00 01 0100 c801 00 00 00 aabb"))
    assert result.rows["space"].tolist() == [30, 200]
    assert not result.rows["flags"].any()
    assert result.details[1]["dnp3.unknown_object"] == 0xC801
    assert result.details[1]["dnp3.data"] == [bytes.fromhex("c80100000 0aabb".replace(" ", ""))]


def test_recognition_of_every_prefix() -> None:
    for (_, frame), verdict in (
        (request("c1 01 3c01 06"), IS_REQUEST),
        (response("c1 81 0000"), IS_RESPONSE),
    ):
        data = np.frombuffer(bytearray(frame), np.uint8)
        for length in range(len(frame) + 1):
            expected = NEED_MORE if length < 10 else verdict
            assert dnp3.recognise(data, 0, length, False) == expected
            assert dnp3.frame_length(data, 0, length) == (0 if length < 10 else len(frame))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=10, max_size=40), st.booleans())
def test_junk_is_not_recognised(octets: bytes, known_port: bool) -> None:
    data = np.frombuffer(bytearray(octets), np.uint8)
    assert dnp3.recognise(data, 0, len(octets), known_port) == NOT_IT
    begun = np.frombuffer(bytearray(b"\x05\x64" + octets), np.uint8)
    assert dnp3.recognise(begun, 0, len(begun), known_port) == NOT_IT


SAMPLES = [
    "c3 01 3c0206 3c0306 3c0406 3c0106",
    "c1 03 0c01 28 0200 0500 81 01 64000000 c8000000 00 0600 81 01 64000000 c8000000 00",
    "c1 05 2903 17 01 07 0000c03f 00",
    "c1 19 4603 5b 01 1c00 1a00 0200 000000000000 ff01 00000000 00000000 0100 0004 0800 2e2e",
    "c1 02 7005 00 00 01 6161616161 6262626262",
    "c1 81 9000 1e02 00 04 05 01 2a00 01 feff 0101 00 00 02 05",
    "f5 82 0200 2003 28 0100 0300 01 e8030000 00a0d1a17801 0201 17 02 01 81 02 01",
    "c1 81 0000 00fc 00 00 00 01 04 41434d45 00f0 00 00 00 02 02 0008",
    "c1 83 0000 7801 5b 01 0c00 01000000 0100 04 01 aabbccdd 7907 17 01 00 01 0100 05000000",
    "c1 20 780a 5b 01 1400 0401 01000000 0100 0000 0400 0000 0000 55534552",
    "c1 02 5301 07 01 41424344 0100 0200 aabb",
]


def columns_of(result: Decoded) -> tuple[list[str], list[str]]:
    names = [name for name in result.rows.dtype.names or () if name != "offset"]
    # Not-a-number differs from itself, its text does not.
    return [repr(row) for row in result.rows[names].tolist()], [repr(row) for row in result.details]


def same_for_any_padding(pdus: Iterable[Pdu]) -> None:
    pdus = list(pdus)
    one = decode_pdus(dnp3, pdus, b"\0" * 600)
    other = decode_pdus(dnp3, pdus, b"\xff" * 600)
    assert columns_of(one) == columns_of(other)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=300)), max_size=5))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[Pdu]) -> None:
    same_for_any_padding(pdus)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_fragments_stay_inside_the_frame(data: st.DataObject) -> None:
    pdus: list[Pdu] = []
    for _ in range(data.draw(st.integers(1, 4))):
        octets = bytearray.fromhex(data.draw(st.sampled_from(SAMPLES)))
        for _ in range(data.draw(st.integers(0, 3))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        del octets[data.draw(st.integers(0, len(octets))) :]
        octets += data.draw(st.binary(max_size=4))
        header = data.draw(st.sampled_from([0xC0, 0xC0, 0xC0, 0x40, 0x01, 0x81, 0x82]))
        server = data.draw(st.booleans())
        frame = link(0x44 if server else 0xC4, bytes([header]) + bytes(octets))
        pdus.append((FROM_SERVER if server else FROM_CLIENT, frame))
    same_for_any_padding(pdus)
