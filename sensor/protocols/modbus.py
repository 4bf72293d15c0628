"""Modbus/TCP: requests, responses, exceptions, device identification.

Specification: MODBUS Application Protocol V1.1b3 (functions, exceptions), MODBUS Messaging on
TCP/IP Implementation Guide V1.0b (MBAP header). Every public function is decoded; function 90
(Schneider's UMAS) is classified by its own codes, other private functions as such; their octets are
kept. Left out: CANopen general reference (MEI 13) beyond its type, and Modbus/TCP Security, which is
TLS.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    FROM_SERVER,
    IDENTITY,
    MALFORMED,
    Buffers,
    Operation,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_message,
    add_text,
    add_value,
    begin_pdu,
    data_of,
    is_full,
    wants_details,
)
from sensor.octets import be16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.protocol import (
    IS_EITHER,
    IS_REQUEST,
    IS_RESPONSE,
    NEED_MORE,
    NOT_IT,
    UNFRAMED,
    Fact,
    Field,
    Number,
    Protocol,
    Record,
    field_ids,
)
from sensor.protocols.umas import FUNCTIONS as UMAS_FUNCTIONS
from sensor.protocols.umas import OPERATION as UMAS_OPERATION
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row

PORTS = (502,)
HEADER = 7
LONGEST_PDU = 254
"""Unit identifier and PDU: the length field counts both, and a PDU has at most 253 octets. Stacks
that exceed it exist, so up to LENIENT_LENGTH is framed."""
LENIENT_LENGTH = 512

READ_COILS, READ_DISCRETE_INPUTS, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, READ_EXCEPTION_STATUS, DIAGNOSTICS = 5, 6, 7, 8
EVENT_COUNTER, EVENT_LOG, WRITE_COILS, WRITE_REGISTERS, REPORT_SERVER_ID = 11, 12, 15, 16, 17
READ_FILE, WRITE_FILE, MASK_WRITE, READ_WRITE, READ_FIFO, ENCAPSULATED = 20, 21, 22, 23, 24, 43
UMAS = 90
MEI_CANOPEN, MEI_DEVICE_ID = 13, 14

FUNCTIONS = {
    (READ_COILS, -1): "Read Coils",
    (READ_DISCRETE_INPUTS, -1): "Read Discrete Inputs",
    (READ_HOLDING, -1): "Read Holding Registers",
    (READ_INPUT, -1): "Read Input Registers",
    (WRITE_COIL, -1): "Write Single Coil",
    (WRITE_REGISTER, -1): "Write Single Register",
    (READ_EXCEPTION_STATUS, -1): "Read Exception Status",
    (DIAGNOSTICS, -1): "Diagnostics",
    (DIAGNOSTICS, 0): "Return Query Data",
    (DIAGNOSTICS, 1): "Restart Communications Option",
    (DIAGNOSTICS, 2): "Return Diagnostic Register",
    (DIAGNOSTICS, 3): "Change ASCII Input Delimiter",
    (DIAGNOSTICS, 4): "Force Listen Only Mode",
    (DIAGNOSTICS, 10): "Clear Counters and Diagnostic Register",
    (DIAGNOSTICS, 11): "Return Bus Message Count",
    (DIAGNOSTICS, 12): "Return Bus Communication Error Count",
    (DIAGNOSTICS, 13): "Return Bus Exception Error Count",
    (DIAGNOSTICS, 14): "Return Server Message Count",
    (DIAGNOSTICS, 15): "Return Server No Response Count",
    (DIAGNOSTICS, 16): "Return Server NAK Count",
    (DIAGNOSTICS, 17): "Return Server Busy Count",
    (DIAGNOSTICS, 18): "Return Bus Character Overrun Count",
    (DIAGNOSTICS, 20): "Clear Overrun Counter and Flag",
    (EVENT_COUNTER, -1): "Get Comm Event Counter",
    (EVENT_LOG, -1): "Get Comm Event Log",
    (WRITE_COILS, -1): "Write Multiple Coils",
    (WRITE_REGISTERS, -1): "Write Multiple Registers",
    (REPORT_SERVER_ID, -1): "Report Server ID",
    (READ_FILE, -1): "Read File Record",
    (WRITE_FILE, -1): "Write File Record",
    (MASK_WRITE, -1): "Mask Write Register",
    (READ_WRITE, -1): "Read/Write Multiple Registers",
    (READ_FIFO, -1): "Read FIFO Queue",
    (ENCAPSULATED, -1): "Encapsulated Interface Transport",
    (ENCAPSULATED, MEI_CANOPEN): "CANopen General Reference",
    (ENCAPSULATED, MEI_DEVICE_ID): "Read Device Identification",
    (UMAS, -1): "Schneider UMAS",
    **{(UMAS, code): name for code, (name, _) in UMAS_FUNCTIONS.items()},
}
EXCEPTIONS = {
    1: "Illegal Function",
    2: "Illegal Data Address",
    3: "Illegal Data Value",
    4: "Server Device Failure",
    5: "Acknowledge",
    6: "Server Device Busy",
    7: "Negative Acknowledge",
    8: "Memory Parity Error",
    10: "Gateway Path Unavailable",
    11: "Gateway Target Device Failed to Respond",
}
COIL, DISCRETE_INPUT, HOLDING_REGISTER, INPUT_REGISTER, FILE_RECORD, FIFO = 0, 1, 2, 3, 4, 5
SPACES = {
    COIL: "coil",
    DISCRETE_INPUT: "discrete_input",
    HOLDING_REGISTER: "holding_register",
    INPUT_REGISTER: "input_register",
    FILE_RECORD: "file_record",
    FIFO: "fifo",
}
DEVICE_ID_OBJECTS = {
    0: "vendor_name",
    1: "product_code",
    2: "major_minor_revision",
    3: "vendor_url",
    4: "product_name",
    5: "model_name",
    6: "user_application_name",
}
CONFORMITY = {
    0x01: "basic, stream",
    0x02: "regular, stream",
    0x03: "extended, stream",
    0x81: "basic, stream and individual",
    0x82: "regular, stream and individual",
    0x83: "extended, stream and individual",
}
READ_DEVICE_ID = {1: "basic", 2: "regular", 3: "extended", 4: "individual"}

FIELDS = (
    Field("modbus.transaction_id", "integer", "MBAP transaction identifier", volatile=True),
    Field("modbus.values", "integer", "Register values or bits, in the order of addresses", True),
    Field("modbus.data", "bytes", "Octets of a function without fields of its own"),
    Field("modbus.and_mask", "hex", "Mask Write Register: AND mask"),
    Field("modbus.or_mask", "hex", "Mask Write Register: OR mask"),
    Field("modbus.write_address", "integer", "Read/Write Multiple Registers: first written register"),
    Field("modbus.write_count", "integer", "Read/Write Multiple Registers: registers written"),
    Field("modbus.file", "integer", "File number of each file record", True),
    Field("modbus.record", "integer", "First record of each file record", True),
    Field("modbus.conformity", "integer", "Device identification: conformity level", values=CONFORMITY),
    Field("modbus.device_id", "integer", "Device identification: kind of access", values=READ_DEVICE_ID),
    Field(
        "modbus.object_id",
        "integer",
        "Device identification: object, one for each value",
        True,
        DEVICE_ID_OBJECTS,
    ),
    Field("modbus.object_value", "text", "Device identification: value of each object", True),
    Field("modbus.server_id", "bytes", "Report Server ID: the device's own data"),
    Field("modbus.event_count", "integer", "Comm event counter"),
    Field("modbus.diagnostic_data", "hex", "Diagnostics: data field"),
    Field("modbus.length", "integer", "MBAP length field, where it contradicts the PDU"),
)
_IDS = field_ids(Number.MODBUS, FIELDS)
_TRANSACTION_ID = _IDS["modbus.transaction_id"]
_VALUES = _IDS["modbus.values"]
_DATA = _IDS["modbus.data"]
_AND_MASK = _IDS["modbus.and_mask"]
_OR_MASK = _IDS["modbus.or_mask"]
_WRITE_ADDRESS = _IDS["modbus.write_address"]
_WRITE_COUNT = _IDS["modbus.write_count"]
_FILE = _IDS["modbus.file"]
_RECORD = _IDS["modbus.record"]
_CONFORMITY = _IDS["modbus.conformity"]
_DEVICE_ID = _IDS["modbus.device_id"]
_OBJECT_ID = _IDS["modbus.object_id"]
_OBJECT_VALUE = _IDS["modbus.object_value"]
_SERVER_ID = _IDS["modbus.server_id"]
_EVENT_COUNT = _IDS["modbus.event_count"]
_DIAGNOSTIC_DATA = _IDS["modbus.diagnostic_data"]
_LENGTH = _IDS["modbus.length"]


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the ADU that starts at `at`; 0 where more are needed to tell, UNFRAMED if none.

    The MBAP header: transaction (2), protocol (2, always 0), length (2), unit (1).
    """
    if available >= 4 and be16(data, at + 2) != 0:
        return np.int64(UNFRAMED)
    if available < 6:
        return np.int64(0)
    length = be16(data, at + 4)
    if length < 2 or length > LENIENT_LENGTH:
        return np.int64(UNFRAMED)
    return 6 + length


