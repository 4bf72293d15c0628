"""Objects that are records rather than points, read by table: commands, files, authentication.

`LAYOUTS` says for each variation where its fields lie; one kernel reads them all. Files are group 70
(IEEE 1815-2012, annex A.24), secure authentication group 120 (clause 7, annex A.45), security
statistics groups 121 and 122. Passwords, keys and challenges are not read.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import NEGATIVE, Out, ValueKind, add_bytes, add_integer, add_text, wants_details
from sensor.octets import le16, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.fields import AUTHENTICATION_ERROR, CONTROL_STATUS, FILE_STATUS
from sensor.protocols.dnp3.groups import AUTHENTICATION, BINARY_COMMAND, FILES, GROUPS, VARIATIONS
from sensor.strings import intern
from sensor.types import Bytes, Int

FILE_USER, FILE_COMMAND, FILE_DESCRIPTOR, FILE_SPECIFICATION = 2, 3, 7, 8
LINK_HEADER, PRIMARY_HEADER, SECONDARY_HEADER, APPLICATION_CONTROL = (
    (GROUPS - 1) * VARIATIONS + number for number in range(4)
)
"""Places in the tables for layouts that are no objects."""

_Layout = tuple[int, int, int, int]
_CONTROL: tuple[_Layout, ...] = (
    # field, octet, octets, or for bits: field, octet, 1, shift | width << 8
    (fields.CONTROL_CODE, 0, 1, 0),
    (fields.CONTROL_OPERATION, 0, 1, 0 | 4 << 8),
    (fields.QUEUE, 0, 1, 4 | 1 << 8),
    (fields.CLEAR, 0, 1, 5 | 1 << 8),
    (fields.TRIP_CLOSE_CODE, 0, 1, 6 | 2 << 8),
    (fields.EXECUTE_COUNT, 1, 1, 0),
    (fields.ON_TIME, 2, 4, 0),
    (fields.OFF_TIME, 6, 4, 0),
    (fields.STATUS_OF_CONTROL, 10, 1, 0 | 7 << 8),
)
_BLOCK: tuple[_Layout, ...] = (
    (fields.FILE_HANDLE, 0, 4, 0),
    (fields.FILE_BLOCK, 4, 4, 0 | 31 << 8),
    (fields.FILE_LAST_BLOCK, 7, 1, 7 | 1 << 8),
)
_SEQUENCE: tuple[_Layout, ...] = (
    (fields.AUTHENTICATION_SEQUENCE, 0, 4, 0),
    (fields.AUTHENTICATION_USER, 4, 2, 0),
)
_STATISTIC: tuple[_Layout, ...] = (
    (fields.FLAGS, 0, 1, 0),
    (fields.ASSOCIATION, 1, 2, 0),
    (fields.VALUES, 3, 4, 0),
)
LAYOUTS: dict[int, tuple[_Layout, ...]] = {
    BINARY_COMMAND * VARIATIONS + 1: _CONTROL,
    BINARY_COMMAND * VARIATIONS + 2: _CONTROL,
    FILES * VARIATIONS + 2: ((fields.FILE_KEY, 8, 4, 0),),
    FILES * VARIATIONS + 3: (
        (fields.FILE_TIME, 4, 6, 0),
        (fields.FILE_PERMISSIONS, 10, 2, 0),
        (fields.FILE_KEY, 12, 4, 0),
        (fields.FILE_SIZE, 16, 4, 0),
        (fields.FILE_MODE, 20, 2, 0),
        (fields.FILE_BLOCK_SIZE, 22, 2, 0),
        (fields.FILE_REQUEST, 24, 2, 0),
    ),
    FILES * VARIATIONS + 4: (
        (fields.FILE_HANDLE, 0, 4, 0),
        (fields.FILE_SIZE, 4, 4, 0),
        (fields.FILE_BLOCK_SIZE, 8, 2, 0),
        (fields.FILE_REQUEST, 10, 2, 0),
        (fields.STATUS_OF_FILE, 12, 1, 0),
    ),
    FILES * VARIATIONS + 5: _BLOCK,
    FILES * VARIATIONS + 6: (*_BLOCK, (fields.STATUS_OF_FILE, 8, 1, 0)),
    FILES * VARIATIONS + 7: (
        (fields.FILE_TYPE, 4, 2, 0),
        (fields.FILE_SIZE, 6, 4, 0),
        (fields.FILE_TIME, 10, 6, 0),
        (fields.FILE_PERMISSIONS, 16, 2, 0),
        (fields.FILE_REQUEST, 18, 2, 0),
    ),
    AUTHENTICATION * VARIATIONS + 1: (
        *_SEQUENCE,
        (fields.AUTHENTICATION_ALGORITHM, 6, 1, 0),
        (fields.AUTHENTICATION_REASON, 7, 1, 0),
    ),
    AUTHENTICATION * VARIATIONS + 2: _SEQUENCE,
    AUTHENTICATION * VARIATIONS + 3: _SEQUENCE,
    AUTHENTICATION * VARIATIONS + 4: ((fields.AUTHENTICATION_USER, 0, 2, 0),),
    AUTHENTICATION * VARIATIONS + 5: (
        *_SEQUENCE,
        (fields.KEY_STATUS, 7, 1, 0),
        (fields.AUTHENTICATION_ALGORITHM, 8, 1, 0),
    ),
    AUTHENTICATION * VARIATIONS + 6: _SEQUENCE,
    AUTHENTICATION * VARIATIONS + 7: (
        *_SEQUENCE,
        (fields.ASSOCIATION, 6, 2, 0),
        (fields.ERROR_OF_AUTHENTICATION, 8, 1, 0),
    ),
    AUTHENTICATION * VARIATIONS + 10: (
        (fields.KEY_CHANGE_METHOD, 0, 1, 0),
        (fields.USER_OPERATION, 1, 1, 0),
        (fields.USER_ROLE, 6, 2, 0),
    ),
    AUTHENTICATION * VARIATIONS + 11: ((fields.KEY_CHANGE_METHOD, 0, 1, 0),),
    AUTHENTICATION * VARIATIONS + 12: _SEQUENCE,
    AUTHENTICATION * VARIATIONS + 13: _SEQUENCE,
    121 * VARIATIONS + 1: _STATISTIC,
    122 * VARIATIONS + 1: _STATISTIC,
    122 * VARIATIONS + 2: (*_STATISTIC, (fields.TIMES, 7, 6, 0)),
    LINK_HEADER: (
        (fields.SOURCE, 6, 2, 0),
        (fields.DESTINATION, 4, 2, 0),
        (fields.FROM_MASTER, 3, 1, 7 | 1 << 8),
        (fields.PRIMARY, 3, 1, 6 | 1 << 8),
    ),
    PRIMARY_HEADER: ((fields.FRAME_COUNT_BIT, 3, 1, 5 | 1 << 8),),
    SECONDARY_HEADER: ((fields.DATA_FLOW_CONTROL, 3, 1, 4 | 1 << 8),),
    APPLICATION_CONTROL: (
        (fields.FIRST, 0, 1, 7 | 1 << 8),
        (fields.FINAL, 0, 1, 6 | 1 << 8),
        (fields.CONFIRM, 0, 1, 5 | 1 << 8),
        (fields.UNSOLICITED, 0, 1, 4 | 1 << 8),
        (fields.SEQUENCE, 0, 1, 0 | 4 << 8),
    ),
}
_RECORDS: dict[int, tuple[int, int, int, int, int]] = {
    # least octets; text: field, where its length stands, where it begins or, if 0, where its offset
    # (which stands before the length) says; where the status stands
    FILES * VARIATIONS + 2: (12, fields.FILE_USER, 2, 0, -1),
    FILES * VARIATIONS + 3: (26, fields.FILE_NAME, 2, 0, -1),
    FILES * VARIATIONS + 4: (13, 0, 0, 0, 12),
    FILES * VARIATIONS + 5: (8, 0, 0, 0, -1),
    FILES * VARIATIONS + 6: (9, 0, 0, 0, 8),
    FILES * VARIATIONS + 7: (20, fields.FILE_NAME, 2, 0, -1),
    AUTHENTICATION * VARIATIONS + 1: (8, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 2: (6, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 3: (6, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 4: (2, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 5: (11, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 6: (6, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 7: (15, 0, 0, 0, 8),
    AUTHENTICATION * VARIATIONS + 10: (16, fields.USER_NAME, 10, 16, -1),
    AUTHENTICATION * VARIATIONS + 11: (5, fields.USER_NAME, 1, 5, -1),
    AUTHENTICATION * VARIATIONS + 12: (8, 0, 0, 0, -1),
    AUTHENTICATION * VARIATIONS + 13: (8, 0, 0, 0, -1),
}

LAYOUT = np.array([item for layout in LAYOUTS.values() for item in layout], np.int64)
LAYOUT_START = np.zeros(GROUPS * VARIATIONS, np.int64)
LAYOUT_END = np.zeros(GROUPS * VARIATIONS, np.int64)
RECORDS = np.zeros((GROUPS * VARIATIONS, 5), np.int64)
RECORDS[:, 4] = -1
_end = 0
for _key, _layout in LAYOUTS.items():
    LAYOUT_START[_key], LAYOUT_END[_key] = _end, _end + len(_layout)
    _end += len(_layout)
for _key, _record in _RECORDS.items():
    RECORDS[_key] = _record


@kernel
def add_layout(data: Bytes, at: Int, key: Int, out: Out, row: Int) -> None:
    """A detail for each field of the layout at `key` of the tables, read from `at`."""
    for item in range(LAYOUT_START[key], LAYOUT_END[key]):
        start = at + LAYOUT[item, 1]
        value = np.int64(0)
        for octet in range(LAYOUT[item, 2]):
            value |= u8(data, start + octet) << 8 * octet
        bits = LAYOUT[item, 3]
        if bits:
            value = value >> (bits & 0xFF) & (np.int64(1) << (bits >> 8)) - 1
        add_integer(out, row, LAYOUT[item, 0], value)


@kernel
def set_status(out: Out, row: Int, base: Int, status: Int) -> None:
    """The status of a command in a response: nothing if it succeeded."""
    if status:
        out.messages[row]["status"] = base + status
        out.messages[row]["flags"] |= NEGATIVE


@kernel
def decode_block(data: Bytes, at: Int, variation: Int, out: Out, row: Int, response: bool) -> None:
    """A control relay output block or pattern control block (annex A.5): 11 octets."""
    out.messages[row]["value_kind"] = ValueKind.DISCRETE
    out.messages[row]["value"] = u8(data, at)
    if wants_details(out, row):
        add_layout(data, at, BINARY_COMMAND * VARIATIONS + variation, out, row)
    if response:
        set_status(out, row, CONTROL_STATUS, u8(data, at + 10) & 0x7F)


@kernel
def decode_record(
    data: Bytes, at: Int, end: Int, group: Int, variation: Int, out: Out, row: Int, response: bool
) -> bool:
    """Fill the row from the object `data[at:end]` of any group; whether it is long enough.

    A file's name is the row's; the mode of a file command (read, write, append) is its value.
    """
    details = wants_details(out, row)
    place = group * VARIATIONS + variation
    known = group < GROUPS and variation < VARIATIONS and RECORDS[place, 0] > 0
    text_field, start, length = np.int64(0), at, end - at
    if known:
        if length < RECORDS[place, 0]:
            return False
        if details:
            add_layout(data, at, place, out, row)
        text_field = RECORDS[place, 1]
        if text_field:
            length_at = at + RECORDS[place, 2]
            start = at + (RECORDS[place, 3] if RECORDS[place, 3] else le16(data, length_at - 2))
            length = le16(data, length_at)
            if start + length > end:
                return False
        status_at = RECORDS[place, 4]
        if status_at >= 0 and (response or group == AUTHENTICATION):
            base = FILE_STATUS if group == FILES else AUTHENTICATION_ERROR
            set_status(out, row, base, u8(data, at + status_at))
        if group == FILES and variation == FILE_COMMAND:
            out.messages[row]["value_kind"] = ValueKind.DISCRETE
            out.messages[row]["value"] = le16(data, at + 20)
        start, length = (
            (start, length) if text_field else (at + RECORDS[place, 0], length - RECORDS[place, 0])
        )
    elif group == FILES and variation == FILE_SPECIFICATION:
        text_field = np.int64(fields.FILE_NAME)
    if text_field == fields.FILE_NAME and length > 0:
        out.messages[row]["name"] = intern(out.strings, data, start, length)
    if details and length > 0:
        if text_field:
            add_text(out, row, text_field, start, length)
        elif not known or group == FILES:
            add_bytes(out, row, fields.DATA, start, length)
    return True
