"""File objects (group 70; IEEE 1815-2012, annex A.24): commands, status, blocks, descriptors.

The row's name is the file's, where the object has it; a command's mode (read, write, append) is its
value. A credential's password is not read.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    NEGATIVE,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_text,
    wants_details,
)
from sensor.octets import le16, le32, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.fields import FILE_STATUS
from sensor.protocols.dnp3.points import time48
from sensor.strings import intern
from sensor.types import Bytes, Int

AUTHENTICATION, COMMAND, STATUS, TRANSPORT, TRANSPORT_STATUS, DESCRIPTOR, SPECIFICATION = range(2, 9)
LAST_BLOCK = 0x80000000


@kernel
def _text_within(data: Bytes, at: Int, end: Int, place: Int) -> tuple[Int, Int]:
    """(start, length) of the string whose offset and length stand at `place`; -1 if not inside."""
    start, length = at + le16(data, place), le16(data, place + 2)
    if start + length > end:
        return np.int64(-1), np.int64(0)
    return start, length


@kernel
def _set_name(data: Bytes, start: Int, length: Int, out: Out, row: Int) -> None:
    if length > 0:
        out.messages[row]["name"] = intern(out.strings, data, start, length)
        if wants_details(out, row):
            add_text(out, row, fields.FILE_NAME, start, length)


@kernel
def _set_status(out: Out, row: Int, status: Int, response: bool) -> None:
    if wants_details(out, row):
        add_integer(out, row, fields.STATUS_OF_FILE, status)
    if response and status:
        out.messages[row]["status"] = FILE_STATUS + status
        out.messages[row]["flags"] |= NEGATIVE


@kernel
def _decode_command(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 26:
        return False
    start, length = _text_within(data, at, end, at)
    if start < 0:
        return False
    _set_name(data, start, length, out, row)
    mode = le16(data, at + 20)
    out.messages[row]["value_kind"] = ValueKind.DISCRETE
    out.messages[row]["value"] = mode
    if wants_details(out, row):
        add_integer(out, row, fields.FILE_TIME, time48(data, at + 4))
        add_integer(out, row, fields.FILE_PERMISSIONS, le16(data, at + 10))
        add_integer(out, row, fields.FILE_KEY, le32(data, at + 12))
        add_integer(out, row, fields.FILE_SIZE, le32(data, at + 16))
        add_integer(out, row, fields.FILE_MODE, mode)
        add_integer(out, row, fields.FILE_BLOCK_SIZE, le16(data, at + 22))
        add_integer(out, row, fields.FILE_REQUEST, le16(data, at + 24))
    return True


@kernel
def _decode_status(data: Bytes, at: Int, end: Int, out: Out, row: Int, response: bool) -> bool:
    if end - at < 13:
        return False
    if wants_details(out, row):
        add_integer(out, row, fields.FILE_HANDLE, le32(data, at))
        add_integer(out, row, fields.FILE_SIZE, le32(data, at + 4))
        add_integer(out, row, fields.FILE_BLOCK_SIZE, le16(data, at + 8))
        add_integer(out, row, fields.FILE_REQUEST, le16(data, at + 10))
    _set_status(out, row, u8(data, at + 12), response)
    return True


@kernel
def _decode_block(data: Bytes, at: Int, end: Int, variation: Int, out: Out, row: Int, response: bool) -> bool:
    if end - at < (9 if variation == TRANSPORT_STATUS else 8):
        return False
    block = le32(data, at + 4)
    if wants_details(out, row):
        add_integer(out, row, fields.FILE_HANDLE, le32(data, at))
        add_integer(out, row, fields.FILE_BLOCK, block & (LAST_BLOCK - 1))
        add_integer(out, row, fields.FILE_LAST_BLOCK, block >> 31)
        if variation == TRANSPORT and end > at + 8:
            add_bytes(out, row, fields.DATA, at + 8, end - at - 8)
    if variation == TRANSPORT_STATUS:
        _set_status(out, row, u8(data, at + 8), response)
    return True


@kernel
def _decode_descriptor(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 20:
        return False
    start, length = _text_within(data, at, end, at)
    if start < 0:
        return False
    _set_name(data, start, length, out, row)
    if wants_details(out, row):
        add_integer(out, row, fields.FILE_TYPE, le16(data, at + 4))
        add_integer(out, row, fields.FILE_SIZE, le32(data, at + 6))
        add_integer(out, row, fields.FILE_TIME, time48(data, at + 10))
        add_integer(out, row, fields.FILE_PERMISSIONS, le16(data, at + 16))
        add_integer(out, row, fields.FILE_REQUEST, le16(data, at + 18))
    return True


@kernel
def _decode_authentication(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 12:
        return False
    start, length = _text_within(data, at, end, at)
    if start < 0:
        return False
    if wants_details(out, row):
        if length:
            add_text(out, row, fields.FILE_USER, start, length)
        add_integer(out, row, fields.FILE_KEY, le32(data, at + 8))
    return True


@kernel
def decode_file(data: Bytes, at: Int, end: Int, variation: Int, out: Out, row: Int, response: bool) -> bool:
    """Fill the row from the file object `data[at:end]`; whether it is well-formed."""
    if variation == COMMAND:
        return _decode_command(data, at, end, out, row)
    if variation == STATUS:
        return _decode_status(data, at, end, out, row, response)
    if variation == TRANSPORT or variation == TRANSPORT_STATUS:
        return _decode_block(data, at, end, variation, out, row, response)
    if variation == DESCRIPTOR:
        return _decode_descriptor(data, at, end, out, row)
    if variation == AUTHENTICATION:
        return _decode_authentication(data, at, end, out, row)
    if variation == SPECIFICATION:
        _set_name(data, at, end - at, out, row)
    elif wants_details(out, row) and end > at:
        add_bytes(out, row, fields.DATA, at, end - at)
    return True
