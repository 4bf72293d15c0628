"""ICMP messages annotated from RFC 792, RFC 4443 and RFC 4861."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import FROM_CLIENT, MALFORMED, Kind, Operation
from sensor.protocols import icmp
from sensor.protocols.protocol import Fact, Record

ECHO = bytes.fromhex("08 00 f7ff 0001 0002") + b"abcd"
ECHO_REPLY = bytes.fromhex("00 00 ffff 0001 0002") + b"abcd"
# Port unreachable, then the IPv4 and UDP headers of what was sent to 10.0.0.5 port 161
UNREACHABLE = bytes.fromhex(
    "03 03 0000 00000000 4500002c 00000000 4011 0000 0a000001 0a000005 c000 00a1 0018 0000"
)
REDIRECT = bytes.fromhex("05 01 0000 c0a800fe 4500001c 00000000 4001 0000 c0a80001 08080808 0800 0000")
TARGET = "fe80000000000000021122fffe334455"
SOLICITATION = bytes.fromhex(f"87 00 0000 00000000 {TARGET} 01 01 00163e000001")
ADVERTISEMENT = bytes.fromhex(f"88 00 0000 60000000 {TARGET} 02 01 001122334455")
ROUTER = bytes.fromhex("86 00 0000 40 00 0708 00000000 00000000 01 01 00163e0000fe")


def decode(*pdus: bytes, transport: int = 1) -> Decoded:
    return decode_pdus(icmp, [(FROM_CLIENT, pdu) for pdu in pdus], stream=-1, transport=transport)


def facts_of(result: Decoded) -> list[Fact]:
    return [
        fact
        for row, details in zip(result.rows, result.details, strict=True)
        for fact in icmp.facts(Record(row, "", details))
    ]


def test_echo() -> None:
    result = decode(ECHO, ECHO_REPLY)
    assert result.rows["function"].tolist() == [8, 0]
    assert result.rows["kind"].tolist() == [Kind.REQUEST, Kind.RESPONSE]
    assert result.rows["client"].tolist() == [1, 2]  # who asked is the client
    assert set(result.rows["operation"]) == {Operation.DIAGNOSE}
    assert result.details[0] == {"icmp.identifier": 1, "icmp.sequence": 2, "icmp.data_length": 4}


def test_port_unreachable_names_what_was_sent() -> None:
    result = decode(UNREACHABLE)
    row, details = result.rows[0], result.details[0]
    assert icmp.PROTOCOL.function_name(row["function"], row["subfunction"]) == "Port Unreachable"
    assert row["kind"] == Kind.EVENT
    assert details["icmp.original_source"] == "10.0.0.1"
    assert icmp.describe(Record(row, "", details)) == "10.0.0.5 port 161"


def test_redirect_comes_from_a_router() -> None:
    result = decode(REDIRECT)
    assert result.details[0]["icmp.gateway"] == "192.168.0.254"
    assert [(fact.subject, fact.field, fact.value) for fact in facts_of(result)] == [
        (1, "capability", "router")
    ]


def test_neighbour_discovery() -> None:
    result = decode(SOLICITATION, ADVERTISEMENT, ROUTER, transport=58)
    names = [icmp.PROTOCOL.function_name(row["function"], row["subfunction"]) for row in result.rows]
    assert names == ["Neighbor Solicitation", "Neighbor Advertisement", "Router Advertisement"]
    assert result.rows["kind"].tolist() == [Kind.REQUEST, Kind.RESPONSE, Kind.EVENT]
    assert [(fact.subject, fact.field, fact.value) for fact in facts_of(result)] == [
        (1, "mac", "00:16:3e:00:00:01"),
        ("fe80::211:22ff:fe33:4455", "mac", "00:11:22:33:44:55"),
        (1, "capability", "router"),
        (1, "mac", "00:16:3e:00:00:fe"),
    ]
    assert not any(row["flags"] & MALFORMED for row in result.rows)


def test_malformed() -> None:
    assert decode(b"\x08\0\0").rows[0]["flags"] & MALFORMED
    assert decode(SOLICITATION[:-1], transport=58).rows[0]["flags"] & MALFORMED
    endless = SOLICITATION[:24] + bytes(8)  # an option of length 0
    assert decode(endless, transport=58).rows[0]["flags"] & MALFORMED


valid = st.sampled_from([ECHO, UNREACHABLE, REDIRECT, SOLICITATION, ADVERTISEMENT, ROUTER])
cut = st.tuples(valid, st.integers(0, 60)).map(lambda item: item[0][: item[1]])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=80) | cut, max_size=4), st.sampled_from([1, 58]))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[bytes], transport: int) -> None:
    pairs = [(FROM_CLIENT, pdu) for pdu in pdus]
    one = decode_pdus(icmp, pairs, b"\0" * 400, transport=transport)
    other = decode_pdus(icmp, pairs, b"\xff" * 400, transport=transport)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details
    facts_of(one)
