"""COTP class 0 (ISO 8073, RFC 905): connections, their TSAPs, disconnects and errors.

A TSAP of two octets is how S7 names its connection: kind of connection, then rack (three bits) and
slot (five bits).
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import (
    FROM_SERVER,
    MALFORMED,
    Kind,
    Operation,
    Out,
    add_bytes,
    add_integer,
    wants_details,
)
from sensor.octets import be16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import (
    CONNECTION_CONFIRM,
    CONNECTION_REQUEST,
    DISCONNECT_CONFIRM,
    DISCONNECT_REQUEST,
    TPDU_ERROR,
)
from sensor.strings import intern
from sensor.types import Bytes, Int, Record

CONNECT_TRANSACTION, DISCONNECT_TRANSACTION = 1 << 20, 1 << 21
"""Above any PDU reference, so that references of COTP pair among themselves."""
_TPDU_SIZE, _CALLING, _CALLED, _CLEARING = 0xC0, 0xC1, 0xC2, 0xE0


@inner
def _called_tsap(data: Bytes, at: Int, length: Int, out: Out, row: Record) -> None:
    """Name the object of a connection: the called TSAP, and its rack and slot in S7's form."""
    row["name"] = intern(out.strings, data, at, length)
    if length == 2:
        kind = u8(data, at)
        row["address"] = be16(data, at)
        if 1 <= kind <= 3:
            row["space"] = kind


@inner
def _add_place(data: Bytes, at: Int, out: Out, index: Int) -> None:
    kind, place = u8(data, at), u8(data, at + 1)
    if 1 <= kind <= 3 or 0x10 <= kind <= 0xDF:
        if kind <= 3:
            add_integer(out, index, fields.CONNECTION_TYPE, kind)
        add_integer(out, index, fields.RACK, place >> 5)
        add_integer(out, index, fields.SLOT, place & 0x1F)


@inner
def _parameters(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The variable part (13.2.3): code, length, value; whether it is well-formed.

    Remote Desktop puts a cookie of text there, which has no parameter code.
    """
    row = out.messages[index]
    details = wants_details(out, index)
    connects = row["function"] == CONNECTION_REQUEST
    while at + 2 <= end:
        code, length = u8(data, at), u8(data, at + 1)
        if code == 0x43 or code == 0x01:  # "Cookie: …", or Remote Desktop's own negotiation
            return True
        at += 2
        if at + length > end:
            return False
        if code == _CALLED and connects:
            _called_tsap(data, at, length, out, row)
        if details:
            if code == _TPDU_SIZE and length == 1:
                exponent = u8(data, at)
                if 7 <= exponent <= 16:
                    add_integer(out, index, fields.TPDU_SIZE, np.int64(1) << exponent)
            elif code == _CALLING:
                add_bytes(out, index, fields.CALLING_TSAP, at, length)
            elif code == _CALLED:
                add_bytes(out, index, fields.CALLED_TSAP, at, length)
                if length == 2:
                    _add_place(data, at, out, index)
        at += length
    return at == end


@inner
def decode_control(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row of a TPDU that is no DT: `at` is its length indicator; whether it is well-formed.

    Function is the TPDU's type. A DR that answers a CR refuses the connection.
    """
    row = out.messages[index]
    header = u8(data, at)
    row["operation"] = Operation.SESSION
    tpdu = u8(data, at + 1) & 0xF0
    row["function"] = tpdu
    last = at + 1 + header
    if header < 4 or last > end:
        return False
    destination = be16(data, at + 2)
    if tpdu == TPDU_ERROR:
        row["operation"] = Operation.PROTOCOL_ERROR
        row["status"] = u8(data, at + 4)
        if wants_details(out, index):
            add_integer(out, index, fields.DESTINATION_REFERENCE, destination)
            add_integer(out, index, fields.REJECT_CAUSE, u8(data, at + 4))
        return True
    if header < 5:
        row["operation"] = Operation.OTHER
        return tpdu != CONNECTION_REQUEST and tpdu != CONNECTION_CONFIRM and tpdu != DISCONNECT_REQUEST
    source = be16(data, at + 4)
    if tpdu not in (CONNECTION_REQUEST, CONNECTION_CONFIRM, DISCONNECT_REQUEST, DISCONNECT_CONFIRM):
        row["operation"] = Operation.OTHER
        return True
    if wants_details(out, index):
        add_integer(out, index, fields.DESTINATION_REFERENCE, destination)
        add_integer(out, index, fields.SOURCE_REFERENCE, source)
    good = True
    if tpdu == DISCONNECT_CONFIRM:
        row["kind"] = Kind.RESPONSE
        row["status"] = 0
        row["transaction"] = DISCONNECT_TRANSACTION | destination
        answer(out.pairs, row)
        return True
    if header < 6:
        return False
    if tpdu == DISCONNECT_REQUEST:
        row["status"] = u8(data, at + 6)
        if wants_details(out, index):
            add_integer(out, index, fields.REASON, u8(data, at + 6))
        refused = CONNECT_TRANSACTION | destination
        if row["direction"] == FROM_SERVER and find(out.pairs, row["stream"], refused, 0) >= 0:
            row["kind"] = Kind.RESPONSE
            row["transaction"] = refused
            answer(out.pairs, row)
        else:
            row["kind"] = Kind.REQUEST
            row["transaction"] = DISCONNECT_TRANSACTION | source
            ask(out.pairs, row, 0)
        return True
    if wants_details(out, index):
        add_integer(out, index, fields.TRANSPORT_CLASS, u8(data, at + 6) >> 4)
    good = _parameters(data, at + 7, last, out, index)
    if tpdu == CONNECTION_REQUEST:
        row["kind"] = Kind.REQUEST
        row["transaction"] = CONNECT_TRANSACTION | source
        ask(out.pairs, row, 0)
    else:
        row["kind"] = Kind.RESPONSE
        row["status"] = 0
        row["transaction"] = CONNECT_TRANSACTION | destination
        answer(out.pairs, row)
    return good and last == end


@inner
def decode_other(payload: Int, out: Out, index: Int) -> None:
    """Fill the row of a DT whose user data (`payload` octets) is no S7 PDU."""
    row = out.messages[index]
    row["function"] = 0xF0
    row["operation"] = Operation.OTHER
    if wants_details(out, index):
        add_integer(out, index, fields.PAYLOAD_LENGTH, payload)


@inner
def mark_malformed(out: Out, index: Int) -> None:
    """Flag the row as contradicting its specification."""
    out.messages[index]["flags"] |= MALFORMED
