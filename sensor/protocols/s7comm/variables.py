"""Read Var and Write Var: each item of a PDU is a part of the message, with its place and its value."""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import (
    DROPPED_PARTS,
    MOST_PARTS,
    NEGATIVE,
    Kind,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_message,
    add_value,
    set_number,
    wants_details,
)
from sensor.octets import be16, be24, be32, real32, signed, u8
from sensor.pairing import answer, ask
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import (
    BIT,
    BYTE,
    CHAR,
    COUNTER,
    DATA_BIT,
    DATA_INTEGER,
    DATE,
    DB,
    DB_READ,
    DB_SHIFT,
    DINT,
    DRIVE,
    DRIVE_ANY,
    DWORD,
    IEC_TIMER,
    INT,
    NCK,
    NCK_ADDRESS,
    NCK_INCH,
    OTHER_SYNTAX,
    REAL,
    S5TIME,
    S7ANY,
    SIZE_COUNTER,
    SIZE_SHIFT,
    SIZE_TIMER,
    SUCCESS,
    SYMBOL,
    SYMBOL_1200,
    TIME,
    TIME_OF_DAY,
    WORD,
)
from sensor.types import Bytes, Int, Record

ITEM_HEAD = 0x12
"""Every variable specification begins with this octet, then the length of what follows."""


@inner
def add_part(out: Out, index: Int, part: Int) -> Int:
    """A row for a further object of the PDU of row `index`; part 0 is that row itself."""
    if part == 0:
        return index
    first = out.messages[index]
    message = add_message(out, first, first["protocol"], part)
    row = out.messages[message]
    row["kind"] = first["kind"]
    row["operation"] = first["operation"]
    row["function"] = first["function"]
    row["subfunction"] = first["subfunction"]
    row["transaction"] = first["transaction"]
    return message


@inner
def sections(data: Bytes, at: Int, end: Int, header: Int) -> tuple[Int, Int, Int, bool]:
    """Where an S7 PDU's parameters, its data and the PDU end: start of parameters, start of data, end.

    The last says whether the lengths in the header of `header` octets add up to the PDU.
    """
    parameters, octets = be16(data, at + 6), be16(data, at + 8)
    first = at + header
    values = min(first + parameters, end)
    return first, values, min(values + octets, end), first + parameters + octets == end


@inner
def transaction_of(row: Record) -> Int:
    """The PDU reference that `transaction` holds, with the side that asked above it.

    Both sides ask (a controller asks for the blocks of a download) and count for themselves.
    """
    asker = np.int64(row["direction"]) if row["kind"] == Kind.REQUEST else 1 - np.int64(row["direction"])
    return asker << 16 | np.int64(row["transaction"])


@inner
def _s7any(data: Bytes, at: Int, out: Out, message: Int) -> None:
    """An S7ANY pointer of ten octets: transport size, count, DB, area, address of 24 bits."""
    row = out.messages[message]
    size, area = u8(data, at), u8(data, at + 5)
    db, place = be16(data, at + 3), be24(data, at + 6)
    row["space"] = area | size << SIZE_SHIFT
    row["count"] = be16(data, at + 1)
    row["address"] = db << DB_SHIFT | place
    if wants_details(out, message):
        add_integer(out, message, fields.TRANSPORT_SIZE, size)
        add_integer(out, message, fields.AREA, area)
        if area >= DB:
            add_integer(out, message, fields.DB_NUMBER, db)
        if not COUNTER <= area <= IEC_TIMER:
            add_integer(out, message, fields.BYTE_ADDRESS, place >> 3)
            add_integer(out, message, fields.BIT_ADDRESS, place & 7)


