"""Userdata PDUs: what programming devices and HMIs ask beside reading and writing variables.

Each has a kind (push, request, response), a function group and a subfunction.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import (
    NEGATIVE,
    UNSOLICITED,
    Buffers,
    Kind,
    Operation,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_text,
    wants_details,
)
from sensor.octets import be16, be32, u8
from sensor.pairing import answer, ask
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import (
    ALARM_EVENT,
    BLOCK,
    BLOCKS,
    CLOCK,
    CPU,
    CYCLIC,
    MODE_TRANSITION,
    NC_PROGRAMMING,
    NC_PUSH,
    NC_REQUEST,
    PBC,
    PROGRAMMER,
    PUSH,
    REQUEST,
    SECURITY,
    SUCCESS,
    USERDATA_FUNCTION,
)
from sensor.protocols.s7comm.fragments import (
    ROOM,
    USERDATA_LAYER,
    State,
    append,
    close_slot,
    join,
    key_of,
    open_slot,
    slot_of,
)
from sensor.protocols.s7comm.programs import BLOCK_SHIFT, block_type, decode_block
from sensor.protocols.s7comm.szl import add_list_details, decode_list, name_list
from sensor.protocols.s7comm.variables import (
    data_octets,
    decode_answered,
    decode_requested,
    sections,
    set_return_code,
    transaction_of,
)
from sensor.types import Bytes, Int

READ_SZL, MESSAGE_SERVICE, DIAGNOSTIC_MESSAGE = 1, 2, 3
LIST_BLOCKS, LIST_BLOCKS_OF_TYPE, BLOCK_INFO = 1, 2, 3
CYCLIC_TRANSFER, UNSUBSCRIBE, CHANGE_DRIVEN, CHANGE_DRIVEN_MODIFY, READ_RECORD = 1, 4, 5, 7, 8
ALARM_ACKNOWLEDGEMENT, ALARM_ACKNOWLEDGED = 11, 12
BLOCK_INFO_OCTETS = 70
"""Of a block's description up to its checksum."""


@inner
def _programmer_operation(subfunction: Int) -> Int:
    if subfunction == 8:
        return np.int64(Operation.WRITE)
    if subfunction == 9:
        return np.int64(Operation.OPERATE)
    if subfunction == 11:
        return np.int64(Operation.START)
    return np.int64(Operation.RESET if subfunction == 12 else Operation.DIAGNOSE)


@inner
def operation_of_userdata(group: Int, subfunction: Int, pushed: bool) -> Int:
    """The operation of a userdata function.

    Modify Variable is WRITE, Force OPERATE, Exit HOLD START, Memory Reset RESET; other programmer
    commands look on. BSEND is WRITE: it puts data into the partner.
    """
    if group == MODE_TRANSITION:
        return np.int64(Operation.MODE)
    if group == PROGRAMMER:
        return _programmer_operation(subfunction)
    if group == CYCLIC:
        if subfunction == READ_RECORD:
            return np.int64(Operation.READ)
        return np.int64(Operation.REPORT if pushed else Operation.SUBSCRIBE)
    if group == BLOCKS:
        return np.int64(Operation.BROWSE)
    if group == CPU:
        if subfunction == READ_SZL:
            return np.int64(Operation.DIAGNOSE)
        return np.int64(Operation.SUBSCRIBE if subfunction == MESSAGE_SERVICE else Operation.ALARM)
    if group == SECURITY:
        return np.int64(Operation.AUTHENTICATE)
    if group == PBC:
        return np.int64(Operation.WRITE)
    if group == CLOCK:
        return np.int64(Operation.TIME)
    if group == NC_PROGRAMMING and 1 <= subfunction <= 4:
        return np.int64(Operation.PROGRAM_DOWNLOAD)
    if group == NC_PROGRAMMING and 6 <= subfunction <= 8:
        return np.int64(Operation.PROGRAM_UPLOAD)
    return np.int64(Operation.OTHER)


@inner
def _bcd(octet: Int) -> Int:
    return (octet >> 4) * 10 + (octet & 0x0F)


@inner
def _date_and_time(data: Bytes, at: Int) -> Int:
    """Six octets of BCD from the year on, as the decimal number YYYYMMDDhhmmss."""
    year = _bcd(u8(data, at))
    moment = year + (1900 if year >= 90 else 2000)
    for place in range(at + 1, at + 6):
        moment = moment * 100 + _bcd(u8(data, place))
    return moment