@kernel
def _is_foreign(function: Int) -> bool:
    """Whether a function is not the specification's: user-defined or reserved (5.1), never 0 (4.1)."""
    if function > READ_FIFO:
        return function != ENCAPSULATED
    return function in (9, 10, 13, 14, 18, 19)


@kernel
def _fits_request(data: Bytes, at: Int, length: Int) -> bool:
    """Whether a PDU of `length` octets (function code first) is a well-formed public request."""
    function = u8(data, at)
    if 1 <= function <= 6:
        return length == 5
    if function == DIAGNOSTICS:
        return length >= 5
    if function == WRITE_COILS or function == WRITE_REGISTERS:
        return length >= 6 and length == 6 + u8(data, at + 5)
    if function == MASK_WRITE:
        return length == 7
    if function == READ_WRITE:
        return length >= 10 and length == 10 + u8(data, at + 9)
    if function == READ_FILE or function == WRITE_FILE:
        return length >= 2 and length == 2 + u8(data, at + 1)
    if function == READ_FIFO:
        return length == 3
    if function == ENCAPSULATED:
        return length >= 2 and ((u8(data, at + 1) == MEI_DEVICE_ID and length == 4) or u8(data, at + 1) == 13)
    return function in (7, 11, 12, 17) and length == 1


@kernel
def _fits_response(data: Bytes, at: Int, length: Int) -> bool:
    """Whether a PDU of `length` octets is a well-formed public response or exception."""
    function = u8(data, at)
    if function > 0x80:
        return length == 2 and 1 <= u8(data, at + 1) <= 11
    if 1 <= function <= 4 or function in (12, 17, 20, 21, READ_WRITE):
        return length >= 2 and length == 2 + u8(data, at + 1)
    if function == WRITE_COIL or function == WRITE_REGISTER or function in (11, 15, 16):
        return length == 5
    if function == READ_EXCEPTION_STATUS:
        return length == 2
    if function == DIAGNOSTICS:
        return length >= 5
    if function == MASK_WRITE:
        return length == 7
    if function == READ_FIFO:
        return length >= 5 and length == 3 + be16(data, at + 1)
    if function == ENCAPSULATED:
        return (length >= 8 and u8(data, at + 1) == MEI_DEVICE_ID) or (length >= 2 and u8(data, at + 1) == 13)
    return False


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets that begin a stream or datagram are Modbus; see `protocol`'s verdicts.

    On its own port a header whose length is right is enough, so that private functions count; on
    other ports the function must be a public one of the right shape.
    """
    total = frame_length(data, at, length)
    if total == UNFRAMED:
        return np.int64(NOT_IT)
    if total == 0 or length < total:
        if total > 6 + LONGEST_PDU and not known_port:
            return np.int64(NOT_IT)
        return np.int64(NEED_MORE)
    request = _fits_request(data, at + HEADER, total - HEADER)
    response = _fits_response(data, at + HEADER, total - HEADER)
    if (request and response) or (not request and not response and known_port):
        return np.int64(IS_EITHER)
    if request:
        return np.int64(IS_REQUEST)
    return np.int64(IS_RESPONSE if response else NOT_IT)


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
def _add_registers(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> None:
    for place in range(at, end - 1, 2):
        add_integer(out, message, _VALUES, be16(data, place))


@kernel
def _keep_registers(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> None:
    """The registers as VALUE rows, where there are several."""
    if end - at >= 4:
        for place in range(at, end - 1, 2):
            add_value(out, message, (place - at) // 2, ValueKind.INTEGER, float(be16(data, place)))


@kernel
def _keep_bits(data: Bytes, at: Int, end: Int, count: Int, out: Out, message: Int) -> None:
    """Bits as VALUE rows."""
    for bit in range(min(count, (end - at) * 8)):
        state = u8(data, at + bit // 8) >> (bit % 8) & 1
        add_value(out, message, np.int64(bit), ValueKind.DISCRETE, float(state))


@kernel
def _add_bits(data: Bytes, at: Int, end: Int, count: Int, out: Out, message: Int) -> None:
    bits = (end - at) * 8
    if 0 <= count < bits:
        bits = count
    for bit in range(bits):
        add_integer(out, message, _VALUES, u8(data, at + bit // 8) >> (bit % 8) & 1)


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
            add_integer(out, message, _FILE, file)
            add_integer(out, message, _RECORD, record)
        if writes:
            if at + 2 * count > end:
                return False
            if wants_details(out, message):
                _add_registers(data, at, at + 2 * count, out, message)
            at += 2 * count
        part += 1
    return at == end


@kernel
def _decode_request(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the request's octets after the function code; whether they fit it."""
    row: Row = out.messages[index]
    function = row["function"]
    details = wants_details(out, index)
    if not _fits_request(data, at - 1, end - at + 1):
        if details:
            add_bytes(out, index, _DATA, at, end - at)
        return _is_foreign(function)
    if 1 <= function <= 4:
        row["address"], row["count"] = be16(data, at), be16(data, at + 2)
        most = 2000 if function <= READ_DISCRETE_INPUTS else 125
        return 1 <= row["count"] <= most
    if function == WRITE_COIL:
        row["address"], row["count"] = be16(data, at), 1
        row["value_kind"] = ValueKind.DISCRETE
        row["value"] = 1.0 if be16(data, at + 2) == 0xFF00 else 0.0
        if details:
            add_integer(out, index, _VALUES, np.int64(row["value"]))
        return be16(data, at + 2) == 0xFF00 or be16(data, at + 2) == 0
    if function == WRITE_REGISTER:
        row["address"], row["count"] = be16(data, at), 1
        row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 2)
        if details:
            add_integer(out, index, _VALUES, be16(data, at + 2))
        return True
    if function == DIAGNOSTICS:
        if details:
            add_bytes(out, index, _DIAGNOSTIC_DATA, at + 2, end - at - 2)
        return True
    if function == WRITE_COILS or function == WRITE_REGISTERS:
        row["address"], row["count"] = be16(data, at), be16(data, at + 2)
        octets = u8(data, at + 4)
        if function == WRITE_COILS:
            row["value_kind"] = ValueKind.DISCRETE
            row["value"] = u8(data, at + 5) & 1 if octets else 0
            if row["count"] > 1:
                _keep_bits(data, at + 5, end, row["count"], out, index)
            if details:
                _add_bits(data, at + 5, end, row["count"], out, index)
            return 1 <= row["count"] <= 0x7B0 and octets == (row["count"] + 7) // 8
        if octets >= 2:
            row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 5)
        _keep_registers(data, at + 5, end, out, index)
        if details:
            _add_registers(data, at + 5, end, out, index)
        return 1 <= row["count"] <= 123 and octets == 2 * row["count"]
    if function == MASK_WRITE:
        row["address"], row["count"] = be16(data, at), 1
        if details:
            add_integer(out, index, _AND_MASK, be16(data, at + 2))
            add_integer(out, index, _OR_MASK, be16(data, at + 4))
        return True
    if function == READ_WRITE:
        # The written range is what matters to a plant: it is the row's address and count.
        row["address"], row["count"] = be16(data, at + 4), be16(data, at + 6)
        if u8(data, at + 8) >= 2:
            row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 9)
        _keep_registers(data, at + 9, end, out, index)
        if details:
            add_integer(out, index, _WRITE_ADDRESS, be16(data, at + 4))
            add_integer(out, index, _WRITE_COUNT, be16(data, at + 6))
            _add_registers(data, at + 9, end, out, index)
        return u8(data, at + 8) == 2 * be16(data, at + 6)
    if function == READ_FILE or function == WRITE_FILE:
        return _decode_file_requests(data, at, end, out, index)
    if function == READ_FIFO:
        row["address"] = be16(data, at)
    if function == ENCAPSULATED and u8(data, at) == MEI_DEVICE_ID and details:
        add_integer(out, index, _DEVICE_ID, u8(data, at + 1))
        add_integer(out, index, _OBJECT_ID, u8(data, at + 2))
    return True


