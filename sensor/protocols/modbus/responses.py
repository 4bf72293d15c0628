"""What servers answer (MODBUS Application Protocol V1.1b3, 6)."""

from __future__ import annotations

from sensor.kernel import kernel
from sensor.messages import IDENTITY, Out, ValueKind, add_bytes, add_integer, add_text, wants_details
from sensor.octets import be16, u8
from sensor.protocols.modbus import fields
from sensor.protocols.modbus.framing import fits_response, is_foreign
from sensor.protocols.modbus.functions import (
    DIAGNOSTICS,
    ENCAPSULATED,
    EVENT_COUNTER,
    MASK_WRITE,
    MEI_DEVICE_ID,
    READ_COILS,
    READ_DISCRETE_INPUTS,
    READ_HOLDING,
    READ_INPUT,
    READ_WRITE,
    REPORT_SERVER_ID,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)
from sensor.protocols.modbus.values import add_bits, add_registers, keep_bits, keep_registers
from sensor.types import Bytes, Int
from sensor.types import Record as Row


@kernel
def _decode_device_id(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Read Device Identification response (6.21): `at` is behind the MEI type."""
    out.messages[index]["flags"] |= IDENTITY
    add_integer(out, index, fields.DEVICE_ID, u8(data, at))
    add_integer(out, index, fields.CONFORMITY, u8(data, at + 1))
    objects = u8(data, at + 4)
    at += 5
    for _ in range(objects):
        if at + 2 > end or at + 2 + u8(data, at + 1) > end:
            return False
        add_integer(out, index, fields.OBJECT_ID, u8(data, at))
        add_text(out, index, fields.OBJECT_VALUE, at + 2, u8(data, at + 1))
        at += 2 + u8(data, at + 1)
    return at == end


@kernel
def decode_response(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the response's octets after the function code; whether they fit it."""
    row: Row = out.messages[index]
    function = row["function"]
    details = wants_details(out, index)
    if not fits_response(data, at - 1, end - at + 1):
        if details:
            add_bytes(out, index, fields.DATA, at, end - at)
        return is_foreign(function)
    if function in (READ_COILS, READ_DISCRETE_INPUTS):
        if row["count"] >= 0 and (row["count"] + 7) // 8 != end - at - 1:
            return False
        # A state in the row would make a behaviour of its own of every pattern that is read.
        if row["address"] >= 0:
            keep_bits(data, at + 1, end, row["count"], out, index)
        if details:
            add_bits(data, at + 1, end, row["count"], out, index)
    elif function in (READ_HOLDING, READ_INPUT, READ_WRITE):
        if row["count"] >= 0 and function != READ_WRITE and row["count"] * 2 != end - at - 1:
            return False
        if end - at >= 3 and function != READ_WRITE:
            row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 1)
            if row["address"] >= 0:
                keep_registers(data, at + 1, end, out, index)
        if details:
            add_registers(data, at + 1, end, out, index)
    elif function in (WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS, MASK_WRITE):
        row["address"] = be16(data, at)
        if function == WRITE_COILS or function == WRITE_REGISTERS:
            row["count"] = be16(data, at + 2)
        elif function != MASK_WRITE:
            row["count"] = 1
            row["value"] = be16(data, at + 2)
            if function == WRITE_COIL:
                row["value"] = 1.0 if be16(data, at + 2) == 0xFF00 else 0.0
    elif function == EVENT_COUNTER:
        if details:
            add_integer(out, index, fields.EVENT_COUNT, be16(data, at + 2))
    elif function == REPORT_SERVER_ID:
        row["flags"] |= IDENTITY
        add_bytes(out, index, fields.SERVER_ID, at + 1, end - at - 1)
    elif function == DIAGNOSTICS:
        if details:
            add_bytes(out, index, fields.DIAGNOSTIC_DATA, at + 2, end - at - 2)
    elif function == ENCAPSULATED and u8(data, at) == MEI_DEVICE_ID:
        return _decode_device_id(data, at + 1, end, out, index)
    elif details and end > at:
        add_bytes(out, index, fields.DATA, at, end - at)
    return True
