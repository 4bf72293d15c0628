"""Encapsulation commands and the items they carry (CIP volume 2, chapter 2)."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    DROPPED_PARTS,
    FROM_SERVER,
    IDENTITY,
    MALFORMED,
    MESSAGES,
    MOST_PARTS,
    Buffers,
    Operation,
    Out,
    add_bytes,
    add_integer,
    add_message,
    add_text,
    begin_pdu,
    data_of,
    is_full,
    wants_details,
)
from sensor.octets import le16, le32, le64, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.enip import fields
from sensor.protocols.enip.framing import (
    CANCEL,
    HEADER,
    INDICATE_STATUS,
    LIST_IDENTITY,
    LIST_INTERFACES,
    LIST_SERVICES,
    NOP,
    REGISTER,
    SEND_RR,
    SEND_UNIT,
    START_DTLS,
    UNREGISTER,
    is_io,
)
from sensor.protocols.enip.identity import add_socket_address, decode_identity_item
from sensor.protocols.enip.io import decode_io
from sensor.protocols.enip.messages import enter_connected, push_message
from sensor.protocols.enip.requests import REPLY, decode_request
from sensor.protocols.enip.responses import decode_response
from sensor.protocols.enip.state import MESSAGE_UNIT, TRANSACTION, State
from sensor.protocols.protocol import Number
from sensor.types import Bytes, Int, Ints, Record, Rows

_COMMAND = fields.ENIP["enip.command"]
_LENGTH = fields.ENIP["enip.length"]
_SESSION = fields.ENIP["enip.session_handle"]
_STATUS = fields.ENIP["enip.status"]
_CONTEXT = fields.ENIP["enip.sender_context"]
_OPTIONS = fields.ENIP["enip.options"]
_TIMEOUT = fields.ENIP["enip.timeout"]
_VERSION = fields.ENIP["enip.protocol_version"]
_ITEM_TYPE = fields.ENIP["enip.item_type"]
_DATA = fields.ENIP["enip.data"]
_CAPABILITIES = fields.ENIP["enip.capabilities"]
_SERVICE_NAME = fields.ENIP["enip.service_name"]

IDENTITY_ITEM, CONNECTED_ADDRESS, CONNECTED_DATA, UNCONNECTED_DATA, SERVICES_ITEM = (
    0x0C,
    0xA1,
    0xB1,
    0xB2,
    0x100,
)
SOCKET_O2T, SOCKET_T2O = 0x8000, 0x8001
MOST_ITEMS = 16
CONTEXT_BITS = (1 << 61) - 1
_ENIP, _CIP, _FIRST = np.int64(Number.ENIP), np.int64(Number.CIP), np.int64(0)


@kernel
def _operation(command: Int) -> Int:
    if command == LIST_IDENTITY:
        return np.int64(Operation.IDENTIFY)
    if command == LIST_SERVICES or command == LIST_INTERFACES:
        return np.int64(Operation.BROWSE)
    if command in (NOP, REGISTER, UNREGISTER, START_DTLS, SEND_RR, SEND_UNIT):
        return np.int64(Operation.SESSION)
    return np.int64(
        Operation.DIAGNOSE if command == INDICATE_STATUS or command == CANCEL else Operation.OTHER
    )


@kernel
def _add_header(data: Bytes, at: Int, out: Out, index: Int) -> None:
    add_integer(out, index, _COMMAND, le16(data, at))
    add_integer(out, index, _LENGTH, le16(data, at + 2))
    add_integer(out, index, _SESSION, le32(data, at + 4))
    add_bytes(out, index, _CONTEXT, at + 12, 8)
    if le32(data, at + 8) != 0:
        add_integer(out, index, _STATUS, le32(data, at + 8))
    if le32(data, at + 20) != 0:
        add_integer(out, index, _OPTIONS, le32(data, at + 20))


@kernel
def _decode_items(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The items of a list response; whether they fit."""
    if at + 2 > end:
        return at == end
    count = le16(data, at)
    at += 2
    good = count <= MOST_ITEMS
    for _ in range(min(count, MOST_ITEMS)):
        if at + 4 > end or at + 4 + le16(data, at + 2) > end:
            return False
        kind, stop = le16(data, at), at + 4 + le16(data, at + 2)
        if kind == IDENTITY_ITEM:
            good &= decode_identity_item(data, at + 4, stop, out, index)
        if wants_details(out, index):
            add_integer(out, index, _ITEM_TYPE, kind)
            if kind == SERVICES_ITEM and stop - at >= 24:
                add_integer(out, index, _CAPABILITIES, le16(data, at + 6))
                add_text(out, index, _SERVICE_NAME, at + 8, 16)
        at = stop
    return good and at == end


