"""CIP responses: status, and data read by what the paired request asked for."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Operation, Out, add_bytes, add_integer, wants_details
from sensor.octets import le16, u8
from sensor.pairing import answer, find
from sensor.protocols.enip import fields, pccc
from sensor.protocols.enip.classes import CONNECTION_MANAGER, IDENTITY_OBJECT, SYMBOL
from sensor.protocols.enip.connections import (
    decode_close_response,
    decode_open_response,
    decode_refusal,
)
from sensor.protocols.enip.identity import decode_identity, decode_known_attribute
from sensor.protocols.enip.requests import OF_PCCC, ROUTED, push_services, take_value
from sensor.protocols.enip.services import (
    EXECUTE_PCCC,
    FIRST_SPECIFIC,
    FORWARD_CLOSE,
    FORWARD_OPEN,
    GET_ALL,
    GET_SINGLE,
    LARGE_FORWARD_OPEN,
    MULTIPLE,
    UNCONNECTED_SEND,
    operation_of,
)
from sensor.protocols.enip.state import State
from sensor.protocols.enip.tags import decode_tag_response
from sensor.types import Bytes, Int

_EXTENDED_STATUS = fields.CIP["cip.extended_status"]
_DATA = fields.CIP["cip.data"]

PARTIAL_TRANSFER, EMBEDDED_ERROR = 6, 0x1E
MOST_STATUS_WORDS = 16


@kernel
def _pair(out: Out, index: Int, service: Int) -> Int:
    """Join the response with its request: the request's extra, or -1 where it was not seen."""
    row = out.messages[index]
    place = find(out.pairs, row["stream"], row["transaction"], row["part"])
    if place < 0:
        answer(out.pairs, row)  # counts the orphan
        return np.int64(-1)
    waiting = out.pairs.pending[place]
    extra = waiting["extra"]
    if extra & OF_PCCC:
        fits = service == EXECUTE_PCCC
    else:
        fits = waiting["function"] == service or (service == UNCONNECTED_SEND and extra & ROUTED != 0)
    if not fits:
        return np.int64(-1)
    answer(out.pairs, row)
    return extra


@kernel
def _decode_managed(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> bool:
    """Responses of the Connection Manager that concern connections."""
    row = out.messages[index]
    if row["status"] != 0:
        return decode_refusal(data, at, end, out, index)
    if row["function"] == FORWARD_CLOSE:
        return decode_close_response(data, at, end, state, out, index)
    return decode_open_response(data, at, end, state, out, index)


@kernel
def _decode_data(
    data: Bytes, at: Int, end: Int, extra: Int, depth: Int, state: State, out: Out, index: Int
) -> bool:
    """A response's data by what is known of its request; whether they fit."""
    row = out.messages[index]
    service = row["function"]
    space = row["space"]
    if service == MULTIPLE and (row["status"] == 0 or row["status"] == EMBEDDED_ERROR):
        return push_services(data, at, end, depth, state, out, index)
    if space == CONNECTION_MANAGER and service in (FORWARD_OPEN, LARGE_FORWARD_OPEN, FORWARD_CLOSE):
        return _decode_managed(data, at, end, state, out, index)
    if row["status"] == 0 or row["status"] == PARTIAL_TRANSFER:
        if space == SYMBOL and service >= FIRST_SPECIFIC:
            return decode_tag_response(data, at, end, extra, out, index)
        if service == GET_ALL and space == IDENTITY_OBJECT and row["address"] >> 16 > 0:
            return decode_identity(data, at, end, out, index)
        if service == GET_SINGLE:
            take_value(data, at, end, out, index)
            if row["address"] >= 1 << 16 and decode_known_attribute(
                data, at, end, space, row["address"] & 0xFFFF, out, index
            ):
                return True
    if wants_details(out, index) and end > at:
        add_bytes(out, index, _DATA, at, end - at)
    return True


@kernel
def _decode_pccc(data: Bytes, at: Int, end: Int, paired: bool, out: Out, index: Int) -> bool:
    """The data of Execute PCCC's response: requestor identifier, then a reply."""
    reply = at + u8(data, at)
    good = pccc.begin_response(data, reply, end, out, index)
    if paired:
        _pair(out, index, np.int64(EXECUTE_PCCC))
    return pccc.finish_response(data, reply, end, out, index) and good


@kernel
def decode_response(data: Bytes, at: Int, end: Int, depth: Int, state: State, out: Out, index: Int) -> bool:
    """One response into the row; whether it fits.

    Service with its high bit set, a reserved octet, general status, number of extended status
    words, these words, data (CIP volume 1, 2-4.2).
    """
    row = out.messages[index]
    row["kind"] = 1
    service = u8(data, at) & 0x7F
    row["function"] = service
    if at + 4 > end:
        return False
    status = u8(data, at + 2)
    words = u8(data, at + 3)
    row["status"] = status
    if status != 0 and status != PARTIAL_TRANSFER:
        row["operation"] = Operation.PROTOCOL_ERROR
    if at + 4 + 2 * words > end:
        return False
    if wants_details(out, index):
        for place in range(at + 4, at + 4 + 2 * min(words, MOST_STATUS_WORDS), 2):
            add_integer(out, index, _EXTENDED_STATUS, le16(data, place))
    at += 4 + 2 * words
    if service == EXECUTE_PCCC and status == 0 and pccc.is_pccc(data, at, end):
        place = find(out.pairs, row["stream"], row["transaction"], row["part"])
        paired = place >= 0 and out.pairs.pending[place]["extra"] & OF_PCCC != 0
        if paired or u8(data, at + u8(data, at)) & pccc.REPLY:
            return _decode_pccc(data, at, end, paired, out, index)
    if service == FORWARD_OPEN or service == LARGE_FORWARD_OPEN or service == UNCONNECTED_SEND:
        if status != 0 or service != UNCONNECTED_SEND:
            place = find(out.pairs, row["stream"], row["transaction"], row["part"])
            if place < 0 or out.pairs.pending[place]["function"] != service:
                row["subfunction"] = CONNECTION_MANAGER
                if service != UNCONNECTED_SEND:
                    row["space"] = CONNECTION_MANAGER
    extra = _pair(out, index, service)
    if row["operation"] == Operation.OTHER:
        row["operation"] = operation_of(service, row["space"])
    return _decode_data(data, at, end, max(extra, 0), depth, state, out, index)
