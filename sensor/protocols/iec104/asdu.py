"""Decodes APDUs: I frames with their ASDU, S and U frames."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    BROADCAST,
    DOUBTFUL,
    FROM_SERVER,
    MALFORMED,
    NEGATIVE,
    TEST,
    UNSOLICITED,
    Buffers,
    Kind,
    Operation,
    Out,
    add_bytes,
    add_integer,
    add_message,
    add_value,
    begin_pdu,
    is_full,
    wants_details,
)
from sensor.octets import le16, le24, u8
from sensor.pairing import answer, ask
from sensor.protocols.iec104.apci import APCI, ASDU_HEADER, OBJECT_ADDRESS, START
from sensor.protocols.iec104.elements import SEGMENT, decode_element
from sensor.protocols.iec104.tables import (
    ACTIVATION,
    ACTIVATION_CON,
    ACTIVATION_TERM,
    COUNTER_GROUP_4,
    DEACTIVATION,
    DEACTIVATION_CON,
    IDS,
    INITIALISED,
    INTERROGATED,
    LOCAL_COMMAND,
    NEGATIVE_CONFIRMATION,
    OPERATION,
    REMOTE_COMMAND,
    REQUESTED,
    S_FRAME,
    SIZE,
    SPACE,
    STARTDT_ACT,
    STARTDT_CON,
    STOPDT_ACT,
    STOPDT_CON,
    TESTFR_ACT,
    TESTFR_CON,
    UNKNOWN_ADDRESS,
    UNKNOWN_TYPE,
)
from sensor.protocols.protocol import Number
from sensor.types import Bytes, Int, Ints, Record, Rows

_SEND_SEQUENCE = IDS["iec104.send_sequence"]
_RECEIVE_SEQUENCE = IDS["iec104.receive_sequence"]
_CAUSE = IDS["iec104.cause"]
_ORIGINATOR = IDS["iec104.originator"]
_OBJECTS = IDS["iec104.objects"]
_SEQUENCE = IDS["iec104.sequence"]
_DATA = IDS["iec104.data"]

EVERYBODY = 0xFFFF
"""Common address of all stations of a controlled station (7.2.4)."""
READ_COMMAND = 102
FIRST_CONTROL, LAST_CONTROL = 45, 113
_SESSION = 1 << 50
"""Above every key of an I frame: type, common address (16 bits), object address (24)."""


@kernel
def _transaction(function: Int, unit: Int, address: Int) -> Int:
    """What a command and its confirmation have in common. The pairing table hashes the low bits."""
    return function << 40 | unit << 24 | address


@kernel
def _kind(cause: Int, function: Int, from_server: bool) -> Int:
    if cause == ACTIVATION or cause == DEACTIVATION:
        return np.int64(Kind.REQUEST)
    if ACTIVATION_CON <= cause <= ACTIVATION_TERM or INTERROGATED <= cause <= COUNTER_GROUP_4:
        return np.int64(Kind.RESPONSE)
    if UNKNOWN_TYPE <= cause <= UNKNOWN_ADDRESS:
        return np.int64(Kind.RESPONSE)
    if not from_server and FIRST_CONTROL <= function <= LAST_CONTROL and function != 70:
        return np.int64(Kind.REQUEST)
    if 1 <= cause <= INITIALISED or cause == REMOTE_COMMAND or cause == LOCAL_COMMAND:
        return np.int64(Kind.EVENT)
    return np.int64(Kind.RESPONSE if from_server else Kind.REQUEST)


@kernel
def _describe_header(data: Bytes, at: Int, row: Record) -> None:
    """Put into the row what the ASDU header at `at` says, for every information object alike."""
    function = u8(data, at)
    cause = u8(data, at + 2) & 0x3F
    row["function"] = function
    row["subfunction"] = cause
    row["unit"] = le16(data, at + 4)
    row["space"] = SPACE[function]
    row["operation"] = OPERATION[function]
    row["kind"] = _kind(cause, function, row["direction"] == FROM_SERVER)
    if row["unit"] == EVERYBODY:
        row["flags"] |= BROADCAST
    if u8(data, at + 2) & 0x40:
        row["flags"] |= NEGATIVE
    if u8(data, at + 2) & 0x80:
        row["flags"] |= TEST
    if row["kind"] == Kind.EVENT:
        if row["direction"] == FROM_SERVER:
            row["flags"] |= UNSOLICITED
    elif row["kind"] == Kind.RESPONSE:
        row["status"] = NEGATIVE_CONFIRMATION if u8(data, at + 2) & 0x40 else 0
        if row["operation"] == Operation.REPORT:
            row["operation"] = Operation.READ
        if UNKNOWN_TYPE <= cause <= UNKNOWN_ADDRESS:
            row["status"] = cause
            row["operation"] = Operation.PROTOCOL_ERROR


@kernel
def _pair(out: Out, message: Int) -> None:
    """Join commands and confirmations; a read command and the value that was requested."""
    row = out.messages[message]
    function = np.int64(row["function"])
    cause = row["subfunction"]
    unit = np.int64(row["unit"])
    row["transaction"] = _transaction(function, unit, row["address"])
    if row["kind"] == Kind.REQUEST:
        # What a file transfer asks for comes under other types: its messages have no pairs.
        if cause == ACTIVATION or cause == DEACTIVATION or cause == REQUESTED:
            ask(out.pairs, row, function)
    elif cause == ACTIVATION_CON or cause == DEACTIVATION_CON or cause >= UNKNOWN_TYPE:
        answer(out.pairs, row)
    elif cause == REQUESTED:
        row["transaction"] = _transaction(np.int64(READ_COMMAND), unit, row["address"])
        answer(out.pairs, row)


@kernel
def _keep_element(
    data: Bytes, at: Int, function: Int, index: Int, out: Out, message: Int, details: bool
) -> None:
    """One of a sequence of elements: a VALUE row each, the first in the message's row as well."""
    row = out.messages[message]
    kind, value = np.int64(row["value_kind"]), np.float64(row["value"])
    all_doubtful = index == 0 or row["flags"] & DOUBTFUL != 0
    row["flags"] &= ~DOUBTFUL
    row["value_kind"] = 0
    decode_element(data, at, function, out, message, True, details)
    doubtful = row["flags"] & DOUBTFUL != 0
    if row["value_kind"] != 0 and not doubtful:
        add_value(out, message, index, np.int64(row["value_kind"]), np.float64(row["value"]))
    # The message is doubtful only where all of its values are: the others have rows of their own.
    if not all_doubtful:
        row["flags"] &= ~DOUBTFUL
    if index > 0:
        row["value_kind"], row["value"] = kind, value


