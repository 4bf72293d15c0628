"""From an ADU to its message row: header, function, request with response."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    FROM_SERVER,
    MALFORMED,
    Buffers,
    Operation,
    Out,
    add_integer,
    add_message,
    begin_pdu,
    data_of,
    is_full,
    wants_details,
)
from sensor.octets import be16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.modbus import fields
from sensor.protocols.modbus.framing import HEADER
from sensor.protocols.modbus.functions import (
    COIL,
    DIAGNOSTICS,
    DISCRETE_INPUT,
    ENCAPSULATED,
    EVENT_COUNTER,
    EVENT_LOG,
    FIFO,
    FILE_RECORD,
    HOLDING_REGISTER,
    INPUT_REGISTER,
    MASK_WRITE,
    MEI_DEVICE_ID,
    READ_COILS,
    READ_DISCRETE_INPUTS,
    READ_EXCEPTION_STATUS,
    READ_FIFO,
    READ_FILE,
    READ_HOLDING,
    READ_INPUT,
    READ_WRITE,
    REPORT_SERVER_ID,
    UMAS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_FILE,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)
from sensor.protocols.modbus.requests import decode_request
from sensor.protocols.modbus.responses import decode_response
from sensor.protocols.modbus.umas import OPERATION as UMAS_OPERATION
from sensor.protocols.protocol import Number
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row


@kernel
def _operation(function: Int, subfunction: Int) -> Int:
    if function <= READ_INPUT or function == READ_FIFO:
        return np.int64(Operation.READ)
    if function in (WRITE_REGISTER, WRITE_REGISTERS, MASK_WRITE, READ_WRITE):
        return np.int64(Operation.WRITE)
    if function == WRITE_COIL or function == WRITE_COILS:
        return np.int64(Operation.OPERATE)
    if function == DIAGNOSTICS:
        if subfunction == 1:
            return np.int64(Operation.RESET)
        return np.int64(Operation.MODE if subfunction == 4 else Operation.DIAGNOSE)
    if function in (READ_EXCEPTION_STATUS, EVENT_COUNTER, EVENT_LOG):
        return np.int64(Operation.DIAGNOSE)
    if function == REPORT_SERVER_ID or (function == ENCAPSULATED and subfunction == MEI_DEVICE_ID):
        return np.int64(Operation.IDENTIFY)
    if function == READ_FILE or function == WRITE_FILE:
        return np.int64(Operation.FILE)
    if function == UMAS and 0 <= subfunction < 256:
        return np.int64(UMAS_OPERATION[subfunction])
    return np.int64(Operation.OTHER)


@kernel
def _space(function: Int) -> Int:
    if function in (READ_COILS, WRITE_COIL, WRITE_COILS):
        return np.int64(COIL)
    if function == READ_DISCRETE_INPUTS:
        return np.int64(DISCRETE_INPUT)
    if function in (READ_HOLDING, WRITE_REGISTER, WRITE_REGISTERS, MASK_WRITE, READ_WRITE):
        return np.int64(HOLDING_REGISTER)
    if function == READ_INPUT:
        return np.int64(INPUT_REGISTER)
    if function == READ_FILE or function == WRITE_FILE:
        return np.int64(FILE_RECORD)
    return np.int64(FIFO if function == READ_FIFO else -1)


@kernel
def _decode_adu(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from one ADU; whether it is well-formed."""
    row: Row = out.messages[index]
    if end - at < HEADER + 1 or be16(data, at + 2) != 0 or be16(data, at + 4) != end - at - 6:
        return False
    row["transaction"] = be16(data, at)
    row["unit"] = u8(data, at + 6)
    if wants_details(out, index):
        add_integer(out, index, fields.TRANSACTION_ID, row["transaction"])
    code = u8(data, at + HEADER)
    function = code & 0x7F if row["direction"] == FROM_SERVER else code
    row["function"] = function
    row["space"] = _space(function)
    if function == DIAGNOSTICS and end - at >= HEADER + 3 and code < 0x80:
        row["subfunction"] = be16(data, at + HEADER + 1)
    elif function == ENCAPSULATED and end - at >= HEADER + 2 and code < 0x80:
        row["subfunction"] = u8(data, at + HEADER + 1)
    elif function == UMAS and end - at >= HEADER + 3:
        row["subfunction"] = u8(data, at + HEADER + 2)
    if row["direction"] != FROM_SERVER:
        row["operation"] = _operation(function, row["subfunction"])
        good = decode_request(data, at + HEADER + 1, end, out, index)
        ask(out.pairs, row, function)
        return good and code < 0x80
    place = find(out.pairs, row["stream"], row["transaction"], 0)
    if place >= 0 and out.pairs.pending[place]["function"] == function:
        answer(out.pairs, row)
    if row["operation"] == 0:
        row["operation"] = _operation(function, row["subfunction"])
    if code >= 0x80:
        row["operation"] = Operation.PROTOCOL_ERROR
        row["status"] = u8(data, at + HEADER + 1) if end - at >= HEADER + 2 else -1
        return end - at == HEADER + 2
    row["status"] = 0
    return decode_response(data, at + HEADER + 1, end, out, index)


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        index = add_message(out, frame, Number.MODBUS, 0)
        out.messages[index]["buffer"] = frame["buffer"]
        good = _decode_adu(data, frame["offset"], frame["offset"] + frame["length"], out, index)
        if not good or frame["flags"] & MALFORMED:
            out.messages[index]["flags"] |= MALFORMED
