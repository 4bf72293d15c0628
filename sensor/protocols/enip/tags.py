"""Tag services of Logix controllers (1756-PM020): what is read and written, and its values."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_real,
    add_text,
    add_value,
    set_number,
    wants_details,
)
from sensor.octets import le16, le32, le64, real32, real64, signed, u8
from sensor.protocols.enip import fields
from sensor.protocols.enip.services import (
    INSTANCE_LIST,
    READ_FRAGMENTED,
    READ_MODIFY_WRITE,
    READ_TAG,
    WRITE_FRAGMENTED,
    WRITE_TAG,
)
from sensor.types import Bytes, Int

_TYPE_CODE = fields.CIP["cip.type_code"]
_HANDLE = fields.CIP["cip.structure_handle"]
_VALUES = fields.CIP["cip.values"]
_REALS = fields.CIP["cip.reals"]
_OFFSET = fields.CIP["cip.offset"]
_OR_MASK = fields.CIP["cip.or_mask"]
_AND_MASK = fields.CIP["cip.and_mask"]
_ATTRIBUTES = fields.CIP["cip.attributes"]
_SYMBOL = fields.CIP["cip.symbol"]
_DATA = fields.CIP["cip.data"]

BOOL, REAL, LREAL, STRUCTURE = 0xC1, 0xCA, 0xCB, 0x2A0
NAME_AND_TYPE = 1
"""`Pairs` extra of Get Instance Attribute List that asks for attributes 1 (name) and 2 (type)."""
SKIPPED_SHIFT = 8
"""`Pairs` extra of Read Tag Fragmented: from this bit on the offset in octets that it asks for."""


@kernel
def size_of_type(code: Int) -> Int:
    """Octets of one value of an elementary type (CIP volume 1 table C-6.1), or 0 if it has none."""
    kind = code & 0xFF
    if kind in (0xC1, 0xC2, 0xC6, 0xD1):
        return np.int64(1)
    if kind in (0xC3, 0xC7, 0xCD, 0xD2):
        return np.int64(2)
    if kind in (0xC4, 0xC8, 0xCA, 0xCC, 0xCE, 0xD3, 0xD6, 0xDB):
        return np.int64(4)
    return np.int64(8 if kind in (0xC5, 0xC9, 0xCB, 0xCF, 0xD4, 0xD7) else 0)


@kernel
def _integer_at(data: Bytes, at: Int, code: Int, size: Int) -> Int:
    if size == 8:
        return le64(data, at)
    value = u8(data, at) if size == 1 else (le16(data, at) if size == 2 else le32(data, at))
    if code & 0xFF == BOOL:
        return np.int64(1 if value else 0)
    return signed(value, size * 8) if 0xC2 <= code & 0xFF <= 0xC4 else value


@kernel
def _add_values(data: Bytes, at: Int, end: Int, code: Int, size: Int, out: Out, index: Int) -> None:
    for place in range(at, end - size + 1, size):
        if code & 0xFF == REAL:
            add_real(out, index, _REALS, real32(le32(data, place)))
        elif code & 0xFF == LREAL:
            add_real(out, index, _REALS, real64(le64(data, place)))
        else:
            add_integer(out, index, _VALUES, _integer_at(data, place, code, size))


@kernel
def _keep_array(
    data: Bytes, at: Int, end: Int, code: Int, size: Int, skipped: Int, out: Out, index: Int
) -> None:
    """The elements of an array as VALUE rows; `skipped` octets of it came before."""
    first = skipped // size
    for place in range(at, end - size + 1, size):
        offset = first + (place - at) // size
        if code & 0xFF == REAL or code & 0xFF == LREAL:
            real = real32(le32(data, place)) if size == 4 else real64(le64(data, place))
            add_value(out, index, offset, ValueKind.REAL, real)
        else:
            kind = ValueKind.DISCRETE if code & 0xFF == BOOL else ValueKind.INTEGER
            add_value(out, index, offset, kind, float(_integer_at(data, place, code, size)))


@kernel
def decode_values(data: Bytes, at: Int, end: Int, code: Int, skipped: Int, out: Out, index: Int) -> bool:
    """Values of one type up to `end`, into details and, where it is one, into the row's value.

    Of a fragmented array `skipped` octets came in fragments before; -1 where that is not known.
    """
    row = out.messages[index]
    details = wants_details(out, index)
    size = size_of_type(code)
    if size == 0:
        if details and end > at:
            add_bytes(out, index, _DATA, at, end - at)
        return True
    if end - at == size or (row["count"] == 1 and end - at >= size):
        if code & 0xFF == REAL or code & 0xFF == LREAL:
            real = real32(le32(data, at)) if size == 4 else real64(le64(data, at))
            set_number(row, np.int64(ValueKind.REAL), real)
        else:
            row["value_kind"] = ValueKind.DISCRETE if code & 0xFF == BOOL else ValueKind.INTEGER
            row["value"] = _integer_at(data, at, code, size)
    elif skipped >= 0:
        _keep_array(data, at, end, code, size, skipped, out, index)
    if details:
        _add_values(data, at, end, code, size, out, index)
    return end - at >= size


@kernel
def _decode_write(data: Bytes, at: Int, end: Int, service: Int, out: Out, index: Int) -> bool:
    """Type, elements, offset where fragmented, values."""
    row = out.messages[index]
    if at + 4 > end:
        return False
    details = wants_details(out, index)
    code = le16(data, at)
    at += 2
    if details:
        add_integer(out, index, _TYPE_CODE, code)
    if code == STRUCTURE:
        if details:
            add_integer(out, index, _HANDLE, le16(data, at))
        at += 2
    head = 6 if service == WRITE_FRAGMENTED else 2
    if at + head > end:
        return False
    row["count"] = le16(data, at)
    skipped = le32(data, at + 2) if service == WRITE_FRAGMENTED else np.int64(0)
    if service == WRITE_FRAGMENTED and details:
        add_integer(out, index, _OFFSET, skipped)
    return decode_values(data, at + head, end, code, skipped, out, index)


@kernel
def _decode_masks(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Read Modify Write: size of the masks, OR mask, AND mask."""
    if at + 2 > end:
        return False
    size = le16(data, at)
    if at + 2 + 2 * size != end:
        return False
    out.messages[index]["count"] = 1
    if wants_details(out, index):
        add_bytes(out, index, _OR_MASK, at + 2, size)
        add_bytes(out, index, _AND_MASK, at + 2 + size, size)
    return True