@inner
def decode_item(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> Int:
    """Fill the row with the variable specification at `at`; its octets, or -1 where it is malformed.

    Packing of `address` beside S7ANY: DBREAD as the bytes of its first range; a symbol of a 1200 or
    1500 as its area << 32 | the checksum of its name; NCK as area and unit << 40 | column << 24 |
    line << 8 | module; a drive's parameter as object << 32 | number << 16 | index.
    """
    if at + 3 > end or u8(data, at) != ITEM_HEAD:
        return np.int64(-1)
    length = u8(data, at + 1)
    if length < 1 or at + 2 + length > end:
        return np.int64(-1)
    syntax = u8(data, at + 2)
    row = out.messages[message]
    row["space"] = OTHER_SYNTAX
    at += 3
    if wants_details(out, message):
        add_integer(out, message, fields.SYNTAX_ID, syntax)
        if syntax != S7ANY:
            add_bytes(out, message, fields.ITEM, at, length - 1)
    if syntax == S7ANY:
        if length != 10:
            return np.int64(-1)
        _s7any(data, at, out, message)
    elif syntax == DB_READ and length >= 7:
        row["space"] = DB | BYTE << SIZE_SHIFT
        row["count"] = u8(data, at + 1)
        row["address"] = be16(data, at + 2) << DB_SHIFT | be16(data, at + 4) << 3
    elif syntax == SYMBOL_1200 and length >= 10:
        row["space"] = SYMBOL
        row["address"] = (be16(data, at + 3) & 0x7FFF) << 32 | be32(data, at + 5)
    elif NCK_ADDRESS <= syntax <= NCK_INCH and length == 8:
        row["space"] = NCK
        row["address"] = u8(data, at) << 40 | be16(data, at + 1) << 24 | be16(data, at + 3) << 8
        row["address"] |= u8(data, at + 5)
        row["count"] = u8(data, at + 6)
    elif syntax == DRIVE_ANY and length >= 10:
        row["space"] = DRIVE
        row["address"] = be16(data, at + 3) << 32 | be16(data, at + 5) << 16 | be16(data, at + 7)
    return length + 2


@inner
def width_of(size: Int) -> Int:
    """Octets of an element of this transport size; 0 where an array of it is not taken apart."""
    if size == BYTE or size == CHAR:
        return np.int64(1)
    if size in (INT, WORD, DATE, S5TIME, SIZE_COUNTER, SIZE_TIMER):
        return np.int64(2)
    return np.int64(4 if size in (DINT, TIME, DWORD, TIME_OF_DAY, REAL) else 0)


@inner
def keep_array(data: Bytes, at: Int, length: Int, out: Out, message: Int) -> None:
    """The elements of an array as VALUE rows, their offset in bits as addresses are.

    Clients like to read a whole data block as octets. What lies in it is aligned to even addresses,
    so octets are taken in pairs, as words: of a REAL the first then has sign, exponent and the
    highest bits, and grows with it.
    """
    row = out.messages[message]
    size, area = np.int64(row["space"]) >> SIZE_SHIFT, np.int64(row["space"]) & 0xFF
    width = width_of(size)
    if width == 0 or row["space"] == OTHER_SYNTAX:
        return
    if width == 1:
        for place in range((row["address"] >> 3) & 1, length - 1, 2):
            add_value(out, message, np.int64(place * 8), ValueKind.INTEGER, float(be16(data, at + place)))
        return
    stride = 1 if COUNTER <= area <= IEC_TIMER else width * 8
    for item in range(min(np.int64(row["count"]), length // width)):
        place = at + item * width
        value = be16(data, place) if width == 2 else be32(data, place)
        if size == REAL:
            add_value(out, message, np.int64(item * stride), ValueKind.REAL, real32(value))
        else:
            number = signed(value, width * 8) if size in (INT, DINT, TIME) else value
            add_value(out, message, np.int64(item * stride), ValueKind.INTEGER, float(number))


@inner
def set_value(data: Bytes, at: Int, length: Int, out: Out, message: Int) -> None:
    """The `value` column from the data of an item that is a single element, VALUE rows of an array.

    Bits are DISCRETE. A REAL that is no finite number stays out of the column; its octets are in the
    details.
    """
    row = out.messages[message]
    size = np.int64(row["space"]) >> SIZE_SHIFT
    if row["space"] < 0 or length < 1:
        return
    if row["count"] > 1:
        keep_array(data, at, length, out, message)
    if row["count"] != 1:
        return
    if size == BIT:
        row["value_kind"], row["value"] = ValueKind.DISCRETE, u8(data, at) & 1
    elif size == BYTE or size == CHAR:
        row["value_kind"], row["value"] = ValueKind.INTEGER, u8(data, at)
    elif length >= 2 and size == INT:
        row["value_kind"], row["value"] = ValueKind.INTEGER, signed(be16(data, at), 16)
    elif length >= 2 and (size in (WORD, DATE, S5TIME, SIZE_COUNTER, SIZE_TIMER)):
        row["value_kind"], row["value"] = ValueKind.INTEGER, be16(data, at)
    elif length >= 4 and (size == DINT or size == TIME):
        row["value_kind"], row["value"] = ValueKind.INTEGER, signed(be32(data, at), 32)
    elif length >= 4 and (size == DWORD or size == TIME_OF_DAY):
        row["value_kind"], row["value"] = ValueKind.INTEGER, be32(data, at)
    elif length >= 4 and size == REAL:
        set_number(row, np.int64(ValueKind.REAL), real32(be32(data, at)))


@inner
def data_octets(data: Bytes, at: Int) -> Int:
    """Octets of an item's data, from its transport size and length at `at`: bits, or octets.

    Transport size 0 says that there is no data, whatever the length says.
    """
    if u8(data, at) == 0:
        return np.int64(0)
    length = be16(data, at + 1)
    if DATA_BIT <= u8(data, at) <= DATA_INTEGER:
        return (length + 7) // 8
    return length


@inner
def decode_requested(
    data: Bytes, at: Int, end: Int, values: Int, values_end: Int, count: Int, out: Out, index: Int
) -> bool:
    """`count` specifications from `at`, each a part; whether they fit `at` to `end`.

    Where a PDU writes, what is written stands from `values` to `values_end`: return code, transport
    size, length, data, filled up to an even number of octets. It reads where `values` is negative.
    """
    good = True
    for part in range(count):
        if part >= MOST_PARTS:
            out.used[DROPPED_PARTS] += count - part
            return good
        if at >= end:
            return False
        message = add_part(out, index, part)
        row = out.messages[message]
        length = decode_item(data, at, end, out, message)
        if length < 0:
            ask(out.pairs, row, 0)
            return False
        at += length + length % 2
        if values >= 0:
            if values + 4 > values_end or values + 4 + data_octets(data, values + 1) > values_end:
                good = False
                values = values_end
            else:
                octets = data_octets(data, values + 1)
                set_value(data, values + 4, octets, out, message)
                if wants_details(out, message):
                    add_bytes(out, message, fields.DATA, values + 4, octets)
                values += 4 + octets + octets % 2
        if row["kind"] != Kind.EVENT:
            ask(out.pairs, row, 0)
    return good


@inner
def decode_answered(data: Bytes, at: Int, end: Int, count: Int, out: Out, index: Int) -> bool:
    """`count` results from `at`, each a part that takes its place from the request's item."""
    for part in range(count):
        if part >= MOST_PARTS:
            out.used[DROPPED_PARTS] += count - part
            return True
        if at + 1 > end:
            return False
        message = add_part(out, index, part)
        row = out.messages[message]
        if row["kind"] != Kind.EVENT:
            answer(out.pairs, row)
        set_return_code(u8(data, at), out, message)
        if at + 4 > end:
            # The last of several errors may be a return code alone.
            return u8(data, at) != SUCCESS
        octets = data_octets(data, at + 1)
        if at + 4 + octets > end:
            return False
        if u8(data, at) == SUCCESS:
            set_value(data, at + 4, octets, out, message)
        if wants_details(out, message) and octets > 0:
            add_bytes(out, message, fields.DATA, at + 4, octets)
        at += 4 + octets + octets % 2
    return True


@inner
def decode_written(data: Bytes, at: Int, end: Int, count: Int, out: Out, index: Int) -> bool:
    """`count` return codes of a Write Var, each a part."""
    for part in range(count):
        if part >= MOST_PARTS:
            out.used[DROPPED_PARTS] += count - part
            return True
        if at + part >= end:
            return False
        message = add_part(out, index, part)
        answer(out.pairs, out.messages[message])
        set_return_code(u8(data, at + part), out, message)
    return True


@inner
def set_return_code(code: Int, out: Out, message: Int) -> None:
    """`status` from a return code, where FF is success and 00 is said where there is nothing to say."""
    row = out.messages[message]
    row["status"] = 0 if code == SUCCESS else code
    if code != SUCCESS and code != 0:
        row["flags"] |= NEGATIVE
    if wants_details(out, message):
        add_integer(out, message, fields.RETURN_CODE, code)
