"""Commands to outputs: control relay output blocks (group 12) and analog outputs (group 41).

Each command is a row of its own: address is the point's index, and `value` the control code of a
block (annex A.5.1: bits 0-3 operation, 4 queue, 5 clear, 6-7 trip-close) or the set-point.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import NEGATIVE, Out, ValueKind, add_integer, add_real, wants_details
from sensor.octets import le16, le32, le64, real32, real64, signed, u8
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.fields import CONTROL_STATUS
from sensor.protocols.dnp3.groups import BINARY_COMMAND
from sensor.types import Bytes, Int


@kernel
def _set_status(out: Out, row: Int, status: Int, response: bool) -> None:
    if wants_details(out, row):
        add_integer(out, row, fields.STATUS_OF_CONTROL, status & 0x7F)
    if response and status & 0x7F:
        out.messages[row]["status"] = CONTROL_STATUS + (status & 0x7F)
        out.messages[row]["flags"] |= NEGATIVE


@kernel
def _decode_block(data: Bytes, at: Int, out: Out, row: Int, response: bool) -> None:
    """Control code, count, on time, off time, status: 11 octets."""
    code = u8(data, at)
    out.messages[row]["value_kind"] = ValueKind.DISCRETE
    out.messages[row]["value"] = code
    if wants_details(out, row):
        add_integer(out, row, fields.CONTROL_CODE, code)
        add_integer(out, row, fields.CONTROL_OPERATION, code & 0x0F)
        add_integer(out, row, fields.QUEUE, code >> 4 & 1)
        add_integer(out, row, fields.CLEAR, code >> 5 & 1)
        add_integer(out, row, fields.TRIP_CLOSE_CODE, code >> 6)
        add_integer(out, row, fields.EXECUTE_COUNT, u8(data, at + 1))
        add_integer(out, row, fields.ON_TIME, le32(data, at + 2))
        add_integer(out, row, fields.OFF_TIME, le32(data, at + 6))
    _set_status(out, row, u8(data, at + 10), response)


@kernel
def _decode_set_point(data: Bytes, at: Int, variation: Int, out: Out, row: Int, response: bool) -> None:
    """The requested value and the status: int32, int16, single or double by variation."""
    message = out.messages[row]
    details = wants_details(out, row)
    if variation <= 2:
        if variation == 1:
            number, width = signed(le32(data, at), 32), np.int64(4)
        else:
            number, width = signed(le16(data, at), 16), np.int64(2)
        message["value_kind"] = ValueKind.INTEGER
        message["value"] = number
        if details:
            add_integer(out, row, fields.VALUES, number)
    else:
        if variation == 3:
            value, width = real32(le32(data, at)), np.int64(4)
        else:
            value, width = real64(le64(data, at)), np.int64(8)
        if np.isfinite(value):
            message["value_kind"] = ValueKind.REAL
            message["value"] = value
        if details:
            add_real(out, row, fields.VALUES, value)
    _set_status(out, row, u8(data, at + width), response)


@kernel
def decode_control(
    data: Bytes, at: Int, group: Int, variation: Int, out: Out, row: Int, response: bool
) -> None:
    """The command at `at`, whose size the caller has checked, into its own row."""
    if group == BINARY_COMMAND:
        _decode_block(data, at, out, row, response)
    else:
        _decode_set_point(data, at, variation, out, row, response)
