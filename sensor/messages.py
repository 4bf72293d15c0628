"""The vocabulary and the columns of messages: what one PDU said, the same for every protocol.

A decode kernel writes rows of `MESSAGE` and, where it is asked to, rows of `DETAIL`. One PDU makes
one row for each object it names (at least one): the first has `part` 0, the others count up.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sensor.kernel import inlined, kernel
from sensor.pairing import Pairs, new_pairs
from sensor.strings import Strings, new_strings
from sensor.types import Bytes, Int, Ints, Record, Rows


class Operation(IntEnum):
    """What a message does, the same word in every protocol.

    `OPERATE` is a control output acting (coil, CROB, select or operate, IEC 104 command).
    Upload and download follow the PLC engineer: download goes into the controller.
    `REPORT` is cyclic or unsolicited data; `SESSION` opens, keeps or closes a conversation.
    """

    OTHER = 0
    READ = 1
    WRITE = 2
    OPERATE = 3
    PROGRAM_DOWNLOAD = 4
    PROGRAM_UPLOAD = 5
    FIRMWARE = 6
    START = 7
    STOP = 8
    RESET = 9
    MODE = 10
    CONFIGURE = 11
    IDENTIFY = 12
    BROWSE = 13
    SUBSCRIBE = 14
    REPORT = 15
    DIAGNOSE = 16
    AUTHENTICATE = 17
    FILE = 18
    TIME = 19
    SESSION = 20
    ALARM = 21
    PROTOCOL_ERROR = 22


class Kind(IntEnum):
    """Who spoke: the client asked, the server answered, or nobody asked for it."""

    REQUEST = 0
    RESPONSE = 1
    EVENT = 2


class ValueKind(IntEnum):
    """How to read the `value` column. DISCRETE is a state (coil, breaker, mode): it is part of
    the behaviour's identity, so that switching on and switching off are two behaviours."""

    NONE = 0
    INTEGER = 1
    REAL = 2
    DISCRETE = 3


class DetailKind(IntEnum):
    """How to read a DETAIL row: INTEGER and REAL by value, the others as a slice of the data."""

    INTEGER = 0
    REAL = 1
    BYTES = 2
    TEXT = 3


# MESSAGE.flags
MALFORMED = 1
"""The PDU contradicts its specification; what could be read is in the row."""
IDENTITY = 2
"""The PDU says who or what a device is: its details are kept even when details are off."""
FAULT = 4
"""A kernel failed on this PDU (a defect of ours); only the envelope is in the row."""
BROADCAST = 8
"""Addressed to every device, at the protocol's own level."""
UNSOLICITED = 16
"""Sent by a server without a request."""
SELECT = 32
"""First half of select-before-operate: arms an output but does not act."""
TEST = 64
"""Marked as a test by the sender (IEC 104 T bit)."""
NEGATIVE = 128
"""The server confirmed that it will not do it (IEC 104 P/N bit, a protocol's negative answer)."""
ENCRYPTED = 256
"""The payload is enciphered; only the envelope can be read."""
WITHOUT_SELECT = 512
"""Operates an output that had to be selected before and was not (see `sensor.selecting`)."""
DOUBTFUL = 1024
"""The station itself says that the value is invalid, not up to date, or of a source that is offline."""
FLAG_NAMES = {
    MALFORMED: "malformed",
    IDENTITY: "identity",
    FAULT: "fault",
    BROADCAST: "broadcast",
    UNSOLICITED: "unsolicited",
    SELECT: "select",
    TEST: "test",
    NEGATIVE: "negative",
    ENCRYPTED: "encrypted",
    WITHOUT_SELECT: "without_select",
    DOUBTFUL: "doubtful",
}

NO_CODE = -1
"""In function, subfunction, unit, space, address, count, status and transaction: not applicable."""

FROM_CLIENT, FROM_SERVER = 0, 1

