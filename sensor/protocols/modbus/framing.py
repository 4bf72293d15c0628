"""ADUs on TCP and UDP: where they end, and whether octets are such (MODBUS on TCP/IP V1.0b, 3.1)."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be16, u8
from sensor.protocols.modbus.functions import (
    DIAGNOSTICS,
    ENCAPSULATED,
    MASK_WRITE,
    MEI_DEVICE_ID,
    READ_EXCEPTION_STATUS,
    READ_FIFO,
    READ_FILE,
    READ_WRITE,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_FILE,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)
from sensor.protocols.protocol import IS_EITHER, IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, UNFRAMED
from sensor.types import Bytes, Int

HEADER = 7
LONGEST_PDU = 254
"""Unit identifier and PDU: the length field counts both, and a PDU has at most 253 octets. Stacks
that exceed it exist, so up to LENIENT_LENGTH is framed."""
LENIENT_LENGTH = 512


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
def is_foreign(function: Int) -> bool:
    """Whether a function is not the specification's: user-defined or reserved (5.1), never 0 (4.1)."""
    if function > READ_FIFO:
        return function != ENCAPSULATED
    return function in (9, 10, 13, 14, 18, 19)


@kernel
def fits_request(data: Bytes, at: Int, length: Int) -> bool:
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
def fits_response(data: Bytes, at: Int, length: Int) -> bool:
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
    request = fits_request(data, at + HEADER, total - HEADER)
    response = fits_response(data, at + HEADER, total - HEADER)
    if (request and response) or (not request and not response and known_port):
        return np.int64(IS_EITHER)
    if request:
        return np.int64(IS_REQUEST)
    return np.int64(IS_RESPONSE if response else NOT_IT)
