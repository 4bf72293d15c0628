"""Secure authentication objects (group 120; IEEE 1815-2012, clause 7 and annex A.45).

The fields that tell who authenticates how; keys, challenges and codes are left in the data.
"""

from __future__ import annotations

from sensor.kernel import kernel
from sensor.messages import NEGATIVE, Out, add_bytes, add_integer, add_text, wants_details
from sensor.octets import le16, le32, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.fields import AUTHENTICATION_ERROR
from sensor.types import Bytes, Int

CHALLENGE, REPLY, AGGRESSIVE, KEY_STATUS_REQUEST, KEY_STATUS, KEY_CHANGE, ERROR = range(1, 8)
CERTIFICATE, MAC, USER_STATUS, UPDATE_REQUEST, UPDATE_REPLY, UPDATE_KEY = range(8, 14)


@kernel
def _decode_sequence(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 6:
        return False
    if wants_details(out, row):
        add_integer(out, row, fields.AUTHENTICATION_SEQUENCE, le32(data, at))
        add_integer(out, row, fields.AUTHENTICATION_USER, le16(data, at + 4))
    return True


@kernel
def _decode_key_status(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 11:
        return False
    if wants_details(out, row):
        add_integer(out, row, fields.KEY_STATUS, u8(data, at + 7))
        add_integer(out, row, fields.AUTHENTICATION_ALGORITHM, u8(data, at + 8))
    return True


@kernel
def _decode_error(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 15:
        return False
    error = u8(data, at + 8)
    out.messages[row]["status"] = AUTHENTICATION_ERROR + error
    out.messages[row]["flags"] |= NEGATIVE
    if wants_details(out, row):
        add_integer(out, row, fields.ASSOCIATION, le16(data, at + 6))
        add_integer(out, row, fields.ERROR_OF_AUTHENTICATION, error)
    return True


@kernel
def _decode_user_status(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 16:
        return False
    name = le16(data, at + 10)
    if at + 16 + name > end:
        return False
    if wants_details(out, row):
        add_integer(out, row, fields.KEY_CHANGE_METHOD, u8(data, at))
        add_integer(out, row, fields.USER_OPERATION, u8(data, at + 1))
        add_integer(out, row, fields.USER_ROLE, le16(data, at + 6))
        add_text(out, row, fields.USER_NAME, at + 16, name)
    return True


@kernel
def _decode_update_request(data: Bytes, at: Int, end: Int, out: Out, row: Int) -> bool:
    if end - at < 5:
        return False
    name = le16(data, at + 1)
    if at + 5 + name > end:
        return False
    if wants_details(out, row):
        add_integer(out, row, fields.KEY_CHANGE_METHOD, u8(data, at))
        add_text(out, row, fields.USER_NAME, at + 5, name)
    return True


@kernel
def decode_authentication(data: Bytes, at: Int, end: Int, variation: Int, out: Out, row: Int) -> bool:
    """Fill the row from the authentication object `data[at:end]`; whether it is well-formed."""
    if variation == KEY_STATUS_REQUEST:
        if end - at < 2:
            return False
        if wants_details(out, row):
            add_integer(out, row, fields.AUTHENTICATION_USER, le16(data, at))
        return True
    if variation == USER_STATUS:
        return _decode_user_status(data, at, end, out, row)
    if variation == UPDATE_REQUEST:
        return _decode_update_request(data, at, end, out, row)
    if CHALLENGE <= variation <= ERROR or variation in (UPDATE_REPLY, UPDATE_KEY):
        if not _decode_sequence(data, at, end, out, row):
            return False
        if variation == KEY_STATUS:
            return _decode_key_status(data, at, end, out, row)
        if variation == ERROR:
            return _decode_error(data, at, end, out, row)
        if variation == CHALLENGE:
            if end - at < 8:
                return False
            if wants_details(out, row):
                add_integer(out, row, fields.AUTHENTICATION_ALGORITHM, u8(data, at + 6))
                add_integer(out, row, fields.AUTHENTICATION_REASON, u8(data, at + 7))
        return True
    if wants_details(out, row) and end > at:
        add_bytes(out, row, fields.DATA, at, end - at)
    return True
