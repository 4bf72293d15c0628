"""S7comm PDUs: the header, jobs and their answers.

The header: 32, ROSCTR, reserve (2), PDU reference (2), lengths of parameters and data (2 each), and
in answers error class and error code. Jobs and answers begin their parameters with the function.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import (
    NEGATIVE,
    Kind,
    Operation,
    Out,
    add_bytes,
    add_integer,
    wants_details,
)
from sensor.octets import be16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import (
    ACK,
    ACK_DATA,
    CPU_SERVICES,
    END_UPLOAD,
    JOB,
    PI_SERVICE,
    PLC_STOP,
    READ_VAR,
    REQUEST_DOWNLOAD,
    SETUP_COMMUNICATION,
    USERDATA,
    WRITE_VAR,
)
from sensor.protocols.s7comm.programs import (
    decode_service,
    decode_stop,
    decode_transfer,
    decode_transferred,
    transfer_operation,
)
from sensor.protocols.s7comm.variables import (
    decode_answered,
    decode_requested,
    decode_written,
    sections,
    transaction_of,
)
from sensor.types import Bytes, Int


@inner
def decode_header(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> Int:
    """Fill the row from the header; its ROSCTR, or 0 where there is no whole header of a known one."""
    if end - at < 10:
        return np.int64(0)
    rosctr, reference = u8(data, at + 1), be16(data, at + 4)
    out.messages[index]["transaction"] = reference
    details = wants_details(out, index)
    if details:
        add_integer(out, index, fields.ROSCTR, rosctr)
        add_integer(out, index, fields.PDU_REFERENCE, reference)
    if rosctr == JOB or rosctr == USERDATA:
        return rosctr
    if (rosctr != ACK and rosctr != ACK_DATA) or end - at < 12:
        return np.int64(0)
    if details:
        add_integer(out, index, fields.ERROR_CLASS, u8(data, at + 10))
        add_integer(out, index, fields.ERROR_CODE, u8(data, at + 11))
    return rosctr


@inner
def operation_of(function: Int) -> Int:
    """The operation of a job's function; a PI service's depends on its name."""
    if function == READ_VAR:
        return np.int64(Operation.READ)
    if function == WRITE_VAR:
        return np.int64(Operation.WRITE)
    if REQUEST_DOWNLOAD <= function <= END_UPLOAD:
        return transfer_operation(function)
    if function == PLC_STOP:
        return np.int64(Operation.STOP)
    if function == SETUP_COMMUNICATION:
        return np.int64(Operation.SESSION)
    return np.int64(Operation.DIAGNOSE if function == CPU_SERVICES else Operation.OTHER)


@inner
def _setup(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Setup Communication: reserve, unanswered jobs of the client and the server, PDU length."""
    if end - at < 7:
        return False
    if wants_details(out, index):
        add_integer(out, index, fields.AMQ_CALLING, be16(data, at + 1))
        add_integer(out, index, fields.AMQ_CALLED, be16(data, at + 3))
        add_integer(out, index, fields.PDU_LENGTH, be16(data, at + 5))
    return True


@inner
def decode_job(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the job whose header begins at `at`; whether it is well-formed."""
    at, values, end, fits = sections(data, at, end, np.int64(10))
    row = out.messages[index]
    row["kind"] = Kind.REQUEST
    row["transaction"] = transaction_of(row)
    if at >= values:
        ask(out.pairs, row, 0)
        return False
    function = u8(data, at)
    row["function"] = function
    row["operation"] = operation_of(function)
    at += 1
    if function == READ_VAR or function == WRITE_VAR:
        count = u8(data, at) if at < values else np.int64(0)
        if count == 0:
            ask(out.pairs, row, 0)
            return False
        written = values if function == WRITE_VAR else np.int64(-1)
        return decode_requested(data, at + 1, values, written, end, count, out, index) and fits
    good = True
    if REQUEST_DOWNLOAD <= function <= END_UPLOAD:
        good = decode_transfer(data, at, values, out, index)
    elif function == PI_SERVICE:
        good = decode_service(data, at, values, out, index)
    elif function == PLC_STOP:
        good = decode_stop(data, at, values, out, index)
    elif function == SETUP_COMMUNICATION:
        good = _setup(data, at, values, out, index)
    elif wants_details(out, index) and end > at:
        add_bytes(out, index, fields.DATA, at, end - at)
    ask(out.pairs, row, 0)
    return good and fits


@inner
def decode_answer(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the answer whose header begins at `at`; whether it is well-formed.

    One without parameters has the function of its job.
    """
    error = be16(data, at + 10)
    at, values, end, fits = sections(data, at, end, np.int64(12))
    row = out.messages[index]
    row["kind"] = Kind.RESPONSE
    row["transaction"] = transaction_of(row)
    row["status"] = error
    place = find(out.pairs, row["stream"], row["transaction"], 0)
    function = np.int64(-1)
    if at < values:
        function = u8(data, at)
    elif place >= 0:
        function = np.int64(out.pairs.pending[place]["function"])
    row["function"] = function
    if error != 0:
        answer(out.pairs, row)
        row["operation"] = Operation.PROTOCOL_ERROR
        row["flags"] |= NEGATIVE
        if wants_details(out, index) and end > values:
            add_bytes(out, index, fields.DATA, values, end - values)
        return fits
    at += 1
    if (function == READ_VAR or function == WRITE_VAR) and at < values:
        row["operation"] = operation_of(function)
        count = u8(data, at)
        if count == 0:
            answer(out.pairs, row)
            return False
        if function == READ_VAR:
            return decode_answered(data, values, end, count, out, index) and fits
        return decode_written(data, values, end, count, out, index) and fits
    answer(out.pairs, row)
    if row["operation"] == 0:
        row["operation"] = operation_of(function)
    if REQUEST_DOWNLOAD <= function <= END_UPLOAD:
        return decode_transferred(data, at, values, values, end, out, index) and fits
    if function == SETUP_COMMUNICATION:
        return _setup(data, at, values, out, index) and fits
    if wants_details(out, index) and at < end:
        add_bytes(out, index, fields.DATA, at, end - at)
    return fits
