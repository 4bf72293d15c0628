"""CIP requests: service, path, and what the service brings (CIP volume 1, 2-4 and 3-5)."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Out, ValueKind, add_bytes, add_integer, wants_details
from sensor.octets import le16, le32, le64, u8
from sensor.pairing import ask
from sensor.protocols.enip import fields, pccc
from sensor.protocols.enip.classes import ASSEMBLY, CONNECTION_MANAGER, PCCC_OBJECT, SYMBOL
from sensor.protocols.enip.connections import decode_close_request, decode_open_request
from sensor.protocols.enip.identity import decode_known_attribute
from sensor.protocols.enip.paths import read_path
from sensor.protocols.enip.services import (
    EXECUTE_PCCC,
    FIRST_SPECIFIC,
    FORWARD_CLOSE,
    FORWARD_OPEN,
    GET_LIST,
    INSTANCE_LIST,
    LARGE_FORWARD_OPEN,
    MULTIPLE,
    READ_FRAGMENTED,
    RESET,
    SET_LIST,
    SET_MEMBER,
    SET_SINGLE,
    UNCONNECTED_SEND,
    operation_of,
)
from sensor.protocols.enip.state import (
    ATTRIBUTE,
    INSTANCE,
    MEMBER,
    NAME_LENGTH,
    POINT_O2T,
    SPACE,
    UNIT,
    State,
)
from sensor.protocols.enip.tags import (
    NAME_AND_TYPE,
    SKIPPED_SHIFT,
    asks_name_and_type,
    decode_attribute_ids,
    decode_tag_request,
)
from sensor.strings import intern
from sensor.types import Bytes, Int

_CLASS = fields.CIP["cip.class_id"]
_INSTANCE = fields.CIP["cip.instance_id"]
_ATTRIBUTE = fields.CIP["cip.attribute_id"]
_MEMBER = fields.CIP["cip.member_id"]
_PATH = fields.CIP["cip.path"]
_ROUTED = fields.CIP["cip.routed"]
_DATA = fields.CIP["cip.data"]
_ATTRIBUTES = fields.CIP["cip.attributes"]
_RESET_TYPE = fields.CIP["cip.reset_type"]
_SERVICES = fields.CIP["cip.services"]
_VALUES = fields.CIP["cip.values"]

_NO_ROW = np.int64(-1)

REPLY = 0x80
MOST_HOPS = 4
"""Unconnected Sends that are unwrapped from each other."""
DEEPEST = 4
"""Multiple Service Packets that are unwrapped from each other."""
ROUTED, OF_PCCC = 2, 4
"""`Pairs` extra, besides `tags.NAME_AND_TYPE`: how the response will differ from the request."""


@kernel
def push_services(data: Bytes, at: Int, end: Int, depth: Int, state: State, out: Out, index: Int) -> bool:
    """Put the services of a Multiple Service Packet (5-5.6.2) on the stack; whether they fit.

    `at` is at their number; offsets count from there. The stack is (start, end, depth) in
    `state.stack`, its height in the last place; the first service ends up on top.
    """
    if at + 2 > end:
        return False
    count = le16(data, at)
    out.messages[index]["count"] = count
    if wants_details(out, index):
        add_integer(out, index, _SERVICES, count)
    if at + 2 + 2 * count > end or depth >= DEEPEST:
        return False
    stack = state.stack
    top = stack.shape[0] - 1
    good = True
    for item in range(count - 1, -1, -1):
        start = le16(data, at + 2 + 2 * item)
        stop = le16(data, at + 4 + 2 * item) if item + 1 < count else end - at
        if start < 2 + 2 * count or stop <= start or at + stop > end:
            good = False
            continue
        height = stack[top]
        if 3 * height + 3 > top:
            return False
        stack[3 * height] = at + start
        stack[3 * height + 1] = at + stop
        stack[3 * height + 2] = depth + 1
        stack[top] = height + 1
    return good


@kernel
def _add_path_details(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> None:
    path = state.path
    if end > at:
        add_bytes(out, index, _PATH, at, end - at)
    if path[SPACE] >= 0:
        add_integer(out, index, _CLASS, path[SPACE])
    if path[INSTANCE] >= 0:
        add_integer(out, index, _INSTANCE, path[INSTANCE])
    if path[ATTRIBUTE] >= 0:
        add_integer(out, index, _ATTRIBUTE, path[ATTRIBUTE])
    if path[MEMBER] >= 0:
        add_integer(out, index, _MEMBER, path[MEMBER])


@kernel
def _take_path(state: State, out: Out, index: Int) -> None:
    """What the request path says, into the row."""
    row = out.messages[index]
    path = state.path
    row["space"] = path[SPACE]
    instance = path[INSTANCE]
    if instance < 0 and path[SPACE] == ASSEMBLY:
        instance = path[POINT_O2T]
    if instance >= 0:
        row["address"] = instance << 16 | (path[ATTRIBUTE] & 0xFFFF if path[ATTRIBUTE] >= 0 else 0)
    if path[UNIT] >= 0:
        row["unit"] = path[UNIT]
    if path[NAME_LENGTH] > 0:
        row["name"] = intern(out.strings, state.text, 0, path[NAME_LENGTH])
    if row["function"] >= FIRST_SPECIFIC:
        row["subfunction"] = path[SPACE]


@kernel
def take_value(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> None:
    """An attribute of 1, 2, 4 or 8 octets is the row's value, read as an unsigned integer."""
    row = out.messages[index]
    size = end - at
    if size not in (1, 2, 4, 8):
        return
    value = u8(data, at)
    if size == 2:
        value = le16(data, at)
    elif size == 4:
        value = le32(data, at)
    elif size == 8:
        value = le64(data, at)
    row["value_kind"], row["value"] = ValueKind.INTEGER, value
    if wants_details(out, index):
        add_integer(out, index, _VALUES, value)


