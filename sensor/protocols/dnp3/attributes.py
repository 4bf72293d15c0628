"""Device attributes (group 0; IEEE 1815-2012, annex A.1): what a device says about itself.

The variation is the attribute; the index of the object header is the attribute set, 0 for the
standard's. An object is a data type, a length, and the octets.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import IDENTITY, Out, add_bytes, add_integer, add_real, add_text
from sensor.octets import le16, le32, le64, real32, real64, signed, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.points import time48
from sensor.types import Bytes, Int

VISIBLE_STRING, UNSIGNED, SIGNED, FLOATING, OCTETS, BITS, TIME = range(1, 8)
EXTENDED_LIST = 255


@kernel
def attribute_length(data: Bytes, at: Int, end: Int) -> Int:
    """Octets of the attribute object at `at`, or -1 where it does not fit before `end`."""
    if end - at < 2:
        return np.int64(-1)
    length = 2 + u8(data, at + 1) + (256 if u8(data, at) == EXTENDED_LIST else 0)
    return length if length <= end - at else np.int64(-1)


@kernel
def _unsigned(data: Bytes, at: Int, length: Int) -> Int:
    if length == 1:
        return u8(data, at)
    return le16(data, at) if length == 2 else le32(data, at)


@kernel
def decode_attribute(data: Bytes, at: Int, length: Int, variation: Int, out: Out, row: Int) -> None:
    """The attribute object of `length` octets at `at`, into an IDENTITY row."""
    out.messages[row]["flags"] |= IDENTITY
    kind = u8(data, at)
    at += 2
    length -= 2
    add_integer(out, row, fields.ATTRIBUTE, variation)
    add_integer(out, row, fields.ATTRIBUTE_TYPE, kind)
    if kind == VISIBLE_STRING:
        add_text(out, row, fields.ATTRIBUTE_VALUE, at, length)
    elif kind in (UNSIGNED, SIGNED) and length in (1, 2, 4):
        value = _unsigned(data, at, length)
        add_integer(out, row, fields.VALUES, value if kind == UNSIGNED else signed(value, length * 8))
    elif kind == FLOATING and length == 4:
        add_real(out, row, fields.VALUES, real32(le32(data, at)))
    elif kind == FLOATING and length == 8:
        add_real(out, row, fields.VALUES, real64(le64(data, at)))
    elif kind == TIME and length == 6:
        add_integer(out, row, fields.TIMES, time48(data, at))
    elif length > 0:
        add_bytes(out, row, fields.DATA, at, length)
