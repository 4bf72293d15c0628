"""PCCC: the commands of PLC-5, SLC 500 and MicroLogix, carried by CIP.

DF1 Protocol and Command Set, 1770-6.5.16: chapter 6 (message format), 7 (commands), 8 (status),
10 (diagnostic status), 13 (addressing). Left out: PLC-3 and PLC-5 logical addresses beyond their
octets.

A message's `function` is the command, its `subfunction` the function code; `space` is the file
type, `address` the file number * 2**32 + element * 2**16 + subelement, `count` the octets asked
for or written.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    IDENTITY,
    Operation,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_real,
    add_text,
    add_value,
    set_number,
    wants_details,
)
from sensor.octets import le16, le32, real32, signed, u8
from sensor.protocols.enip import fields
from sensor.protocols.enip.pccc_tables import (
    CHANGE_MODE,
    COUNTER_WORDS,
    DIAGNOSTIC_STATUS,
    FILE_TYPES,
    FUNCTIONS,
    LETTERS,
    MASKED_WRITE_3,
    SET_CPU_MODE,
    STATUSES,
    TYPED_READ_2,
    TYPED_READ_3,
    TYPED_WRITE_2,
    TYPED_WRITE_3,
)
from sensor.protocols.protocol import Fact, Number, Protocol, Record
from sensor.types import Bytes, Int

_TRANSACTION = fields.PCCC["pccc.transaction"]
_STATUS = fields.PCCC["pccc.status"]
_EXTENDED = fields.PCCC["pccc.extended_status"]
_REQUESTOR_VENDOR = fields.PCCC["pccc.requestor_vendor"]
_REQUESTOR_SERIAL = fields.PCCC["pccc.requestor_serial"]
_FILE_NUMBER = fields.PCCC["pccc.file_number"]
_ELEMENT = fields.PCCC["pccc.element"]
_SUBELEMENT = fields.PCCC["pccc.subelement"]
_BYTE_SIZE = fields.PCCC["pccc.byte_size"]
_MASK = fields.PCCC["pccc.mask"]
_MODE = fields.PCCC["pccc.mode"]
_VALUES = fields.PCCC["pccc.values"]
_REALS = fields.PCCC["pccc.reals"]
_DATA = fields.PCCC["pccc.data"]
_PROCESSOR = fields.PCCC["pccc.processor"]
_SERIES_REVISION = fields.PCCC["pccc.series_revision"]
_KEYSWITCH = fields.PCCC["pccc.keyswitch"]

REPLY = 0x40
INTEGER_FILE, FLOAT_FILE, LONG_FILE = 0x89, 0x8A, 0x91


@kernel
def is_pccc(data: Bytes, at: Int, end: Int) -> bool:
    """Whether a requestor identifier (CIP volume 1, 1756-PM020) and a PCCC header stand here."""
    return end - at >= 11 and u8(data, at) >= 7 and at + u8(data, at) + 4 <= end


@kernel
def _operation_of_0f(function: Int) -> Int:
    if function in (0x01, 0x04, 0x09, 0x17, 0x29, 0x68, TYPED_READ_2, TYPED_READ_3):
        return np.int64(Operation.READ)
    if function in (
        0x00,
        0x02,
        0x03,
        0x08,
        0x18,
        0x26,
        0x67,
        0x79,
        TYPED_WRITE_2,
        TYPED_WRITE_3,
        MASKED_WRITE_3,
    ):
        return np.int64(Operation.WRITE)
    if function in (0x05, 0x50, 0x52, 0x57):
        return np.int64(Operation.PROGRAM_DOWNLOAD)
    if function in (0x06, 0x53, 0x55):
        return np.int64(Operation.PROGRAM_UPLOAD)
    if function == 0x07:
        return np.int64(Operation.STOP)
    if function == 0x0A:
        return np.int64(Operation.RESET)
    if function in (0x11, 0x12):
        return np.int64(Operation.SESSION)
    if function in (0x41, 0x5E, 0x8F):
        return np.int64(Operation.CONFIGURE)
    if function in (0x81, 0x82, 0xA7, 0xAF):
        return np.int64(Operation.FILE)
    return np.int64(Operation.MODE if function in (CHANGE_MODE, SET_CPU_MODE) else Operation.OTHER)


@kernel
def operation_of(command: Int, function: Int) -> Int:
    """The Operation of a command and, where it has one, function code."""
    if command == 0x0F:
        return _operation_of_0f(function)
    if command == 0x06:
        if function == DIAGNOSTIC_STATUS:
            return np.int64(Operation.IDENTIFY)
        if function in (0x02, 0x04, 0x05, 0x06, 0x08, 0x0A):
            return np.int64(Operation.CONFIGURE)
        return np.int64(Operation.DIAGNOSE)
    if command == 0x07:
        if function == 0x04:
            return np.int64(Operation.PROGRAM_DOWNLOAD)
        if function == 0x06:
            return np.int64(Operation.PROGRAM_UPLOAD)
        return np.int64(Operation.MODE if function >= 0 else Operation.OTHER)
    if command == 0x01:
        return np.int64(Operation.READ)
    return np.int64(Operation.WRITE if command in (0x00, 0x02, 0x05, 0x08) else Operation.OTHER)


@kernel
def _address_field(data: Bytes, at: Int, end: Int) -> Int:
    """Value * 4 + octets of an address field: one octet, or 255 and two; 0 where it does not fit."""
    if at >= end:
        return np.int64(0)
    if u8(data, at) != 0xFF:
        return u8(data, at) << 2 | 1
    return le16(data, at + 1) << 2 | 3 if at + 3 <= end else np.int64(0)


@kernel
def _keep_array(data: Bytes, at: Int, end: Int, size: Int, out: Out, index: Int) -> None:
    """The elements as VALUE rows; files of structures (timers, control …) count in their words."""
    row = out.messages[index]
    simple = row["space"] in (FLOAT_FILE, LONG_FILE, INTEGER_FILE)
    for place in range(at, end - size + 1, size):
        offset = (place - at) // size << (16 if simple else 0)
        if row["space"] == FLOAT_FILE:
            add_value(out, index, offset, ValueKind.REAL, real32(le32(data, place)))
        else:
            number = signed(le32(data, place), 32) if size == 4 else signed(le16(data, place), 16)
            add_value(out, index, offset, ValueKind.INTEGER, float(number))


@kernel
def _add_data(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> None:
    """Values of a data file: float files hold singles, long files 32-bit and others 16-bit words."""
    row = out.messages[index]
    size = 4 if row["space"] == FLOAT_FILE or row["space"] == LONG_FILE else 2
    if end - at == size:
        if row["space"] == FLOAT_FILE:
            set_number(row, np.int64(ValueKind.REAL), real32(le32(data, at)))
        else:
            row["value_kind"] = ValueKind.INTEGER
            row["value"] = signed(le32(data, at), 32) if size == 4 else signed(le16(data, at), 16)
    else:
        _keep_array(data, at, end, size, out, index)
    if not wants_details(out, index):
        return
    for place in range(at, end - size + 1, size):
        if row["space"] == FLOAT_FILE:
            add_real(out, index, _REALS, real32(le32(data, place)))
        else:
            add_integer(
                out,
                index,
                _VALUES,
                signed(le32(data, place), 32) if size == 4 else signed(le16(data, place), 16),
            )


@kernel
def _decode_logical(data: Bytes, at: Int, end: Int, function: Int, out: Out, index: Int) -> bool:
    """Typed logical access: size, file number, file type, element, subelement, mask, data."""
    row = out.messages[index]
    if at + 1 > end:
        return False
    size = u8(data, at)
    at += 1
    row["count"] = size
    file = _address_field(data, at, end)
    at += file & 3
    if file == 0 or at >= end:
        return False
    row["space"] = u8(data, at)
    at += 1
    element = _address_field(data, at, end)
    at += element & 3
    if element == 0:
        return False
    subelement = np.int64(0)
    if function in (TYPED_READ_3, TYPED_WRITE_3, MASKED_WRITE_3):
        subelement = _address_field(data, at, end)
        at += subelement & 3
        if subelement == 0:
            return False
    row["address"] = file >> 2 << 32 | element >> 2 << 16 | subelement >> 2
    details = wants_details(out, index)
    if details:
        add_integer(out, index, _FILE_NUMBER, file >> 2)
        add_integer(out, index, _ELEMENT, element >> 2)
        add_integer(out, index, _SUBELEMENT, subelement >> 2)
        add_integer(out, index, _BYTE_SIZE, size)
    if function in (TYPED_READ_2, TYPED_READ_3):
        return True
    if function == MASKED_WRITE_3:
        if at + 2 > end:
            return False
        if details:
            add_integer(out, index, _MASK, le16(data, at))
        at += 2
    _add_data(data, at, end, out, index)
    return end - at == size


@kernel
def _decode_mode(data: Bytes, at: Int, end: Int, function: Int, out: Out, index: Int) -> bool:
    """Change Mode and Set CPU Mode: run is a start, program is a stop (chapter 7)."""
    row = out.messages[index]
    if at >= end:
        return False
    mode = u8(data, at)
    row["value_kind"], row["value"] = ValueKind.DISCRETE, mode
    if wants_details(out, index):
        add_integer(out, index, _MODE, mode)
    if function == SET_CPU_MODE:
        # The low two bits: 0 program, 1 test, 2 run.
        if mode & 3 == 0:
            row["operation"] = Operation.STOP
        elif mode & 3 == 2:
            row["operation"] = Operation.START
    elif mode == 0x01:
        row["operation"] = Operation.STOP
    elif mode == 0x06:
        row["operation"] = Operation.START
    return True


@kernel
def _requestor(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> None:
    if wants_details(out, index):
        add_integer(out, index, _REQUESTOR_VENDOR, le16(data, at + 1))
        add_integer(out, index, _REQUESTOR_SERIAL, le32(data, at + 3))


@kernel
def decode_command(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A command: CMD, STS, TNS, FNC and what follows; the row becomes a PCCC row.

    `at` is at CMD. Whether it fits.
    """
    row = out.messages[index]
    row["protocol"] = Number.PCCC
    row["space"] = -1
    row["address"] = -1
    row["subfunction"] = -1
    if at + 4 > end:
        return False
    command = u8(data, at) & 0x1F
    row["function"] = command
    details = wants_details(out, index)
    if details:
        add_integer(out, index, _TRANSACTION, le16(data, at + 2))
    at += 4
    if command in (0x06, 0x07, 0x0F):
        if at >= end:
            return False
        row["subfunction"] = u8(data, at)
        at += 1
    function = row["subfunction"]
    row["operation"] = operation_of(command, function)
    if command == 0x0F:
        if function in (TYPED_READ_2, TYPED_READ_3, TYPED_WRITE_2, TYPED_WRITE_3, MASKED_WRITE_3):
            return _decode_logical(data, at, end, function, out, index)
        if function == CHANGE_MODE or function == SET_CPU_MODE:
            return _decode_mode(data, at, end, function, out, index)
    elif command <= 0x08 and command not in (0x06, 0x07):
        # Basic commands: a word address in octets, and for reads a size.
        if at + 2 > end:
            return False
        row["address"] = le16(data, at)
    if details and end > at:
        add_bytes(out, index, _DATA, at, end - at)
    return True


