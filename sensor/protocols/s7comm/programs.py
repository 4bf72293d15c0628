"""Blocks and programs: downloads, uploads, PI services, PLC stop."""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import Operation, Out, add_bytes, add_integer, add_text, wants_details
from sensor.octets import be16, be32, u8
from sensor.pairing import ask
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import (
    BLOCK,
    COLD_START,
    COMPRESS,
    COPY_TO_ROM,
    DELETE,
    DOWNLOAD_BLOCK,
    DOWNLOAD_ENDED,
    END_UPLOAD,
    INSERT,
    LOGIN,
    LOGOUT,
    NC_FILE,
    OTHER_SERVICE,
    PI_DELE,
    PI_GARB,
    PI_INS2,
    PI_INSE,
    PI_LOGIN,
    PI_LOGOUT,
    PI_MODU,
    PI_PROGRAM,
    REQUEST_DOWNLOAD,
    START_UPLOAD,
    UPLOAD,
    WARM_START,
)
from sensor.protocols.s7comm.variables import add_part
from sensor.strings import intern
from sensor.types import Bytes, Int

BLOCK_SHIFT = 32
"""`address` in the space `block` is block type << BLOCK_SHIFT | number."""
_NC_FILES = 0x5F4E5F465F  # "_N_F_"


@inner
def decimal(data: Bytes, at: Int, length: Int) -> Int:
    """The number that `length` decimal digits write, or -1 where there is another octet."""
    value = np.int64(0)
    for place in range(at, at + length):
        digit = u8(data, place) - 0x30
        if digit < 0 or digit > 9:
            return np.int64(-1)
        value = value * 10 + digit
    return value


@inner
def hex_digit(octet: Int) -> Int:
    """The value of an upper-case hexadecimal digit, or -1."""
    if 0x30 <= octet <= 0x39:
        return octet - 0x30
    return octet - 0x37 if 0x41 <= octet <= 0x46 else np.int64(-1)


@inner
def block_type(data: Bytes, at: Int) -> Int:
    """A block type from its two characters ("0A" is a DB, 10), or -1."""
    high, low = hex_digit(u8(data, at)), hex_digit(u8(data, at + 1))
    return high << 4 | low if high >= 0 and low >= 0 else np.int64(-1)


@inner
def decode_block(data: Bytes, at: Int, out: Out, message: Int) -> bool:
    """Eight octets that name a block: type (2), number (5 digits), file system (1)."""
    kind, number = block_type(data, at), decimal(data, at + 2, 5)
    if kind < 0 or number < 0:
        return False
    row = out.messages[message]
    row["space"] = BLOCK
    row["address"] = kind << BLOCK_SHIFT | number
    if wants_details(out, message):
        add_integer(out, message, fields.BLOCK_TYPE, kind)
        add_integer(out, message, fields.BLOCK_NUMBER, number)
        add_integer(out, message, fields.DESTINATION, u8(data, at + 7))
    return True


