"""Values, flags and times of point objects: static, frozen and event data, times, packed bits."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import DOUBTFUL, Out, ValueKind, add_integer, add_real, set_number, wants_details
from sensor.octets import le16, le32, le64, real32, real64, signed, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.groups import (
    ABSOLUTE,
    COMMANDED,
    DOUBLE_STATE,
    ENCODING,
    F32,
    F64,
    FLAGGED,
    I16,
    I32,
    NO_VALUE,
    PACKED,
    RELATIVE,
    STATUS,
    TIME,
    TIME48,
    TIMED,
    U8,
    U16,
    U32,
    VARIATIONS,
    WIDTHS,
)
from sensor.types import Bytes, Int

ONLINE = 0x01
SOURCE_STATE = ONLINE | 0x02 | 0x04
"""ONLINE, RESTART and COMM_LOST of the flags of a point (IEEE 1815-2012, 11.6.1)."""
COMMAND_EVENTS = (13, 43)
"""Their flags are the status of a command."""


@kernel
def time48(data: Bytes, at: Int) -> Int:
    """Milliseconds since 1970 UTC, six octets (DNP3TIME)."""
    return le16(data, at + 4) << 32 | le32(data, at)


@kernel
def prefix_at(data: Bytes, at: Int, size: Int) -> Int:
    """An index or size of 1, 2 or 4 octets."""
    if size == 1:
        return u8(data, at)
    return le16(data, at) if size == 2 else le32(data, at)


@kernel
def integer_at(data: Bytes, at: Int, encoding: Int) -> Int:
    """The integer, time or state that stands at `at`, which is at the flags for a state."""
    if encoding == U32:
        return le32(data, at)
    if encoding == U16:
        return le16(data, at)
    if encoding == I32:
        return signed(le32(data, at), 32)
    if encoding == I16:
        return signed(le16(data, at), 16)
    if encoding == DOUBLE_STATE:
        return u8(data, at) >> 6
    if encoding == TIME48:
        return time48(data, at)
    return u8(data, at) if encoding == U8 else u8(data, at) >> 7


@kernel
def real_at(data: Bytes, at: Int, encoding: Int) -> float:
    """The floating-point number that stands at `at`."""
    return real32(le32(data, at)) if encoding == F32 else real64(le64(data, at))


@kernel
def _set_integer(out: Out, row: Int, value: Int) -> None:
    out.messages[row]["value_kind"] = ValueKind.INTEGER
    out.messages[row]["value"] = value


@kernel
def _add_details(data: Bytes, at: Int, place: Int, out: Out, row: Int) -> None:
    """Flags, value and time of the point at `at`, whose shape stands at `place` of the tables."""
    encoding = np.int64(ENCODING[place])
    if FLAGGED[place]:
        add_integer(out, row, fields.FLAGS, u8(data, at))
    value_at = at + FLAGGED[place] if encoding > COMMANDED else at
    if encoding == TIME48:
        add_integer(out, row, fields.TIMES, time48(data, at))
    elif encoding == F32 or encoding == F64:
        add_real(out, row, fields.VALUES, real_at(data, value_at, encoding))
    elif encoding != NO_VALUE:
        add_integer(out, row, fields.VALUES, integer_at(data, value_at, encoding))
    time_at = at + FLAGGED[place] + WIDTHS[encoding]
    if TIMED[place] == ABSOLUTE:
        add_integer(out, row, fields.TIMES, time48(data, time_at))
    elif TIMED[place] == RELATIVE:
        add_integer(out, row, fields.RELATIVE_TIMES, le16(data, time_at))
    elif TIMED[place] == STATUS:
        add_integer(out, row, fields.STATUS_OF_CONTROL, u8(data, time_at) & 0x7F)


@kernel
def decode_points(
    data: Bytes,
    at: Int,
    group: Int,
    variation: Int,
    size: Int,
    count: Int,
    prefix: Int,
    out: Out,
    row: Int,
) -> None:
    """`count` objects of `size` octets, each after an index of `prefix` octets.

    The row gets the first value; the details get all. The caller has checked that they are there.
    """
    if count <= 0 or size <= 0:
        return
    place = group * VARIATIONS + variation
    encoding = np.int64(ENCODING[place])
    first = at + prefix
    if encoding == F32 or encoding == F64:
        real = real_at(data, first + FLAGGED[place], encoding)
        set_number(out.messages[row], np.int64(ValueKind.REAL), real)
    elif encoding != NO_VALUE:
        value_at = first + FLAGGED[place] if encoding > COMMANDED else first
        _set_integer(out, row, integer_at(data, value_at, encoding))
    elif group == TIME:
        _set_integer(out, row, time48(data, first))
    if FLAGGED[place] and group not in COMMAND_EVENTS and u8(data, first) & SOURCE_STATE != ONLINE:
        out.messages[row]["flags"] |= DOUBTFUL
    if not wants_details(out, row):
        return
    for _ in range(count):
        if prefix:
            add_integer(out, row, fields.INDEX, prefix_at(data, at, prefix))
        at += prefix
        _add_details(data, at, place, out, row)
        if group == TIME and encoding == NO_VALUE:  # time and interval, variations 2 and 4
            add_integer(out, row, fields.TIMES, time48(data, at))
            add_integer(out, row, fields.INTERVAL, le32(data, at + 6))
        at += size


@kernel
def decode_bits(data: Bytes, at: Int, size: Int, count: Int, out: Out, row: Int) -> None:
    """`count` states of one bit (PACKED) or two (PACKED_PAIRS), least significant first."""
    if count <= 0:
        return
    width = 1 if size == PACKED else 2
    mask = (1 << width) - 1
    _set_integer(out, row, u8(data, at) & mask)
    if wants_details(out, row):
        for index in range(count):
            bit = index * width
            add_integer(out, row, fields.VALUES, u8(data, at + bit // 8) >> bit % 8 & mask)