FRAME = np.dtype(
    [
        ("time_ns", "i8"),
        ("packet", "i8"),  # counted from 1; the packet that completed the PDU
        ("stream", "i8"),  # counted from 0 in the order of first packets
        ("offset", "i8"),
        ("length", "i8"),
        ("client", "i4"),  # endpoint ids
        ("server", "i4"),
        ("client_port", "i4"),
        ("server_port", "i4"),
        ("vlan", "i4"),  # 0 where untagged; the inner tag of QinQ
        ("protocol", "i2"),  # of the stream, as recognised
        ("buffer", "i1"),  # which of `Buffers`: 0 packets, 1 assembled, 2 scratch
        ("direction", "i1"),  # FROM_CLIENT or FROM_SERVER
        ("transport", "i2"),  # IP protocol number; 0 for non-IP
        ("flags", "i2"),  # MALFORMED: bytes that could not be framed
        ("gaps", "i4"),  # places of this conversation that were not captured so far, its beginning too
    ]
)
"""One application PDU, wherever its bytes lie."""

MESSAGE = np.dtype(
    [
        ("time_ns", "i8"),
        ("packet", "i8"),
        ("stream", "i8"),
        ("address", "i8"),
        ("transaction", "i8"),  # pairs a response with its request inside a stream
        ("request_packet", "i8"),  # of the paired request; 0 where none
        ("latency_ns", "i8"),  # from the paired request; NO_CODE where none
        ("offset", "i8"),  # of the PDU in its buffer
        ("length", "i8"),
        ("value", "f8"),
        ("client", "i4"),
        ("server", "i4"),
        ("client_port", "i4"),
        ("server_port", "i4"),
        ("vlan", "i4"),
        ("function", "i4"),
        ("subfunction", "i4"),
        ("unit", "i4"),
        ("space", "i4"),
        ("count", "i4"),
        ("status", "i4"),  # 0 is success; NO_CODE in requests
        ("name", "i4"),  # string id
        ("flags", "i4"),
        ("part", "i4"),
        ("gaps", "i4"),  # as in FRAME
        ("protocol", "i2"),
        ("transport", "i2"),
        ("kind", "i1"),
        ("operation", "i1"),
        ("value_kind", "i1"),
        ("direction", "i1"),
        ("buffer", "i1"),
        ("asks", "i1"),  # whether an answer is awaited: set by `pairing.ask`
    ]
)

DETAIL = np.dtype(
    [
        ("message", "i8"),  # index into the message rows
        ("number", "i8"),  # INTEGER value, or the offset of BYTES and TEXT
        ("real", "f8"),
        ("field", "i4"),  # protocol id * 256 + index into that protocol's FIELDS
        ("length", "i4"),  # of BYTES and TEXT
        ("kind", "i1"),
        ("buffer", "i1"),
    ]
)
"""One protocol-specific field of one message row; a field that repeats is a list."""

VALUE = np.dtype(
    [
        ("message", "i8"),  # index into the message rows
        ("value", "f8"),
        ("offset", "i4"),  # from the row's address, in its units
        ("kind", "i1"),  # ValueKind
    ]
)
"""One element of a message that carries several, or that has no room for one in its row. Where a
message has VALUE rows they are all its elements, and its own `value` repeats the first."""

MOST_PARTS = 256
"""Rows that one PDU may make; what a PDU names beyond that is counted as dropped."""
MOST_DETAILS = 4096
"""Details that one PDU may make."""
MOST_VALUES = 2048
"""Elements of one PDU: Modbus reads up to 2000 bits at once."""

SCRATCH = 1 << 20
"""Octets of `Buffers.scratch`."""
LONGEST_REASSEMBLED = 1 << 16
"""Octets of the longest PDU that a decode kernel may put together in `Buffers.scratch`."""

MESSAGES, DETAILS, DROPPED_PARTS, DROPPED_DETAILS, WANT_DETAILS, PDU_START, DETAIL_START, SCRATCH_USED = (
    range(8)
)
VALUES, VALUE_START, DROPPED_VALUES = range(8, 11)


