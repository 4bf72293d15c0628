"""ARP packets annotated from RFC 826 and RFC 5227."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import (
    FRAME,
    FROM_CLIENT,
    IDENTITY,
    MALFORMED,
    Buffers,
    Kind,
    new_out,
    new_scratch,
)
from sensor.protocols import arp
from sensor.protocols.protocol import IS_EITHER, NEED_MORE, NOT_IT, Fact, Record

# Ethernet, IPv4, 6 and 4 octets, operation; then sender MAC and IP, target MAC and IP
REQUEST = bytes.fromhex("0001 0800 06 04 0001 00163e000001 c0a80001 000000000000 c0a80002")
REPLY = bytes.fromhex("0001 0800 06 04 0002 00163e000002 c0a80002 00163e000001 c0a80001")
PROBE = bytes.fromhex("0001 0800 06 04 0001 00163e000003 00000000 000000000000 c0a80003")
ANNOUNCEMENT = bytes.fromhex("0001 0800 06 04 0001 00163e000003 c0a80003 000000000000 c0a80003")
PADDING = bytes(18)


def decode(*pdus: bytes) -> Decoded:
    return decode_pdus(arp, [(FROM_CLIENT, pdu) for pdu in pdus], stream=-1, transport=0)


def facts_of(result: Decoded) -> list[Fact]:
    return [
        fact
        for row, details in zip(result.rows, result.details, strict=True)
        for fact in arp.facts(Record(row, "", details))
    ]


def test_request_and_reply() -> None:
    result = decode(REQUEST + PADDING, REPLY)
    request, reply = result.rows
    assert (request["function"], request["kind"], request["flags"]) == (1, Kind.REQUEST, IDENTITY)
    assert arp.describe(Record(request, "", {})) == "192.168.0.2"
    assert (reply["function"], reply["kind"], reply["status"]) == (2, Kind.RESPONSE, 0)
    assert (reply["client"], reply["server"]) == (2, 1)  # who asked is the client
    assert arp.describe(Record(reply, "", {})) == "192.168.0.2"
    assert result.details[1] == {
        "arp.sender_mac": "00:16:3e:00:00:02",
        "arp.sender_ip": "192.168.0.2",
        "arp.target_mac": "00:16:3e:00:00:01",
        "arp.target_ip": "192.168.0.1",
    }
    assert [(fact.subject, fact.field, fact.value) for fact in facts_of(result)] == [
        ("192.168.0.1", "mac", "00:16:3e:00:00:01"),
        ("192.168.0.2", "mac", "00:16:3e:00:00:02"),
    ]


def functions(result: Decoded) -> list[str]:
    return [arp.PROTOCOL.function_name(row["function"], row["subfunction"]) for row in result.rows]


def test_a_reply_that_nobody_asked_for_is_its_senders_own_doing() -> None:
    other = REQUEST[:24] + bytes.fromhex("c0a80003")
    result = decode(other, REPLY, REQUEST, REPLY, REPLY)
    assert functions(result) == [
        "ARP Request",
        "Unasked ARP Reply",
        "ARP Request",
        "ARP Reply",
        "ARP Reply",  # of two owners, both answer
    ]
    unasked = result.rows[1]
    assert (unasked["kind"], unasked["client"], unasked["server"]) == (Kind.EVENT, 1, 2)
    assert unasked["direction"] == FROM_CLIENT


def test_a_request_is_forgotten() -> None:
    octets = np.frombuffer(REQUEST + REPLY + REPLY, np.uint8)
    frames = np.zeros(3, FRAME)
    frames["offset"], frames["length"] = (0, 28, 56), 28
    frames["time_ns"] = (0, arp.ANSWER_NS, arp.ANSWER_NS + 1)
    out = new_out()
    buffers = Buffers(octets, np.zeros(1, np.uint8), new_scratch())
    arp.decode(buffers, frames, np.arange(3), np.zeros(1, np.int64), arp.new_state(), out)
    kinds = [int(kind) for kind in out.messages["kind"][:3]]
    assert kinds == [Kind.REQUEST, Kind.RESPONSE, Kind.EVENT]


def test_probe_claims_nothing_and_announcement_does() -> None:
    result = decode(PROBE, ANNOUNCEMENT)
    names = [arp.PROTOCOL.function_name(row["function"], row["subfunction"]) for row in result.rows]
    assert names == ["ARP Probe", "ARP Announcement"]
    assert result.rows["kind"].tolist() == [Kind.REQUEST, Kind.EVENT]
    assert [fact.subject for fact in facts_of(result)] == ["192.168.0.3"]


@pytest.mark.parametrize(
    "octets", [b"", REQUEST[:7], REQUEST[:27], bytes.fromhex("0001 0800 05 04") + bytes(30)]
)
def test_malformed(octets: bytes) -> None:
    assert decode(octets).rows[0]["flags"] & MALFORMED


def test_recognised() -> None:
    for cut in range(len(REPLY)):
        assert arp.recognise(np.frombuffer(REPLY, np.uint8), 0, cut, True) == NEED_MORE
    assert arp.recognise(np.frombuffer(REPLY, np.uint8), 0, len(REPLY), True) == IS_EITHER
    assert arp.recognise(np.frombuffer(bytes(60), np.uint8), 0, 60, True) == NOT_IT


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.integers(0, 28).map(lambda cut: REPLY[:cut]), max_size=4))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[bytes]) -> None:
    pairs = [(FROM_CLIENT, pdu) for pdu in pdus]
    one, other = decode_pdus(arp, pairs, b"\0" * 400), decode_pdus(arp, pairs, b"\xff" * 400)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details
    facts_of(one)