@kernel
def _decode_objects(data: Bytes, at: Int, end: Int, frame: Record, header: Int, out: Out, first: Int) -> bool:
    """Information objects from `at`, the first into row `first`; whether they fill the ASDU exactly."""
    function = u8(data, header)
    sequence = u8(data, header + 1) >> 7
    count = u8(data, header + 1) & 0x7F
    message = first
    for part in range(1 if sequence else count):
        if at + OBJECT_ADDRESS > end:
            return False
        if part > 0:
            message = add_message(out, frame, np.int64(Number.IEC104), part)
            _describe_header(data, header, out.messages[message])
        row = out.messages[message]
        row["address"] = le24(data, at)
        at += OBJECT_ADDRESS
        elements = count if sequence else 1
        row["count"] = elements
        details = wants_details(out, message)
        for index in range(elements):
            octets: Int = SIZE[function]
            if function == SEGMENT:
                octets = 4 + u8(data, at + 3) if at + 4 <= end else np.int64(4)
            if octets < 0:
                if details:
                    add_bytes(out, message, _DATA, at, end - at)
                _pair(out, message)
                return True
            if at + octets > end:
                _pair(out, message)
                return False
            if elements > 1:
                _keep_element(data, at, function, index, out, message, details)
            else:
                decode_element(data, at, function, out, message, True, details)
            at += octets
        _pair(out, message)
    return at == end


