"""S7comm-plus (controllers 1200 and 1500): version, opcode and function of each PDU.

No public specification exists; the layout of the header is what open dissectors agree on: 72,
version, length (2); from version 3 on a digest with its length; opcode, reserve (2), function (2),
reserve (2), sequence number (2). A PDU that spans several has a trailer (72, version, 0000) only
behind its last part. What follows the function is not decoded.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import UNSOLICITED, Kind, Operation, Out, add_integer, wants_details
from sensor.octets import be16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import (
    BEGIN_SEQUENCE,
    CREATE_OBJECT,
    DELETE_OBJECT,
    END_SEQUENCE,
    ERROR,
    EXPLORE,
    GET_LINK,
    GET_MULTI_VARIABLES,
    GET_VAR_SUBSTREAMED,
    GET_VARIABLE,
    GET_VARIABLES_ADDRESS,
    INIT_SSL,
    INVOKE,
    PLUS_KEEP_ALIVE,
    PLUS_NOTIFICATION,
    PLUS_REQUEST,
    PLUS_RESPONSE,
    PLUS_RESPONSE_2,
    PLUS_SYSTEM_EVENT,
    SET_MULTI_VARIABLES,
    SET_VAR_SUBSTREAMED,
    SET_VARIABLE,
)
from sensor.protocols.s7comm.fragments import PLUS_LAYER, State, close_slot, key_of, open_slot, slot_of
from sensor.types import Bytes, Int

HEADER = 4
DIGEST_VERSION = 3
PLUS_TRANSACTION = 1 << 22
"""Above the references of S7comm and COTP."""


@inner
def operation_of(function: Int) -> Int:
    """The operation of a function.

    CreateObject opens sessions and subscriptions but also loads blocks, DeleteObject ends them:
    the object's class, which tells, is not decoded, so both are CONFIGURE.
    """
    if function == EXPLORE or function == GET_LINK or function == GET_VARIABLES_ADDRESS:
        return np.int64(Operation.BROWSE)
    if function == CREATE_OBJECT or function == DELETE_OBJECT:
        return np.int64(Operation.CONFIGURE)
    if function in (SET_VARIABLE, SET_MULTI_VARIABLES, SET_VAR_SUBSTREAMED):
        return np.int64(Operation.WRITE)
    if function in (GET_VARIABLE, GET_MULTI_VARIABLES, GET_VAR_SUBSTREAMED):
        return np.int64(Operation.READ)
    if function == INVOKE:
        return np.int64(Operation.OPERATE)
    if function in (BEGIN_SEQUENCE, END_SEQUENCE, INIT_SSL):
        return np.int64(Operation.SESSION)
    return np.int64(Operation.PROTOCOL_ERROR if function == ERROR else Operation.OTHER)


@inner
def _decode_opcode(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the opcode on; whether it is well-formed."""
    row = out.messages[index]
    if at >= end:
        return False
    opcode = u8(data, at)
    if wants_details(out, index):
        add_integer(out, index, fields.PLUS_OPCODE, opcode)
    if opcode == PLUS_NOTIFICATION:
        row["kind"] = Kind.EVENT
        row["operation"] = Operation.REPORT
        row["flags"] |= UNSOLICITED
        return True
    if opcode not in (PLUS_REQUEST, PLUS_RESPONSE, PLUS_RESPONSE_2) or at + 9 > end:
        return False
    row["function"] = be16(data, at + 3)
    row["operation"] = operation_of(row["function"])
    sequence = be16(data, at + 7)
    if wants_details(out, index):
        add_integer(out, index, fields.PLUS_SEQUENCE, sequence)
    row["transaction"] = PLUS_TRANSACTION | sequence
    if opcode == PLUS_REQUEST:
        row["kind"] = Kind.REQUEST
        ask(out.pairs, row, 0)
        return True
    row["kind"] = Kind.RESPONSE
    row["status"] = 0
    place = find(out.pairs, row["stream"], row["transaction"], 0)
    if place >= 0 and out.pairs.pending[place]["function"] == row["function"]:
        answer(out.pairs, row)
    return True


@inner
def decode_plus(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> bool:
    """Fill the row from the S7comm-plus PDU from `at` to `end`; whether it is well-formed.

    A further part of a long PDU carries neither opcode nor function; its row has the function and
    the kind of the first.
    """
    row = out.messages[index]
    if end - at < HEADER:
        return False
    version, length = u8(data, at + 1), be16(data, at + 2)
    if wants_details(out, index):
        add_integer(out, index, fields.PLUS_VERSION, version)
    if version >= PLUS_SYSTEM_EVENT:
        row["operation"] = Operation.SESSION if version == PLUS_KEEP_ALIVE else Operation.DIAGNOSE
        row["kind"] = Kind.EVENT
        return at + HEADER + length <= end
    if at + HEADER + length > end:
        return False
    last = at + HEADER + length + HEADER <= end
    key = key_of(row, PLUS_LAYER)
    slot = slot_of(state, key)
    if slot >= 0:
        # The slot holds no octets: its code is function, kind and operation of the first part.
        code = np.int64(state.slots[slot]["code"])
        row["function"] = (code >> 16) - 1
        row["kind"] = code >> 8 & 0xFF
        row["operation"] = code & 0xFF
        state.slots[slot]["time_ns"] = row["time_ns"]
        if wants_details(out, index):
            add_integer(out, index, fields.PLUS_CONTINUATION, 1)
        if last:
            close_slot(state, slot)
        return True
    first = at + HEADER
    if version >= DIGEST_VERSION and length > 0:
        first += 1 + u8(data, first)
    good = _decode_opcode(data, first, at + HEADER + length, out, index)
    if good and not last:
        code = (np.int64(row["function"]) + 1) << 16 | np.int64(row["kind"]) << 8 | np.int64(row["operation"])
        open_slot(state, key, row["time_ns"], code)
    return good
