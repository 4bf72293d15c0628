"""NTP: who asks whom for the time, and how good that clock claims to be.

Specification: RFC 5905 (modes 1 to 5), RFC 9327 (mode 6, control); mode 7 is private to ntpd and only
classified. Extension fields and authenticators are left out. Not OT: it tells the time servers of a
plant, and a clock that stops being synchronised.

Of a message row: `function` is the mode, `value` the stratum; of mode 6 `subfunction` is the opcode.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    BROADCAST,
    IDENTITY,
    MALFORMED,
    NEGATIVE,
    Buffers,
    Kind,
    Operation,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_message,
    add_real,
    begin_pdu,
    data_of,
    is_full,
    wants_details,
)
from sensor.octets import be32, be64, signed, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.protocol import (
    IS_EITHER,
    IS_REQUEST,
    IS_RESPONSE,
    NEED_MORE,
    NOT_IT,
    UNFRAMED,
    Fact,
    Field,
    Number,
    Protocol,
    Record,
    field_ids,
)
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row

PORTS = (123,)
HEADER = 48
CONTROL_HEADER = 12
PRIVATE_HEADER = 8
SYMMETRIC_ACTIVE, SYMMETRIC_PASSIVE, CLIENT, SERVER, BROADCAST_MODE, CONTROL, PRIVATE = range(1, 8)
UNSYNCHRONISED = 16
KISS_OF_DEATH = 1
FUNCTIONS = {
    (SYMMETRIC_ACTIVE, -1): "Symmetric Active",
    (SYMMETRIC_PASSIVE, -1): "Symmetric Passive",
    (CLIENT, -1): "Client",
    (SERVER, -1): "Server",
    (BROADCAST_MODE, -1): "Broadcast",
    (CONTROL, -1): "Control",
    (PRIVATE, -1): "Private",
}
LEAPS = {0: "none", 1: "last_minute_61", 2: "last_minute_59", 3: "unsynchronised"}

FIELDS = (
    Field("ntp.version", "integer", "Protocol version"),
    Field("ntp.leap", "integer", "Leap indicator", values=LEAPS),
    Field("ntp.stratum", "integer", "Distance from the reference clock; 0 unspecified, 16 unsynchronised"),
    Field("ntp.poll_exponent", "integer", "Poll interval, logarithm to base 2 of seconds"),
    Field("ntp.precision_exponent", "integer", "Clock precision, logarithm to base 2 of seconds"),
    Field("ntp.root_delay", "real", "Round trip to the reference clock, seconds", volatile=True),
    Field("ntp.root_dispersion", "real", "Dispersion to the reference clock, seconds", volatile=True),
    Field("ntp.reference_id", "bytes", "Reference: a clock's name (stratum 0 and 1) or an address"),
    Field("ntp.transmit_time", "bytes", "Transmit timestamp, as on the wire", volatile=True),
)
_IDS = field_ids(Number.NTP, FIELDS)
_VERSION = _IDS["ntp.version"]
_LEAP = _IDS["ntp.leap"]
_STRATUM = _IDS["ntp.stratum"]
_POLL = _IDS["ntp.poll_exponent"]
_PRECISION = _IDS["ntp.precision_exponent"]
_ROOT_DELAY = _IDS["ntp.root_delay"]
_ROOT_DISPERSION = _IDS["ntp.root_dispersion"]
_REFERENCE_ID = _IDS["ntp.reference_id"]
_TRANSMIT_TIME = _IDS["ntp.transmit_time"]
_KEY = 0x3FFFFFFFFFFFFFFF
"""Bits of a timestamp that make a non-negative transaction key."""


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """A message fills its datagram."""
    return np.int64(available if available >= PRIVATE_HEADER else UNFRAMED)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether a datagram on NTP's port is NTP: a version in use, a mode, its header, a stratum."""
    if not known_port:
        return np.int64(NOT_IT)
    if length < 1:
        return np.int64(NEED_MORE)
    mode = u8(data, at) & 7
    version = u8(data, at) >> 3 & 7
    if mode == 0 or version == 0 or version > 4:
        return np.int64(NOT_IT)
    if mode == PRIVATE:
        return np.int64(NEED_MORE if length < PRIVATE_HEADER else IS_EITHER)
    if mode == CONTROL:
        if length < CONTROL_HEADER:
            return np.int64(NEED_MORE)
        return np.int64(IS_RESPONSE if u8(data, at + 1) & 0x80 else IS_REQUEST)
    if length >= 2 and u8(data, at + 1) > UNSYNCHRONISED:
        return np.int64(NOT_IT)
    if length < HEADER:
        return np.int64(NEED_MORE)
    if mode == CLIENT:
        return np.int64(IS_REQUEST)
    return np.int64(IS_EITHER if mode <= SYMMETRIC_PASSIVE else IS_RESPONSE)


