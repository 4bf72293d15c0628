"""What EtherNet/IP looks like on the wire: the encapsulation header, and who speaks.

CIP volume 2, 2-3: command (2), length (2), session handle (4), status (4), sender context (8),
options (4), then the data.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import le16, le32, u8
from sensor.protocols.enip.io import SEQUENCED_ADDRESS, io_length
from sensor.protocols.protocol import IS_EITHER, IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, UNFRAMED
from sensor.types import Bytes, Int

HEADER = 24
LONGEST = 65511
"""Octets of data after the header, at most."""
NOP, LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES = 0, 4, 0x63, 0x64
REGISTER, UNREGISTER, SEND_RR, SEND_UNIT, INDICATE_STATUS, CANCEL, START_DTLS = (
    0x65,
    0x66,
    0x6F,
    0x70,
    0x72,
    0x73,
    0xC8,
)
LARGEST_STATUS = 0xFF


@kernel
def is_command(command: Int) -> bool:
    """Whether the specification knows this command."""
    return (
        command == NOP
        or command == LIST_SERVICES
        or LIST_IDENTITY <= command <= UNREGISTER
        or command == SEND_RR
        or command == SEND_UNIT
        or command == INDICATE_STATUS
        or command == CANCEL
        or command == START_DTLS
    )


@kernel
def is_io(data: Bytes, at: Int, available: Int) -> bool:
    """Whether this is an I/O packet: its first four octets are no command and length of ours."""
    return available >= 4 and le16(data, at) == 2 and le16(data, at + 2) == SEQUENCED_ADDRESS


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the PDU that starts at `at`; 0 where more are needed to tell, UNFRAMED if none.

    Commands that the specification does not know are framed where the rest of the header is right.
    """
    if available < 4:
        return np.int64(0)
    if is_io(data, at, available):
        return io_length(data, at, available)
    length = le16(data, at + 2)
    if length > LONGEST:
        return np.int64(UNFRAMED)
    if available >= 12 and le32(data, at + 8) > 0xFFFF:
        return np.int64(UNFRAMED)
    if available < HEADER:
        return np.int64(0)
    if not is_command(le16(data, at)) and le32(data, at + 20) != 0:
        return np.int64(UNFRAMED)
    return HEADER + length


@kernel
def _length_fits(command: Int, length: Int, known_port: bool) -> bool:
    """Whether this many octets can follow this command, as the first of a stream."""
    if command == NOP:
        return known_port
    if command == REGISTER:
        return length == 4 or length == 0
    if command == UNREGISTER:
        return length == 0
    if command == SEND_RR or command == SEND_UNIT:
        return length == 0 or length >= 16
    if command in (LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES):
        return length <= 1024
    if command in (INDICATE_STATUS, CANCEL, START_DTLS):
        return known_port and length <= 1024
    return known_port and length <= 1024


@kernel
def _prefix(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Of a header not all here: NEED_MORE while it can still be one, else NOT_IT."""
    if length >= 2:
        command = le16(data, at)
        if not is_command(command) and not known_port:
            return np.int64(NOT_IT)
        if length >= 4 and not _length_fits(command, le16(data, at + 2), known_port):
            return np.int64(NOT_IT)
    elif length == 1 and not known_port and not is_command(u8(data, at)):
        return np.int64(NOT_IT)
    for place in range(at + 9, at + min(length, 12)):
        if data[place] != 0:
            return np.int64(NOT_IT)
    for place in range(at + 20, at + min(length, HEADER)):
        if data[place] != 0:
            return np.int64(NOT_IT)
    return np.int64(NEED_MORE)


@kernel
def _who_sends(data: Bytes, at: Int, total: Int) -> Int:
    """Verdict of Send RR Data and Send Unit Data: the service's high bit tells who speaks.

    Interface handle 0, then a null or connected address item and a data item.
    """
    if total == HEADER:
        return np.int64(IS_EITHER)
    body = at + HEADER
    end = at + total
    if le32(data, body) != 0 or not 2 <= le16(data, body + 6) <= 4:
        return np.int64(NOT_IT)
    address, size = le16(data, body + 8), le16(data, body + 10)
    unconnected = le16(data, at) == SEND_RR
    if (address != 0 or size != 0) if unconnected else (address != 0xA1 or size != 4):
        return np.int64(NOT_IT)
    item = body + 12 + size
    if item + 4 > end or le16(data, item) != (0xB2 if unconnected else 0xB1):
        return np.int64(NOT_IT)
    service = item + 4 if unconnected else item + 6
    if item + 4 + le16(data, item + 2) > end or service >= end:
        return np.int64(NOT_IT)
    return np.int64(IS_RESPONSE if u8(data, service) & 0x80 else IS_REQUEST)


@kernel
def _verdict(data: Bytes, at: Int, total: Int, length: Int, known_port: bool) -> Int:
    """Verdict on a PDU that is all here and whose header is right."""
    command, status = le16(data, at), le32(data, at + 8)
    session = le32(data, at + 4)
    body = at + HEADER
    if total == HEADER and not known_port:
        # A command and twenty octets that are mostly 0 begin many protocols.
        return np.int64(NOT_IT)
    if command == SEND_RR or command == SEND_UNIT:
        if status != 0 and total == HEADER:
            return np.int64(IS_RESPONSE)
        return _who_sends(data, at, total)
    if command == REGISTER:
        if status != 0:
            return np.int64(IS_RESPONSE)
        if total == HEADER or le16(data, body) == 0 or le16(data, body + 2) != 0:
            return np.int64(NOT_IT)
        return np.int64(IS_RESPONSE if session else IS_REQUEST)
    if command == UNREGISTER:
        return np.int64(IS_REQUEST if session else IS_EITHER)
    if command in (LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES):
        if status != 0:
            return np.int64(IS_RESPONSE)
        if total == HEADER:
            return np.int64(IS_REQUEST)
        if total < HEADER + 2 or le16(data, body) > 16:
            return np.int64(NOT_IT)
        items = le16(data, body)
        if items == 0 and not known_port:
            return np.int64(NOT_IT)
        if items > 0 and (total < HEADER + 6 or le16(data, body + 4) > total - HEADER - 6):
            return np.int64(NOT_IT)
        return np.int64(IS_RESPONSE)
    # Nothing in these tells them from junk, but that they end where their length says.
    if status != 0 or (length != total and (length < total + 2 or not is_command(le16(data, at + total)))):
        return np.int64(NOT_IT)
    return np.int64(IS_EITHER)


@kernel
def _recognise_io(data: Bytes, at: Int, length: Int) -> Int:
    total = io_length(data, at, length)
    if total == UNFRAMED:
        return np.int64(NOT_IT)
    return np.int64(NEED_MORE if total == 0 or length < total else IS_EITHER)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets that begin a stream or datagram are EtherNet/IP; see `protocol`'s verdicts.

    Both encapsulation and implicit I/O. On its own ports, commands without a shape of their own and
    unknown ones count too, where the header is right.
    """
    if is_io(data, at, length):
        return _recognise_io(data, at, length)
    verdict = _prefix(data, at, length, known_port)
    if length < HEADER:
        if verdict == NOT_IT and 0 < length < 4 and data[at] == 2:
            # Still too short to tell from an I/O packet.
            return _recognise_io(data, at, length)
        return verdict
    if verdict == NOT_IT or le32(data, at + 8) > LARGEST_STATUS:
        return np.int64(NOT_IT)
    total = HEADER + le16(data, at + 2)
    if length < total:
        return np.int64(NEED_MORE)
    return _verdict(data, at, total, length, known_port)
