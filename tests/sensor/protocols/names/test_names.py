"""DNS, mDNS and NBNS messages annotated from RFC 1035, RFC 6762 and RFC 1002."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import FROM_CLIENT, FROM_SERVER, MALFORMED, MOST_PARTS, Kind
from sensor.protocols.names import dns, facts, mdns, nbns
from sensor.protocols.protocol import IS_EITHER, IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, Fact, Record
from sensor.strings import ENTRIES, text_of


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def netbios(text: str, suffix: int) -> bytes:
    """First-level encoding (RFC 1001, 14.1)."""
    octets = text.encode().ljust(15) + bytes([suffix])
    return b"\x20" + b"".join(bytes([0x41 + (octet >> 4), 0x41 + (octet & 15)]) for octet in octets) + b"\0"


def message(flags: int, *counts: int, body: bytes, transaction: int = 7) -> bytes:
    return b"".join(value.to_bytes(2) for value in (transaction, flags, *counts)) + body


def record(owner: bytes, kind: int, data: bytes, klass: int = 1) -> bytes:
    return owner + kind.to_bytes(2) + klass.to_bytes(2) + (120).to_bytes(4) + len(data).to_bytes(2) + data


POINTER = b"\xc0\x0c"
QUESTION = name("PLC1.Plant.example") + bytes.fromhex("0001 0001")
QUERY = message(0x0100, 1, 0, 0, 0, body=QUESTION)
ANSWER = message(
    0x8580,
    1,
    2,
    0,
    1,
    # an alias whose target is "hmi" + a pointer to "Plant.example", an address, EDNS
    body=QUESTION
    + record(POINTER, 5, b"\x03hmi\xc0\x11")
    + record(b"\x03hmi\xc0\x11", 1, bytes([10, 0, 0, 5]))
    + record(b"\0", 41, b""),
)
SERVICE = name("Line 1._http._tcp.local")
ANNOUNCEMENT = message(
    0x8400,
    0,
    3,
    0,
    0,
    transaction=0,
    body=record(SERVICE, 33, bytes.fromhex("0000 0000 0050") + name("plc1.local"), 0x8001)
    + record(name("plc1.local"), 1, bytes([10, 0, 0, 7]), 0x8001)
    + record(name("plc1._device-info._tcp.local"), 16, b"\x08model=X1"),
)
REGISTRATION = message(
    0x2910,
    1,
    0,
    0,
    1,
    body=netbios("ES01", 0x00)
    + bytes.fromhex("0020 0001")
    + record(POINTER, 32, bytes.fromhex("0000 0a000009")),
)
NODE_STATUS = message(
    0x8400,
    0,
    1,
    0,
    0,
    body=record(
        netbios("*", 0),
        33,
        b"\x02"
        + b"ES01".ljust(15)
        + b"\0\x04\0"
        + b"PLANT".ljust(15)
        + b"\0\x84\0"
        # unit identifier, then other statistics
        + bytes.fromhex("00163e000009")
        + bytes(40),
    ),
)


def decode(module: ModuleType, *pdus: tuple[int, bytes]) -> Decoded:
    return decode_pdus(module, pdus, transport=17, server_port=module.PORTS[0])


def names_of(result: Decoded) -> list[str]:
    return [text_of(result.out.strings, int(row["name"])) for row in result.rows]


def facts_of(module: ModuleType, result: Decoded) -> list[tuple[int | str, str, str]]:
    found: list[Fact] = []
    for row, text, details in zip(result.rows, names_of(result), result.details, strict=True):
        found += module.PROTOCOL.facts(Record(row, text, details))
    return [(fact.subject, fact.field, fact.value) for fact in found]


def test_query_and_answer() -> None:
    result = decode(dns, (FROM_CLIENT, QUERY), (FROM_SERVER, ANSWER))
    assert names_of(result) == ["plc1.plant.example"] * 3 + ["hmi.plant.example"]
    assert result.rows["part"].tolist() == [0, 0, 1, 2]
    assert result.rows["kind"].tolist() == [Kind.REQUEST] + [Kind.RESPONSE] * 3
    assert result.rows["request_packet"].tolist() == [0, 1, 0, 0]
    assert dns.PROTOCOL.function_name(0, int(result.rows[2]["subfunction"])) == "Query CNAME"
    assert result.details[2]["dns.target"] == "hmi.plant.example"
    assert (result.rows[3]["address"], result.details[3]["dns.address"]) == (0x0A000005, ["10.0.0.5"])
    assert result.details[1]["dns.authoritative"] is True
    assert not any(row["flags"] & MALFORMED for row in result.rows)
    assert facts_of(dns, result) == [
        (2, "capability", "dns_server"),
        (2, "service", "udp/53 dns"),
        ("10.0.0.5", "name", "hmi.plant.example"),
    ]


def test_reverse_look_up() -> None:
    assert facts.reverse_address("5.0.0.10.in-addr.arpa") == "10.0.0.5"
    assert facts.reverse_address(".".join("1" + "0" * 31) + ".ip6.arpa") == "::1"
    for bad in ("in-addr.arpa", "x.0.0.10.in-addr.arpa", "1.0.ip6.arpa", "plc.example"):
        assert facts.reverse_address(bad) is None
    owner = name("5.0.0.10.in-addr.arpa")
    body = owner + bytes.fromhex("000c 0001") + record(POINTER, 12, name("plc5.example"))
    result = decode(dns, (FROM_SERVER, message(0x8580, 1, 1, 0, 0, body=body)))
    assert ("10.0.0.5", "name", "plc5.example") in facts_of(dns, result)


def test_error_is_a_status() -> None:
    row = decode(dns, (FROM_SERVER, message(0x8183, 1, 0, 0, 0, body=QUESTION))).rows[0]
    assert dns.PROTOCOL.statuses[int(row["status"])] == "name_error"


def test_announcement_on_the_link() -> None:
    result = decode(mdns, (FROM_CLIENT, ANNOUNCEMENT))
    assert set(result.rows["kind"]) == {Kind.EVENT}
    assert names_of(result)[:2] == ["Line 1._http._tcp.local", "plc1.local"]
    assert (result.details[0]["mdns.port"], result.details[0]["mdns.target"]) == (80, "plc1.local")
    assert facts_of(mdns, result) == [
        (1, "service", "tcp/80 http"),
        ("10.0.0.7", "name", "plc1"),
        (1, "model", "X1"),
    ]


def test_netbios_registration() -> None:
    result = decode(nbns, (FROM_CLIENT, REGISTRATION))
    assert names_of(result) == ["ES01", "ES01"]
    assert nbns.PROTOCOL.function_name(int(result.rows[0]["function"]), 32) == "Registration NB"
    assert result.details[1]["nbns.suffix"] == [0]
    assert facts_of(nbns, result) == [("10.0.0.9", "name", "ES01")]


def test_netbios_node_status() -> None:
    result = decode(nbns, (FROM_SERVER, NODE_STATUS))
    assert result.details[0]["nbns.node_name"] == ["ES01", "PLANT"]
    assert result.details[0]["nbns.group"] == [False, True]
    assert facts_of(nbns, result) == [(2, "name", "ES01"), (2, "mac", "00:16:3e:00:00:09")]


@pytest.mark.parametrize(
    "body",
    [
        b"\xc0\x0c\0\1\0\1",  # a name that points to itself
        b"\xc0\xff\0\1\0\1",  # forward
        b"\xc0\x00\0\1\0\1",  # into the header
        b"\x40abc\0\0\1\0\1",  # reserved label type
        b"\x05ab",  # label longer than the message
        b"\x02ab\0\0\1",  # class missing
    ],
)
def test_bad_names_are_malformed(body: bytes) -> None:
    rows = decode(dns, (FROM_CLIENT, message(0x0100, 1, 0, 0, 0, body=body))).rows
    assert rows[0]["name"] == -1
    assert len(rows) == 1


def test_names_in_a_ring_end() -> None:
    # A record's name goes back into the middle of a name that ends in a pointer to its own start.
    body = QUESTION + record(b"\x01a\xc0\x0c", 1, bytes(4)) * 3
    result = decode(dns, (FROM_SERVER, message(0x8180, 1, 3, 0, 0, body=body)))
    assert names_of(result)[1:] == ["a.plc1.plant.example"] * 3


def test_more_records_than_rows() -> None:
    body = QUESTION + record(POINTER, 1, bytes(4)) * 400
    result = decode(dns, (FROM_SERVER, message(0x8180, 1, 400, 0, 0, body=body)))
    assert len(result.rows) == MOST_PARTS
    assert result.out.used[2] == 401 - MOST_PARTS


def test_invented_names_leave_room_for_others() -> None:
    def query(number: int) -> bytes:
        return message(
            0x0100, 1, 0, 0, 0, body=name(f"{number:x}.invented.example") + bytes.fromhex("0001 0001")
        )

    result = decode(dns, *[(FROM_CLIENT, query(number)) for number in range(100)])
    strings = result.out.strings
    strings.used[ENTRIES] = strings.start.shape[0] // 2
    before = strings.used.copy()
    work = np.frombuffer(bytearray(b"new"), np.uint8)
    from sensor.protocols.names.message import _intern_some

    assert _intern_some(strings, work, 3) == -1
    assert (strings.used - before).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("module", "octets", "verdict"),
    [
        (dns, QUERY, IS_REQUEST),
        (dns, ANSWER, IS_RESPONSE),
        (mdns, ANNOUNCEMENT, IS_EITHER),
        (nbns, REGISTRATION, IS_REQUEST),
        (nbns, NODE_STATUS, IS_RESPONSE),
    ],
)
def test_recognised_on_its_port_only(module: ModuleType, octets: bytes, verdict: int) -> None:
    data = np.frombuffer(octets, np.uint8)
    assert module.recognise(data, 0, len(octets), True) == verdict
    assert module.recognise(data, 0, len(octets), False) == NOT_IT
    assert module.recognise(data, 0, 11, True) == NEED_MORE
    for junk in (bytes(40), b"\xff" * 40, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 4):
        assert module.recognise(np.frombuffer(junk, np.uint8), 0, len(junk), True) == NOT_IT


SEEDS = [QUERY, ANSWER, ANNOUNCEMENT, REGISTRATION, NODE_STATUS]
mutated = st.tuples(
    st.sampled_from(SEEDS), st.integers(0, 150), st.integers(0, 255), st.integers(0, 200)
).map(lambda item: (item[0][: item[1]] + bytes([item[2]]) + item[0][item[1] + 1 :])[: item[3]])


@pytest.mark.parametrize("module", [dns, mdns, nbns])
@settings(max_examples=150, deadline=None)
@given(pdus=st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=100) | mutated), max_size=4))
def test_arbitrary_bytes_stay_inside_the_frame(module: ModuleType, pdus: list[tuple[int, bytes]]) -> None:
    one, other = decode_pdus(module, pdus, b"\0" * 600), decode_pdus(module, pdus, b"\xff" * 600)
    columns = [column for column in one.rows.dtype.names if column != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details
    facts_of(module, one)