@kernel
def _decode_device_id(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Read Device Identification response (6.21): `at` is behind the MEI type."""
    out.messages[index]["flags"] |= IDENTITY
    add_integer(out, index, _DEVICE_ID, u8(data, at))
    add_integer(out, index, _CONFORMITY, u8(data, at + 1))
    objects = u8(data, at + 4)
    at += 5
    for _ in range(objects):
        if at + 2 > end or at + 2 + u8(data, at + 1) > end:
            return False
        add_integer(out, index, _OBJECT_ID, u8(data, at))
        add_text(out, index, _OBJECT_VALUE, at + 2, u8(data, at + 1))
        at += 2 + u8(data, at + 1)
    return at == end


@kernel
def _decode_response(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from the response's octets after the function code; whether they fit it."""
    row: Row = out.messages[index]
    function = row["function"]
    details = wants_details(out, index)
    if not _fits_response(data, at - 1, end - at + 1):
        if details:
            add_bytes(out, index, _DATA, at, end - at)
        return _is_foreign(function)
    if function in (READ_COILS, READ_DISCRETE_INPUTS):
        if row["count"] >= 0 and (row["count"] + 7) // 8 != end - at - 1:
            return False
        # A state in the row would make a behaviour of its own of every pattern that is read.
        if row["address"] >= 0:
            _keep_bits(data, at + 1, end, row["count"], out, index)
        if details:
            _add_bits(data, at + 1, end, row["count"], out, index)
    elif function in (READ_HOLDING, READ_INPUT, READ_WRITE):
        if row["count"] >= 0 and function != READ_WRITE and row["count"] * 2 != end - at - 1:
            return False
        if end - at >= 3 and function != READ_WRITE:
            row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at + 1)
            if row["address"] >= 0:
                _keep_registers(data, at + 1, end, out, index)
        if details:
            _add_registers(data, at + 1, end, out, index)
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
            add_integer(out, index, _EVENT_COUNT, be16(data, at + 2))
    elif function == REPORT_SERVER_ID:
        row["flags"] |= IDENTITY
        add_bytes(out, index, _SERVER_ID, at + 1, end - at - 1)
    elif function == DIAGNOSTICS:
        if details:
            add_bytes(out, index, _DIAGNOSTIC_DATA, at + 2, end - at - 2)
    elif function == ENCAPSULATED and u8(data, at) == MEI_DEVICE_ID:
        return _decode_device_id(data, at + 1, end, out, index)
    elif details and end > at:
        add_bytes(out, index, _DATA, at, end - at)
    return True


