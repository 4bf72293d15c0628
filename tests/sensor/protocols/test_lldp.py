"""LLDPDUs annotated from IEEE 802.1AB-2016, chapter 8, and TIA-1057, 10.2.6."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import FROM_CLIENT, IDENTITY, MALFORMED, Kind, Operation
from sensor.protocols import lldp
from sensor.protocols.protocol import IS_EITHER, NEED_MORE, NOT_IT, Fact, Record
from sensor.strings import text_of


def tlv(code: int, content: bytes) -> bytes:
    return (code << 9 | len(content)).to_bytes(2) + content


MANDATORY = (
    tlv(1, bytes.fromhex("04 00163e000010"))  # chassis: MAC address
    + tlv(2, b"\x05Gi0/1")  # port: interface name
    + tlv(3, bytes.fromhex("0078"))
)
SWITCH = (
    MANDATORY
    + tlv(4, b"uplink")
    + tlv(5, b"sw-cell-1")
    + tlv(6, b"Industrial switch, FW 4.1")
    + tlv(7, bytes.fromhex("0014 0004"))  # can bridge and route, bridges
    + tlv(8, bytes.fromhex("05 01 c0a80010 02 00000001 00"))
    + tlv(127, bytes.fromhex("0012bb 06") + b"4.1.2")  # MED: firmware revision
    + tlv(127, bytes.fromhex("0012bb 08") + b"SN77")
    + tlv(0, b"")
)
PROFINET = (
    tlv(1, b"\x07plc-1")  # chassis: local name
    + tlv(2, b"\x07port-001")
    + tlv(3, bytes.fromhex("0014"))
    + tlv(127, bytes.fromhex("000ecf 05 00163e000020"))
    + tlv(0, b"")
    + bytes(6)
)


def decode(*pdus: bytes) -> Decoded:
    return decode_pdus(lldp, [(FROM_CLIENT, pdu) for pdu in pdus], stream=-1, transport=0)


def facts_of(result: Decoded) -> list[tuple[int | str, str, str]]:
    found: list[Fact] = []
    for row, details in zip(result.rows, result.details, strict=True):
        found += lldp.facts(Record(row, text_of(result.out.strings, int(row["name"])), details))
    return [(fact.subject, fact.field, fact.value) for fact in found]


def test_switch() -> None:
    result = decode(SWITCH)
    row, details = result.rows[0], result.details[0]
    assert (row["kind"], row["operation"], row["flags"]) == (Kind.EVENT, Operation.IDENTIFY, IDENTITY)
    assert text_of(result.out.strings, int(row["name"])) == "sw-cell-1"
    assert details["lldp.port_id"] == "Gi0/1"
    assert details["lldp.time_to_live"] == 120
    assert details["lldp.organisation"] == [0x12BB06, 0x12BB08]
    assert facts_of(result) == [
        (int(row["client"]), "mac", "00:16:3e:00:00:10"),
        ("192.168.0.16", "mac", "00:16:3e:00:00:10"),
        ("192.168.0.16", "name", "sw-cell-1"),
        ("192.168.0.16", "description", "Industrial switch, FW 4.1"),
        ("192.168.0.16", "firmware", "4.1.2"),
        ("192.168.0.16", "serial", "SN77"),
        ("192.168.0.16", "capability", "bridge"),
    ]


def test_profinet_device_is_known_by_its_chassis_address() -> None:
    result = decode(PROFINET)
    assert result.details[0]["lldp.chassis_mac"] == "00:16:3e:00:00:20"
    port = int(result.rows[0]["client"])
    assert facts_of(result) == [
        (port, "mac", "00:16:3e:00:00:20"),
        ("00:16:3e:00:00:20", "name", "plc-1"),
    ]


def test_profinet_system_identification_is_no_name() -> None:
    """IEC 61158-6-10: 25, 20, 16 and 5 characters, blanks between them, then the software revision."""
    system = b"PN controller".ljust(25) + b" " + b"6AB1 234-5CD67".ljust(20) + b" "
    system += b"SN 0815".ljust(16) + b"     1 V  2 10  3"
    assert len(system) == 80
    pdu = (
        tlv(1, b"\x07" + system)
        + tlv(2, b"\x07port-001.line-3-plc")
        + tlv(3, bytes.fromhex("0014"))
        + tlv(127, bytes.fromhex("000ecf 05 00163e000020"))
        + tlv(0, b"")
    )
    found = {field: value for _, field, value in facts_of(decode(pdu))}
    assert found == {
        "mac": "00:16:3e:00:00:20",
        "description": "PN controller",
        "model": "6AB1 234-5CD67",
        "serial": "SN 0815",
        "firmware": "V2.10.3",
        "name": "line-3-plc",
    }


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (
            "Siemens, SIMATIC S7, CPU315-2 PN/DP, 6ES7 315-2EH14-0AB0 , HW: 5, FW: V3.2.6, S C-B1U312345678",
            {"model": "6ES7 315-2EH14-0AB0", "firmware": "V3.2.6", "serial": "S C-B1U312345678"},
        ),
        (
            "Siemens, SIMATIC NET, SCALANCE X208, 6GK5 208-0BA10-2AA3, HW: 4, FW: V4.04",
            {"model": "6GK5 208-0BA10-2AA3", "firmware": "V4.04"},
        ),
        ("Siemens, a switch", {}),
    ],
)
def test_siemens_description_tells_model_and_firmware(description: str, told: dict[str, str]) -> None:
    found = {field: value for _, field, value in facts_of(decode(MANDATORY + tlv(6, description.encode())))}
    assert found == {"mac": "00:16:3e:00:00:10", "description": description} | told


def test_shutdown() -> None:
    row = decode(tlv(1, b"\x07a") + tlv(2, b"\x07b") + tlv(3, b"\0\0") + tlv(0, b"")).rows[0]
    assert lldp.PROTOCOL.function_name(row["function"]) == "Shutdown"
    assert row["flags"] == IDENTITY


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        MANDATORY[:-1],
        tlv(2, b"\x07b") + tlv(1, b"\x07a") + tlv(3, b"\0\1") + tlv(0, b""),  # order
        MANDATORY + tlv(5, b"name")[:-1],  # longer than the frame
        MANDATORY + tlv(8, b"\x09\x01\x01") + tlv(0, b""),
        tlv(1, b"\x04ab") + MANDATORY[9:] + tlv(0, b""),  # MAC address of two octets
    ],
)
def test_malformed(octets: bytes) -> None:
    assert decode(octets).rows[0]["flags"] & MALFORMED


def test_recognised() -> None:
    data = np.frombuffer(SWITCH, np.uint8)
    assert [int(lldp.recognise(data, 0, cut, True)) for cut in range(5)] == [NEED_MORE] * 3 + [IS_EITHER] * 2
    assert lldp.recognise(np.frombuffer(bytes(60), np.uint8), 0, 60, True) == NOT_IT


mutated = st.tuples(
    st.sampled_from([SWITCH, PROFINET]), st.integers(0, 120), st.integers(0, 255), st.integers(0, 200)
).map(lambda item: (item[0][: item[1]] + bytes([item[2]]) + item[0][item[1] + 1 :])[: item[3]])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=100) | mutated, max_size=4))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[bytes]) -> None:
    pairs = [(FROM_CLIENT, pdu) for pdu in pdus]
    one, other = decode_pdus(lldp, pairs, b"\0" * 600), decode_pdus(lldp, pairs, b"\xff" * 600)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details
    facts_of(one)
