"""Modbus PDUs annotated from MODBUS Application Protocol V1.1b3, chapter 6."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import decode_pdus
from sensor.messages import FROM_CLIENT, FROM_SERVER, IDENTITY, MALFORMED, Operation
from sensor.protocols import modbus


def adu(pdu: str, transaction: int = 1, unit: int = 17) -> bytes:
    body = bytes.fromhex(pdu)
    return transaction.to_bytes(2) + b"\0\0" + (len(body) + 1).to_bytes(2) + bytes([unit]) + body


def test_read_holding_registers_is_paired() -> None:
    # 6.3: read registers 108-110, answered 555, 0, 100
    result = decode_pdus(
        modbus,
        [(FROM_CLIENT, adu("03 006b 0003")), (FROM_SERVER, adu("03 06 022b 0000 0064"))],
    )
    request, response = result.rows
    assert (request["address"], request["count"], request["unit"]) == (0x6B, 3, 17)
    assert request["operation"] == response["operation"] == Operation.READ
    assert (response["address"], response["count"], response["status"]) == (0x6B, 3, 0)
    assert (response["request_packet"], response["latency_ns"]) == (1, 1_000_000)
    assert result.details[1]["modbus.values"] == [555, 0, 100]
    assert not (request["flags"] | response["flags"]) & MALFORMED


def test_exception_names_its_function() -> None:
    # 7: read coils answered with 81 02
    result = decode_pdus(modbus, [(FROM_CLIENT, adu("01 04a1 0001")), (FROM_SERVER, adu("81 02"))])
    response = result.rows[1]
    assert (response["function"], response["status"], response["address"]) == (1, 2, 0x4A1)
    assert response["operation"] == Operation.PROTOCOL_ERROR


def test_device_identification_gives_facts() -> None:
    # 6.21: basic identification, three objects
    reply = "2b 0e 01 01 00 00 03 00 03 41424d 01 02 5031 02 04 56312e30"
    result = decode_pdus(modbus, [(FROM_CLIENT, adu("2b 0e 01 00")), (FROM_SERVER, adu(reply))])
    assert result.rows[1]["flags"] == IDENTITY
    assert result.details[1]["modbus.object_value"] == ["ABM", "P1", "V1.0"]


@pytest.mark.parametrize(
    ("code", "name", "operation"),
    [
        ("40", "UMAS Start Controller", Operation.START),
        ("41", "UMAS Stop Controller", Operation.STOP),
        ("33", "UMAS Begin Download", Operation.PROGRAM_DOWNLOAD),
        ("22", "UMAS Read Variables", Operation.READ),
        ("77", "Schneider UMAS", Operation.OTHER),
    ],
)
def test_the_programming_channel_is_known_by_its_own_codes(code: str, name: str, operation: int) -> None:
    # function 90, session key 07, code, data; answered with FE (done)
    result = decode_pdus(
        modbus, [(FROM_CLIENT, adu(f"5a 07 {code} ff00")), (FROM_SERVER, adu("5a 07 fe 00"))]
    )
    request, response = result.rows
    assert modbus.PROTOCOL.function_name(int(request["function"]), int(request["subfunction"])) == name
    assert request["operation"] == response["operation"] == operation


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=300)), max_size=5))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[tuple[int, bytes]]) -> None:
    one = decode_pdus(modbus, pdus, b"\0" * 400)
    other = decode_pdus(modbus, pdus, b"\xff" * 400)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details


@pytest.mark.parametrize(
    ("code", "malformed"),
    [
        ("00", True),  # 4.1: function code 0 is not valid
        ("0a", False),  # annex A: reserved, used by products of one company
        ("41", False),  # 5.1: user-defined
        ("05", True),  # a public function without its fields
    ],
)
@pytest.mark.parametrize("direction", [FROM_CLIENT, FROM_SERVER])
def test_functions_that_are_not_the_specifications(code: str, malformed: bool, direction: int) -> None:
    result = decode_pdus(modbus, [(direction, adu(f"{code} 12 34"))])
    assert bool(result.rows[0]["flags"] & MALFORMED) == malformed