class Out(NamedTuple):
    """All that decode kernels write to: rows, and in `used` how many of each and what was dropped;
    the requests that wait for an answer; the interned strings.

    `used[WANT_DETAILS]` is 1 when every PDU's details are wanted, 0 when only those of rows
    flagged IDENTITY are.
    """

    messages: Rows
    details: Rows
    used: Ints
    pairs: Pairs
    strings: Strings
    values: Rows


class Buffers(NamedTuple):
    """The bytes that frames, messages and details point into, by their `buffer` column (0, 1, 2).

    Decode kernels whose protocol has fragments of its own (COTP, DNP3 transport, SZL) put the whole
    PDU into `scratch` and point rows and details there. Its fill level is `Out.used[SCRATCH_USED]`.
    """

    packets: Bytes
    assembled: Bytes
    scratch: Bytes


def new_scratch() -> Bytes:
    """The octets for `Buffers.scratch`: allocated once and used again after each `empty`."""
    return np.zeros(SCRATCH, np.uint8)


def new_out(
    messages: Int = 1 << 15, details: Int = 1 << 16, want_details: bool = False, values: Int = 1 << 16
) -> Out:
    """Empty tables for this many rows."""
    out = Out(
        np.zeros(messages, MESSAGE),
        np.zeros(details, DETAIL),
        np.zeros(11, np.int64),
        new_pairs(),
        new_strings(),
        np.zeros(values, VALUE),
    )
    out.used[WANT_DETAILS] = want_details
    return out


def empty(out: Out) -> None:
    """Forget the rows, and the reassembled PDUs they point to, once they are drained."""
    out.used[MESSAGES] = out.used[DETAILS] = out.used[VALUES] = out.used[SCRATCH_USED] = 0


@kernel
def is_full(out: Out) -> bool:
    """Whether there might not be room for one more PDU: the caller drains the tables first."""
    return (
        out.used[MESSAGES] + MOST_PARTS > out.messages.shape[0]
        or out.used[DETAILS] + MOST_DETAILS > out.details.shape[0]
        or out.used[VALUES] + MOST_VALUES > out.values.shape[0]
        or out.used[SCRATCH_USED] + LONGEST_REASSEMBLED > SCRATCH
    )


@inlined
def data_of(buffers: Buffers, buffer: Int) -> Bytes:
    """The bytes that a `buffer` column of this value points into."""
    if buffer == 0:
        return buffers.packets
    return buffers.assembled if buffer == 1 else buffers.scratch


@kernel
def scratch_room(out: Out, buffers: Buffers, length: Int) -> Int:
    """Reserve `length` octets of `buffers.scratch`; where they begin, or -1 without room.

    A kernel that asks `is_full` before each PDU always has room for LONGEST_REASSEMBLED octets.
    """
    start = out.used[SCRATCH_USED]
    if length < 0 or start + length > buffers.scratch.shape[0]:
        return np.int64(-1)
    out.used[SCRATCH_USED] = start + length
    return start


@kernel
def place_octets(source: Bytes, at: Int, length: Int, target: Bytes, to: Int) -> None:
    """Copy `length` octets, as into a place that `scratch_room` gave."""
    for index in range(length):
        target[to + index] = source[at + index]


@kernel
def begin_pdu(out: Out) -> None:
    """To be called once for each PDU, before its first row: sets where its bounds count from."""
    out.used[PDU_START] = out.used[MESSAGES]
    out.used[DETAIL_START] = out.used[DETAILS]
    out.used[VALUE_START] = out.used[VALUES]


