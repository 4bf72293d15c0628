"""EPATH: the segments that say where a request goes (CIP volume 1 appendix C-1).

Paths are padded, as message requests, routes and connection paths are. Symbolic segments become the
name an engineer writes, such as `Program:Main.Recipe[3].Speed`.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Out, add_integer, add_text
from sensor.octets import be16, le16, le32, u8
from sensor.protocols.enip import fields
from sensor.protocols.enip.classes import SYMBOL
from sensor.protocols.enip.state import (
    ATTRIBUTE,
    INSTANCE,
    LONGEST_NAME,
    MEMBER,
    NAME_LENGTH,
    PATH_GOOD,
    POINT_O2T,
    POINT_T2O,
    SPACE,
    UNIT,
    State,
)
from sensor.types import Bytes, Int

_PORT = fields.CIP["cip.port"]
_LINK = fields.CIP["cip.link"]
_LINK_ADDRESS = fields.CIP["cip.link_address"]
_CONNECTION_POINT = fields.CIP["cip.connection_point"]
_KEY_VENDOR = fields.CIP["cip.key_vendor"]
_KEY_DEVICE_TYPE = fields.CIP["cip.key_device_type"]
_KEY_PRODUCT_CODE = fields.CIP["cip.key_product_code"]
_KEY_REVISION = fields.CIP["cip.key_revision"]

CLASS_SEGMENT, INSTANCE_SEGMENT, MEMBER_SEGMENT, POINT_SEGMENT, ATTRIBUTE_SEGMENT, SPECIAL_SEGMENT = range(6)
BACKPLANE = 1
_DOT, _OPEN, _COMMA, _CLOSE = 46, 91, 44, 93


@kernel
def _append(state: State, octet: Int) -> None:
    length = state.path[NAME_LENGTH]
    if length < LONGEST_NAME:
        state.text[length] = octet
        state.path[NAME_LENGTH] = length + 1


@kernel
def _append_index(state: State, index: Int) -> None:
    """Append `[index]`, or `,index` inside the brackets where the name ends in an index."""
    length = state.path[NAME_LENGTH]
    if length > 0 and state.text[length - 1] == _CLOSE:
        state.text[length - 1] = _COMMA
    else:
        _append(state, _OPEN)
    divisor = np.int64(1)
    while index // divisor >= 10:
        divisor *= 10
    while divisor > 0:
        _append(state, 48 + index // divisor % 10)
        divisor //= 10
    _append(state, _CLOSE)


@kernel
def _append_symbol(data: Bytes, at: Int, length: Int, state: State) -> None:
    if state.path[NAME_LENGTH] > 0:
        _append(state, _DOT)
    for place in range(at, at + length):
        _append(state, data[place])
    # Members of a structure are further symbols of the same tag.
    if state.path[SPACE] < 0:
        state.path[SPACE] = SYMBOL


@kernel
def _read_port(data: Bytes, at: Int, end: Int, state: State, out: Out, message: Int) -> Int:
    """A port segment (C-1.4.1): the octets it takes, or 0 where it does not fit."""
    port = u8(data, at) & 0x0F
    size = np.int64(1)
    place = at + 1
    extended = u8(data, at) & 0x10 != 0
    if extended:
        if place >= end:
            return np.int64(0)
        size = u8(data, place)
        place += 1
    if port == 15:
        if place + 2 > end:
            return np.int64(0)
        port = le16(data, place)
        place += 2
    if place + size > end:
        return np.int64(0)
    if not extended and port == BACKPLANE:
        state.path[UNIT] = u8(data, place)
    if message >= 0:
        add_integer(out, message, _PORT, port)
        if extended:
            add_text(out, message, _LINK_ADDRESS, place, size)
        else:
            add_integer(out, message, _LINK, u8(data, place))
    taken = place + size - at
    return taken + taken % 2


@kernel
def _read_key(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> Int:
    """An electronic key segment (C-1.4.2): the octets it takes, or 0 where it does not fit."""
    if at + 2 > end:
        return np.int64(0)
    form = u8(data, at + 1)
    taken = np.int64(10 if form == 4 else 14)
    if (form != 4 and form != 5) or at + taken > end:
        return np.int64(0)
    if message >= 0:
        add_integer(out, message, _KEY_VENDOR, le16(data, at + 2))
        add_integer(out, message, _KEY_DEVICE_TYPE, le16(data, at + 4))
        add_integer(out, message, _KEY_PRODUCT_CODE, le16(data, at + 6))
        add_integer(out, message, _KEY_REVISION, be16(data, at + 8) & 0x7FFF)
    return taken


@kernel
def _take_instance(state: State, value: Int) -> None:
    # Older connection paths give their connection points as further instances.
    if state.path[INSTANCE] < 0:
        state.path[INSTANCE] = value
    elif state.path[POINT_O2T] < 0:
        state.path[POINT_O2T] = value
    else:
        state.path[POINT_T2O] = value


@kernel
def _read_logical(data: Bytes, at: Int, end: Int, state: State, out: Out, message: Int) -> Int:
    """A logical segment (C-1.4.2): the octets it takes, or 0 where it does not fit."""
    kind = u8(data, at) >> 2 & 7
    form = u8(data, at) & 3
    if kind == SPECIAL_SEGMENT:
        return _read_key(data, at, end, out, message) if form == 0 else np.int64(0)
    if kind > SPECIAL_SEGMENT and form != 0:
        return np.int64(0)
    taken = np.int64(2 if form == 0 else (4 if form == 1 else 6))
    if form == 3 or at + taken > end:
        return np.int64(0)
    value = u8(data, at + 1) if form == 0 else (le16(data, at + 2) if form == 1 else le32(data, at + 2))
    if kind == CLASS_SEGMENT:
        # A later class is inside the instance before it: the innermost is what is addressed.
        state.path[SPACE] = value & 0x7FFFFFFF
        state.path[INSTANCE] = -1
        state.path[ATTRIBUTE] = -1
    elif kind == INSTANCE_SEGMENT:
        _take_instance(state, value)
    elif kind == ATTRIBUTE_SEGMENT:
        state.path[ATTRIBUTE] = value
    elif kind == MEMBER_SEGMENT:
        state.path[MEMBER] = value
        if state.path[NAME_LENGTH] > 0:
            _append_index(state, value)
    elif kind == POINT_SEGMENT:
        if state.path[POINT_O2T] < 0:
            state.path[POINT_O2T] = value
        else:
            state.path[POINT_T2O] = value
        if message >= 0:
            add_integer(out, message, _CONNECTION_POINT, value)
    return taken


@kernel
def _read_symbol(data: Bytes, at: Int, end: Int, state: State) -> Int:
    """A symbolic segment or an ANSI extended symbol: the octets it takes, or 0."""
    if u8(data, at) == 0x91:
        if at + 2 > end or at + 2 + u8(data, at + 1) > end:
            return np.int64(0)
        length = u8(data, at + 1)
        _append_symbol(data, at + 2, length, state)
        return 2 + length + length % 2
    length = u8(data, at) & 0x1F
    if length == 0 or at + 1 + length > end:
        return np.int64(0)
    _append_symbol(data, at + 1, length, state)
    return 1 + length + (length + 1) % 2


@kernel
def read_path(data: Bytes, at: Int, end: Int, state: State, out: Out, message: Int) -> bool:
    """Walk the segments into `state.path` and `state.text`; whether all of them were understood.

    `message` is the row that gets details of routes and keys, or -1. What an earlier path said of
    the unit stays, so that a route and a request path add up.
    """
    path = state.path
    for index in range(UNIT):
        path[index] = -1
    path[NAME_LENGTH] = 0
    path[PATH_GOOD] = 0
    while at < end:
        segment = u8(data, at)
        taken = np.int64(0)
        if segment < 0x20:
            if segment & 0x0F != 0:
                taken = _read_port(data, at, end, state, out, message)
        elif segment < 0x40:
            taken = _read_logical(data, at, end, state, out, message)
        elif segment < 0x60:
            # Network segments (C-1.4.3); from 0x50 on they state their length in words.
            taken = np.int64(2)
            if segment >= 0x50 and at + 1 < end:
                taken = 2 + 2 * u8(data, at + 1)
        elif segment < 0x80 or segment == 0x91:
            taken = _read_symbol(data, at, end, state)
        elif segment == 0x80 and at + 1 < end:
            taken = 2 + 2 * u8(data, at + 1)
        if taken == 0 or at + taken > end + 1:
            return False
        at += taken
    path[PATH_GOOD] = 1
    return True