@kernel
def decode_request(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The data of Execute PCCC: requestor identifier, then a command. Whether it fits."""
    if not is_pccc(data, at, end):
        return False
    _requestor(data, at, end, out, index)
    return decode_command(data, at + u8(data, at), end, out, index)


@kernel
def begin_response(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """CMD, STS and EXT STS of a response into the row, before it is paired; whether they fit."""
    row = out.messages[index]
    row["protocol"] = Number.PCCC
    if at + 4 > end:
        return False
    row["function"] = u8(data, at) & 0x1F
    status = u8(data, at + 1)
    row["status"] = status
    details = wants_details(out, index)
    if details:
        add_integer(out, index, _TRANSACTION, le16(data, at + 2))
        add_integer(out, index, _STATUS, status)
    if status == 0xF0:
        if at + 5 > end:
            return False
        row["status"] = 0xF000 | u8(data, at + 4)
        if details:
            add_integer(out, index, _EXTENDED, u8(data, at + 4))
    if status != 0:
        row["operation"] = Operation.PROTOCOL_ERROR
    return u8(data, at) & REPLY != 0


@kernel
def _decode_diagnostic_status(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> None:
    """Diagnostic Status of SLC 500 and MicroLogix (chapter 10): 24 octets with the name in the middle."""
    row = out.messages[index]
    row["flags"] |= IDENTITY
    add_bytes(out, index, _DATA, at, end - at)
    # Mode, type extender 0xEE, interface, processor type, series and revision, bulletin name.
    if end - at >= 16 and u8(data, at + 1) == 0xEE:
        add_integer(out, index, _KEYSWITCH, u8(data, at))
        add_integer(out, index, _SERIES_REVISION, u8(data, at + 4))
        add_text(out, index, _PROCESSOR, at + 5, 11)


@kernel
def finish_response(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The data of a paired response; `at` is at CMD. Whether they fit what was asked."""
    row = out.messages[index]
    if row["operation"] == Operation.OTHER:
        row["operation"] = operation_of(row["function"], row["subfunction"])
    if row["status"] != 0:
        return True
    at += 4
    if row["function"] == 0x0F and row["subfunction"] in (TYPED_READ_2, TYPED_READ_3):
        _add_data(data, at, end, out, index)
        return bool(row["count"] < 0 or end - at == row["count"])
    if row["function"] == 0x06 and row["subfunction"] == DIAGNOSTIC_STATUS:
        _decode_diagnostic_status(data, at, end, out, index)
    elif wants_details(out, index) and end > at:
        add_bytes(out, index, _DATA, at, end - at)
    return True


def describe(record: Record) -> str:
    """The address as a ladder programmer writes it: `N7:0`, `T4:3.ACC`, `file 22 type 0x22`."""
    row = record.message
    address, space = int(row["address"]), int(row["space"])
    if address < 0:
        return ""
    if space < 0:
        return f"word {address // 2}"
    file, element, subelement = address >> 32, address >> 16 & 0xFFFF, address & 0xFFFF
    if space not in LETTERS:
        return f"file {file} type 0x{space:02X} element {element}.{subelement}"
    named = COUNTER_WORDS.get(space, {0: ""})
    return f"{LETTERS[space]}{file}:{element}" + named.get(subelement, f".{subelement}")


def facts(record: Record) -> Iterator[Fact]:
    """Vendor, model and role from Diagnostic Status."""
    processor = record.details.get("pccc.processor", "").strip()
    if processor and processor.isprintable():
        yield record.fact("vendor", "Rockwell Automation/Allen-Bradley", confidence=0.8)
        yield record.fact("model", processor)
        yield record.fact("role", "plc")


PROTOCOL = Protocol(
    Number.PCCC,
    "pccc",
    "PCCC over EtherNet/IP",
    fields.PCCC_FIELDS,
    FUNCTIONS,
    FILE_TYPES,
    STATUSES,
    describe=describe,
    facts=facts,
)
