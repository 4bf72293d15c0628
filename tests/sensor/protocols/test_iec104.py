"""IEC 104 APDUs annotated from IEC 60870-5-104 (5: APCI) and IEC 60870-5-101 (7.2, 7.3: ASDUs)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import decode_pdus
from sensor.messages import (
    BROADCAST,
    DOUBTFUL,
    FROM_CLIENT,
    FROM_SERVER,
    MALFORMED,
    NEGATIVE,
    SELECT,
    TEST,
    UNSOLICITED,
    Kind,
    Operation,
    ValueKind,
)
from sensor.protocols import iec104
from sensor.protocols.protocol import IS_EITHER, IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, Record


def unnumbered(control: int) -> bytes:
    return bytes([0x68, 4, control, 0, 0, 0])


def apdu(asdu: str, send: int = 0, receive: int = 0) -> bytes:
    body = bytes.fromhex(asdu)
    control = (send << 1).to_bytes(2, "little") + (receive << 1).to_bytes(2, "little")
    return bytes([0x68, len(body) + 4]) + control + body


# type, VSQ, cause, originator, common address; then address and element of each object
SINGLE_COMMAND = apdu("2d 01 06 00 0100 a10f00 81", 3, 5)
INTERROGATION = apdu("64 01 06 00 0100 000000 14")
SPONTANEOUS = apdu("1e 01 03 00 0100 0a0000 01 e703 1e 0a 16 0b 1a")
VALID = (
    unnumbered(0x07),
    unnumbered(0x43),
    bytes.fromhex("68 04 01 00 0a 00"),
    SINGLE_COMMAND,
    INTERROGATION,
    SPONTANEOUS,
    apdu("0d 83 14 00 0100 bc0200 0000803f 00 00000040 10 0000c07f 80"),
    apdu("7d 01 0d 00 0100 010000 0100 01 05 6162636465"),
    apdu("26 01 03 00 0100 040000 02 0a00 e703 1e 0a 16 0b 1a"),
    apdu("0f 01 25 00 0100 050000 ffffffff e3"),
)


@pytest.mark.parametrize(
    ("control", "name", "kind"),
    [
        (0x07, "STARTDT act", Kind.REQUEST),
        (0x0B, "STARTDT con", Kind.RESPONSE),
        (0x13, "STOPDT act", Kind.REQUEST),
        (0x23, "STOPDT con", Kind.RESPONSE),
        (0x43, "TESTFR act", Kind.REQUEST),
        (0x83, "TESTFR con", Kind.RESPONSE),
    ],
)
def test_unnumbered_frames(control: int, name: str, kind: Kind) -> None:
    (row,) = decode_pdus(iec104, [(FROM_CLIENT, unnumbered(control))]).rows
    assert iec104.PROTOCOL.function_name(row["function"]) == name
    assert (row["operation"], row["kind"], row["flags"]) == (Operation.SESSION, kind, 0)


def test_start_is_paired_whichever_side_asks() -> None:
    result = decode_pdus(iec104, [(FROM_CLIENT, unnumbered(0x07)), (FROM_SERVER, unnumbered(0x0B))])
    assert (result.rows[1]["request_packet"], result.rows[1]["latency_ns"]) == (1, 1_000_000)
    tests = [(FROM_SERVER, 0x43), (FROM_CLIENT, 0x43), (FROM_SERVER, 0x83), (FROM_CLIENT, 0x83)]
    result = decode_pdus(iec104, [(side, unnumbered(control)) for side, control in tests])
    assert result.rows["request_packet"].tolist() == [0, 0, 2, 1]


def test_supervisory_frame() -> None:
    result = decode_pdus(iec104, [(FROM_CLIENT, bytes.fromhex("68 04 01 00 0a 00"))])
    assert iec104.PROTOCOL.function_name(result.rows[0]["function"]) == "S"
    assert result.details[0] == {"iec104.receive_sequence": 5}
    assert result.rows[0]["flags"] == 0


def test_select_execute_confirm_terminate() -> None:
    execute = apdu("2d 01 06 00 0100 a10f00 01")
    result = decode_pdus(
        iec104,
        [
            (FROM_CLIENT, SINGLE_COMMAND),
            (FROM_SERVER, apdu("2d 01 07 00 0100 a10f00 81")),
            (FROM_CLIENT, execute),
            (FROM_SERVER, apdu("2d 01 47 00 0100 a10f00 01")),  # P/N set
            (FROM_SERVER, apdu("2d 01 0a 00 0100 a10f00 01")),
        ],
    )
    rows = result.rows
    assert rows["function"].tolist() == [45] * 5
    assert rows["subfunction"].tolist() == [6, 7, 6, 7, 10]
    assert set(rows["operation"]) == {Operation.OPERATE}
    assert rows["kind"].tolist() == [Kind.REQUEST, Kind.RESPONSE, Kind.REQUEST, Kind.RESPONSE, Kind.RESPONSE]
    assert rows["flags"].tolist() == [SELECT, SELECT, 0, NEGATIVE, 0]
    assert rows["status"].tolist() == [-1, 0, -1, iec104.tables.NEGATIVE_CONFIRMATION, 0]
    assert rows["request_packet"].tolist() == [0, 1, 0, 3, 0]
    assert (rows[0]["unit"], rows[0]["address"], rows[0]["value"]) == (1, 4001, 1)
    assert rows[0]["value_kind"] == ValueKind.DISCRETE
    assert result.details[0]["iec104.send_sequence"] == 3
    assert result.details[0]["iec104.receive_sequence"] == 5
    assert result.details[0]["iec104.cause"] == 6
    assert iec104.describe(Record(rows[0], "", {})) == "single_command 4001"


# ASDU, operation in monitor or control direction, value, details that the element gives
ELEMENTS: list[tuple[str, Operation, float | None, dict[str, Any]]] = [
    ("01 01 03 00 0100 010000 91", Operation.REPORT, 1, {"values": [1], "quality": [0x90]}),
    ("03 01 03 00 0100 010000 02", Operation.REPORT, 2, {"values": [2], "quality": [0]}),
    (  # 7.2.6.5: -3 in transient state, then QDS with overflow
        "05 01 03 00 0100 010000 fd 01",
        Operation.REPORT,
        -3,
        {"values": [-3], "transient": [True], "quality": [1]},
    ),
    ("07 01 03 00 0100 010000 78563412 00", Operation.REPORT, 0x12345678, {"values": [0x12345678]}),
    ("09 01 03 00 0100 010000 00c0 40", Operation.REPORT, -0.5, {"measurements": [-0.5], "quality": [0x40]}),
    ("0b 01 03 00 0100 010000 9cff 20", Operation.REPORT, -100, {"values": [-100], "quality": [0x20]}),
    ("0d 01 03 00 0100 010000 0000c03f 00", Operation.REPORT, 1.5, {"measurements": [1.5], "quality": [0]}),
    (  # 7.2.6.9: counter -1, sequence 3, carry, adjusted, invalid
        "0f 01 03 00 0100 010000 ffffffff e3",
        Operation.REPORT,
        -1,
        {"values": [-1], "counter_sequence": [3], "counter_flags": [0xE0]},
    ),
    (  # 7.2.6.8: bits 0 and 15 set, bit 0 changed
        "14 01 03 00 0100 010000 0180 0100 00",
        Operation.REPORT,
        0x8001,
        {"values": [0x8001], "changed": [1], "quality": [0]},
    ),
    ("15 01 03 00 0100 010000 0040", Operation.REPORT, 0.5, {"measurements": [0.5]}),
    (  # CP24: 999 ms + 30 min, invalid
        "02 01 03 00 0100 010000 00 e703 9e",
        Operation.REPORT,
        0,
        {"values": [0], "time_of_hour": [1_800_999], "time_flags": [0x80]},
    ),
    (  # CP56: 2026-11-22 10:30:00.999 (date -u -d 2026-11-22T10:30 +%s), summer time
        "1e 01 03 00 0100 010000 01 e703 1e 8a f6 0b 1a",
        Operation.REPORT,
        1,
        {"values": [1], "time": [1_795_343_400_999], "time_flags": [1]},
    ),
    (  # 7.2.6.10: protection event on, elapsed time invalid, relay duration 10 ms
        "26 01 03 00 0100 010000 0a 0a00 0000 00 00 01 01 00",
        Operation.REPORT,
        2,
        {"values": [2], "elapsed": [10], "quality": [8], "time": [946_684_800_000]},
    ),
    (  # 7.2.6.11: general start and phase L1
        "27 01 03 00 0100 010000 03 80 0a00 0000 00 00 1d 02 18",
        Operation.REPORT,
        3,
        {"values": [3], "elapsed": [10], "quality": [0x80], "time": [1_709_164_800_000]},
    ),
    ("2e 01 06 00 0100 010000 0e", Operation.OPERATE, 2, {"values": [2], "qualifier": 3}),
    ("2f 01 06 00 0100 010000 01", Operation.OPERATE, 1, {"values": [1], "qualifier": 0}),
    ("30 01 06 00 0100 010000 0040 05", Operation.OPERATE, 0.5, {"measurements": [0.5], "qualifier": 5}),
    ("31 01 06 00 0100 010000 0a00 00", Operation.OPERATE, 10, {"values": [10], "qualifier": 0}),
    ("32 01 06 00 0100 010000 0000c03f 00", Operation.OPERATE, 1.5, {"measurements": [1.5]}),
    ("33 01 06 00 0100 010000 01000000", Operation.OPERATE, 1, {"values": [1]}),
    ("46 01 04 00 0100 000000 02", Operation.REPORT, 2, {"values": [2]}),
    ("64 01 06 00 0100 000000 14", Operation.READ, 20, {"values": [20]}),
    ("65 01 06 00 0100 000000 05", Operation.READ, 5, {"group": 5, "freeze": 0}),
    ("65 01 06 00 0100 000000 45", Operation.WRITE, 0x45, {"group": 5, "freeze": 1}),
    ("66 01 05 00 0100 0a0000", Operation.READ, None, {}),
    ("67 01 06 00 0100 000000 e703 1e 0a 16 0b 1a", Operation.TIME, None, {"time": [1_795_343_400_999]}),
    ("68 01 06 00 0100 000000 aa55", Operation.DIAGNOSE, None, {"test_pattern": 0x55AA}),
    ("69 01 06 00 0100 000000 01", Operation.RESET, 1, {"values": [1]}),
    ("6a 01 06 00 0100 000000 2000", Operation.TIME, None, {"elapsed": [32]}),
    ("6e 01 06 00 0100 010000 0040 01", Operation.CONFIGURE, 0.5, {"measurements": [0.5], "parameter": 1}),
    ("6f 01 06 00 0100 010000 0a00 02", Operation.CONFIGURE, 10, {"values": [10], "parameter": 2}),
    ("70 01 06 00 0100 010000 0000c03f 03", Operation.CONFIGURE, 1.5, {"parameter": 3}),
    ("71 01 06 00 0100 010000 03", Operation.CONFIGURE, 3, {"values": [3]}),
    (
        "78 01 0d 00 0100 010000 0200 001000 00",
        Operation.FILE,
        2,
        {"file": [2], "file_length": [0x1000], "file_qualifier": [0]},
    ),
    (
        "79 01 0d 00 0100 010000 0200 01 001000 00",
        Operation.FILE,
        2,
        {"file": [2], "section": [1], "file_length": [0x1000], "file_qualifier": [0]},
    ),
    ("7a 01 0d 00 0100 010000 0200 01 02", Operation.FILE, 2, {"section": [1], "file_qualifier": [2]}),
    ("7b 01 0d 00 0100 010000 0200 01 03 5a", Operation.FILE, 2, {"file_qualifier": [3], "checksum": 0x5A}),
    ("7c 01 0d 00 0100 010000 0200 01 03", Operation.FILE, 2, {"section": [1], "file_qualifier": [3]}),
    ("7d 01 0d 00 0100 010000 0200 01 03 616263", Operation.FILE, 2, {"segment": b"abc"}),
    (
        "7e 01 05 00 0100 010000 0200 001000 20 e703 1e 0a 16 0b 1a",
        Operation.FILE,
        2,
        {"file_length": [0x1000], "file_qualifier": [0x20], "time": [1_795_343_400_999]},
    ),
    (
        "7f 01 05 00 0100 010000 0200 0000 00 00 01 01 00 e703 1e 0a 16 0b 1a",
        Operation.FILE,
        2,
        {"file": [2], "time": [946_684_800_000, 1_795_343_400_999]},
    ),
]


@pytest.mark.parametrize(("asdu", "operation", "value", "details"), ELEMENTS)
def test_element(asdu: str, operation: Operation, value: float | None, details: dict[str, Any]) -> None:
    control = bytes.fromhex(asdu)[0] >= 45 and bytes.fromhex(asdu)[0] != 70
    result = decode_pdus(iec104, [(FROM_CLIENT if control else FROM_SERVER, apdu(asdu))])
    (row,) = result.rows
    assert row["operation"] == operation
    assert not row["flags"] & MALFORMED
    assert (row["value_kind"] != ValueKind.NONE) == (value is not None)
    assert row["value"] == (value or 0)
    assert {key: result.details[0][f"iec104.{key}"] for key in details} == details
    assert row["kind"] == (Kind.REQUEST if control else Kind.EVENT)
    assert bool(row["flags"] & UNSOLICITED) == (not control)


def test_every_type_has_a_size_that_fills_its_object() -> None:
    # 7.3: without the sizes below a type would never be well-formed; segments carry their own length
    for code in iec104.tables.TYPES:
        if code == 125 or code == 41 or 81 <= code <= 95:
            continue
        size = int(iec104.tables.SIZE[code])
        body = f"{code:02x} 01 06 00 0100 010000" + "00" * size
        (row,) = decode_pdus(iec104, [(FROM_CLIENT, apdu(body))]).rows
        assert not row["flags"] & MALFORMED, code
        (row,) = decode_pdus(iec104, [(FROM_CLIENT, apdu(body + "00"))]).rows
        assert row["flags"] & MALFORMED, code


def test_objects_are_parts() -> None:
    # SQ=0: three single points, each with its own address, answering a station interrogation
    result = decode_pdus(iec104, [(FROM_SERVER, apdu("01 03 14 00 0500 010000 00 030000 01 090000 81"))])
    assert result.rows["part"].tolist() == [0, 1, 2]
    assert result.rows["address"].tolist() == [1, 3, 9]
    assert result.rows["value"].tolist() == [0, 1, 1]
    assert result.rows["unit"].tolist() == [5] * 3
    assert set(result.rows["operation"]) == {Operation.READ}
    assert set(result.rows["kind"]) == {Kind.RESPONSE}
    assert [details["iec104.quality"] for details in result.details] == [[0], [0], [0x80]]


@pytest.mark.parametrize(
    ("asdu", "doubtful"),
    [
        ("0d 01 03 00 0100 010000 0000c03f 00", False),
        ("0d 01 03 00 0100 010000 0000c03f 31", False),
        ("0d 01 03 00 0100 010000 0000c03f 80", True),
        ("0d 01 03 00 0100 010000 0000c03f 40", True),
        ("01 01 03 00 0100 010000 81", True),
        ("0f 01 03 00 0100 010000 05000000 e3", True),
        ("0f 01 03 00 0100 010000 05000000 63", False),
        ("0d 82 14 00 0100 bc0200 0000803f 80 00000040 80", True),
        ("0d 82 14 00 0100 bc0200 0000803f 80 00000040 00", False),
    ],
    ids=["good", "overflow, blocked", "invalid", "not topical", "point", "total", "carry", "all", "not all"],
)
def test_values_that_the_station_doubts(asdu: str, doubtful: bool) -> None:
    (row,) = decode_pdus(iec104, [(FROM_SERVER, apdu(asdu))]).rows
    assert bool(row["flags"] & DOUBTFUL) is doubtful


def test_sequence_is_one_row() -> None:
    # SQ=1: three short floats from address 700; the last is not a number
    (row,) = (result := decode_pdus(iec104, [(FROM_SERVER, VALID[6])])).rows
    assert (row["address"], row["count"], row["value"]) == (700, 3, 1.0)
    values = result.details[0]["iec104.measurements"]
    assert values[:2] == [1.0, 2.0]
    assert math.isnan(values[2])
    assert result.details[0]["iec104.quality"] == [0, 0x10, 0x80]


@pytest.mark.parametrize("bits", ["000080 7f", "0000c0 7f", "000080 ff"])
def test_no_number_is_no_value(bits: str) -> None:
    (row,) = decode_pdus(iec104, [(FROM_SERVER, apdu(f"0d 01 03 00 0100 010000 {bits} 00"))]).rows
    assert (row["value_kind"], row["value"]) == (ValueKind.NONE, 0)


def test_unknown_object_is_an_error_of_its_command() -> None:
    result = decode_pdus(
        iec104, [(FROM_CLIENT, SINGLE_COMMAND), (FROM_SERVER, apdu("2d 01 6f 00 0100 a10f00 81"))]
    )
    row = result.rows[1]
    assert (row["operation"], row["status"], row["kind"]) == (Operation.PROTOCOL_ERROR, 47, Kind.RESPONSE)
    assert row["request_packet"] == 1
    assert iec104.PROTOCOL.statuses[47] == "unknown_object_address"


def test_read_command_is_answered_by_the_value() -> None:
    result = decode_pdus(
        iec104,
        [
            (FROM_CLIENT, apdu("66 01 05 00 0100 0a0000")),
            (FROM_SERVER, apdu("0d 01 05 00 0100 0a0000 0000c03f 00")),
        ],
    )
    assert (result.rows[1]["request_packet"], result.rows[1]["kind"]) == (1, Kind.RESPONSE)


def test_test_bit_and_broadcast() -> None:
    (row,) = decode_pdus(iec104, [(FROM_CLIENT, apdu("64 01 86 00 ffff 000000 14"))]).rows
    assert row["flags"] == TEST | BROADCAST


def test_private_and_security_types_keep_their_octets() -> None:
    for code, operation in ((200, Operation.OTHER), (83, Operation.AUTHENTICATE)):
        result = decode_pdus(iec104, [(FROM_CLIENT, apdu(f"{code:02x} 01 0e 00 0100 010000 aabb"))])
        assert result.rows[0]["operation"] == operation
        assert result.details[0]["iec104.data"] == b"\xaa\xbb"
        assert result.rows[0]["flags"] == 0


@pytest.mark.parametrize(
    "asdu",
    [
        "",
        "2d 01 06 00 01",
        "2d 01 06 00 0100 a10f00",  # element missing
        "2d 01 06 00 0100 a10f00 01 00",  # trailing octet
        "01 02 03 00 0100 010000 00",  # two objects promised
        "01 00 03 00 0100 010000 00",  # none promised
        "00 01 03 00 0100 010000 00",  # type 0 is not defined
        "01 01 00 00 0100 010000 00",  # cause 0 is not defined
        "7d 01 0d 00 0100 010000 0200 01 09 616263",  # segment longer than the ASDU
    ],
)
def test_malformed(asdu: str) -> None:
    rows = decode_pdus(iec104, [(FROM_CLIENT, apdu(asdu))]).rows
    assert rows[0]["flags"] & MALFORMED


def verdict(octets: bytes, known: bool = False, junk: int = 0) -> int:
    data = np.frombuffer(octets + bytes([junk]) * 300, np.uint8)
    return int(iec104.recognise(data, 0, len(octets), known))


def test_recognised_from_every_prefix() -> None:
    wanted = [IS_REQUEST, IS_EITHER, IS_EITHER, IS_REQUEST, IS_REQUEST, *[IS_RESPONSE] * 2, IS_EITHER]
    for pdu, whole in zip(VALID, [*wanted, IS_RESPONSE, IS_RESPONSE], strict=True):
        for known in (False, True):
            for cut in range(len(pdu)):
                assert verdict(pdu[:cut], known) == verdict(pdu[:cut], known, 0xFF) == NEED_MORE, (pdu, cut)
            assert verdict(pdu, known) == verdict(pdu + VALID[0], known) == whole, pdu
        data = np.frombuffer(pdu, np.uint8)
        for cut in range(len(pdu) + 1):
            assert iec104.frame_length(data, 0, cut) == (len(pdu) if cut >= 2 else 0)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "69 04 07000000",
        "68 03 070000",
        "68 fe 00",
        "68 04 0f000000",  # two functions at once
        "68 04 07010000",
        "68 04 03000000",
        "68 05 0700000000",
        "68 04 01000100",  # bit 0 of the receive sequence set
        "68 04 05000000",
        "68 04 00000000",  # I format without an ASDU
        "68 0e 00000000 2d 01 2a 00 0100 a10f00 81",  # cause 42 is reserved
        "68 0e 00000000 2d 02 06 00 0100 a10f00 81",
        "68 0e 00000000 00 01 06 00 0100 a10f00 81",
        "68 0e 00000100 2d 01 06 00 0100 a10f00 81",
    ],
)
def test_junk_is_not_recognised(octets: str) -> None:
    for known in (False, True):
        assert verdict(bytes.fromhex(octets), known) == (NEED_MORE if not octets else NOT_IT)


mutated = st.builds(
    lambda pdu, place, octet, cut: (pdu[: place % len(pdu)] + bytes([octet]) + pdu[place % len(pdu) + 1 :])[
        :cut
    ],
    st.sampled_from(VALID),
    st.integers(0, 300),
    st.integers(0, 255),
    st.integers(0, 300),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=260) | mutated), max_size=5))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[tuple[int, bytes]]) -> None:
    one = decode_pdus(iec104, pdus, b"\0" * 400)
    other = decode_pdus(iec104, pdus, b"\xff" * 400)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert repr(one.details) == repr(other.details)
