"""Object headers and their objects (IEEE 1815-2012, 4.2.2.7): one message row for each header.

Commands to outputs, files, and whatever is written point by point get a row for each object, since
there the single object is what matters. A header whose objects have index prefixes has the index as
its address when it holds one object; else the indices are details only, as they form no range.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    DROPPED_PARTS,
    MESSAGES,
    MOST_PARTS,
    NO_CODE,
    PDU_START,
    Out,
    add_bytes,
    add_integer,
    add_message,
    wants_details,
)
from sensor.octets import le16, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.attributes import attribute_length, decode_attribute
from sensor.protocols.dnp3.fields import CONTROL_STATUS
from sensor.protocols.dnp3.functions import RESPONSE, WRITE, names_objects_only
from sensor.protocols.dnp3.groups import (
    ATTRIBUTES,
    AUTHENTICATION,
    BINARY_COMMAND,
    OCTET_STRING,
    OUTPUT_COMMAND,
    PACKED,
    PACKED_PAIRS,
    REGISTRATION,
    TERMINAL_EVENT,
    TIME,
    UNKNOWN_SIZE,
    VARIATIONS,
    size_of,
)
from sensor.protocols.dnp3.points import decode_bits, decode_points, prefix_at
from sensor.protocols.dnp3.records import add_layout, decode_block, decode_record, set_status
from sensor.protocols.protocol import Number
from sensor.types import Bytes, Int

ALL, FREE_FORMAT = 6, 11
RANGE_WIDTHS = np.array([2, 4, 8, 2, 4, 8, 0, 1, 2, 4, -1, 1, -1, -1, -1, -1], np.int64)
"""Octets of the range field by range specifier code (table 4-6); -1 is reserved."""
MALFORMED_HERE, UNKNOWN_HERE = -1, -2
"""What `decode_header` answers in place of where the next header is."""
MOST_COUNT = 0x7FFFFFFF


@kernel
def object_row(out: Out, first: Int, group: Int, variation: Int) -> Int:
    """The row for one more object: the fragment's first while it has none; -1 beyond MOST_PARTS."""
    row = first
    head = out.messages[first]
    if head["space"] >= 0:
        if out.used[MESSAGES] - out.used[PDU_START] >= MOST_PARTS:
            out.used[DROPPED_PARTS] += 1
            return np.int64(-1)
        row = add_message(out, head, Number.DNP3, out.used[MESSAGES] - first)
        out.messages[row]["function"] = head["function"]
        out.messages[row]["unit"] = head["unit"]
        out.messages[row]["transaction"] = head["transaction"]
        out.messages[row]["kind"] = head["kind"]
    out.messages[row]["space"] = group
    out.messages[row]["subfunction"] = variation
    if wants_details(out, row):
        add_integer(out, row, fields.OBJECT, group << 8 | variation)
    return row


@kernel
def _set_place(out: Out, row: Int, address: Int, count: Int) -> None:
    out.messages[row]["address"] = address
    out.messages[row]["count"] = min(count, np.int64(MOST_COUNT))


@kernel
def _decode_sized(
    data: Bytes, at: Int, end: Int, group: Int, variation: Int, width: Int, count: Int,
    out: Out, first: Int, row: Int, response: bool,
) -> Int:  # fmt: skip
    """Objects that begin with their size (`width` octets): files, data sets, authentication."""
    good = True
    for item in range(count):
        if width > end - at or prefix_at(data, at, width) > end - at - width:
            return np.int64(MALFORMED_HERE)
        start = at + width
        at = start + prefix_at(data, at, width)
        if item:
            row = object_row(out, first, group, variation)
        if row < 0:
            continue
        _set_place(out, row, np.int64(NO_CODE), np.int64(1))
        good = decode_record(data, start, at, group, variation, out, row, response) and good
    return at if good else np.int64(MALFORMED_HERE)


@kernel
def _decode_attributes(
    data: Bytes, at: Int, end: Int, variation: Int, prefix: Int, count: Int, out: Out, row: Int
) -> Int:
    for _ in range(count):
        if prefix > end - at:
            return np.int64(MALFORMED_HERE)
        at += prefix
        length = attribute_length(data, at, end)
        if length < 0:
            return np.int64(MALFORMED_HERE)
        if row >= 0:
            decode_attribute(data, at, length, variation, out, row)
        at += length
    return at


@kernel
def _decode_registrations(data: Bytes, at: Int, end: Int, prefix: Int, count: Int, out: Out, row: Int) -> Int:
    """Private registration objects (annex A.27): vendor (4), object (2), length (2), data."""
    for _ in range(count):
        if prefix + 8 > end - at:
            return np.int64(MALFORMED_HERE)
        at += prefix
        length = 8 + le16(data, at + 6)
        if length > end - at:
            return np.int64(MALFORMED_HERE)
        if row >= 0 and wants_details(out, row):
            add_bytes(out, row, fields.DATA, at, length)
        at += length
    return at


@kernel
def _decode_plain(
    data: Bytes, at: Int, group: Int, variation: Int, size: Int, count: Int, prefix: Int,
    out: Out, row: Int,
) -> None:  # fmt: skip
    """Objects of fixed size that are no points: octet strings, statistics, authentication."""
    details = wants_details(out, row)
    for _ in range(count if size > 0 and details else 0):
        if prefix:
            add_integer(out, row, fields.INDEX, prefix_at(data, at, prefix))
        at += prefix
        if group >= AUTHENTICATION:
            add_layout(data, at, group * VARIATIONS + variation, out, row)
        else:
            add_bytes(out, row, fields.DATA, at, size)
        at += size