@kernel
def _decode_command(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A command that carries no CIP message; `at` is at its header. Whether it fits."""
    row = out.messages[index]
    command = row["function"]
    body = at + HEADER
    details = wants_details(out, index)
    if row["status"] > 0:
        return True
    if command == REGISTER:
        if end - body != 4:
            return False
        if details:
            add_integer(out, index, _VERSION, le16(data, body))
        return True
    if command in (LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES) and row["direction"] == FROM_SERVER:
        return _decode_items(data, body, end, out, index)
    if details and end > body:
        add_bytes(out, index, _DATA, body, end - body)
    return command != UNREGISTER or end == body


@kernel
def _pair(data: Bytes, at: Int, out: Out, index: Int) -> None:
    """Ask or answer, where the command has an answer."""
    row = out.messages[index]
    command = row["function"]
    if row["direction"] == FROM_SERVER:
        row["status"] = min(le32(data, at + 8), 0x7FFFFFFF)
        place = find(out.pairs, row["stream"], row["transaction"], _FIRST)
        if place >= 0 and (
            out.pairs.pending[place]["function"] == command or command in (SEND_RR, SEND_UNIT)
        ):
            answer(out.pairs, row)
        row["operation"] = Operation.PROTOCOL_ERROR if row["status"] != 0 else _operation(command)
        return
    row["operation"] = _operation(command)
    if command in (LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES, REGISTER, START_DTLS):
        ask(out.pairs, row, _FIRST)


@kernel
def _decode_packet(data: Bytes, at: Int, end: Int, first: Int, state: State, out: Out, frame: Record) -> bool:
    """The items of Send RR Data and Send Unit Data; whether they fit and one carries a message.

    `at` is at the interface handle. The first row becomes CIP, or what CIP carries.
    """
    if at + 8 > end:
        return False
    row = out.messages[first]
    transaction = row["transaction"]
    details = wants_details(out, first)
    if details and row["function"] == SEND_RR:
        add_integer(out, first, _TIMEOUT, le16(data, at + 4))
    count = le16(data, at + 6)
    at += 8
    connection = np.int64(-1)
    good = count <= MOST_ITEMS
    start, stop, connected = np.int64(-1), np.int64(-1), False
    for _ in range(min(count, MOST_ITEMS)):
        if at + 4 > end or at + 4 + le16(data, at + 2) > end:
            good = False
            break
        kind, size = le16(data, at), le16(data, at + 2)
        if details:
            add_integer(out, first, _ITEM_TYPE, kind)
        if kind == CONNECTED_ADDRESS and size == 4:
            connection = le32(data, at + 4)
        elif kind == CONNECTED_DATA or kind == UNCONNECTED_DATA:
            start, stop, connected = at + 4, at + 4 + size, kind == CONNECTED_DATA
        elif details and (kind == SOCKET_O2T or kind == SOCKET_T2O):
            add_socket_address(data, at + 4, at + 4 + size, out, first)
        at += 4 + size
    if start < 0:
        return False
    row["protocol"] = Number.CIP
    row["function"] = -1
    row["transaction"] = -1
    if connected:
        enter_connected(data, start, stop, connection, first, state, out, frame)
    else:
        push_message(start, stop, transaction, np.int64(-1), state)
    return good and at == end


@kernel
def _decode_pdu(data: Bytes, at: Int, end: Int, state: State, out: Out, frame: Record) -> bool:
    """One encapsulation PDU; whether it is well-formed."""
    index = add_message(out, frame, _ENIP, _FIRST)
    if end - at < HEADER:
        return False
    row = out.messages[index]
    command = le16(data, at)
    row["function"] = command
    context = le64(data, at + 12)
    row["transaction"] = (context ^ (context >> 61 & 7)) & CONTEXT_BITS
    if wants_details(out, index):
        _add_header(data, at, out, index)
    good = le16(data, at + 2) == end - at - HEADER and le32(data, at + 20) == 0
    if (command == SEND_RR or command == SEND_UNIT) and end > at + HEADER:
        if _decode_packet(data, at + HEADER, end, index, state, out, frame):
            return good
        if out.messages[index]["protocol"] != Number.ENIP:
            return False
        good = False
    _pair(data, at, out, index)
    if command == LIST_IDENTITY and row["direction"] == FROM_SERVER:
        row["flags"] |= IDENTITY
    return _decode_command(data, at, end, out, index) and good


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: State, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full.

    The services of Multiple Service Packets follow their envelope, in order, as further parts.
    """
    stack = state.stack
    top = stack.shape[0] - 1
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        end = at + np.int64(frame["length"])
        first = out.used[MESSAGES]
        stack[top] = 0
        if is_io(data, at, end - at):
            decode_io(data, at, end, state, out, frame)
        elif not _decode_pdu(data, at, end, state, out, frame):
            out.messages[first]["flags"] |= MALFORMED
        part = np.int64(0)
        while stack[top] > 0:
            if part >= MOST_PARTS:
                out.used[DROPPED_PARTS] += stack[top]
                break
            height = stack[top] - 1
            stack[top] = height
            start, stop, depth = stack[3 * height], stack[3 * height + 1], stack[3 * height + 2]
            index = first if part == 0 else add_message(out, frame, _CIP, part)
            row = out.messages[index]
            row["transaction"] = state.path[TRANSACTION]
            row["unit"] = state.path[MESSAGE_UNIT]
            if start >= stop:
                row["flags"] |= MALFORMED
            elif u8(data, start) & REPLY:
                if not decode_response(data, start, stop, depth, state, out, index):
                    row["flags"] |= MALFORMED
            elif not decode_request(data, start, stop, depth, state, out, index):
                row["flags"] |= MALFORMED
            part += 1
        if frame["flags"] & MALFORMED:
            out.messages[first]["flags"] |= MALFORMED