@kernel
def _add_header(data: Bytes, at: Int, out: Out, message: Int) -> None:
    add_integer(out, message, _LEAP, u8(data, at) >> 6)
    add_integer(out, message, _STRATUM, u8(data, at + 1))
    add_integer(out, message, _POLL, signed(u8(data, at + 2), 8))
    add_integer(out, message, _PRECISION, signed(u8(data, at + 3), 8))
    add_real(out, message, _ROOT_DELAY, be32(data, at + 4) / 65536.0)
    add_real(out, message, _ROOT_DISPERSION, be32(data, at + 8) / 65536.0)
    add_bytes(out, message, _REFERENCE_ID, at + 12, 4)
    add_bytes(out, message, _TRANSMIT_TIME, at + 40, 8)


@kernel
def _decode_message(data: Bytes, at: Int, end: Int, row: Row, out: Out, message: Int) -> bool:
    """Fill the row from one message; whether it is well-formed."""
    if end <= at:
        return False
    mode = u8(data, at) & 7
    row["function"] = mode
    row["operation"] = Operation.TIME
    if mode == CONTROL or mode == PRIVATE:
        row["operation"] = Operation.DIAGNOSE
        if end - at < (CONTROL_HEADER if mode == CONTROL else PRIVATE_HEADER):
            return False
        answers = u8(data, at + 1) if mode == CONTROL else u8(data, at)
        row["kind"] = Kind.RESPONSE if answers & 0x80 else Kind.REQUEST
        if mode == CONTROL:
            row["subfunction"] = u8(data, at + 1) & 0x1F
        if wants_details(out, message):
            add_integer(out, message, _VERSION, u8(data, at) >> 3 & 7)
        return True
    if end - at < HEADER or mode == 0:
        return False
    stratum = u8(data, at + 1)
    row["value_kind"] = ValueKind.INTEGER
    row["value"] = stratum
    row["kind"] = Kind.EVENT
    if mode == CLIENT:
        row["kind"] = Kind.REQUEST
        row["transaction"] = be64(data, at + 40) & _KEY
        ask(out.pairs, row, np.int64(0))
    elif mode == SERVER:
        row["kind"] = Kind.RESPONSE
        row["flags"] |= IDENTITY
        row["transaction"] = be64(data, at + 24) & _KEY
        row["status"] = 0
        if stratum == 0:
            row["status"] = KISS_OF_DEATH
            row["flags"] |= NEGATIVE
        if find(out.pairs, row["stream"], row["transaction"], 0) >= 0:
            answer(out.pairs, row)
    elif mode == BROADCAST_MODE:
        row["flags"] |= IDENTITY | BROADCAST
    if wants_details(out, message):
        add_integer(out, message, _VERSION, u8(data, at) >> 3 & 7)
        _add_header(data, at, out, message)
    return stratum <= UNSYNCHRONISED


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        message = add_message(out, frame, np.int64(Number.NTP), np.int64(0))
        row = out.messages[message]
        if not _decode_message(data, at, at + frame["length"], row, out, message):
            row["flags"] |= MALFORMED


def new_state() -> Ints:
    """NTP keeps no state of its own: pairing is in `Out`."""
    return np.zeros(1, np.int64)


def facts(record: Record) -> Iterator[Fact]:
    """Who serves the time, by answers and broadcasts of a clock that is synchronised."""
    mode, stratum = int(record.message["function"]), int(record.message["value"])
    if mode in (SERVER, BROADCAST_MODE) and 1 <= stratum < UNSYNCHRONISED:
        yield record.fact("capability", "time_server")
        yield record.fact("service", "udp/123 ntp")


PROTOCOL = Protocol(
    Number.NTP,
    "ntp",
    "Network Time Protocol",
    FIELDS,
    FUNCTIONS,
    statuses={KISS_OF_DEATH: "kiss_of_death"},
    ports=PORTS,
    ot=False,
    facts=facts,
)
