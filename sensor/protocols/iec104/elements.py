"""IEC 60870-5-101, 7.2.6: information elements: values, qualities, qualifiers, time tags, files.

Every kernel here is handed an element that lies inside the PDU: `asdu` has compared the lengths.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    DOUBTFUL,
    SELECT,
    Operation,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_real,
    set_number,
)
from sensor.octets import le16, le24, le32, real32, signed, u8
from sensor.protocols.iec104.tables import (
    BARE_NORMALISED,
    BITS,
    COMMAND,
    COUNTER,
    DELAY,
    DOUBLE,
    ELEMENT,
    FILE_ELEMENT,
    FLOAT,
    IDS,
    NORMALISED,
    PACKED,
    PARAMETER_FLOAT,
    PARAMETER_NORMALISED,
    PARAMETER_SCALED,
    PATTERN,
    PROTECTION,
    PROTECTION_OUTPUT,
    PROTECTION_START,
    QUALIFIER,
    QUALITY_MASK,
    SCALED,
    SET_BITS,
    SET_FLOAT,
    SET_NORMALISED,
    SET_SCALED,
    SINGLE,
    SIZE,
    STEP,
    TAG,
)
from sensor.types import Bytes, Int

_VALUES = IDS["iec104.values"]
_MEASUREMENTS = IDS["iec104.measurements"]
_QUALITY = IDS["iec104.quality"]
_TRANSIENT = IDS["iec104.transient"]
_COUNTER_SEQUENCE = IDS["iec104.counter_sequence"]
_COUNTER_FLAGS = IDS["iec104.counter_flags"]
_CHANGED = IDS["iec104.changed"]
_QUALIFIER = IDS["iec104.qualifier"]
_GROUP = IDS["iec104.group"]
_FREEZE = IDS["iec104.freeze"]
_PARAMETER = IDS["iec104.parameter"]
_TIME = IDS["iec104.time"]
_TIME_OF_HOUR = IDS["iec104.time_of_hour"]
_TIME_FLAGS = IDS["iec104.time_flags"]
_ELAPSED = IDS["iec104.elapsed"]
_TEST_PATTERN = IDS["iec104.test_pattern"]
_FILE = IDS["iec104.file"]
_SECTION = IDS["iec104.section"]
_FILE_LENGTH = IDS["iec104.file_length"]
_FILE_QUALIFIER = IDS["iec104.file_qualifier"]
_CHECKSUM = IDS["iec104.checksum"]
_SEGMENT = IDS["iec104.segment"]

COUNTER_INTERROGATION = 101
FILE_READY, SECTION_READY, LAST_SECTION, SEGMENT, DIRECTORY, QUERY_LOG = 120, 121, 123, 125, 126, 127


@kernel
def milliseconds(data: Bytes, at: Int) -> Int:
    """CP56Time2a (7.2.6.18) in ms since 1970-01-01, by its own calendar; years are 2000 to 2099."""
    year = 2000 + (u8(data, at + 6) & 0x7F) % 100
    month = u8(data, at + 5) & 0x0F
    day = u8(data, at + 4) & 0x1F
    # Days of a calendar whose year starts in March, so that the leap day is its last.
    shifted = year - 1 if month <= 2 else year
    month = (month + 9) % 12
    days = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    days += (153 * month + 2) // 5 + day - 1 - 719468
    minutes = (days * 24 + (u8(data, at + 3) & 0x1F)) * 60 + (u8(data, at + 2) & 0x3F)
    return minutes * 60000 + le16(data, at)


INVALID = 0x80
UNRELIABLE = INVALID | 0x40
"""IV and NT of a quality descriptor (7.2.6.3): invalid, not topical."""


@kernel
def add_time(data: Bytes, at: Int, octets: Int, out: Out, message: Int) -> None:
    """Details of a CP24Time2a (3 octets) or CP56Time2a (7 octets) tag."""
    flags = u8(data, at + 2) & 0x80
    if octets == 7:
        add_integer(out, message, _TIME, milliseconds(data, at))
        flags |= u8(data, at + 3) >> 7
    else:
        add_integer(out, message, _TIME_OF_HOUR, (u8(data, at + 2) & 0x3F) * 60000 + le16(data, at))
    add_integer(out, message, _TIME_FLAGS, flags)


@kernel
def _decode_number(
    data: Bytes, at: Int, shape: Int, out: Out, message: Int, first: bool, details: bool
) -> Int:
    """A measured value or bit string; where it ends."""
    row = out.messages[message]
    if shape in (NORMALISED, BARE_NORMALISED, SET_NORMALISED, PARAMETER_NORMALISED):
        real: float = np.float64(signed(le16(data, at), 16)) / 32768.0
    elif shape in (FLOAT, SET_FLOAT, PARAMETER_FLOAT):
        real = real32(le32(data, at))
    else:
        if shape in (SCALED, SET_SCALED, PARAMETER_SCALED):
            number = signed(le16(data, at), 16)
            after = at + 2
        else:
            number = le32(data, at)
            after = at + 4
        if first:
            set_number(row, np.int64(ValueKind.INTEGER), np.float64(number))
        if details:
            add_integer(out, message, _VALUES, number)
        return np.int64(after)
    if first:
        set_number(row, np.int64(ValueKind.REAL), real)
    if details:
        add_real(out, message, _MEASUREMENTS, real)
    return np.int64(at + 4 if shape in (FLOAT, SET_FLOAT, PARAMETER_FLOAT) else at + 2)


@kernel
def _decode_point(
    data: Bytes, at: Int, shape: Int, out: Out, message: Int, first: bool, details: bool
) -> None:
    """Single and double points, step positions, integrated totals, packed points."""
    row = out.messages[message]
    kind = np.int64(ValueKind.DISCRETE)
    quality = u8(data, at)
    value = quality & 1 if shape == SINGLE else quality & 3
    if shape == STEP:
        kind = np.int64(ValueKind.INTEGER)
        value = signed(u8(data, at) & 0x7F, 7)
        quality = u8(data, at + 1)
    elif shape == COUNTER:
        kind = np.int64(ValueKind.INTEGER)
        value = signed(le32(data, at), 32)
        quality = u8(data, at + 4)
    elif shape == PACKED:
        kind = np.int64(ValueKind.INTEGER)
        value = le16(data, at)
        quality = u8(data, at + 4)
    elif shape != SINGLE:
        quality &= 0xFC
    else:
        quality &= 0xFE
    if first:
        row["value_kind"] = kind
        row["value"] = value
    if quality & (INVALID if shape == COUNTER else UNRELIABLE):
        row["flags"] |= DOUBTFUL
    if details:
        add_integer(out, message, _VALUES, value)
        if shape == COUNTER:
            add_integer(out, message, _COUNTER_SEQUENCE, quality & 0x1F)
            add_integer(out, message, _COUNTER_FLAGS, quality & 0xE0)
            return
        if shape == STEP:
            add_integer(out, message, _TRANSIENT, u8(data, at) >> 7)
        elif shape == PACKED:
            add_integer(out, message, _CHANGED, le16(data, at + 2))
        add_integer(out, message, _QUALITY, quality & QUALITY_MASK)


@kernel
def _decode_protection(
    data: Bytes, at: Int, shape: Int, out: Out, message: Int, first: bool, details: bool
) -> None:
    """Events of protection equipment (7.2.6.10 to 7.2.6.12) and their relay time."""
    row = out.messages[message]
    value = u8(data, at) & (3 if shape == PROTECTION else 0x3F)
    if first:
        row["value_kind"] = ValueKind.DISCRETE
        row["value"] = value
    if details:
        quality = u8(data, at) if shape == PROTECTION else u8(data, at + 1)
        add_integer(out, message, _VALUES, value)
        add_integer(out, message, _QUALITY, quality & QUALITY_MASK & 0xF8)
        add_integer(out, message, _ELAPSED, le16(data, at + 1 if shape == PROTECTION else at + 2))


@kernel
def _decode_command(data: Bytes, at: Int, function: Int, out: Out, message: Int, details: bool) -> None:
    """Single, double and step command (7.2.6.15 to 7.2.6.17)."""
    row = out.messages[message]
    octet = u8(data, at)
    value = octet & 1 if function in (45, 58) else octet & 3
    row["value_kind"] = ValueKind.DISCRETE
    row["value"] = value
    if octet & 0x80:
        row["flags"] |= SELECT
    if details:
        add_integer(out, message, _VALUES, value)
        add_integer(out, message, _QUALIFIER, octet >> 2 & 0x1F)


@kernel
def _decode_qualifier(data: Bytes, at: Int, function: Int, out: Out, message: Int, details: bool) -> None:
    """COI, QOI, QCC, QRP and QPA (7.2.6.21 to 7.2.6.27)."""
    row = out.messages[message]
    value = u8(data, at)
    row["value_kind"] = ValueKind.DISCRETE
    row["value"] = value
    # Freezing or resetting counters changes the station, which reading them does not.
    if function == COUNTER_INTERROGATION and value >> 6 != 0 and row["operation"] == Operation.READ:
        row["operation"] = Operation.WRITE
    if details:
        add_integer(out, message, _VALUES, value)
        if function == COUNTER_INTERROGATION:
            add_integer(out, message, _GROUP, value & 0x3F)
            add_integer(out, message, _FREEZE, value >> 6)


@kernel
def _decode_file(data: Bytes, at: Int, function: Int, out: Out, message: Int, details: bool) -> None:
    """File transfer elements (7.3.6); of a segment only as much as its length octet says."""
    row = out.messages[message]
    row["value_kind"] = ValueKind.INTEGER
    row["value"] = le16(data, at)
    if not details:
        return
    add_integer(out, message, _FILE, le16(data, at))
    if function == FILE_READY or function == DIRECTORY:
        add_integer(out, message, _FILE_LENGTH, le24(data, at + 2))
        add_integer(out, message, _FILE_QUALIFIER, u8(data, at + 5))
        return
    if function == QUERY_LOG:
        add_time(data, at + 2, 7, out, message)
        return
    add_integer(out, message, _SECTION, u8(data, at + 2))
    if function == SECTION_READY:
        add_integer(out, message, _FILE_LENGTH, le24(data, at + 3))
        add_integer(out, message, _FILE_QUALIFIER, u8(data, at + 6))
    elif function == SEGMENT:
        add_bytes(out, message, _SEGMENT, at + 4, u8(data, at + 3))
    else:
        add_integer(out, message, _FILE_QUALIFIER, u8(data, at + 3))
        if function == LAST_SECTION:
            add_integer(out, message, _CHECKSUM, u8(data, at + 4))


@kernel
def decode_element(
    data: Bytes, at: Int, function: Int, out: Out, message: Int, first: bool, details: bool
) -> None:
    """Put the element at `at` into the row (its value only where it is the `first`) and its details."""
    shape = ELEMENT[function]
    row = out.messages[message]
    if shape in (SINGLE, DOUBLE, STEP, COUNTER, PACKED):
        _decode_point(data, at, shape, out, message, first, details)
    elif BITS <= shape <= FLOAT:
        after = _decode_number(data, at, shape, out, message, first, details)
        if u8(data, after) & UNRELIABLE:
            row["flags"] |= DOUBTFUL
        if details:
            add_integer(out, message, _QUALITY, u8(data, after) & QUALITY_MASK)
    elif shape == BARE_NORMALISED or shape == SET_BITS:
        _decode_number(data, at, shape, out, message, first, details)
    elif shape in (PROTECTION, PROTECTION_START, PROTECTION_OUTPUT):
        _decode_protection(data, at, shape, out, message, first, details)
    elif shape == COMMAND:
        _decode_command(data, at, function, out, message, details)
    elif SET_NORMALISED <= shape <= SET_FLOAT:
        after = _decode_number(data, at, shape, out, message, first, details)
        if u8(data, after) & 0x80:
            row["flags"] |= SELECT
        if details:
            add_integer(out, message, _QUALIFIER, u8(data, after) & 0x7F)
    elif PARAMETER_NORMALISED <= shape <= PARAMETER_FLOAT:
        after = _decode_number(data, at, shape, out, message, first, details)
        if details:
            add_integer(out, message, _PARAMETER, u8(data, after))
    elif shape == QUALIFIER:
        _decode_qualifier(data, at, function, out, message, details)
    elif shape == FILE_ELEMENT:
        _decode_file(data, at, function, out, message, details)
    elif details and shape == PATTERN:
        add_integer(out, message, _TEST_PATTERN, le16(data, at))
    elif details and shape == DELAY:
        add_integer(out, message, _ELAPSED, le16(data, at))
    if details and TAG[function] > 0:
        add_time(data, at + SIZE[function] - TAG[function], TAG[function], out, message)
