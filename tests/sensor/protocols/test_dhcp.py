"""DHCP messages annotated from RFC 2131 (2, 3.1) and RFC 2132."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import BROADCAST, FROM_CLIENT, FROM_SERVER, IDENTITY, MALFORMED, NEGATIVE, Kind
from sensor.protocols import dhcp
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, Fact, Record
from sensor.strings import text_of


def message(
    operation: int, options: str, assigned: str = "00000000", own: str = "00000000", file: bytes = b""
) -> bytes:
    """A BOOTP header with client 00:16:3e:00:00:01, then the cookie and these options."""
    header = bytes([operation, 1, 6, 0]) + bytes.fromhex("3903f326 0000 8000" + own + assigned)
    header += bytes(8) + bytes.fromhex("00163e000001") + bytes(10) + bytes(64) + file.ljust(128, b"\0")
    return header + bytes.fromhex("63825363" + options)


REQUEST = message(
    1,
    "35 01 03"
    + "32 04 c0a80064"
    + "36 04 c0a80001"
    + "0c 05"
    + b"PLC-1".hex()
    + "3c 04"
    + b"S7-1".hex()
    # FQDN in text, parameters asked for
    + "51 08 00 00 00"
    + b"plc.a".hex()
    + "37 02 01 03 ff",
)
ACK = message(
    2,
    "35 01 05 36 04 c0a80001 33 04 00000e10 01 04 ffffff00 03 04 c0a800fe 06 08 c0a80001 c0a80002 ff",
    assigned="c0a80064",
)
NAK = message(2, "35 01 06 36 04 c0a80001 ff")


def decode(*pdus: tuple[int, bytes]) -> Decoded:
    return decode_pdus(dhcp, pdus, transport=17, client_port=68, server_port=67)


def facts_of(result: Decoded) -> set[tuple[int | str, str, str]]:
    found: list[Fact] = []
    for row, details in zip(result.rows, result.details, strict=True):
        found += dhcp.facts(Record(row, text_of(result.out.strings, int(row["name"])), details))
    return {(fact.subject, fact.field, fact.value) for fact in found}


def test_request() -> None:
    result = decode((FROM_CLIENT, REQUEST))
    row, details = result.rows[0], result.details[0]
    assert dhcp.PROTOCOL.function_name(row["function"]) == "Request"
    assert (row["kind"], row["transaction"], row["flags"]) == (Kind.REQUEST, 0x3903F326, IDENTITY | BROADCAST)
    assert row["address"] == 0xC0A80064
    assert details["dhcp.requested_ip"] == "192.168.0.100"
    assert details["dhcp.vendor_class"] == "S7-1"
    assert details["dhcp.fqdn"] == ["plc.a"]
    assert details["dhcp.parameters"] == b"\1\3"
    assert facts_of(result) == {
        ("00:16:3e:00:00:01", "name", "PLC-1"),
        ("00:16:3e:00:00:01", "vendor_class", "S7-1"),
    }


def test_acknowledgement_gives_addresses_and_servers() -> None:
    result = decode((FROM_SERVER, ACK))
    details = result.details[0]
    assert (result.rows[0]["kind"], result.rows[0]["status"]) == (Kind.RESPONSE, 0)
    assert details["dhcp.dns_servers"] == ["192.168.0.1", "192.168.0.2"]
    assert (details["dhcp.lease_seconds"], details["dhcp.subnet_mask"]) == (3600, "255.255.255.0")
    assert facts_of(result) == {
        ("192.168.0.100", "mac", "00:16:3e:00:00:01"),
        ("192.168.0.1", "capability", "dhcp_server"),
        ("192.168.0.1", "service", "udp/67 dhcp"),
        ("192.168.0.254", "capability", "router"),
        ("192.168.0.1", "capability", "dns_server"),
        ("192.168.0.2", "capability", "dns_server"),
    }


def test_refusal() -> None:
    row = decode((FROM_SERVER, NAK)).rows[0]
    assert (row["status"], bool(row["flags"] & NEGATIVE)) == (1, True)


def test_name_as_labels_and_options_in_the_file_field() -> None:
    # RFC 4702, 2.1: flag E, labels; RFC 2132, 9.3: overload 1 means options in `file`
    options = "35 01 01 34 01 01 51 0a 04 00 00 03" + b"plc".hex() + "01" + b"a".hex() + "00 ff"
    result = decode((FROM_CLIENT, message(1, options, file=b"\x0c\x03abc\xff")))
    assert result.details[0]["dhcp.fqdn"] == ["plc", "a"]
    assert result.details[0]["dhcp.host_name"] == "abc"
    assert not result.rows[0]["flags"] & MALFORMED


def test_malformed_options() -> None:
    for options in ("35 02", "0c ff 41", "35 02 0101 ff", "33 03 000000 ff", "06 03 000000 ff"):
        assert decode((FROM_CLIENT, message(1, options))).rows[0]["flags"] & MALFORMED, options
    assert decode((FROM_CLIENT, REQUEST[:100])).rows[0]["flags"] & MALFORMED


def test_recognised() -> None:
    data = np.frombuffer(REQUEST, np.uint8)
    for cut in range(240):
        assert dhcp.recognise(data, 0, cut, True) == NEED_MORE
    assert dhcp.recognise(data, 0, len(REQUEST), False) == IS_REQUEST
    assert dhcp.recognise(np.frombuffer(ACK, np.uint8), 0, len(ACK), False) == IS_RESPONSE
    assert dhcp.recognise(np.frombuffer(bytes(300), np.uint8), 0, 300, True) == NOT_IT
    no_cookie = np.frombuffer(REQUEST[:236] + bytes(64), np.uint8)
    assert dhcp.recognise(no_cookie, 0, 300, False) == NOT_IT


mutated = st.tuples(
    st.sampled_from([REQUEST, ACK]), st.integers(200, 300), st.integers(0, 255), st.integers(0, 400)
).map(lambda item: (item[0][: item[1]] + bytes([item[2]]) + item[0][item[1] + 1 :])[: item[3]])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=300) | mutated), max_size=4))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[tuple[int, bytes]]) -> None:
    one, other = decode_pdus(dhcp, pdus, b"\0" * 400), decode_pdus(dhcp, pdus, b"\xff" * 400)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details
    facts_of(one)