@inner
def _block_info(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The description of a block: type, language, number, lengths, protection, author, version."""
    if at + BLOCK_INFO_OCTETS > end:
        return False
    row = out.messages[index]
    kind, number = u8(data, at + 11), be16(data, at + 12)
    if row["address"] < 0:
        row["space"] = BLOCK
        row["address"] = block_of_subtype(kind) << BLOCK_SHIFT | number
    if wants_details(out, index):
        add_integer(out, index, fields.BLOCK_LANGUAGE, u8(data, at + 10))
        add_integer(out, index, fields.BLOCK_TYPE, kind)
        add_integer(out, index, fields.BLOCK_NUMBER, number)
        add_integer(out, index, fields.BLOCK_LENGTH, be32(data, at + 14))
        add_integer(out, index, fields.BLOCK_PROTECTION, be32(data, at + 18))
        add_integer(out, index, fields.CODE_LENGTH, be16(data, at + 40))
        add_text(out, index, fields.BLOCK_AUTHOR, at + 42, 8)
        add_text(out, index, fields.BLOCK_FAMILY, at + 50, 8)
        add_text(out, index, fields.BLOCK_NAME, at + 58, 8)
        add_integer(out, index, fields.BLOCK_VERSION, u8(data, at + 66))
        add_integer(out, index, fields.BLOCK_CHECKSUM, be16(data, at + 68))
    return True


@inner
def block_of_subtype(kind: Int) -> Int:
    """A block's description counts types as names of blocks do; the high bits are reserved."""
    return kind & 0x0F


@inner
def _blocks(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Group 3: which blocks there are."""
    row = out.messages[index]
    subfunction, asked = row["subfunction"], row["kind"] == Kind.REQUEST
    if at == end:
        return True
    if subfunction == BLOCK_INFO:
        if asked:
            return at + 8 == end and decode_block(data, at, out, index)
        return _block_info(data, at, end, out, index)
    if subfunction == LIST_BLOCKS_OF_TYPE and asked:
        if at + 2 != end or block_type(data, at) < 0:
            return False
        row["space"] = BLOCK
        row["address"] = block_type(data, at) << BLOCK_SHIFT
        if wants_details(out, index):
            add_integer(out, index, fields.BLOCK_TYPE, block_type(data, at))
        return True
    if subfunction == LIST_BLOCKS or subfunction == LIST_BLOCKS_OF_TYPE:
        row["count"] = (end - at) // 4
        if wants_details(out, index):
            for place in range(at, end - 3, 4):
                if subfunction == LIST_BLOCKS:
                    add_integer(out, index, fields.BLOCK_TYPE, block_type(data, place))
                    add_integer(out, index, fields.BLOCK_COUNT, be16(data, place + 2))
                else:
                    add_integer(out, index, fields.BLOCK_NUMBER, be16(data, place))
        return (end - at) % 4 == 0
    return True


@inner
def _cyclic(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Group 2: count (2), in requests time base and factor, then items as in Read Var."""
    row = out.messages[index]
    if row["subfunction"] == UNSUBSCRIBE:
        if at + 2 <= end and wants_details(out, index):
            add_integer(out, index, fields.JOB_ID, u8(data, at + 1))
        return True
    if at + 2 > end:
        return at == end
    count = be16(data, at)
    if row["kind"] != Kind.REQUEST:
        return decode_answered(data, at + 2, end, count, out, index)
    if at + 4 > end:
        return False
    if wants_details(out, index):
        add_integer(out, index, fields.CYCLE_TIMEBASE, u8(data, at + 2))
        add_integer(out, index, fields.CYCLE_FACTOR, u8(data, at + 3))
    return decode_requested(data, at + 4, end, np.int64(-1), np.int64(-1), count, out, index)


@inner
def _alarm(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Group 4, messages: the event of the first object is the row's address, the others are details.

    Indications begin with the event's time (8). All then have a function (1), the number of objects
    (1), and for each 12, length, syntax, number of values, event id (4), states.
    """
    row = out.messages[index]
    row["space"] = ALARM_EVENT
    details = wants_details(out, index)
    if row["subfunction"] == DIAGNOSTIC_MESSAGE:
        if at + 20 > end:
            return False
        row["address"] = be16(data, at)
        if details:
            add_integer(out, index, fields.EVENT_ID, be16(data, at))
            add_integer(out, index, fields.EVENT_TIME, _date_and_time(data, at + 12))
            add_bytes(out, index, fields.DATA, at, end - at)
        return True
    if row["subfunction"] != ALARM_ACKNOWLEDGEMENT and row["kind"] == Kind.EVENT:
        if at + 8 > end:
            return False
        if details:
            add_integer(out, index, fields.EVENT_TIME, _date_and_time(data, at))
        at += 8
    if at + 2 > end or row["kind"] == Kind.RESPONSE:
        return True
    objects = u8(data, at + 1)
    row["count"] = objects
    at += 2
    for number in range(objects):
        if at + 8 > end or u8(data, at) != 0x12 or u8(data, at + 1) < 6:
            return number > 0
        if number == 0:
            row["address"] = be32(data, at + 4)
        if details:
            add_integer(out, index, fields.EVENT_ID, be32(data, at + 4))
            if u8(data, at + 1) >= 7 and at + 9 <= end:
                add_integer(out, index, fields.EVENT_STATE, u8(data, at + 8))
        if row["subfunction"] != ALARM_ACKNOWLEDGEMENT and row["subfunction"] != ALARM_ACKNOWLEDGED:
            return True  # values of varying length stand between the objects
        at += 2 + u8(data, at + 1)
    return True


@inner
def _szl_answer(
    data: Bytes,
    at: Int,
    end: Int,
    sequence: Int,
    unit: Int,
    last: bool,
    buffers: Buffers,
    state: State,
    out: Out,
    index: Int,
) -> bool:
    """A list or a fragment of one; the last fragment's row holds the whole list."""
    row = out.messages[index]
    key = key_of(row, USERDATA_LAYER)
    slot = slot_of(state, key)
    if slot >= 0 and state.slots[slot]["code"] != sequence:
        close_slot(state, slot)
        slot = np.int64(-1)
    if last and slot < 0:
        if unit != 0 and (at + 4 > end or row["address"] != be32(data, at)):
            if wants_details(out, index):
                add_bytes(out, index, fields.DATA, at, end - at)
            return True  # what came before the capture began is not known
        return decode_list(data, at, end, True, out, index)
    if slot < 0:
        slot = open_slot(state, key, row["time_ns"], sequence)
    append(state, slot, row["time_ns"], data, at, end - at)
    begin, length = slot * ROOM, np.int64(state.slots[slot]["length"])
    if not last:
        if wants_details(out, index):
            add_bytes(out, index, fields.DATA, at, end - at)
        if length >= 4:
            szl, place = be16(state.octets, begin), be16(state.octets, begin + 2)
            name_list(szl, place, out, index)
            add_list_details(szl, place, out, index)
        return True
    start = join(state, slot, out, buffers)
    if start < 0:
        return False
    row["buffer"] = 2
    row["offset"] = start
    row["length"] = length
    return decode_list(buffers.scratch, start, start + length, True, out, index)


@inner
def _cpu(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Group 4, all but the answers to Read SZL."""
    row = out.messages[index]
    if row["subfunction"] == READ_SZL:
        if at + 4 <= end:
            name_list(be16(data, at), be16(data, at + 2), out, index)
            add_list_details(be16(data, at), be16(data, at + 2), out, index)
        return at == end or at + 4 == end
    if row["subfunction"] == MESSAGE_SERVICE:
        if row["kind"] == Kind.REQUEST and at + 10 <= end and wants_details(out, index):
            add_integer(out, index, fields.EVENTS, u8(data, at))
            add_text(out, index, fields.USERNAME, at + 2, 8)
        return True
    return _alarm(data, at, end, out, index)


@inner
def _payload(data: Bytes, at: Int, end: Int, group: Int, out: Out, index: Int) -> bool:
    """Fill the row from the data of a userdata PDU, behind its return code and length."""
    if group == BLOCKS:
        return _blocks(data, at, end, out, index)
    if group == CYCLIC and out.messages[index]["subfunction"] != READ_RECORD:
        return _cyclic(data, at, end, out, index)
    if group == CPU:
        return _cpu(data, at, end, out, index)
    if group == CLOCK and end - at >= 8:
        if wants_details(out, index):
            add_integer(out, index, fields.CLOCK, _date_and_time(data, at + 2))
        return True
    # A password is enciphered weakly: it is not kept.
    if group != SECURITY and at < end and wants_details(out, index):
        add_bytes(out, index, fields.DATA, at, end - at)
    return True


@inner
def _pairs_by_item(group: Int, subfunction: Int, length: Int) -> bool:
    """Whether the items of the PDU, rather than the PDU, are asked and answered."""
    driven = subfunction in (CYCLIC_TRANSFER, CHANGE_DRIVEN, CHANGE_DRIVEN_MODIFY)
    return group == CYCLIC and driven and length >= 2


@inner
def decode_userdata(
    data: Bytes, at: Int, end: Int, buffers: Buffers, state: State, out: Out, index: Int
) -> bool:
    """Fill the row from the userdata PDU whose header begins at `at`; whether it is well-formed.

    Parameters: head 00 01 12, length, method, kind and group, subfunction, sequence; answers add the
    reference of a fragmented answer, whether fragments follow, and an error code (2).
    """
    row = out.messages[index]
    at, values, end, fits = sections(data, at, end, np.int64(10))
    if values - at < 8 or u8(data, at + 3) + 4 > values - at:
        return False
    kind, group, subfunction = u8(data, at + 5) >> 4, u8(data, at + 5) & 0x0F, u8(data, at + 6)
    sequence = u8(data, at + 7)
    row["function"] = USERDATA_FUNCTION + group
    row["subfunction"] = subfunction
    pushed = kind == PUSH or kind == NC_PUSH
    asked = kind == REQUEST or kind == NC_REQUEST
    operation = operation_of_userdata(group, subfunction, pushed)
    details = wants_details(out, index)
    if details:
        add_integer(out, index, fields.SEQUENCE, sequence)
    unit, last, error = np.int64(0), True, np.int64(0)
    if u8(data, at + 3) >= 8 and values - at >= 12:
        unit, last, error = u8(data, at + 8), u8(data, at + 9) == 0, be16(data, at + 10)
        if details:
            add_integer(out, index, fields.DATA_UNIT_REFERENCE, unit)
            add_integer(out, index, fields.LAST_DATA_UNIT, np.int64(last))
    good = fits and values + 4 <= end and values + 4 + data_octets(data, values + 1) <= end
    first = min(values + 4, end)
    if values + 4 <= end and values + 4 + data_octets(data, values + 1) <= end:
        end = values + 4 + data_octets(data, values + 1)
    by_item = _pairs_by_item(group, subfunction, end - first)
    if pushed:
        row["kind"] = Kind.EVENT
        row["flags"] |= UNSOLICITED
        row["operation"] = operation
        if group == MODE_TRANSITION:
            row["value_kind"], row["value"] = ValueKind.DISCRETE, subfunction
        return _payload(data, first, end, group, out, index) and good
    if asked:
        row["kind"] = Kind.REQUEST
        row["transaction"] = transaction_of(row)
        row["operation"] = operation
        good = _payload(data, first, end, group, out, index) and good
        if not by_item:
            ask(out.pairs, row, 0)
        return good
    row["kind"] = Kind.RESPONSE
    row["transaction"] = transaction_of(row)
    if not by_item:
        answer(out.pairs, row)
    if row["operation"] == 0:
        row["operation"] = operation
    code = u8(data, values) if values < end else np.int64(SUCCESS)
    if error != 0:
        row["operation"] = Operation.PROTOCOL_ERROR
        row["status"] = error
        row["flags"] |= NEGATIVE
        if details:
            add_integer(out, index, fields.ERROR_CODE, error)
            add_integer(out, index, fields.RETURN_CODE, code)
        return good
    set_return_code(code, out, index)
    if code != SUCCESS:
        # 0A without data is also how a function answers that has nothing to say.
        if code == 0x0A and first == end:
            row["status"] = 0
            row["flags"] &= ~NEGATIVE
        return good
    if group == CPU and subfunction == READ_SZL:
        return _szl_answer(data, first, end, sequence, unit, last, buffers, state, out, index) and good
    return _payload(data, first, end, group, out, index) and good
