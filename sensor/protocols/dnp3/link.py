"""The link layer (IEEE 1815-2012, clause 9): frames, their checksums, and recognition.

A frame is 05 64, a length (5 for control and addresses, plus the user data), control, destination,
source, a CRC; then the user data in blocks of 16 octets, each followed by its CRC.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import le16, u8
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, UNFRAMED
from sensor.types import Bytes, Int

PORTS = (20000,)
START_1, START_2 = 0x05, 0x64
HEADER = 10
LEAST_LENGTH = 5
BLOCK = 16
FROM_MASTER, PRIMARY, FRAME_COUNT, FRAME_COUNT_VALID = 0x80, 0x40, 0x20, 0x10
FIRST_BROADCAST = 0xFFFD


def _crc_table() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    # 9.2.6: x16+x13+x12+x11+x10+x8+x6+x5+x2+1, least significant bit first.
    table = np.zeros(256, np.int64)
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (0xA6BC if value & 1 else 0)
        table[octet] = value
    return table


CRC_TABLE = _crc_table()


@kernel
def crc(data: Bytes, at: Int, length: Int) -> Int:
    """The CRC (9.2.6) of `length` octets from `at`."""
    value = np.int64(0)
    for index in range(at, at + length):
        value = value >> 8 ^ CRC_TABLE[(value ^ np.int64(data[index])) & 0xFF]
    return value ^ 0xFFFF


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the link frame that starts at `at`; 0 where more are needed, UNFRAMED if none.

    The length is believed only under a right header CRC, as a receiver would.
    """
    if available >= 1 and data[at] != START_1:
        return np.int64(UNFRAMED)
    if available >= 2 and data[at + 1] != START_2:
        return np.int64(UNFRAMED)
    if available >= 3 and data[at + 2] < LEAST_LENGTH:
        return np.int64(UNFRAMED)
    if available < HEADER:
        return np.int64(0)
    if crc(data, at, HEADER - 2) != le16(data, at + 8):
        return np.int64(UNFRAMED)
    user = u8(data, at + 2) - LEAST_LENGTH
    return HEADER + user + (user + BLOCK - 1) // BLOCK * 2


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets that begin a stream or datagram are DNP3; see `protocol`'s verdicts.

    Start octets and header CRC are 32 bits of evidence, so the port does not matter. The DIR bit
    tells the master, which is the client even where the outstation opened the connection.
    """
    total = frame_length(data, at, length)
    if total == UNFRAMED:
        return np.int64(NOT_IT)
    if total == 0:
        return np.int64(NEED_MORE)
    return np.int64(IS_REQUEST if u8(data, at + 3) & FROM_MASTER else IS_RESPONSE)


@kernel
def take_user_data(data: Bytes, at: Int, length: Int, target: Bytes, to: Int) -> Int:
    """Copy `length` octets of user data from the blocks at `at` to `target`, without their CRCs.

    The number of blocks whose CRC is wrong. The frame is complete: the caller has its length.
    """
    wrong = np.int64(0)
    done = np.int64(0)
    while done < length:
        size = min(np.int64(BLOCK), length - done)
        value = np.int64(0)
        for index in range(size):
            octet = data[at + index]
            target[to + done + index] = octet
            value = value >> 8 ^ CRC_TABLE[(value ^ np.int64(octet)) & 0xFF]
        if value ^ 0xFFFF != le16(data, at + size):
            wrong += 1
        at += size + 2
        done += size
    return wrong
