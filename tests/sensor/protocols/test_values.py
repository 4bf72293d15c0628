"""Arrays become VALUE rows: every element with its own offset; annotated PDUs of each protocol."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from conftest import Decoded, decode_pdus
from sensor.messages import (
    DROPPED_VALUES,
    FRAME,
    FROM_CLIENT,
    FROM_SERVER,
    MALFORMED,
    MOST_VALUES,
    VALUES,
    ValueKind,
    add_message,
    add_value,
    begin_pdu,
    new_out,
)
from sensor.protocols import enip, iec104, modbus, s7comm

Found = list[tuple[int, int, int, float]]


def values_of(result: Decoded) -> Found:
    """(message, offset, kind, value) of every VALUE row."""
    rows = result.out.values[: result.out.used[VALUES]]
    columns = (rows[name].tolist() for name in ("message", "offset", "kind", "value"))
    return list(zip(*columns, strict=True))


def modbus_adu(pdu: str) -> bytes:
    body = bytes.fromhex(pdu)
    return struct.pack(">HHHB", 1, 0, len(body) + 1, 1) + body


def asked(request: str, response: str = "") -> Found:
    pdus = [(FROM_CLIENT, modbus_adu(request))]
    if response:
        pdus.append((FROM_SERVER, modbus_adu(response)))
    return values_of(decode_pdus(modbus, pdus))


INTEGER, REAL, DISCRETE = ValueKind.INTEGER, ValueKind.REAL, ValueKind.DISCRETE


@pytest.mark.parametrize(
    ("request_pdu", "response_pdu", "found"),
    [
        ("03 0064 0002", "03 04 0001 ffff", [(1, 0, INTEGER, 1), (1, 1, INTEGER, 65535)]),
        # One register stands in the row of the message.
        ("03 0064 0001", "03 02 0007", []),
        # Bits count from the lowest; three of the octet's eight are asked for.
        ("01 0000 0003", "01 01 fd", [(1, 0, DISCRETE, 1), (1, 1, DISCRETE, 0), (1, 2, DISCRETE, 1)]),
        ("02 0000 0001", "02 01 01", [(1, 0, DISCRETE, 1)]),
        ("0f 0010 0002 01 02", "", [(0, 0, DISCRETE, 0), (0, 1, DISCRETE, 1)]),
        ("10 0010 0002 04 0005 0006", "", [(0, 0, INTEGER, 5), (0, 1, INTEGER, 6)]),
        ("17 0000 0001 0010 0002 04 0005 0006", "", [(0, 0, INTEGER, 5), (0, 1, INTEGER, 6)]),
        ("17 0000 0002 0010 0001 02 0005", "17 04 0001 0002", []),
    ],
)  # fmt: skip
def test_modbus_arrays(request_pdu: str, response_pdu: str, found: Found) -> None:
    assert asked(request_pdu, response_pdu) == found


def test_an_answer_without_its_request_names_no_registers() -> None:
    assert values_of(decode_pdus(modbus, [(FROM_SERVER, modbus_adu("03 04 0001 0002"))])) == []


def s7(parameters: str, values: str = "", kind: int = 1) -> bytes:
    one, other = bytes.fromhex(parameters), bytes.fromhex(values)
    header = struct.pack(">BBHHHH", 0x32, kind, 0, 1, len(one), len(other)) + (b"\0\0" if kind == 3 else b"")
    body = header + one + other
    return struct.pack(">BBH", 3, 0, len(body) + 7) + b"\2\xf0\x80" + body


def s7_read(size: int, count: int, address: str, data: str) -> Found:
    octets = len(bytes.fromhex(data))
    item = f"12 0a 10 {size:02x} {count:04x} 0001 84 {address}"
    result = decode_pdus(
        s7comm,
        [
            (FROM_CLIENT, s7(f"04 01 {item}")),
            (FROM_SERVER, s7("04 01", f"ff 04 {octets * 8:04x} {data}", 3)),
        ],
    )
    assert not (result.rows["flags"] & MALFORMED).any()
    return values_of(result)


def test_s7_arrays() -> None:
    # Transport sizes: 8 REAL, 5 INT, 2 BYTE; addresses and offsets in bits.
    assert s7_read(8, 2, "000000", "3f800000 c0000000") == [(1, 0, REAL, 1.0), (1, 32, REAL, -2.0)]
    assert s7_read(5, 2, "000010", "fffe 0003") == [(1, 0, INTEGER, -2), (1, 16, INTEGER, 3)]
    # Octets are taken in pairs from even addresses on: here from octet 1, so the first stands alone.
    assert s7_read(2, 5, "000008", "aa 0102 0304") == [(1, 8, INTEGER, 0x0102), (1, 24, INTEGER, 0x0304)]


def unconnected(message: str) -> bytes:
    body = bytes.fromhex(message)
    packet = struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(body)) + body
    return struct.pack("<HHIIQI", 0x6F, len(packet), 7, 0, 1, 0) + packet


def cip(request: str, response: str = "") -> Found:
    pdus = [(FROM_CLIENT, unconnected(request))]
    if response:
        pdus.append((FROM_SERVER, unconnected(response)))
    return values_of(decode_pdus(enip, pdus))


TAG = "02 9102 4142"


def test_cip_arrays() -> None:
    # Type C4 is DINT, CA REAL; service 4C reads a tag, 4D writes it, 52 and 53 do so in fragments.
    assert cip(f"4c {TAG} 0200", "cc 00 00 00 c400 01000000 ffffffff") == [
        (1, 0, INTEGER, 1),
        (1, 1, INTEGER, -1),
    ]
    assert cip(f"4d {TAG} ca00 0200 0000803f 0000c07f") == [(0, 0, REAL, 1.0)]  # the second is no number
    assert cip(f"53 {TAG} c300 0a00 06000000 0500 0600") == [(0, 3, INTEGER, 5), (0, 4, INTEGER, 6)]
    assert cip(f"52 {TAG} 0a00 06000000", "d2 00 00 00 c300 0500 0600") == [
        (1, 3, INTEGER, 5),
        (1, 4, INTEGER, 6),
    ]


def test_pccc_arrays() -> None:
    # Execute PCCC; typed write AA of four octets to N7:0 and N7:1; elements stand 2**16 apart.
    found = cip("4b 02 20 67 24 01 07 0100 02000000 0f 00 0100 aa 04 07 89 00 00 0500 feff")
    assert found == [(0, 0, INTEGER, 5), (0, 1 << 16, INTEGER, -2)]


def test_a_sequence_of_iec_104_elements() -> None:
    # Type 13, SQ with three elements from 700 on; the second is no number.
    body = bytes.fromhex("0d 83 14 00 0100 bc0200 0000803f 00 0000c07f 80 00000040 10")
    result = decode_pdus(iec104, [(FROM_SERVER, b"\x68" + bytes([len(body) + 4]) + bytes(4) + body)])
    assert values_of(result) == [(0, 0, REAL, 1.0), (0, 2, REAL, 2.0)]
    assert (result.rows[0]["value"], result.rows[0]["value_kind"]) == (1.0, REAL)


def test_iec_104_elements_that_are_invalid_are_left_out() -> None:
    body = bytes.fromhex("0d 83 14 00 0100 bc0200 0000803f 80 00000040 00 00004040 40")
    result = decode_pdus(iec104, [(FROM_SERVER, b"\x68" + bytes([len(body) + 4]) + bytes(4) + body)])
    assert values_of(result) == [(0, 1, REAL, 2.0)]


def test_what_does_not_fit_is_counted() -> None:
    out = new_out()
    begin_pdu(out)
    message = add_message(out, np.zeros(1, FRAME)[0], 1, 0)
    for offset in range(MOST_VALUES + 3):
        add_value(out, message, offset, INTEGER, 1.0)
    assert (out.used[VALUES], out.used[DROPPED_VALUES]) == (MOST_VALUES, 3)
    begin_pdu(out)
    add_value(out, message, 0, INTEGER, float("inf"))
    assert out.used[VALUES] == MOST_VALUES