@kernel
def _decode_set_list(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Set Attribute List: the values have no lengths, so beyond the first attribute they stay octets."""
    if at + 2 > end or (le16(data, at) > 0 and at + 4 > end):
        return False
    out.messages[index]["count"] = le16(data, at)
    if le16(data, at) == 0:
        return end == at + 2
    if wants_details(out, index):
        add_integer(out, index, _ATTRIBUTES, le16(data, at + 2))
        add_bytes(out, index, _DATA, at + 4, end - at - 4)
    if out.messages[index]["count"] == 1:
        take_value(data, at + 4, end, out, index)
    return True


@kernel
def _decode_common(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """What follows the path of a common service, or of a class without decoding of its own."""
    row = out.messages[index]
    service = row["function"]
    if service == GET_LIST:
        return decode_attribute_ids(data, at, end, out, index)
    if service == SET_LIST:
        return _decode_set_list(data, at, end, out, index)
    if service == SET_SINGLE or service == SET_MEMBER:
        take_value(data, at, end, out, index)
        if (
            service == SET_SINGLE
            and wants_details(out, index)
            and row["address"] >= 0
            and decode_known_attribute(data, at, end, row["space"], row["address"] & 0xFFFF, out, index)
        ):
            return True
    if wants_details(out, index) and end > at:
        if service == RESET:
            add_integer(out, index, _RESET_TYPE, u8(data, at))
        else:
            add_bytes(out, index, _DATA, at, end - at)
    return True


@kernel
def _decode_service(data: Bytes, at: Int, end: Int, depth: Int, state: State, out: Out, index: Int) -> bool:
    """What follows the path, by class and service; whether it fits."""
    row = out.messages[index]
    service = row["function"]
    space = row["space"]
    if service == MULTIPLE:
        return push_services(data, at, end, depth, state, out, index)
    if space == CONNECTION_MANAGER:
        if service == FORWARD_OPEN or service == LARGE_FORWARD_OPEN:
            return decode_open_request(data, at, end, state, out, index)
        if service == FORWARD_CLOSE:
            return decode_close_request(data, at, end, state, out, index)
    if space == PCCC_OBJECT and service == EXECUTE_PCCC:
        return pccc.decode_request(data, at, end, out, index)
    if service == INSTANCE_LIST:
        return decode_attribute_ids(data, at, end, out, index)
    if space == SYMBOL and service >= FIRST_SPECIFIC:
        return decode_tag_request(data, at, end, out, index)
    return _decode_common(data, at, end, out, index)


@kernel
def _unwrap(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> Int:
    """Octets of the message inside an Unconnected Send (3-5.5.4) whose data begin at `at`.

    Reads the route behind it into the unit. -1 where it does not fit.
    """
    if at + 4 > end:
        return np.int64(-1)
    length = le16(data, at + 2)
    route = at + 4 + length + length % 2
    if length < 2 or route + 2 > end or route + 2 + 2 * u8(data, route) > end:
        return np.int64(-1)
    details = wants_details(out, index)
    if details:
        add_integer(out, index, _ROUTED, 1)
    read_path(data, route + 2, route + 2 + 2 * u8(data, route), state, out, index if details else _NO_ROW)
    return length


@kernel
def decode_request(data: Bytes, at: Int, end: Int, depth: Int, state: State, out: Out, index: Int) -> bool:
    """One request into the row, and into the table of requests that wait; whether it fits.

    An Unconnected Send is not a message of its own: the row is the request inside it.
    """
    row = out.messages[index]
    state.path[UNIT] = row["unit"]
    extra = np.int64(0)
    for _ in range(MOST_HOPS + 1):
        row["kind"] = 0
        row["function"] = u8(data, at) & 0x7F
        if at + 2 > end or at + 2 + 2 * u8(data, at + 1) > end:
            return False
        after = at + 2 + 2 * u8(data, at + 1)
        read_path(data, at + 2, after, state, out, _NO_ROW)
        if row["function"] != UNCONNECTED_SEND or state.path[SPACE] != CONNECTION_MANAGER:
            break
        length = _unwrap(data, after, end, state, out, index)
        if length < 0:
            row["space"] = CONNECTION_MANAGER
            row["subfunction"] = CONNECTION_MANAGER
            row["operation"] = operation_of(row["function"], row["space"])
            return False
        extra |= ROUTED
        at = after + 4
        end = at + length
    _take_path(state, out, index)
    good = state.path[SPACE] >= 0
    row["operation"] = operation_of(row["function"], row["space"])
    if wants_details(out, index):
        _add_path_details(data, at + 2, after, state, out, index)
    if row["function"] == INSTANCE_LIST and asks_name_and_type(data, after, end):
        extra |= NAME_AND_TYPE
    if row["space"] == PCCC_OBJECT and row["function"] == EXECUTE_PCCC:
        extra |= OF_PCCC
    if row["space"] == SYMBOL and row["function"] == READ_FRAGMENTED and after + 6 <= end:
        extra |= le32(data, after + 2) << SKIPPED_SHIFT
    good &= _decode_service(data, after, end, depth, state, out, index)
    ask(out.pairs, row, extra)
    return good
