"""NTP messages annotated from RFC 5905, 7.3, and RFC 9327, 2."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import FROM_CLIENT, FROM_SERVER, MALFORMED, NEGATIVE, Kind, Operation
from sensor.protocols import ntp
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, Record

STAMP = "e9aa0000 12345678"
ZEROS = "00000000 00000000"
# leap 0, version 4, mode 3; stratum 0, poll 6, precision -20; delay, dispersion, reference; four times
CLIENT = bytes.fromhex(f"23 00 06 ec 00000000 00000000 00000000 {ZEROS * 3} {STAMP}")
SERVER = bytes.fromhex(f"24 02 06 ec 00008000 00010000 c0a80001 {ZEROS} {STAMP} {ZEROS} {STAMP}")
KISS = bytes.fromhex(f"e4 00 06 ec 00000000 00000000 52415445 {ZEROS} {STAMP} {ZEROS} {STAMP}")
CONTROL = bytes.fromhex("16 02 0001 0000 0000 0000 0000")


def decode(*pdus: tuple[int, bytes]) -> Decoded:
    return decode_pdus(ntp, pdus, transport=17, server_port=123)


def test_client_and_server_are_paired() -> None:
    result = decode((FROM_CLIENT, CLIENT), (FROM_SERVER, SERVER))
    request, response = result.rows
    assert (request["function"], request["kind"], request["operation"]) == (3, Kind.REQUEST, Operation.TIME)
    assert (response["kind"], response["request_packet"], response["value"]) == (Kind.RESPONSE, 1, 2)
    details = result.details[1]
    assert (details["ntp.root_delay"], details["ntp.root_dispersion"]) == (0.5, 1.0)
    assert (details["ntp.version"], details["ntp.precision_exponent"]) == (4, -20)
    assert details["ntp.reference_id"] == bytes([192, 168, 0, 1])
    facts = [(fact.field, fact.value) for fact in ntp.facts(Record(response, "", details))]
    assert facts == [("capability", "time_server"), ("service", "udp/123 ntp")]
    assert not list(ntp.facts(Record(request, "", {})))


def test_kiss_of_death_serves_nobody() -> None:
    result = decode((FROM_SERVER, KISS))
    assert result.rows[0]["flags"] & NEGATIVE
    assert result.details[0]["ntp.leap"] == 3
    assert not list(ntp.facts(Record(result.rows[0], "", result.details[0])))


def test_control() -> None:
    row = decode((FROM_CLIENT, CONTROL)).rows[0]
    assert (row["function"], row["subfunction"], row["operation"]) == (6, 2, Operation.DIAGNOSE)


def test_malformed() -> None:
    for octets in (b"", CLIENT[:47], b"\x20" + CLIENT[1:], b"\x24\x11" + SERVER[2:], CONTROL[:11]):
        assert decode((FROM_CLIENT, octets)).rows[0]["flags"] & MALFORMED


def test_recognised_on_its_port_only() -> None:
    for octets, verdict in ((CLIENT, IS_REQUEST), (SERVER, IS_RESPONSE), (CONTROL, IS_REQUEST)):
        data = np.frombuffer(octets, np.uint8)
        for cut in range(len(octets)):
            assert ntp.recognise(data, 0, cut, True) == NEED_MORE
        assert ntp.recognise(data, 0, len(octets), True) == verdict
        assert ntp.recognise(data, 0, len(octets), False) == NOT_IT
    assert ntp.recognise(np.frombuffer(bytes(48), np.uint8), 0, 48, True) == NOT_IT
    assert ntp.recognise(np.frombuffer(b"\x24\x40" + bytes(46), np.uint8), 0, 48, True) == NOT_IT


cut = st.tuples(st.sampled_from([CLIENT, SERVER, CONTROL]), st.integers(0, 50)).map(lambda x: x[0][: x[1]])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=60) | cut), max_size=4))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[tuple[int, bytes]]) -> None:
    one, other = decode_pdus(ntp, pdus, b"\0" * 400), decode_pdus(ntp, pdus, b"\xff" * 400)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details
