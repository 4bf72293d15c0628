"""EtherNet/IP, CIP and PCCC PDUs annotated from CIP volumes 1 and 2, 1756-PM020 and 1770-6.5.16."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import FROM_CLIENT, FROM_SERVER, IDENTITY, MALFORMED, Operation, ValueKind
from sensor.protocols import enip
from sensor.protocols.enip import pccc
from sensor.protocols.enip.identity import facts
from sensor.protocols.enip.paths import LONGEST_NAME
from sensor.protocols.protocol import (
    IS_EITHER,
    IS_REQUEST,
    IS_RESPONSE,
    NEED_MORE,
    NOT_IT,
    UNFRAMED,
    Number,
    Record,
)
from sensor.strings import text_of

ROUTER = "20 02 24 01"


def encapsulated(
    command: int, body: bytes = b"", session: int = 7, status: int = 0, context: int = 1
) -> bytes:
    """CIP volume 2, 2-3.1."""
    return struct.pack("<HHIIQI", command, len(body), session, status, context, 0) + body


def unconnected(message: str | bytes, context: int = 1) -> bytes:
    """Send RR Data: interface 0, timeout 5, a null address item and an unconnected data item."""
    message = bytes.fromhex(message) if isinstance(message, str) else message
    packet = struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(message)) + message
    return encapsulated(0x6F, packet, context=context)


def connected(message: str, connection: int, sequence: int) -> bytes:
    """Send Unit Data: a connected address item and a connected data item."""
    body = struct.pack("<H", sequence) + bytes.fromhex(message)
    packet = struct.pack("<IHHHHIHH", 0, 0, 2, 0xA1, 4, connection, 0xB1, len(body)) + body
    return encapsulated(0x70, packet)


def io_packet(connection: int, sequence: int, data: str) -> bytes:
    body = bytes.fromhex(data)
    return struct.pack("<HHHIIHH", 2, 0x8002, 8, connection, sequence, 0xB1, len(body)) + body


def exchange(request: str, response: str) -> Decoded:
    return decode_pdus(enip, [(FROM_CLIENT, unconnected(request)), (FROM_SERVER, unconnected(response))])


def name_of(result: Decoded, index: int) -> str:
    return text_of(result.out.strings, int(result.rows[index]["name"]))


def described(result: Decoded, index: int) -> str:
    row = result.rows[index]
    protocol = next(item for item in enip.PROTOCOLS if item.number == row["protocol"])
    return protocol.describe(Record(row, name_of(result, index), result.details[index]))


LIST_IDENTITY_REPLY = (
    "0100 0c00 2600 0100 0002 af12 0a000005 0000000000000000"
    " 0100 0e00 3600 1405 6030 78563412 05 50312f4c41 03"
)


def test_list_identity_gives_facts() -> None:
    # Volume 2 table 2-4.4: Rockwell, PLC, product 54, revision 20.5, name "P1/LA", operational
    reply = bytearray(bytes.fromhex(LIST_IDENTITY_REPLY))
    reply[4:6] = struct.pack("<H", len(reply) - 6)
    result = decode_pdus(
        enip,
        [(FROM_CLIENT, encapsulated(0x63, session=0)), (FROM_SERVER, encapsulated(0x63, bytes(reply)))],
    )
    request, response = result.rows
    assert request["protocol"] == response["protocol"] == Number.ENIP
    assert request["operation"] == response["operation"] == Operation.IDENTIFY
    assert response["flags"] == IDENTITY
    assert response["status"] == 0
    assert response["request_packet"] == 1
    details = result.details[1]
    assert details["enip.socket_address"] == bytes([10, 0, 0, 5])
    assert details["enip.socket_port"] == 44818
    assert (details["cip.revision_major"], details["cip.revision_minor"]) == (20, 5)
    assert details["cip.device_state"] == 3
    found = {fact.field: fact.value for fact in facts(Record(response, "", details))}
    assert found == {
        "vendor": "Rockwell Automation/Allen-Bradley",
        "model": "P1/LA",
        "firmware": "20.005",
        "serial": "12345678",
        "type": "Programmable Logic Controller",
        "role": "plc",
    }


def test_register_session_is_paired_and_refused() -> None:
    body = bytes.fromhex("01000000")
    result = decode_pdus(
        enip,
        [
            (FROM_CLIENT, encapsulated(0x65, body, session=0)),
            (FROM_SERVER, encapsulated(0x65, body, session=0, status=0x69)),
        ],
    )
    assert result.rows["operation"].tolist() == [Operation.SESSION, Operation.PROTOCOL_ERROR]
    assert result.rows[1]["status"] == 0x69
    assert result.rows[1]["request_packet"] == 1
    assert result.details[0]["enip.protocol_version"] == 1


@pytest.mark.parametrize(
    ("request_path", "function", "operation", "space", "address", "text"),
    [
        ("01 02 20 01 24 01", 1, Operation.IDENTIFY, 1, 1 << 16, "Identity 1"),
        ("05 02 20 01 24 01 00", 5, Operation.RESET, 1, 1 << 16, "Identity 1"),
        ("05 02 20 05 24 01", 5, Operation.SESSION, 5, 1 << 16, "Connection 1"),
        ("06 02 20 8e 24 01", 6, Operation.START, 0x8E, 1 << 16, "Logix Controller 1"),
        ("07 02 20 8e 24 01", 7, Operation.STOP, 0x8E, 1 << 16, "Logix Controller 1"),
        ("0e 03 20 01 24 01 30 07", 14, Operation.IDENTIFY, 1, 1 << 16 | 7, "Identity 1 attribute 7"),
        ("10 03 20 04 24 64 30 03 0100", 16, Operation.WRITE, 4, 100 << 16 | 3, "Assembly 100 attribute 3"),
        (
            "10 03 20 f5 24 01 30 05" + "00" * 22,
            16,
            Operation.CONFIGURE,
            0xF5,
            1 << 16 | 5,
            "TCP/IP Interface 1 attribute 5",
        ),
        (
            "10 04 21 00 8b 00 24 01 30 06 0000000000000000",
            16,
            Operation.TIME,
            0x8B,
            1 << 16 | 6,
            "Wall Clock Time 1 attribute 6",
        ),
        ("4b 02 20 37 24 c8 05", 0x4B, Operation.FILE, 0x37, 200 << 16, "File 200"),
        ("4d 02 20 a1 24 01 00", 0x4D, Operation.FIRMWARE, 0xA1, 1 << 16, "Nonvolatile Storage 1"),
        ("08 02 20 68 24 00", 8, Operation.PROGRAM_DOWNLOAD, 0x68, 0, "Logix Program 0"),
        (
            "50 06 20 68 25 00 34 12 20 6a 25 00 78 56",
            0x50,
            Operation.PROGRAM_DOWNLOAD,
            0x6A,
            0x5678 << 16,
            "Logix Routine 22136",
        ),
        ("55 03 20 6b 25 00 05 00 0100 0100", 0x55, Operation.BROWSE, 0x6B, 5 << 16, "Symbol 5"),
        ("0e 04 26 00 01 00 02 00 20 01", 14, Operation.IDENTIFY, 1, -1, "Identity"),
    ],
)
def test_requests_say_what_they_do_to_what(
    request_path: str, function: int, operation: Operation, space: int, address: int, text: str
) -> None:
    result = decode_pdus(enip, [(FROM_CLIENT, unconnected(request_path))])
    row = result.rows[0]
    assert row["protocol"] == Number.CIP
    assert (row["function"], row["operation"], row["space"], row["address"]) == (
        function,
        operation,
        space,
        address,
    )
    assert described(result, 0) == text
    assert not row["flags"] & MALFORMED


def test_response_carries_what_was_asked_and_its_status() -> None:
    # Get Attribute Single of Identity's serial number; path destination unknown with extended status
    result = exchange("0e 03 20 01 24 01 30 06", "8e 00 00 00 44332211")
    assert (result.rows[1]["space"], result.rows[1]["address"]) == (1, 1 << 16 | 6)
    assert result.rows[1]["flags"] == IDENTITY
    assert result.details[1]["cip.serial_number"] == 0x11223344
    refused = exchange("0e 03 20 01 24 01 30 06", "8e 00 01 01 1203")
    assert (refused.rows[1]["status"], refused.rows[1]["operation"]) == (1, Operation.PROTOCOL_ERROR)
    assert refused.details[1]["cip.extended_status"] == [0x312]
    assert refused.rows[1]["address"] == 1 << 16 | 6


def test_identity_object_read_through_the_backplane() -> None:
    # Unconnected Send (3-5.5.4): tick 5, 157 ticks, 6 octets of message, route to port 1 slot 3
    request = "52 02 20 06 24 01 05 9d 0600 01 02 20 01 24 01 01 00 01 03"
    reply = "81 00 00 00 0100 0e00 3600 1405 6030 78563412 05 50312f4c41"
    result = exchange(request, reply)
    asked, answered = result.rows
    assert (asked["function"], asked["space"], asked["unit"]) == (1, 1, 3)
    assert (answered["function"], answered["space"], answered["unit"]) == (1, 1, 3)
    assert result.details[0]["cip.routed"] is True
    assert (result.details[0]["cip.port"], result.details[0]["cip.link"]) == ([1], [3])
    assert result.details[1]["cip.product_name"] == "P1/LA"


def test_failed_route_answers_the_routed_request() -> None:
    request = "52 02 20 06 24 01 05 9d 0600 01 02 20 01 24 01 01 00 01 09"
    result = exchange(request, "d2 00 01 01 0402 02")
    assert (result.rows[1]["function"], result.rows[1]["status"]) == (0x52, 1)
    assert result.rows[1]["request_packet"] == 1
    assert enip.CIP.function_name(int(result.rows[1]["function"]), 6) == "Unconnected Send"


def symbol(name: str) -> str:
    return f"91{len(name):02x}" + name.encode().hex() + ("00" if len(name) % 2 else "")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (symbol("Speed"), "Speed"),
        (symbol("Program:Main") + symbol("Recipe") + "2803" + symbol("Time"), "Program:Main.Recipe[3].Time"),
        (symbol("Grid") + "2801" + "29000203", "Grid[1,770]"),
        (symbol("Big") + "2a0000000100", "Big[65536]"),
        ("65" + b"Valve".hex(), "Valve"),
    ],
)
def test_tags_are_named_as_an_engineer_writes_them(path: str, name: str) -> None:
    words = len(bytes.fromhex(path)) // 2
    result = exchange(f"4c {words:02x} {path} 0100", "cc 00 00 00 c400 fdffffff")
    assert name_of(result, 0) == name_of(result, 1) == name
    request, response = result.rows
    assert request["operation"] == response["operation"] == Operation.READ
    assert request["count"] == response["count"] == 1
    assert (response["value_kind"], response["value"]) == (ValueKind.INTEGER, -3)
    assert result.details[1]["cip.type_code"] == 0xC4
    assert enip.CIP.function_name(0x4C, int(request["subfunction"])) == "Read Tag"


@pytest.mark.parametrize(
    ("data", "kind", "value", "values"),
    [
        ("c100 0100 01", ValueKind.DISCRETE, 1.0, [1]),
        ("c200 0100 ff", ValueKind.INTEGER, -1.0, [-1]),
        ("c300 0200 0100 ffff", ValueKind.NONE, 0.0, [1, -1]),
        ("ca00 0100 0000c03f", ValueKind.REAL, 1.5, [1.5]),
        ("cb00 0100 000000000000f8bf", ValueKind.REAL, -1.5, [-1.5]),
    ],
)
def test_written_values(data: str, kind: ValueKind, value: float, values: list[float]) -> None:
    result = decode_pdus(enip, [(FROM_CLIENT, unconnected("4d 03" + symbol("Go_1") + data))])
    row = result.rows[0]
    assert (row["operation"], row["value_kind"], row["value"]) == (Operation.WRITE, kind, value)
    details = result.details[0]
    assert (details.get("cip.values") or details.get("cip.reals")) == values
    assert not row["flags"] & MALFORMED


@pytest.mark.parametrize("data", ["ca00 0100 0000c07f", "cb00 0100 000000000000f07f"])
def test_what_is_no_number_is_no_value(data: str) -> None:
    """IEEE 754: 7FC00000 is no number, 7FF0000000000000 infinite."""
    row = decode_pdus(enip, [(FROM_CLIENT, unconnected("4d 03" + symbol("Go_1") + data))]).rows[0]
    assert (row["value_kind"], row["value"]) == (ValueKind.NONE, 0.0)
    assert not row["flags"] & MALFORMED


def test_listed_symbols_are_named() -> None:
    reply = "d5 00 00 00" + "01000000 0300 414243 c400" + "07000000 0100 5a ca00"
    result = exchange("55 02 20 6b 24 00 0200 0100 0200", reply)
    assert result.details[1]["cip.symbol"] == ["ABC", "Z"]
    assert result.rows[1]["count"] == 2
    assert result.rows[1]["operation"] == Operation.BROWSE


def test_multiple_service_packet_has_a_row_for_each_service() -> None:
    # 1756-PM020: two services at offsets 6 and 14 (read tag "AB", get identity), one refused
    first, second = "4c 02 9102 4142 0100", "01 02 20 01 24 01"
    request = f"0a 02 {ROUTER} 0200 0600 0e00 {first} {second}"
    reply = "8a 00 1e 00 0200 0600 0e00 cc 00 00 00 c300 2a00 81 00 08 00"
    result = exchange(request, reply)
    assert result.rows["part"].tolist() == [0, 1, 2, 0, 1, 2]
    assert result.rows["function"].tolist() == [10, 0x4C, 1, 10, 0x4C, 1]
    assert result.rows["kind"].tolist() == [0, 0, 0, 1, 1, 1]
    assert result.rows["request_packet"].tolist() == [0, 0, 0, 1, 1, 1]
    assert (name_of(result, 4), result.rows[4]["value"]) == ("AB", 42)
    assert (result.rows[5]["space"], result.rows[5]["status"]) == (1, 8)
    assert not (result.rows["flags"] & MALFORMED).any()


def test_nested_and_overlapping_services_stay_bounded() -> None:
    inner = struct.pack("<BB4sH", 10, 2, bytes.fromhex(ROUTER), 200) + struct.pack("<H", 402) * 200
    inner += bytes.fromhex(f"0a 02 {ROUTER} 0100 0400 01 02 20 01 24 01")
    result = decode_pdus(enip, [(FROM_CLIENT, unconnected(inner)), (FROM_CLIENT, unconnected(b"\0" * 3))])
    assert len(result.rows) < 2 * 257
    outer = struct.pack("<BB4sH", 10, 2, bytes.fromhex(ROUTER), 1000)
    body = b"".join(struct.pack("<H", 2002 + 2 * item) for item in range(1000)) + b"\x01\0" * 1000
    many = decode_pdus(enip, [(FROM_CLIENT, unconnected(outer + body))])
    assert len(many.rows) <= 256
    assert many.rows[0]["flags"] & MALFORMED or many.out.used[2]


OPEN = (
    "54 02 20 06 24 01 05 9d 00000000 01000010 cdab 4d00 78563412 00 000000"
    " 10270000 2243 204e0000 2243 01 05 01 02 20 04 24 05 2c 64 2c 65"
)
OPENED = "d4 00 00 00 11110020 01000010 cdab 4d00 78563412 10270000 204e0000 00 00"


def test_io_is_told_from_forward_open() -> None:
    # 3-5.5.2: 10 ms to assembly 100, 20 ms from assembly 101 of the module in slot 2, class 1
    result = decode_pdus(
        enip,
        [
            (FROM_CLIENT, unconnected(OPEN)),
            (FROM_SERVER, unconnected(OPENED)),
            (FROM_CLIENT, io_packet(0x20001111, 1, "0100 01000000 ff")),
            (FROM_SERVER, io_packet(0x10000001, 9, "0500 aabb")),
            (FROM_SERVER, io_packet(0x99, 9, "0500 aabb")),
        ],
    )
    opening, opened, produced, consumed, unknown = result.rows
    assert opening["operation"] == opened["operation"] == Operation.SESSION
    assert enip.CIP.function_name(0x54, int(opening["subfunction"])) == "Forward Open"
    details = result.details[0]
    assert (details["cip.o2t_rpi"], details["cip.t2o_rpi"]) == (10_000, 20_000)
    assert (details["cip.o2t_size"], details["cip.o2t_type"]) == (0x122, 2)
    assert (details["cip.connection_serial"], details["cip.originator_serial"]) == (0xABCD, 0x12345678)
    assert details["cip.connection_point"] == [100, 101]
    assert produced["protocol"] == Number.CIP_IO
    assert (produced["space"], produced["address"], produced["unit"]) == (4, 100 << 16, 2)
    assert (consumed["space"], consumed["address"]) == (4, 101 << 16)
    assert (produced["subfunction"], consumed["subfunction"]) == (0, 1)
    assert result.details[2]["cip_io.rpi"] == 10_000
    assert result.details[3]["cip_io.cip_sequence_count"] == 5
    assert result.details[3]["cip_io.data"] == b"\xaa\xbb"
    assert described(result, 2) == "Assembly 100"
    assert (unknown["space"], unknown["address"]) == (-1, -1)
    assert set(result.rows["operation"][2:].tolist()) == {Operation.REPORT}


def test_closed_connection_is_forgotten() -> None:
    close = "4e 02 20 06 24 01 05 9d cdab 4d00 78563412 02 00 01 02 20 04"
    result = decode_pdus(
        enip,
        [
            (FROM_CLIENT, unconnected(OPEN)),
            (FROM_SERVER, unconnected(OPENED)),
            (FROM_CLIENT, unconnected(close)),
            (FROM_SERVER, unconnected("ce 00 00 00 cdab 4d00 78563412 00 00")),
            (FROM_CLIENT, io_packet(0x20001111, 1, "0100 01")),
        ],
    )
    assert result.rows[4]["space"] == -1
    assert not (result.rows["flags"] & MALFORMED).any()


def test_connected_messages_pair_by_sequence_count() -> None:
    explicit = OPEN.replace("01 05 01 02 20 04 24 05 2c 64 2c 65", "a3 03 01 02 20 02 24 01")
    result = decode_pdus(
        enip,
        [
            (FROM_CLIENT, unconnected(explicit)),
            (FROM_SERVER, unconnected(OPENED)),
            (FROM_CLIENT, connected("0e 03 20 01 24 01 30 07", 0x20001111, 1)),
            (FROM_CLIENT, connected("06 02 20 8e 24 01", 0x20001111, 2)),
            (FROM_SERVER, connected("86 00 00 00", 0x10000001, 2)),
            (FROM_SERVER, connected("8e 00 00 00 03 414243", 0x10000001, 1)),
        ],
    )
    assert result.rows["request_packet"].tolist() == [0, 1, 0, 0, 4, 3]
    assert result.rows[4]["operation"] == Operation.START
    assert result.rows[2]["unit"] == 2
    assert result.details[5]["cip.product_name"] == "ABC"
    assert result.details[2]["cip.connection_id"] == 0x20001111


EXECUTE_PCCC = "4b 02 20 67 24 01 07 4d00 04030201"
PCCC_REPLY = "cb 00 00 00 07 4d00 04030201"


@pytest.mark.parametrize(
    ("command", "text", "operation", "value"),
    [
        ("0f00 0100 a2 02 07 89 00 00", "N7:0", Operation.READ, 0.0),
        ("0f00 0100 a1 04 08 8a 05", "F8:5", Operation.READ, 0.0),
        ("0f00 0100 aa 02 04 86 03 02 e803", "T4:3.ACC", Operation.WRITE, 1000.0),
        ("0f00 0100 aa 04 08 8a 05 00 0000c03f", "F8:5", Operation.WRITE, 1.5),
        ("0f00 0100 ab 02 ff0102 85 00 00 ffff 0100", "B513:0", Operation.WRITE, 1.0),
    ],
)
def test_pccc_addresses_are_those_of_the_ladder(
    command: str, text: str, operation: Operation, value: float
) -> None:
    result = decode_pdus(enip, [(FROM_CLIENT, unconnected(EXECUTE_PCCC + command))])
    row = result.rows[0]
    assert (row["protocol"], row["function"]) == (Number.PCCC, 0x0F)
    assert described(result, 0) == text
    assert (row["operation"], row["value"]) == (operation, value)
    assert not row["flags"] & MALFORMED


def test_pccc_response_is_paired() -> None:
    result = exchange(EXECUTE_PCCC + "0f00 3412 a2 02 07 89 0a 00", PCCC_REPLY + "4f00 3412 fbff")
    response = result.rows[1]
    assert (response["protocol"], response["subfunction"], response["status"]) == (Number.PCCC, 0xA2, 0)
    assert (response["value"], response["operation"]) == (-5, Operation.READ)
    assert described(result, 1) == "N7:10"
    assert result.details[1]["pccc.values"] == [-5]
    refused = exchange(EXECUTE_PCCC + "0f00 3412 a2 02 07 89 0a 00", PCCC_REPLY + "4ff0 3412 0b")
    assert (refused.rows[1]["status"], refused.rows[1]["operation"]) == (0xF00B, Operation.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        ("80 06", Operation.START),
        ("80 01", Operation.STOP),
        ("80 08", Operation.MODE),
        ("3a 02", Operation.START),
        ("50", Operation.PROGRAM_DOWNLOAD),
        ("53", Operation.PROGRAM_UPLOAD),
        ("57", Operation.PROGRAM_DOWNLOAD),
    ],
)
def test_pccc_mode_and_program_transfer(command: str, operation: Operation) -> None:
    result = decode_pdus(enip, [(FROM_CLIENT, unconnected(EXECUTE_PCCC + "0f00 0100" + command))])
    assert result.rows[0]["operation"] == operation
    assert not result.rows[0]["flags"] & MALFORMED


def test_pccc_diagnostic_status_gives_the_processor() -> None:
    # Chapter 10: mode, 0xEE, interface, processor type, series and revision, name in 11 characters
    reply = "4600 0100 00 ee 31 5b 23" + b"5/04       ".hex() + "00" * 8
    result = exchange(EXECUTE_PCCC + "0600 0100 03", PCCC_REPLY + reply)
    assert result.rows[1]["flags"] == IDENTITY
    found = {fact.field: fact.value for fact in pccc.facts(Record(result.rows[1], "", result.details[1]))}
    assert found["model"] == "5/04"


VALID = [
    (FROM_CLIENT, encapsulated(0x65, bytes.fromhex("01000000"), session=0), IS_REQUEST),
    (FROM_SERVER, encapsulated(0x65, bytes.fromhex("01000000")), IS_RESPONSE),
    (FROM_CLIENT, encapsulated(0x63, session=0), IS_REQUEST),
    (FROM_SERVER, encapsulated(0x63, bytes.fromhex(LIST_IDENTITY_REPLY)), IS_RESPONSE),
    (FROM_CLIENT, unconnected(OPEN), IS_REQUEST),
    (FROM_SERVER, unconnected(OPENED), IS_RESPONSE),
    (FROM_CLIENT, unconnected(f"0a 02 {ROUTER} 0200 0600 0e00 4c02910241420100 010220012401"), IS_REQUEST),
    (FROM_SERVER, unconnected("8a001e0002000600 0e00 cc000000c3002a00 81000800"), IS_RESPONSE),
    (FROM_CLIENT, connected("0e 03 20 01 24 01 30 07", 0x20001111, 1), IS_REQUEST),
    (FROM_SERVER, connected("8e 00 00 00 03 414243", 0x10000001, 1), IS_RESPONSE),
    (FROM_CLIENT, unconnected(EXECUTE_PCCC + "0f000100aa02048603 02e803"), IS_REQUEST),
    (FROM_SERVER, unconnected(PCCC_REPLY + "4600 0100 00ee315b23" + "35" * 19), IS_RESPONSE),
    (FROM_CLIENT, io_packet(0x20001111, 1, "0100 01000000 ff"), IS_EITHER),
    (FROM_CLIENT, unconnected("55 02 20 6b 24 00 0200 0100 0200"), IS_REQUEST),
    (FROM_SERVER, unconnected("d50000000100000003004142 43c400"), IS_RESPONSE),
]


@pytest.mark.parametrize("known_port", [True, False])
@pytest.mark.parametrize(("direction", "pdu", "verdict"), VALID)
def test_every_prefix_may_become_it(direction: int, pdu: bytes, verdict: int, known_port: bool) -> None:
    data = np.frombuffer(b"\xee" + pdu + b"\xff" * 40, np.uint8)
    for length in range(len(pdu)):
        assert enip.recognise(data, 1, length, known_port) == NEED_MORE, length
        assert enip.frame_length(data, 1, length) in (0, len(pdu))
    bare = len(pdu) == 24
    assert enip.recognise(data, 1, len(pdu), known_port) == (NOT_IT if bare and not known_port else verdict)
    assert enip.frame_length(data, 1, len(pdu)) == len(pdu)


@pytest.mark.parametrize("command", [0x04, 0x63, 0x64, 0x65, 0x66, 0x6F, 0x70])
@pytest.mark.parametrize("context", [bytes(8), bytes.fromhex("000000002c0e0000")])
def test_a_bare_header_proves_nothing_on_other_ports(command: int, context: bytes) -> None:
    header = command.to_bytes(2, "little") + bytes(10) + context + bytes(4)
    assert enip.recognise(np.frombuffer(header, np.uint8), 0, 24, False) == NOT_IT
    nothing_listed = command.to_bytes(2, "little") + b"\2" + bytes(9) + context + bytes(6)
    assert enip.recognise(np.frombuffer(nothing_listed, np.uint8), 0, 26, False) == NOT_IT


@pytest.mark.parametrize(
    "junk",
    [
        b"SETFLOW",
        b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n",
        bytes.fromhex("000100000006110300 6b0003"),
        b"\xff" * 64,
        bytes.fromhex("0300001611e00000001400c1020100c2020102c0010a"),
        bytes.fromhex("6f000400") + b"\x01" * 40,
    ],
)
def test_junk_is_not_it(junk: bytes) -> None:
    data = np.frombuffer(junk, np.uint8)
    assert enip.recognise(data, 0, len(junk), False) == NOT_IT
    assert enip.recognise(data, 0, len(junk), True) in (NOT_IT, NEED_MORE)


def test_junk_has_no_frame() -> None:
    data = np.frombuffer(b"\xff" * 40, np.uint8)
    assert enip.frame_length(data, 0, 40) == UNFRAMED


def same(pdus: list[tuple[int, bytes]]) -> None:
    one = decode_pdus(enip, pdus, b"\0" * 600)
    other = decode_pdus(enip, pdus, b"\xff" * 600)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert repr(one.rows[columns].tolist()) == repr(other.rows[columns].tolist())
    assert repr(one.details) == repr(other.details)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=200)), max_size=4))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[tuple[int, bytes]]) -> None:
    same(pdus + [(direction, unconnected(pdu)) for direction, pdu in pdus])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_pdus_stay_inside_the_frame(data: st.DataObject) -> None:
    pdus = []
    for direction, pdu, _ in data.draw(st.lists(st.sampled_from(VALID), min_size=1, max_size=6)):
        octets = bytearray(pdu)
        for _ in range(data.draw(st.integers(0, 3))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        pdus.append((direction, bytes(octets[: data.draw(st.integers(0, len(octets)))]) or b"\0"))
    same(pdus)


def test_long_tag_names_are_cut() -> None:
    path = symbol("A" * 120) * 3
    result = decode_pdus(enip, [(FROM_CLIENT, unconnected(f"4c {len(path) // 4:02x} {path} 0100"))])
    assert len(name_of(result, 0)) == LONGEST_NAME