@inner
def _decode_filename(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> Int:
    """A length and a file name; the octets of both, or -1 where they pass `end`.

    A block's is "_" and eight octets; other names (of NC programs) are kept as they are.
    """
    if at + 1 > end or at + 1 + u8(data, at) > end:
        return np.int64(-1)
    length = u8(data, at)
    out.messages[index]["name"] = intern(out.strings, data, at + 1, length)
    if wants_details(out, index):
        add_text(out, index, fields.FILENAME, at + 1, length)
    if length == 9:
        decode_block(data, at + 2, out, index)
    return length + 1


@inner
def transfer_operation(function: Int) -> Int:
    """PROGRAM_DOWNLOAD goes into the controller, PROGRAM_UPLOAD comes from it."""
    if REQUEST_DOWNLOAD <= function <= DOWNLOAD_ENDED:
        return np.int64(Operation.PROGRAM_DOWNLOAD)
    return np.int64(Operation.PROGRAM_UPLOAD)


@inner
def decode_transfer(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A job of an upload or download: status (1), error code or reserve (2), session (4), file name.

    `at` is behind the function. Request Download adds a string: "1", the length in load memory and
    the length of the code, six digits each.
    """
    row = out.messages[index]
    function = row["function"]
    if at + 7 > end:
        return False
    session = be32(data, at + 3)
    if wants_details(out, index):
        add_integer(out, index, fields.FUNCTION_STATUS, u8(data, at))
        add_integer(out, index, fields.SESSION_ID, session)
        if function == DOWNLOAD_ENDED or function == END_UPLOAD:
            add_integer(out, index, fields.ERROR_CODE, be16(data, at + 1))
    at += 7
    if function == UPLOAD or function == END_UPLOAD:
        return at == end
    used = _decode_filename(data, at, end, out, index)
    if used < 0:
        return False
    at += used
    if function == REQUEST_DOWNLOAD and at < end:
        length = u8(data, at)
        if at + 1 + length > end:
            return False
        if length >= 13 and wants_details(out, index):
            add_integer(out, index, fields.BLOCK_LENGTH, decimal(data, at + 2, 6))
            add_integer(out, index, fields.CODE_LENGTH, decimal(data, at + 8, 6))
        at += 1 + length
    return at == end


@inner
def decode_transferred(
    data: Bytes, at: Int, end: Int, values: Int, values_end: Int, out: Out, index: Int
) -> bool:
    """An answer in an upload or download; `at` is behind the function, `values` at the data.

    Download Block and Upload carry a piece of the block: length (2), 00 FB, octets.
    """
    function = out.messages[index]["function"]
    details = wants_details(out, index)
    if at < end and details:
        add_integer(out, index, fields.FUNCTION_STATUS, u8(data, at))
    if function == START_UPLOAD:
        if at + 7 > end:
            return False
        if details:
            add_integer(out, index, fields.SESSION_ID, be32(data, at + 3))
        at += 7
        if at < end and at + 1 + u8(data, at) <= end and details:
            add_integer(out, index, fields.BLOCK_LENGTH, decimal(data, at + 1, u8(data, at) % 16))
        return at == end or at + 1 + u8(data, at) <= end
    if function == DOWNLOAD_BLOCK or function == UPLOAD:
        if values + 4 > values_end or values + 4 + be16(data, values) > values_end:
            return False
        if details:
            add_bytes(out, index, fields.DATA, values + 4, be16(data, values))
    return True


@inner
def key_of(data: Bytes, at: Int, length: Int) -> Int:
    """What kernels compare a service's name by: its length and its first six octets."""
    key = length
    for place in range(6):
        key = key << 8 | (u8(data, at + place) if place < length else np.int64(0))
    return key


@inner
def _service(key: Int, cold: bool) -> Int:
    """`subfunction` of a PI service."""
    if key == PI_PROGRAM:
        return np.int64(COLD_START if cold else WARM_START)
    if key == PI_INSE or key == PI_INS2:
        return np.int64(INSERT)
    if key == PI_DELE:
        return np.int64(DELETE)
    if key == PI_MODU:
        return np.int64(COPY_TO_ROM)
    if key == PI_GARB:
        return np.int64(COMPRESS)
    if key == PI_LOGIN:
        return np.int64(LOGIN)
    if key == PI_LOGOUT:
        return np.int64(LOGOUT)
    return np.int64(NC_FILE if key >> 8 & 0xFFFFFFFFFF == _NC_FILES else OTHER_SERVICE)


@inner
def _service_operation(service: Int) -> Int:
    """The operation of a PI service.

    Activating a downloaded block and deleting one both change the program that runs, so both are
    PROGRAM_DOWNLOAD; copying RAM to ROM and compressing memory keep it, so they are CONFIGURE.
    """
    if service == WARM_START or service == COLD_START:
        return np.int64(Operation.START)
    if service == INSERT or service == DELETE:
        return np.int64(Operation.PROGRAM_DOWNLOAD)
    if service == COPY_TO_ROM or service == COMPRESS:
        return np.int64(Operation.CONFIGURE)
    if service == LOGIN or service == LOGOUT:
        return np.int64(Operation.AUTHENTICATE)
    return np.int64(Operation.FILE if service == NC_FILE else Operation.OTHER)


@inner
def decode_service(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A PI service: seven octets, the argument with its length (2), the name with its length (1).

    A block that the argument of _INSE and _DELE names is a part of the message; the argument of
    P_PROGRAM is "C " for a cold restart and empty for a warm one.
    """
    row = out.messages[index]
    if at + 9 > end:
        return False
    argument, length = at + 9, be16(data, at + 7)
    if argument + length + 1 > end or argument + length + 1 + u8(data, argument + length) > end:
        return False
    name = argument + length + 1
    octets = u8(data, argument + length)
    cold = length >= 1 and u8(data, argument) == 0x43
    service = _service(key_of(data, name, octets), cold)
    row["name"] = intern(out.strings, data, name, octets)
    row["subfunction"] = service
    row["operation"] = _service_operation(service)
    if wants_details(out, index):
        add_text(out, index, fields.PI_NAME, name, octets)
        add_text(out, index, fields.PI_ARGUMENT, argument, length)
    good = True
    if (service == INSERT or service == DELETE) and length >= 2:
        blocks = u8(data, argument)
        if 2 + blocks * 8 > length:
            return False
        for part in range(blocks):
            message = add_part(out, index, part)
            out.messages[message]["name"] = row["name"]
            good = decode_block(data, argument + 2 + part * 8, out, message) and good
            if part > 0:
                ask(out.pairs, out.messages[message], 0)
    return good and name + octets == end


@inner
def decode_stop(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """PLC Stop: five octets, the name of what stops with its length (1)."""
    row = out.messages[index]
    if at + 6 > end or at + 6 + u8(data, at + 5) > end:
        return False
    row["name"] = intern(out.strings, data, at + 6, u8(data, at + 5))
    if wants_details(out, index):
        add_text(out, index, fields.PI_NAME, at + 6, u8(data, at + 5))
    return at + 6 + u8(data, at + 5) == end
