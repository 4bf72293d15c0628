"""What clients ask (MODBUS Application Protocol V1.1b3, 6)."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Out, ValueKind, add_bytes, add_integer, add_message, wants_details
from sensor.octets import be16, u8
from sensor.protocols.modbus import fields
from sensor.protocols.modbus.framing import fits_request, is_foreign
from sensor.protocols.modbus.functions import (
    DIAGNOSTICS,
    ENCAPSULATED,
    MASK_WRITE,
    MEI_DEVICE_ID,
    READ_DISCRETE_INPUTS,
    READ_FIFO,
    READ_FILE,
    READ_WRITE,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_FILE,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)
from sensor.protocols.modbus.values import add_bits, add_registers, keep_bits, keep_registers
from sensor.protocols.protocol import Number
from sensor.types import Bytes, Int
from sensor.types import Record as Row


@kernel
def _decode_file_requests(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Sub-requests of functions 20 and 21 (6.14, 6.15): reference type, file, record, length.

    Each becomes a part of the message. A write's sub-request is followed by its registers.
    """
    row: Row = out.messages[index]
    writes = row["function"] == WRITE_FILE
    if at + 1 > end or at + 1 + u8(data, at) != end:
        return False
    at += 1
    part = 0
    while at + 7 <= end:
        if u8(data, at) != 6:
            return False
        message = index
        if part > 0:
            message = add_message(out, row, Number.MODBUS, part)
            out.messages[message]["function"] = row["function"]
            out.messages[message]["operation"] = row["operation"]
            out.messages[message]["unit"] = row["unit"]
            out.messages[message]["space"] = row["space"]
            out.messages[message]["transaction"] = row["transaction"]
            out.messages[message]["buffer"] = row["buffer"]
        target = out.messages[message]
        file, record, count = be16(data, at + 1), be16(data, at + 3), be16(data, at + 5)
        target["address"] = file << 16 | record
        target["count"] = count
        at += 7
        if wants_details(out, message):
            add_integer(out, message, fields.FILE, file)
            add_integer(out, message, fields.RECORD, record)
        if writes:
            if at + 2 * count > end:
                return False
            if wants_details(out, message):
                add_registers(data, at, at + 2 * count, out, message)
            at += 2 * count
        part += 1
    return at == end


@kernel
def decode_request(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the request's octets after the function code; whether they fit it."""
    row: Row = out.messages[index]
    function = row["function"]
    details = wants_details(out, index)
    if not fits_request(data, at - 1, end - at + 1):
        if details:
            add_bytes(out, index, fields.DATA, at, end - at)
        return is_foreign(function)
    if 1 <= function <= 4:
        row["address"], row["count"] = be16(data, at), be16(data, at + 2)
        most = 2000 if function <= READ_DISCRETE_INPUTS else 125
        return 1 <= row["count"] <= most
    if function == WRITE_COIL:
        row["address"], row["count"] = be16(data, at), 1
        row["value_kind"] = ValueKind.DISCRETE
        row["value"] = 1.0 if be16(data, at + 2) == 0xFF00 else 0.0
        if details:
            add_integer(out, index, fields.VALUES, np.int64(row["value"]))
        return be16(data, at + 2) == 0xFF00 or be16(data, at + 2) == 0
    if function == WRITE_REGISTER:
        row["address"], row["count"] = be16(data, at), 1
        row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 2)
        if details:
            add_integer(out, index, fields.VALUES, be16(data, at + 2))
        return True
    if function == DIAGNOSTICS:
        if details:
            add_bytes(out, index, fields.DIAGNOSTIC_DATA, at + 2, end - at - 2)
        return True
    if function == WRITE_COILS or function == WRITE_REGISTERS:
        row["address"], row["count"] = be16(data, at), be16(data, at + 2)
        octets = u8(data, at + 4)
        if function == WRITE_COILS:
            row["value_kind"] = ValueKind.DISCRETE
            row["value"] = u8(data, at + 5) & 1 if octets else 0
            if row["count"] > 1:
                keep_bits(data, at + 5, end, row["count"], out, index)
            if details:
                add_bits(data, at + 5, end, row["count"], out, index)
            return 1 <= row["count"] <= 0x7B0 and octets == (row["count"] + 7) // 8
        if octets >= 2:
            row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 5)
        keep_registers(data, at + 5, end, out, index)
        if details:
            add_registers(data, at + 5, end, out, index)
        return 1 <= row["count"] <= 123 and octets == 2 * row["count"]
    if function == MASK_WRITE:
        row["address"], row["count"] = be16(data, at), 1
        if details:
            add_integer(out, index, fields.AND_MASK, be16(data, at + 2))
            add_integer(out, index, fields.OR_MASK, be16(data, at + 4))
        return True
    if function == READ_WRITE:
        # The written range is what matters to a plant: it is the row's address and count.
        row["address"], row["count"] = be16(data, at + 4), be16(data, at + 6)
        if u8(data, at + 8) >= 2:
            row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 9)
        keep_registers(data, at + 9, end, out, index)
        if details:
            add_integer(out, index, fields.WRITE_ADDRESS, be16(data, at + 4))
            add_integer(out, index, fields.WRITE_COUNT, be16(data, at + 6))
            add_registers(data, at + 9, end, out, index)
        return u8(data, at + 8) == 2 * be16(data, at + 6)
    if function == READ_FILE or function == WRITE_FILE:
        return _decode_file_requests(data, at, end, out, index)
    if function == READ_FIFO:
        row["address"] = be16(data, at)
    if function == ENCAPSULATED and u8(data, at) == MEI_DEVICE_ID and details:
        add_integer(out, index, fields.DEVICE_ID, u8(data, at + 1))
        add_integer(out, index, fields.OBJECT_ID, u8(data, at + 2))
    return True