@kernel
def _decode_asdu(data: Bytes, at: Int, end: Int, frame: Record, out: Out, message: Int) -> bool:
    """The ASDU of an I frame (5-101, 7.2); whether it is well-formed."""
    if end - at < ASDU_HEADER:
        if end > at:
            out.messages[message]["function"] = u8(data, at)
        return False
    _describe_header(data, at, out.messages[message])
    if wants_details(out, message):
        add_integer(out, message, _CAUSE, u8(data, at + 2) & 0x3F)
        add_integer(out, message, _ORIGINATOR, u8(data, at + 3))
        add_integer(out, message, _OBJECTS, u8(data, at + 1) & 0x7F)
        add_integer(out, message, _SEQUENCE, u8(data, at + 1) >> 7)
    if u8(data, at + 1) & 0x7F == 0 and SIZE[u8(data, at)] >= 0:
        return False
    good = _decode_objects(data, at + ASDU_HEADER, end, frame, at, out, message)
    return good and u8(data, at) != 0 and u8(data, at + 2) & 0x3F != 0


@kernel
def _decode_unnumbered(data: Bytes, at: Int, out: Out, message: Int) -> bool:
    """A U frame (5.1, figure 8): start, stop and test, each asked for and confirmed."""
    row = out.messages[message]
    function = u8(data, at + 2) >> 2
    row["function"] = S_FRAME + function
    row["operation"] = Operation.SESSION
    asker = np.int64(row["direction"])
    if function in (STARTDT_ACT, STOPDT_ACT, TESTFR_ACT):
        row["kind"] = Kind.REQUEST
        row["transaction"] = _SESSION | function << 1 | asker
        ask(out.pairs, row, function)
    elif function in (STARTDT_CON, STOPDT_CON, TESTFR_CON):
        # A confirmation's bit stands next to that of the request, which came from the other side.
        row["kind"] = Kind.RESPONSE
        row["status"] = 0
        row["transaction"] = _SESSION | (function >> 1) << 1 | (1 - asker)
        answer(out.pairs, row)
    else:
        return False
    return bool(data[at + 3] == 0 and data[at + 4] == 0 and data[at + 5] == 0)


@kernel
def _decode_apdu(data: Bytes, at: Int, end: Int, frame: Record, out: Out, message: Int) -> bool:
    """One APDU; whether it is well-formed."""
    if end - at < APCI or u8(data, at) != START or u8(data, at + 1) != end - at - 2:
        return False
    row = out.messages[message]
    control = u8(data, at + 2)
    if control & 3 == 3:
        return _decode_unnumbered(data, at, out, message) and end - at == APCI
    details = wants_details(out, message)
    if details:
        add_integer(out, message, _RECEIVE_SEQUENCE, le16(data, at + 4) >> 1)
    if control & 1:
        row["function"] = S_FRAME
        row["operation"] = Operation.SESSION
        row["kind"] = Kind.EVENT
        return control == 1 and data[at + 3] == 0 and u8(data, at + 4) & 1 == 0 and end - at == APCI
    if details:
        add_integer(out, message, _SEND_SEQUENCE, le16(data, at + 2) >> 1)
    return _decode_asdu(data, at + APCI, end, frame, out, message) and u8(data, at + 4) & 1 == 0


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = buffers.packets if frame["buffer"] == 0 else buffers.assembled
        at = np.int64(frame["offset"])
        message = add_message(out, frame, np.int64(Number.IEC104), np.int64(0))
        good = _decode_apdu(data, at, at + frame["length"], frame, out, message)
        if not good or frame["flags"] & MALFORMED:
            out.messages[message]["flags"] |= MALFORMED