@kernel
def _decode_adu(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Fill the row from one ADU; whether it is well-formed."""
    row: Row = out.messages[index]
    if end - at < HEADER + 1 or be16(data, at + 2) != 0 or be16(data, at + 4) != end - at - 6:
        return False
    row["transaction"] = be16(data, at)
    row["unit"] = u8(data, at + 6)
    if wants_details(out, index):
        add_integer(out, index, _TRANSACTION_ID, row["transaction"])
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
        good = _decode_request(data, at + HEADER + 1, end, out, index)
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
    return _decode_response(data, at + HEADER + 1, end, out, index)


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


def new_state() -> Ints:
    """Modbus keeps no state of its own between PDUs: pairing is in `Out`."""
    return np.zeros(1, np.int64)


def describe(record: Record) -> str:
    """`holding_register 100-109`, `file 4 record 7`, or the device identification object."""
    row = record.message
    space = SPACES.get(int(row["space"]), "")
    address, count = int(row["address"]), int(row["count"])
    if address < 0:
        return space
    if row["space"] == FILE_RECORD:
        return f"file {address >> 16} record {address & 0xFFFF}"
    return f"{space} {address}" if count <= 1 else f"{space} {address}-{address + count - 1}"


_FACT_OF_OBJECT = {0: "vendor", 1: "model", 2: "firmware", 4: "product", 5: "model"}


def facts(record: Record) -> Iterator[Fact]:
    """Vendor, model and firmware from Read Device Identification (6.21, table of object ids)."""
    identifiers = record.details.get("modbus.object_id", [])
    for identifier, value in zip(identifiers, record.details.get("modbus.object_value", []), strict=False):
        if identifier in _FACT_OF_OBJECT and value.strip():
            # A product code is only the model where there is no model name.
            yield record.fact(_FACT_OF_OBJECT[identifier], value, confidence=0.8 if identifier == 1 else 0.95)


PROTOCOL = Protocol(
    Number.MODBUS,
    "modbus",
    "Modbus/TCP",
    FIELDS,
    FUNCTIONS,
    SPACES,
    EXCEPTIONS,
    PORTS,
    describe=describe,
    facts=facts,
)
