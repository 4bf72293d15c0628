"""TPKT (RFC 1006, section 6): where one ends, and whether octets are TPKT with COTP in it."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be16, u8
from sensor.protocols.protocol import (
    IS_EITHER,
    IS_REQUEST,
    IS_RESPONSE,
    NEED_MORE,
    NOT_IT,
    UNFRAMED,
)
from sensor.protocols.s7comm.codes import (
    ACK,
    CONNECTION_CONFIRM,
    CONNECTION_REQUEST,
    DATA,
    DOWNLOAD_BLOCK,
    DOWNLOAD_ENDED,
    JOB,
    PLUS_NOTIFICATION,
    PLUS_REQUEST,
    PLUS_RESPONSE,
    PLUS_RESPONSE_2,
    REQUEST,
    S7COMM_ID,
    S7COMM_PLUS_ID,
    USERDATA,
)
from sensor.types import Bytes, Int

TPKT_HEADER = 4
SHORTEST_TPKT = 7
"""A header and the shortest TPDU: RFC 1006, section 6."""
LONGEST_HEADER = 254
"""A COTP header's length indicator; 255 is reserved (ISO 8073, 13.2.1)."""


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the TPKT that starts at `at`; 0 where more are needed to tell, UNFRAMED if none."""
    if available < 1:
        return np.int64(0)
    if u8(data, at) != 3 or (available >= 2 and u8(data, at + 1) != 0):
        return np.int64(UNFRAMED)
    if available < TPKT_HEADER:
        return np.int64(0)
    length = be16(data, at + 2)
    return length if length >= SHORTEST_TPKT else np.int64(UNFRAMED)


@kernel
def _job_sender(function: Int, asks: bool) -> Int:
    """Who sends a job (or answers one): while downloading, it is the server that asks for blocks."""
    if function == DOWNLOAD_BLOCK or function == DOWNLOAD_ENDED:
        return np.int64(IS_RESPONSE if asks else IS_REQUEST)
    return np.int64(IS_REQUEST if asks else IS_RESPONSE)


@kernel
def _recognise_user_data(data: Bytes, at: Int, length: Int, total: Int, known_port: bool) -> Int:
    """The verdict on `length` of `total` octets of a DT's user data."""
    other = np.int64(IS_EITHER if known_port else NOT_IT)
    if total < 4:
        return other
    if length < 1:
        return np.int64(NEED_MORE)
    identifier = u8(data, at)
    if identifier == S7COMM_ID:
        if total < 10:
            return other
        if length < 10:
            return np.int64(NEED_MORE)
        kind = u8(data, at + 1)
        header = 12 if kind == ACK or kind == ACK + 1 else 10
        fits = header + be16(data, at + 6) + be16(data, at + 8) <= total
        if be16(data, at + 2) != 0 or kind == 0 or kind > USERDATA or not fits:
            return other
        if 4 <= kind < USERDATA:
            return other
        if length <= header + 5 and length < total:
            return np.int64(NEED_MORE)
        if kind == USERDATA:
            if total <= header + 5:
                return other
            return np.int64(IS_REQUEST if u8(data, at + header + 5) >> 4 == REQUEST else IS_RESPONSE)
        function = u8(data, at + header) if length > header else np.int64(0)
        return _job_sender(function, kind == JOB)
    if identifier == S7COMM_PLUS_ID:
        if length < 5 and length < total:
            return np.int64(NEED_MORE)
        version = u8(data, at + 1)
        if (version == 0 or version > 3) and version < 0xFE:
            return other
        if total < 5 or 4 + be16(data, at + 2) > total:
            return other
        # From version 3 on a digest stands before the opcode: its length comes first.
        place = at + 4
        if version == 3:
            place += 1 + u8(data, at + 4)
        if place >= at + total:
            return np.int64(IS_EITHER)
        if place >= at + length:
            return np.int64(NEED_MORE)
        opcode = u8(data, place)
        if opcode == PLUS_REQUEST:
            return np.int64(IS_REQUEST)
        if opcode == PLUS_RESPONSE or opcode == PLUS_NOTIFICATION or opcode == PLUS_RESPONSE_2:
            return np.int64(IS_RESPONSE)
        return np.int64(IS_EITHER)
    return other


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets that begin a stream are TPKT with COTP; see `protocol`'s verdicts.

    A connection request or confirm proves itself: its header fills the TPKT and its references and
    class are legal. A DT proves little; elsewhere than on port 102 it has to carry an S7 PDU.
    """
    total = frame_length(data, at, length)
    if total == UNFRAMED:
        return np.int64(NOT_IT)
    if length < 6:
        if length >= 5 and total > 0 and u8(data, at + 4) + 5 > total:
            return np.int64(NOT_IT)
        return np.int64(NEED_MORE)
    header = u8(data, at + 4)
    if header < 2 or header > LONGEST_HEADER or header + 5 > total:
        return np.int64(NOT_IT)
    tpdu = u8(data, at + 5)
    if tpdu == CONNECTION_REQUEST or tpdu == CONNECTION_CONFIRM:
        if header < 6 or header + 5 != total:
            return np.int64(NOT_IT)
        if length < 11:
            return np.int64(NEED_MORE)
        if u8(data, at + 10) >> 4 > 4 or (tpdu == CONNECTION_REQUEST and be16(data, at + 6) != 0):
            return np.int64(NOT_IT)
        if length < total:
            return np.int64(NEED_MORE)
        return np.int64(IS_REQUEST if tpdu == CONNECTION_REQUEST else IS_RESPONSE)
    if tpdu == DATA and header == 2:
        if length < 7:
            return np.int64(NEED_MORE)
        # Class 0 numbers no TPDUs; some clients do so all the same, and then only S7 counts.
        numbered = u8(data, at + 6) & 0x7F != 0
        return _recognise_user_data(data, at + 7, length - 7, total - 7, known_port and not numbered)
    return np.int64(NOT_IT)
