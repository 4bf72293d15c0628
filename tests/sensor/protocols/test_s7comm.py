"""S7comm and COTP PDUs, annotated from RFC 1006, RFC 905 and the layouts in the modules' docstrings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Decoded, decode_pdus
from sensor.messages import (
    ENCRYPTED,
    FRAME,
    FROM_CLIENT,
    FROM_SERVER,
    IDENTITY,
    MALFORMED,
    MESSAGES,
    NEGATIVE,
    UNSOLICITED,
    Buffers,
    Kind,
    Operation,
    ValueKind,
    new_out,
    new_scratch,
)
from sensor.protocols import s7comm
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
from sensor.protocols.s7comm import fragments
from sensor.strings import text_of

COTP, S7, PLUS = s7comm.PROTOCOLS


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def tpkt(tpdu: bytes) -> bytes:
    return b"\3\0" + (len(tpdu) + 4).to_bytes(2) + tpdu


def data(payload: bytes, ends: bool = True) -> bytes:
    return tpkt(b"\2\xf0" + (b"\x80" if ends else b"\0") + payload)


def job(parameters: str, values: str = "", reference: int = 1, rosctr: int = 1, error: str = "") -> bytes:
    one, other = octets(parameters), octets(values)
    header = b"\x32" + bytes([rosctr]) + b"\0\0" + reference.to_bytes(2)
    return data(header + len(one).to_bytes(2) + len(other).to_bytes(2) + octets(error) + one + other)


def ack(parameters: str, values: str = "", reference: int = 1, error: str = "0000") -> bytes:
    return job(parameters, values, reference, 3, error)


def asked(group: int, subfunction: int, values: str, sequence: int = 0) -> bytes:
    return job(f"00 01 12 04 11 4{group:x} {subfunction:02x} {sequence:02x}", values, rosctr=7)


def told(
    group: int, subfunction: int, values: str, unit: int = 0, more: int = 0, error: str = "0000"
) -> bytes:
    return job(
        f"00 01 12 08 12 8{group:x} {subfunction:02x} 01 {unit:02x} {more:02x} {error}", values, rosctr=7
    )


def with_length(values: str) -> str:
    """The data of a userdata PDU: success, octet string, length, octets."""
    return f"ff 09 {len(octets(values)):04x} {values}"


def object_of(result: Decoded, index: int) -> str:
    row = result.rows[index]
    protocol = next(entry for entry in s7comm.PROTOCOLS if entry.number == row["protocol"])
    return protocol.describe(record_of(result, index))


def record_of(result: Decoded, index: int) -> Record:
    row = result.rows[index]
    return Record(row, text_of(result.out.strings, int(row["name"])), result.details[index])


# RFC 905, 13.3.1: LI, CR, destination 0, source 0x14, class 0; C0 size 2**10, C1 0100, C2 0102
CONNECT = tpkt(octets("11 e0 0000 0014 00 c0 01 0a c1 02 0100 c2 02 0102"))
CONFIRM = tpkt(octets("11 d0 0014 0003 00 c0 01 0a c1 02 0100 c2 02 0102"))
SETUP = job("f0 00 0003 0003 01e0")
# DB10.DBX4.0, one bit; MW20; T5
READ = job(
    "04 03 12 0a 10 01 0001 000a 84 000020 12 0a 10 04 0001 0000 83 0000a0 12 0a 10 1d 0001 0000 1d 000005"
)
STOP = job("29 0000000000 09 505f50524f4752414d")
COLD_START = job("28 000000000000fd 0002 4320 09 505f50524f4752414d")
EXPLORE = data(octets("72 01 000c 31 0000 04bb 0000 0007 00000120 72 01 0000"))
VALID = (
    CONNECT,
    CONFIRM,
    SETUP,
    READ,
    STOP,
    COLD_START,
    EXPLORE,
    ack("04 02", "ff 03 0001 01 00 ff 04 0010 1234"),
    job("05 01 12 0a 10 02 0001 0001 84 000018", "00 04 0008 2a"),
    job("1a 00 0100 00000000 09 5f30413030303031 41 0d 31 303030323334303030313730"),
    asked(4, 1, with_length("0011 0000")),
    told(4, 1, with_length("0011 0000 001c 0001 0007" + "20" * 20 + "0000 5603 0206")),
    told(4, 1, with_length("001c 0000 0022 0001 0001" + "41" * 32), unit=1, more=1),
    told(3, 3, with_length("00" * 78)),
    asked(2, 1, with_length("0001 01 05 12 0a 10 02 0004 0001 84 000000")),
    job(
        "00 01 12 04 11 04 12 00",
        with_length("1402131530227213 00 01 12 0d 16 00 60000001 01 01 01 00"),
        0,
        7,
    ),
    asked(7, 2, with_length("00 19 14 08 20 11 59 30 00 04")),
)


def test_connection_names_rack_and_slot() -> None:
    result = decode_pdus(s7comm, [(FROM_CLIENT, CONNECT), (FROM_SERVER, CONFIRM)])
    request, response = result.rows
    assert (request["protocol"], request["operation"]) == (Number.COTP, Operation.SESSION)
    assert (request["function"], response["function"], response["status"]) == (0xE0, 0xD0, 0)
    assert (response["request_packet"], response["address"]) == (1, 0x0102)
    assert result.details[0] == {
        "cotp.destination_reference": 0,
        "cotp.source_reference": 0x14,
        "cotp.class": 0,
        "cotp.tpdu_size": 1024,
        "cotp.calling_tsap": b"\1\0",
        "cotp.called_tsap": b"\1\2",
        "cotp.connection_type": 1,
        "cotp.rack": 0,
        "cotp.slot": 2,
    }
    assert object_of(result, 0) == "rack 0 slot 2"


def test_refused_connection_has_a_reason() -> None:
    # RFC 905, 13.5: DR, destination 0x14, source 0, reason 3 (address unknown)
    refusal = tpkt(octets("06 80 0014 0000 03"))
    result = decode_pdus(s7comm, [(FROM_CLIENT, CONNECT), (FROM_SERVER, refusal)])
    assert (result.rows[1]["kind"], result.rows[1]["status"]) == (Kind.RESPONSE, 3)
    assert COTP.statuses[3] == "Address unknown"


def test_other_user_data_is_cotp_only() -> None:
    # an MMS conclude request in its session SPDU; a TLS record
    result = decode_pdus(
        s7comm, [(0, data(octets("0d 06 01000100 8b00"))), (0, data(octets("16 0301 0001 00")))]
    )
    assert result.rows["protocol"].tolist() == [Number.COTP] * 2
    assert result.rows["operation"].tolist() == [Operation.OTHER] * 2
    assert result.rows["flags"].tolist() == [0, ENCRYPTED]


def test_items_are_paired_with_their_results() -> None:
    answer = ack("04 03", "ff 03 0001 01 00 ff 04 0010 ff38 0a 00 0000")
    result = decode_pdus(s7comm, [(FROM_CLIENT, READ), (FROM_SERVER, answer)])
    assert [object_of(result, index) for index in range(6)] == ["DB10.DBX4.0", "MW20", "T5"] * 2
    assert result.rows["part"].tolist() == [0, 1, 2] * 2
    bit, word, timer = result.rows[3:]
    assert (bit["value_kind"], bit["value"], bit["status"]) == (ValueKind.DISCRETE, 1, 0)
    assert (word["value_kind"], word["value"]) == (ValueKind.INTEGER, 0xFF38)
    assert (timer["status"], timer["flags"]) == (10, NEGATIVE)
    assert result.rows["request_packet"].tolist() == [0, 0, 0, 1, 1, 1]
    assert S7.spaces[int(bit["space"])] == "db"
    assert result.details[0]["s7comm.db"] == 10


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("10 02 0004 0005 84 000010", "DB5.DBB2 x 4"),
        ("10 04 0004 0005 84 000010", "DB5.DBW2 x 4"),
        ("10 08 0001 0007 85 000020", "DI7.DID4"),
        ("10 01 0001 0000 83 0000a1", "M20.1"),
        ("10 01 0001 0000 81 000003", "I0.3"),
        ("10 02 0001 0000 82 000018", "QB3"),
        ("10 1c 0002 0000 1c 000001", "C1 x 2"),
        ("82 41 0001 0002 10 01", "NCK C1 module 10 column 1 line 2"),
    ],
)
def test_variables_are_written_as_engineers_do(item: str, text: str) -> None:
    specification = octets(item)
    result = decode_pdus(s7comm, [(0, job(f"04 01 12 {len(specification):02x} {item}"))])
    assert object_of(result, 0) == text
    assert not result.rows[0]["flags"] & MALFORMED


@pytest.mark.parametrize(
    ("size", "value", "kind", "expected"),
    [
        ("01", "00 03 0001 01", ValueKind.DISCRETE, 1),
        ("02", "00 04 0008 2a", ValueKind.INTEGER, 42),
        ("04", "00 04 0010 fffe", ValueKind.INTEGER, 65534),
        ("05", "00 04 0010 fffe", ValueKind.INTEGER, -2),
        ("06", "00 04 0020 80000000", ValueKind.INTEGER, 1 << 31),
        ("07", "00 04 0020 80000000", ValueKind.INTEGER, -(1 << 31)),
        ("08", "00 07 0004 3fc00000", ValueKind.REAL, 1.5),
    ],
)
def test_written_values(size: str, value: str, kind: ValueKind, expected: float) -> None:
    result = decode_pdus(
        s7comm, [(0, job(f"05 01 12 0a 10 {size} 0001 0001 84 000020", value)), (1, ack("05 01", "ff"))]
    )
    for row in result.rows:
        assert (row["operation"], row["value_kind"], row["value"]) == (Operation.WRITE, kind, expected)
        assert not row["flags"] & MALFORMED
    assert result.rows[1]["status"] == 0


def test_odd_items_are_filled_up() -> None:
    write = job(
        "05 02 12 0a 10 02 0001 0001 84 000000 12 0a 10 02 0001 0001 84 000008",
        "00 04 0008 01 00 00 04 0008 02",
    )
    result = decode_pdus(s7comm, [(0, write)])
    assert result.rows["value"].tolist() == [1, 2]
    assert not result.rows["flags"].any()


def test_stop_and_start() -> None:
    result = decode_pdus(s7comm, [(0, STOP), (1, ack("29")), (0, COLD_START), (1, ack("28", error="8104"))])
    assert result.rows["operation"].tolist() == [
        Operation.STOP,
        Operation.STOP,
        Operation.START,
        Operation.PROTOCOL_ERROR,
    ]
    assert object_of(result, 0) == object_of(result, 3) == "P_PROGRAM"
    assert S7.function_name(0x28, int(result.rows[2]["subfunction"])) == "PI Service Cold Restart"
    assert (result.rows[3]["status"], result.rows[3]["flags"]) == (0x8104, NEGATIVE)
    assert not (result.rows["flags"] & MALFORMED).any()


def test_services_on_blocks() -> None:
    insert = job("28 000000000000fd 0012 02 00 3041303030303150 3043303030313250 05 5f494e5345")
    to_rom = job("28 000000000000fd 0002 4550 05 5f4d4f4455")
    result = decode_pdus(s7comm, [(0, insert), (0, to_rom)])
    assert [object_of(result, index) for index in range(3)] == ["DB1", "FC12", "_MODU"]
    assert result.rows["operation"].tolist() == [Operation.PROGRAM_DOWNLOAD] * 2 + [Operation.CONFIGURE]
    assert not (result.rows["flags"] & MALFORMED).any()


def test_download_of_a_block() -> None:
    name = "09 5f3041303030303150"
    result = decode_pdus(
        s7comm,
        [
            (0, job(f"1a 00 0100 00000000 {name} 0d 31 303030323334303030313730")),
            (1, ack("1a")),
            (1, job(f"1b 00 0100 00000000 {name}")),  # the controller asks for the block
            (0, ack("1b 00", "0004 00fb 70700101")),
            (1, job(f"1c 00 0000 00000000 {name}")),
            (0, ack("1c")),
        ],
    )
    assert [object_of(result, index) for index in range(6)] == ["DB1"] * 6
    assert result.rows["kind"].tolist() == [Kind.REQUEST, Kind.RESPONSE] * 3
    assert set(result.rows["operation"].tolist()) == {Operation.PROGRAM_DOWNLOAD}
    assert not (result.rows["flags"] & MALFORMED).any()
    details = result.details[0]
    assert (details["s7comm.block_length"], details["s7comm.code_length"]) == (234, 170)
    assert (details["s7comm.filename"], details["s7comm.destination_filesystem"]) == ("_0A00001P", ord("P"))
    assert result.details[3]["s7comm.data"] == octets("70700101")


def test_upload_of_a_block() -> None:
    result = decode_pdus(
        s7comm,
        [
            (0, job("1d 00 0000 00000000 09 5f3038303030303141")),
            (1, ack("1d 00 0100 00000007 07 30303030323134")),
            (0, job("1e 00 0000 00000007")),
            (1, ack("1e 00", "0002 00fb 7070")),
            (0, job("1f 00 0000 00000007")),
            (1, ack("1f")),
        ],
    )
    assert set(result.rows["operation"].tolist()) == {Operation.PROGRAM_UPLOAD}
    assert object_of(result, 0) == object_of(result, 1) == "OB1"
    assert (result.details[1]["s7comm.session_id"], result.details[1]["s7comm.block_length"]) == (7, 214)
    assert not (result.rows["flags"] & MALFORMED).any()


def order_number(index: int, text: bytes, version: str) -> str:
    return f"{index:04x}" + text.ljust(20).hex() + "0000" + version


def test_module_identification_gives_facts() -> None:
    records = order_number(1, b"6ES7 315-2EH14-0AB0 ", "00040001") + order_number(7, b"", "56030206")
    values = with_length("0011 0000 001c 0002" + records)
    result = decode_pdus(s7comm, [(0, asked(4, 1, with_length("0011 0000"))), (1, told(4, 1, values))])
    assert result.rows["operation"].tolist() == [Operation.IDENTIFY] * 2
    assert result.rows[1]["flags"] == IDENTITY
    facts = {fact.field: fact.value for fact in S7.facts(record_of(result, 1))}
    assert facts == {"model": "6ES7 315-2EH14-0AB0", "vendor": "Siemens AG", "firmware": "V3.2.6"}
    assert object_of(result, 0) == "SZL 0011 index 0000 Module identification"


def component(index: int, text: bytes) -> str:
    return f"{index:04x}" + text.ljust(32, b"\0").hex()


def test_fragmented_list_is_put_together() -> None:
    # 001C in two fragments, cut inside the second record
    content = octets(
        "001c 0000 0022 0003"
        + component(1, b"Plant A")
        + component(5, b"S C-X4U4")
        + component(7, b"CPU 315-2 PN/DP")
    )
    cut = 60
    result = decode_pdus(
        s7comm,
        [
            (0, asked(4, 1, with_length("001c 0000"))),
            (1, told(4, 1, with_length(content[:cut].hex()), unit=9, more=1)),
            (0, asked(4, 1, "0a 00 0000", 1)),
            (1, told(4, 1, with_length(content[cut:].hex()), unit=9)),
        ],
    )
    assert result.rows["flags"].tolist() == [0, 0, 0, IDENTITY]
    facts = {fact.field: fact.value for fact in S7.facts(record_of(result, 3))}
    assert facts == {"name": "Plant A", "serial": "S C-X4U4", "type": "CPU 315-2 PN/DP", "role": "plc"}
    assert result.rows[3]["buffer"] == 2


def test_block_functions() -> None:
    result = decode_pdus(
        s7comm,
        [
            (0, asked(3, 2, with_length("3041"))),
            (1, told(3, 2, with_length("0001 22 05 000c 22 05"))),
            (0, asked(3, 3, with_length("3041 3030303031 41"))),
            (1, told(3, 3, "0a 00 0000", error="d209")),
        ],
    )
    assert [object_of(result, index) for index in range(4)] == ["DB", "DB", "DB1", "DB1"]
    assert result.details[1]["s7comm.block_number"] == [1, 12]
    assert (result.rows[3]["status"], S7.statuses[0xD209]) == (0xD209, "Block not found on the module")


def test_cyclic_services_and_messages() -> None:
    push = job("00 01 12 04 11 02 01 05", with_length("0001 ff 04 0010 0102"), 0, 7)
    diagnostic = job(
        "00 01 12 04 11 04 03 00", with_length("4303 ff 01 0000 0000 00000000 1408201159300000"), 0, 7
    )
    password = asked(5, 1, with_length("2301656763656565"))
    result = decode_pdus(
        s7comm,
        [
            (0, asked(2, 1, with_length("0001 01 05 12 0a 10 04 0001 0001 84 000000"))),
            (1, push),
            (1, diagnostic),
            (0, asked(7, 2, with_length("00 19 14 08 20 11 59 30 00 04"))),
            (0, password),
        ],
    )
    assert result.rows["operation"].tolist() == [
        Operation.SUBSCRIBE,
        Operation.REPORT,
        Operation.ALARM,
        Operation.TIME,
        Operation.AUTHENTICATE,
    ]
    assert result.rows["kind"].tolist()[1:3] == [Kind.EVENT] * 2
    assert result.rows["flags"].tolist() == [0, UNSOLICITED, UNSOLICITED, 0, 0]
    assert object_of(result, 0) == "DB1.DBW0"
    assert result.details[2]["s7comm.event_time"] == result.details[3]["s7comm.clock"] == 20140820115930
    assert "s7comm.data" not in result.details[4]


def test_plus_has_its_function_in_every_part() -> None:
    first = data(octets("72 01 000c 31 0000 04ca 0000 0007 00000120"))
    last = data(octets("72 01 0002 a1b2 72 01 0000"))
    result = decode_pdus(
        s7comm, [(0, first), (0, last), (1, data(octets("72 01 0009 32 0000 04ca 0000 0007 72 01 0000")))]
    )
    assert result.rows["function"].tolist() == [0x4CA] * 3
    assert result.rows["protocol"].tolist() == [Number.S7COMM_PLUS] * 3
    assert result.rows["request_packet"].tolist() == [0, 0, 1]
    assert not result.rows["flags"].any()


def test_fragments_make_one_row_in_the_packet_that_completes_them() -> None:
    payload = READ[7:]
    whole = decode_pdus(s7comm, [(0, READ)])
    for cut in range(1, len(payload)):
        parts = decode_pdus(s7comm, [(0, data(payload[:cut], False)), (0, data(payload[cut:]))])
        assert parts.rows["packet"].tolist() == [2, 2, 2]
        columns = ["space", "address", "count", "function", "transaction", "part", "flags"]
        assert parts.rows[columns].tolist() == whole.rows[columns].tolist()
        assert parts.details == whole.details


def test_fragments_of_many_streams_are_bounded() -> None:
    streams = 4 * fragments.SLOTS
    octets_seen = data(b"\x32\1", False)
    frames = np.zeros(streams, FRAME)
    frames["stream"] = frames["time_ns"] = np.arange(streams)
    frames["length"] = len(octets_seen)
    buffers = Buffers(np.frombuffer(bytearray(octets_seen), np.uint8), np.zeros(1, np.uint8), new_scratch())
    state, out = s7comm.new_state(), new_out()
    s7comm.decode(buffers, frames, np.arange(streams), np.zeros(1, np.int64), state, out)
    assert state.used[fragments.OPEN] <= fragments.SLOTS
    assert state.used[fragments.OPEN] + state.used[fragments.EVICTED] == streams
    assert out.used[MESSAGES] == 0


def verdict(octets_seen: bytes, known_port: bool = True) -> int:
    padded = np.frombuffer(bytearray(b"\xa5" * 3 + octets_seen + b"\xa5" * 3), np.uint8)
    return int(s7comm.recognise(padded, 3, len(octets_seen), known_port))


def framed(octets_seen: bytes) -> int:
    padded = np.frombuffer(bytearray(b"\xa5" * 3 + octets_seen + b"\xa5" * 3), np.uint8)
    return int(s7comm.frame_length(padded, 3, len(octets_seen)))


def test_recognition() -> None:
    for known_port in (False, True):
        assert verdict(CONNECT, known_port) == IS_REQUEST
        assert verdict(CONFIRM, known_port) == IS_RESPONSE
        assert verdict(STOP, known_port) == IS_REQUEST
        assert verdict(ack("29"), known_port) == IS_RESPONSE
        assert verdict(job("1b 00 0100 00000000 09 5f3041303030303150"), known_port) == IS_RESPONSE
        assert verdict(asked(4, 1, with_length("0011 0000")), known_port) == IS_REQUEST
        assert verdict(EXPLORE, known_port) == IS_REQUEST
    mms = data(octets("0d 06 01000100 8b00"))
    assert (verdict(mms), verdict(mms, False)) == (IS_EITHER, NOT_IT)
    for junk in (b"GET / HTTP/1.1", b"\3\1\0\x16", b"\3\0\0\6xx", b"\3\0\0\x16\x16\xe0", b"\x16\3\1\0\xa5\1"):
        assert verdict(junk) == NOT_IT


@pytest.mark.parametrize("pdu", VALID)
def test_every_prefix_is_plausible(pdu: bytes) -> None:
    for known_port in (False, True):
        whole = verdict(pdu, known_port)
        assert whole in (IS_REQUEST, IS_RESPONSE)
        assert {verdict(pdu[:cut], known_port) for cut in range(len(pdu))} <= {NEED_MORE, whole}
    assert {framed(pdu[:cut]) for cut in range(4)} == {0}
    assert {framed(pdu[:cut]) for cut in range(4, len(pdu))} == {len(pdu)}


def test_unframed() -> None:
    assert framed(b"\2") == framed(b"\3\1") == framed(b"\3\0\0\6") == UNFRAMED


def same_whatever_surrounds_it(pdus: list[tuple[int, bytes]]) -> None:
    one, other = decode_pdus(s7comm, pdus, b"\0" * 400), decode_pdus(s7comm, pdus, b"\xff" * 400)
    columns = [name for name in one.rows.dtype.names if name != "offset"]
    assert one.rows[columns].tolist() == other.rows[columns].tolist()
    assert one.details == other.details


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=300), st.integers(0, 3)), max_size=6))
def test_arbitrary_bytes_stay_inside_the_frame(pdus: list[tuple[int, bytes, int]]) -> None:
    # as they are, as a TPDU, as user data, as S7 parameters
    wrap = (
        lambda raw: raw,
        tpkt,
        data,
        lambda raw: job(raw.hex(), raw.hex(), rosctr=raw[0] & 7 if raw else 1),
    )
    same_whatever_surrounds_it([(side, wrap[how](raw)) for side, raw, how in pdus])


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_mutated_pdus_stay_inside_the_frame(draw: st.DataObject) -> None:
    pdus = []
    for pdu in draw.draw(st.lists(st.sampled_from(VALID), min_size=1, max_size=4)):
        mutated = bytearray(pdu)
        for at, octet in draw.draw(
            st.lists(st.tuples(st.integers(4, len(pdu) - 1), st.integers(0, 255)), max_size=4)
        ):
            mutated[at] = octet
        cut = draw.draw(st.integers(0, len(mutated)))
        if draw.draw(st.booleans()):
            mutated = mutated[: max(cut, 5)]
            mutated[2:4] = len(mutated).to_bytes(2)
        pdus.append((draw.draw(st.integers(0, 1)), bytes(mutated)))
    same_whatever_surrounds_it(pdus)
