"""The message that DNS, mDNS and NBNS share (RFC 1035, 4): recognised and decoded.

Each question and each record that says something about an asset is a row. Records of the authority
section, EDNS options and record types that are not listed below are stepped over.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    DROPPED_PARTS,
    IDENTITY,
    MOST_PARTS,
    UNSOLICITED,
    Buffers,
    Kind,
    Out,
    add_bytes,
    add_integer,
    add_message,
    add_text,
    scratch_room,
    wants_details,
)
from sensor.octets import be16, be32, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.names.fields import (
    AAAA,
    ADDITIONAL,
    ADDRESS,
    ANSWER,
    AUTHORITATIVE,
    CNAME,
    GROUP,
    HEADER,
    ID,
    MAC,
    NB,
    NBSTAT,
    NODE_NAME,
    NS,
    PORT,
    PTR,
    QUERY,
    QUESTION,
    REFRESH_ALTERNATIVE,
    REGISTRATION,
    SRV,
    SUFFIX,
    TARGET,
    TEXT,
    TTL,
    TXT,
    TYPE,
    A,
)
from sensor.protocols.names.labels import (
    LONGEST,
    is_netbios,
    netbios_suffix,
    read_name,
    read_netbios,
    skip_name,
)
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, Number
from sensor.strings import ARENA, ENTRIES, NO_STRING, REFUSED, Strings, intern
from sensor.types import Bytes, Int, Record

_SCRATCH = 2
"""`Buffers.scratch`, in `buffer` columns."""
_CLASSES = (1, 3, 4, 254, 255)


@kernel
def verdict(data: Bytes, at: Int, length: Int, number: Int) -> Int:
    """Whether a datagram has the header, a possible number of records, and a good first question."""
    if length < HEADER:
        return np.int64(NEED_MORE)
    flags = be16(data, at + 2)
    operation = flags >> 11 & 15
    most = REFRESH_ALTERNATIVE if number == Number.NBNS else 6
    if operation > most or (number != Number.NBNS and flags & 0x40):
        return np.int64(NOT_IT)
    questions = be16(data, at + 4)
    records = be16(data, at + 6) + be16(data, at + 8) + be16(data, at + 10)
    if HEADER + questions * 5 + records * 11 > length:
        return np.int64(NOT_IT)
    if questions + records == 0 and (not flags & 0x8000 or flags & 15 == 0):
        return np.int64(NOT_IT)
    after = skip_name(data, at + HEADER, at + length)
    if questions + records > 0 and (after < 0 or after + 4 > at + length):
        return np.int64(NOT_IT)
    if questions > 0 and be16(data, after + 2) & 0x7FFF not in _CLASSES:
        return np.int64(NOT_IT)
    if number == Number.NBNS and questions > 0 and not is_netbios(data, at + HEADER, at + length):
        return np.int64(NOT_IT)
    return np.int64(IS_RESPONSE if flags & 0x8000 else IS_REQUEST)


@kernel
def _intern_some(strings: Strings, work: Bytes, length: Int) -> Int:
    """Intern a name, but leave half of the table to others: anybody can invent names without end."""
    if length < 0:
        return np.int64(NO_STRING)
    if (
        strings.used[ENTRIES] * 2 >= strings.start.shape[0]
        or strings.used[ARENA] * 2 >= strings.arena.shape[0]
    ):
        strings.used[REFUSED] += 1
        return np.int64(NO_STRING)
    return intern(strings, work, np.int64(0), length)


@kernel
def _netbios_at(data: Bytes, start: Int, at: Int, end: Int) -> Int:
    """Where the encoded NetBIOS name stands that a name at `at` is or points to; -1 where none."""
    if at + 2 <= end and u8(data, at) >= 0xC0:
        at = start + (be16(data, at) & 0x3FFF)
    return np.int64(at if is_netbios(data, at, end) else -1)


@kernel
def _owner(data: Bytes, start: Int, at: Int, end: Int, number: Int, work: Bytes, out: Out) -> Int:
    """The string id of the name at `at`; NO_STRING where it cannot be read."""
    if number == Number.NBNS:
        place = _netbios_at(data, start, at, end)
        length = np.int64(-1) if place < 0 else read_netbios(data, place, work, np.int64(0))
    else:
        length = read_name(data, start, at, end, work, np.int64(0), number == Number.DNS)
    return _intern_some(out.strings, work, length)


@kernel
def _describe(data: Bytes, start: Int, number: Int, section: Int, kind: Int, row: Record) -> None:
    """Fill the columns that the header and a question or record have in common."""
    flags = be16(data, start + 2)
    operation = flags >> 11 & 15
    row["function"] = operation
    row["subfunction"] = kind
    row["space"] = section
    row["transaction"] = be16(data, start)
    row["kind"] = Kind.REQUEST
    if flags & 0x8000:
        row["kind"] = Kind.RESPONSE
        row["status"] = flags & 15
        row["flags"] |= IDENTITY
        if number == Number.MDNS and be16(data, start + 4) == 0:
            row["kind"] = Kind.EVENT
            row["flags"] |= UNSOLICITED
    elif number == Number.NBNS and REGISTRATION <= operation <= REFRESH_ALTERNATIVE:
        row["flags"] |= IDENTITY


@kernel
def _add_target(
    data: Bytes, start: Int, at: Int, end: Int, number: Int, buffers: Buffers, out: Out, message: Int
) -> bool:
    """The name that a record points to: written out in scratch, since it may be compressed."""
    room = scratch_room(out, buffers, np.int64(LONGEST))
    if room < 0:
        return True
    length = read_name(data, start, at, end, buffers.scratch, room, number == Number.DNS)
    if length < 0:
        return False
    row = out.messages[message]
    buffer = np.int64(row["buffer"])
    row["buffer"] = _SCRATCH
    add_text(out, message, number * 256 + TARGET, room, length)
    row["buffer"] = buffer
    return True


@kernel
def _add_strings(data: Bytes, at: Int, end: Int, field: Int, out: Out, message: Int) -> bool:
    while at < end:
        size = u8(data, at)
        if at + 1 + size > end:
            return False
        if size > 0:
            add_text(out, message, field, at + 1, size)
        at += 1 + size
    return True


@kernel
def _decode_record(
    data: Bytes,
    start: Int,
    kind: Int,
    at: Int,
    octets: Int,
    end: Int,
    number: Int,
    buffers: Buffers,
    out: Out,
    message: Int,
) -> bool:
    """The data of a DNS record, `octets` octets at `at`; whether they fit its type."""
    row = out.messages[message]
    field = number * 256
    if kind == A or kind == AAAA:
        if octets != (4 if kind == A else 16):
            return False
        if kind == A:
            row["address"] = be32(data, at)
        add_bytes(out, message, field + ADDRESS, at, octets)
        return True
    if kind == TXT:
        return _add_strings(data, at, at + octets, field + TEXT, out, message)
    if kind == SRV:
        if octets < 7:
            return False
        add_integer(out, message, field + PORT, be16(data, at + 4))
        row["address"] = be16(data, at + 4)
        at += 6
    return _add_target(data, start, at, end, number, buffers, out, message)


@kernel
def _decode_netbios(data: Bytes, kind: Int, at: Int, octets: Int, out: Out, message: Int) -> bool:
    """The data of a NetBIOS record (RFC 1002, 4.2.2, 4.2.18); whether they fit its type."""
    field = np.int64(Number.NBNS) * 256
    if kind == NB:
        for place in range(at, at + octets - 5, 6):
            add_integer(out, message, field + GROUP, u8(data, place) >> 7)
            add_bytes(out, message, field + ADDRESS, place + 2, 4)
        return octets % 6 == 0
    if octets < 1 or 1 + u8(data, at) * 18 > octets:
        return False
    names = u8(data, at)
    for index in range(names):
        place = at + 1 + index * 18
        add_text(out, message, field + NODE_NAME, place, 15)
        add_integer(out, message, field + SUFFIX, u8(data, place + 15))
        add_integer(out, message, field + GROUP, u8(data, place + 16) >> 7)
    if octets >= 1 + names * 18 + 6:
        add_bytes(out, message, field + MAC, at + 1 + names * 18, 6)
    return True


@kernel
def _is_told(number: Int, section: Int, kind: Int) -> bool:
    """Whether a question or record makes a row."""
    if section == QUESTION or number == Number.NBNS:
        return section == QUESTION or kind == NB or kind == NBSTAT
    if section != ANSWER and section != ADDITIONAL:
        return False
    return (
        kind == A or kind == AAAA or kind == PTR or kind == CNAME or kind == SRV or kind == TXT or kind == NS
    )


@kernel
def _decode_entry(
    data: Bytes,
    start: Int,
    section: Int,
    at: Int,
    end: Int,
    number: Int,
    buffers: Buffers,
    out: Out,
    message: Int,
    work: Bytes,
) -> bool:
    """The question or record at `at` into row `message`; its octets lie inside the message."""
    after = skip_name(data, at, end)
    kind = be16(data, after)
    row = out.messages[message]
    _describe(data, start, number, section, kind, row)
    row["name"] = _owner(data, start, at, end, number, work, out)
    details = wants_details(out, message)
    field = number * 256
    if details:
        if row["part"] == 0:
            add_integer(out, message, field + ID, be16(data, start))
            add_integer(out, message, field + AUTHORITATIVE, be16(data, start + 2) >> 10 & 1)
        add_integer(out, message, field + TYPE, kind)
        place = _netbios_at(data, start, at, end) if number == Number.NBNS else np.int64(-1)
        if place >= 0 and not (section == ANSWER and kind == NBSTAT):
            add_integer(out, message, field + SUFFIX, netbios_suffix(data, place))
    if section == QUESTION or not details:
        return True
    add_integer(out, message, field + TTL, be32(data, after + 4))
    octets = be16(data, after + 8)
    if octets == 0:
        # An update that withdraws, or a negative answer, has no data.
        return True
    if number == Number.NBNS:
        return _decode_netbios(data, kind, after + 10, octets, out, message)
    return _decode_record(data, start, kind, after + 10, octets, end, number, buffers, out, message)


@kernel
def decode_message(
    buffers: Buffers, data: Bytes, frame: Record, number: Int, out: Out, message: Int, work: Bytes
) -> bool:
    """A whole message, its first question or record into row `message`; whether it is well-formed.

    `work` has room for LONGEST octets.
    """
    start = np.int64(frame["offset"])
    end = start + frame["length"]
    if end - start < HEADER:
        return False
    _describe(data, start, number, np.int64(-1), np.int64(-1), out.messages[message])
    at = start + HEADER
    part = 0
    good = True
    for section in range(4):
        entries = be16(data, start + 4 + 2 * section)
        for entry in range(entries):
            after = skip_name(data, at, end)
            if after < 0 or after + (4 if section == QUESTION else 10) > end:
                return False
            following = after + 4
            if section != QUESTION:
                following = after + 10 + be16(data, after + 8)
            if following > end:
                return False
            if _is_told(number, np.int64(section), be16(data, after)):
                if part >= MOST_PARTS:
                    out.used[DROPPED_PARTS] += entries - entry
                    return good
                place = message if part == 0 else add_message(out, frame, number, np.int64(part))
                good = (
                    _decode_entry(data, start, np.int64(section), at, end, number, buffers, out, place, work)
                    and good
                )
                part += 1
            at = following
    row = out.messages[message]
    if number == Number.DNS:
        if row["kind"] == Kind.REQUEST:
            ask(out.pairs, row, np.int64(QUERY))
        elif find(out.pairs, row["stream"], row["transaction"], 0) >= 0:
            answer(out.pairs, row)
    return good