@kernel
def add_message(out: Out, frame: Record, protocol: Int, part: Int) -> Int:
    """Append a row for `frame` with everything else at "not applicable"; its index.

    Beyond MOST_PARTS the last row of the PDU is handed out again and the loss is counted.
    """
    index = out.used[MESSAGES]
    if index - out.used[PDU_START] >= MOST_PARTS:
        out.used[DROPPED_PARTS] += 1
        return index - 1
    out.used[MESSAGES] = index + 1
    row = out.messages[index]
    row["time_ns"] = frame["time_ns"]
    row["packet"] = frame["packet"]
    row["stream"] = frame["stream"]
    row["address"] = NO_CODE
    row["transaction"] = NO_CODE
    row["request_packet"] = 0
    row["latency_ns"] = NO_CODE
    row["offset"] = frame["offset"]
    row["length"] = frame["length"]
    row["value"] = 0.0
    row["client"] = frame["client"]
    row["server"] = frame["server"]
    row["client_port"] = frame["client_port"]
    row["server_port"] = frame["server_port"]
    row["vlan"] = frame["vlan"]
    row["function"] = NO_CODE
    row["subfunction"] = NO_CODE
    row["unit"] = NO_CODE
    row["space"] = NO_CODE
    row["count"] = NO_CODE
    row["status"] = NO_CODE
    row["name"] = -1
    row["flags"] = 0
    row["part"] = part
    row["gaps"] = frame["gaps"]
    row["protocol"] = protocol
    row["transport"] = frame["transport"]
    row["kind"] = 1 if frame["direction"] == FROM_SERVER else 0
    row["operation"] = 0
    row["value_kind"] = 0
    row["direction"] = frame["direction"]
    row["buffer"] = frame["buffer"]
    row["asks"] = 0
    return index


@kernel
def set_number(row: Record, kind: Int, value: float) -> None:
    """Give a row its value; what is no number cannot be compared, and is none."""
    if np.isfinite(value):
        row["value_kind"] = kind
        row["value"] = value


@kernel
def add_value(out: Out, message: Int, offset: Int, kind: Int, value: float) -> None:
    """Append an element of a row's array; what is no number is none. Rows in the order of messages."""
    index = out.used[VALUES]
    if index - out.used[VALUE_START] >= MOST_VALUES:
        out.used[DROPPED_VALUES] += 1
        return
    if np.isfinite(value):
        out.used[VALUES] = index + 1
        row = out.values[index]
        row["message"] = message
        row["offset"] = offset
        row["kind"] = kind
        row["value"] = value


@kernel
def wants_details(out: Out, message: Int) -> bool:
    """Whether details of this row are to be written: all are wanted, or the row is IDENTITY."""
    return out.used[WANT_DETAILS] != 0 or out.messages[message]["flags"] & IDENTITY != 0


@kernel
def _next_detail(out: Out, message: Int, field: Int) -> Int:
    index = out.used[DETAILS]
    if index - out.used[DETAIL_START] >= MOST_DETAILS:
        out.used[DROPPED_DETAILS] += 1
        return np.int64(-1)
    out.used[DETAILS] = index + 1
    row = out.details[index]
    row["message"] = message
    row["field"] = field
    row["number"] = 0
    row["real"] = 0.0
    row["length"] = 0
    row["buffer"] = out.messages[message]["buffer"]
    return index


@kernel
def add_integer(out: Out, message: Int, field: Int, value: Int) -> None:
    """Append an INTEGER detail."""
    index = _next_detail(out, message, field)
    if index >= 0:
        out.details[index]["kind"] = 0
        out.details[index]["number"] = value


@kernel
def add_real(out: Out, message: Int, field: Int, value: float) -> None:
    """Append a REAL detail."""
    index = _next_detail(out, message, field)
    if index >= 0:
        out.details[index]["kind"] = 1
        out.details[index]["real"] = value


@kernel
def add_bytes(out: Out, message: Int, field: Int, offset: Int, length: Int) -> None:
    """Append a BYTES detail: `length` octets from `offset` of the message's own buffer."""
    index = _next_detail(out, message, field)
    if index >= 0:
        out.details[index]["kind"] = 2
        out.details[index]["number"] = offset
        out.details[index]["length"] = length


@kernel
def add_text(out: Out, message: Int, field: Int, offset: Int, length: Int) -> None:
    """Append a TEXT detail: like `add_bytes`, shown as text."""
    index = _next_detail(out, message, field)
    if index >= 0:
        out.details[index]["kind"] = 3
        out.details[index]["number"] = offset
        out.details[index]["length"] = length