@kernel
def _decode_each(
    data: Bytes, at: Int, group: Int, variation: Int, size: Int, start: Int, count: Int, prefix: Int,
    out: Out, first: Int, row: Int, response: bool,
) -> None:  # fmt: skip
    """Objects that get a row each: commands, and what is written point by point."""
    for item in range(count):
        if item:
            row = object_row(out, first, group, variation)
        if row < 0:
            out.used[DROPPED_PARTS] += count - item - 1
            return
        address = np.int64(NO_CODE)
        if prefix:
            address = prefix_at(data, at, prefix)
        elif start >= 0:
            address = start + item
        _set_place(out, row, address, np.int64(1))
        if group == BINARY_COMMAND:
            decode_block(data, at + prefix, variation, out, row, response)
        elif OCTET_STRING <= group <= TERMINAL_EVENT or group >= AUTHENTICATION:
            _decode_plain(data, at, group, variation, size, np.int64(1), prefix, out, row)
        else:
            decode_points(data, at, group, variation, size, np.int64(1), prefix, out, row)
            if group == OUTPUT_COMMAND and response:
                set_status(out, row, CONTROL_STATUS, u8(data, at + prefix + size - 1) & 0x7F)
        at += prefix + size


@kernel
def _decode_items(
    data: Bytes, at: Int, end: Int, group: Int, variation: Int, start: Int, count: Int, prefix: Int,
    function: Int, out: Out, first: Int, row: Int,
) -> Int:  # fmt: skip
    """The `count` objects behind a header; where the next header is, or why that is not known."""
    size = size_of(group, variation)
    if size == PACKED or size == PACKED_PAIRS:
        octets = (count * (1 if size == PACKED else 2) + 7) // 8
        if prefix or octets > end - at:
            return np.int64(MALFORMED_HERE)
        if row >= 0:
            decode_bits(data, at, size, count, out, row)
        return at + octets
    if group == ATTRIBUTES:
        return _decode_attributes(data, at, end, variation, prefix, count, out, row)
    if group == REGISTRATION and variation == 1:
        return _decode_registrations(data, at, end, prefix, count, out, row)
    if size == UNKNOWN_SIZE:
        return at if count == 0 else np.int64(UNKNOWN_HERE)
    if count * (prefix + size) > end - at:
        return np.int64(MALFORMED_HERE)
    after = at + count * (prefix + size)
    command = (group == BINARY_COMMAND or group == OUTPUT_COMMAND) and size > 0
    if prefix and count == 1 and row >= 0:
        out.messages[row]["address"] = prefix_at(data, at, prefix)
    if command or (prefix and function == WRITE and size > 0):
        _decode_each(
            data, at, group, variation, size, start, count, prefix, out, first, row, function >= RESPONSE
        )
    elif row >= 0:
        if size == 0 or group in (81, 101) or group >= OCTET_STRING:
            _decode_plain(data, at, group, variation, size, count, prefix, out, row)
        else:
            decode_points(data, at, group, variation, size, count, prefix, out, row)
    return after


@kernel
def _decode_indices(data: Bytes, at: Int, end: Int, count: Int, prefix: Int, out: Out, row: Int) -> Int:
    """The indices of a request that names points one by one and carries no objects."""
    if count * prefix > end - at:
        return np.int64(MALFORMED_HERE)
    if row >= 0:
        if count == 1:
            out.messages[row]["address"] = prefix_at(data, at, prefix)
        if wants_details(out, row):
            for item in range(count):
                add_integer(out, row, fields.INDEX, prefix_at(data, at + item * prefix, prefix))
    return at + count * prefix


@kernel
def decode_header(data: Bytes, at: Int, end: Int, function: Int, out: Out, first: Int) -> Int:
    """One object header at `at` with its objects; where the next is, or why that is not known."""
    if end - at < 3:
        return np.int64(MALFORMED_HERE)
    group, variation, qualifier = u8(data, at), u8(data, at + 1), u8(data, at + 2)
    row = object_row(out, first, group, variation)
    prefix, code = qualifier >> 4 & 7, qualifier & 15
    width = np.int64(RANGE_WIDTHS[code])
    if width < 0 or qualifier & 0x80 or prefix == 7 or at + 3 + width > end:
        return np.int64(MALFORMED_HERE)
    at += 3
    start, stop, count = np.int64(-1), np.int64(-1), np.int64(-1)
    if code < ALL:
        start, stop = prefix_at(data, at, width // 2), prefix_at(data, at + width // 2, width // 2)
        count = stop - start + 1
    elif code != ALL:
        count = prefix_at(data, at, width)
    at += width
    if row >= 0:
        _set_place(out, row, start, count)
        if wants_details(out, row):
            add_integer(out, row, fields.QUALIFIER, qualifier)
            if start >= 0:
                add_integer(out, row, fields.RANGE_START, start)
                add_integer(out, row, fields.RANGE_STOP, stop)
            elif count >= 0:
                add_integer(out, row, fields.RANGE_COUNT, count)
    if code < ALL and count <= 0:
        if row >= 0:
            out.messages[row]["count"] = NO_CODE
        return np.int64(MALFORMED_HERE)
    if prefix >= 4:
        if count < 0:
            return np.int64(MALFORMED_HERE)
        return _decode_sized(
            data, at, end, group, variation, np.int64(1) << (prefix - 4), count,
            out, first, row, function >= RESPONSE,
        )  # fmt: skip
    octets = np.int64(0) if prefix == 0 else np.int64(1) << (prefix - 1)
    if code == ALL:
        return at
    if names_objects_only(function) and group != TIME:
        return at if prefix == 0 else _decode_indices(data, at, end, count, octets, out, row)
    return _decode_items(data, at, end, group, variation, start, count, octets, function, out, first, row)