@kernel
def decode_tag_request(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A tag service after its request path; whether it fits."""
    row = out.messages[index]
    service = row["function"]
    if service == READ_TAG or service == READ_FRAGMENTED:
        if at + (2 if service == READ_TAG else 6) > end:
            return False
        row["count"] = le16(data, at)
        if service == READ_FRAGMENTED and wants_details(out, index):
            add_integer(out, index, _OFFSET, le32(data, at + 2))
        return True
    if service == WRITE_TAG or service == WRITE_FRAGMENTED:
        return _decode_write(data, at, end, service, out, index)
    if service == READ_MODIFY_WRITE:
        return _decode_masks(data, at, end, out, index)
    if wants_details(out, index) and end > at:
        add_bytes(out, index, _DATA, at, end - at)
    return True


@kernel
def decode_attribute_ids(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A count and that many attribute identifiers; whether they fit."""
    if at + 2 > end:
        return False
    count = le16(data, at)
    if at + 2 + 2 * count > end:
        return False
    out.messages[index]["count"] = count
    if wants_details(out, index):
        for place in range(at + 2, at + 2 + 2 * count, 2):
            add_integer(out, index, _ATTRIBUTES, le16(data, place))
    return True


@kernel
def asks_name_and_type(data: Bytes, at: Int, end: Int) -> bool:
    """Whether an attribute list is just: name, type."""
    return end - at >= 6 and le16(data, at) == 2 and le16(data, at + 2) == 1 and le16(data, at + 4) == 2


@kernel
def _add_symbols(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Instance, name (counted), type of each listed tag; the row's count becomes their number."""
    listed = 0
    while at + 6 <= end:
        length = le16(data, at + 4)
        if at + 8 + length > end:
            return False
        if wants_details(out, index):
            add_text(out, index, _SYMBOL, at + 6, length)
        at += 8 + length
        listed += 1
    out.messages[index]["count"] = listed
    return at == end


@kernel
def decode_tag_response(data: Bytes, at: Int, end: Int, extra: Int, out: Out, index: Int) -> bool:
    """The data of a tag service's successful response; whether it fits."""
    row = out.messages[index]
    service = row["function"]
    if service == READ_TAG or service == READ_FRAGMENTED:
        if at + 2 > end:
            return False
        code = le16(data, at)
        details = wants_details(out, index)
        if details:
            add_integer(out, index, _TYPE_CODE, code)
        if code == STRUCTURE and at + 4 <= end:
            if details:
                add_integer(out, index, _HANDLE, le16(data, at + 2))
            at += 2
        return decode_values(data, at + 2, end, code, extra >> SKIPPED_SHIFT, out, index)
    if service == INSTANCE_LIST and extra & NAME_AND_TYPE:
        return _add_symbols(data, at, end, out, index)
    if wants_details(out, index) and end > at:
        add_bytes(out, index, _DATA, at, end - at)
    return True
