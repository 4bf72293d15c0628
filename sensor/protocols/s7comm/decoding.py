"""From TPKT to the PDU in it: COTP, its fragments, and which protocol speaks inside."""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner, kernel
from sensor.messages import (
    ENCRYPTED,
    MALFORMED,
    Buffers,
    Out,
    add_message,
    begin_pdu,
    data_of,
    is_full,
)
from sensor.octets import be16, u8
from sensor.protocols.protocol import Number
from sensor.protocols.s7comm.codes import DATA, JOB, S7COMM_ID, S7COMM_PLUS_ID, USERDATA
from sensor.protocols.s7comm.cotp import decode_control, decode_other, mark_malformed
from sensor.protocols.s7comm.fragments import (
    COTP_LAYER,
    State,
    append,
    join,
    key_of,
    open_slot,
    slot_of,
)
from sensor.protocols.s7comm.framing import TPKT_HEADER
from sensor.protocols.s7comm.jobs import decode_answer, decode_header, decode_job
from sensor.protocols.s7comm.plus import decode_plus
from sensor.protocols.s7comm.userdata import decode_userdata
from sensor.types import Bytes, Int, Ints, Record, Rows

END_OF_TSDU = 0x80
SCRATCH_BUFFER = 2


@inner
def _is_tls(data: Bytes, at: Int, end: Int) -> bool:
    """Whether a TLS record starts here: newer controllers put TLS inside COTP."""
    return end - at >= 5 and 0x14 <= u8(data, at) <= 0x17 and u8(data, at + 1) == 3 and u8(data, at + 2) <= 4


@inner
def _user_data(frame: Record, buffers: Buffers, state: State, out: Out) -> tuple[Int, Int, Int]:
    """The user data that a TPKT completes: buffer, where it begins, where it ends.

    The buffer is -1 where there is none: the TPDU is no DT or is malformed, and has its row, or it is
    a fragment that is not the last of its TSDU.
    """
    none = np.int64(-1), np.int64(0), np.int64(0)
    data = data_of(buffers, frame["buffer"])
    at, end = frame["offset"], frame["offset"] + frame["length"]
    place = at + TPKT_HEADER
    headed = end - place >= 3 and u8(data, at) == 3 and be16(data, at + 2) == end - at
    if not headed or u8(data, place) < 2 or place + 1 + u8(data, place) > end:
        mark_malformed(out, add_message(out, frame, Number.COTP, 0))
        return none
    if u8(data, place + 1) & 0xF0 != DATA:
        index = add_message(out, frame, Number.COTP, 0)
        if not decode_control(data, place, end, out, index) or frame["flags"] & MALFORMED:
            mark_malformed(out, index)
        return none
    ends = u8(data, place + 2) & END_OF_TSDU != 0
    place += 1 + u8(data, place)
    slot = slot_of(state, key_of(frame, COTP_LAYER))
    # Controllers and STEP 7 send empty DTs that end nothing: those have a row of their own.
    if (ends and slot < 0) or (not ends and place == end):
        return np.int64(frame["buffer"]), place, end
    if slot < 0:
        slot = open_slot(state, key_of(frame, COTP_LAYER), frame["time_ns"], np.int64(0))
    append(state, slot, frame["time_ns"], data, place, end - place)
    if not ends:
        return none
    length = np.int64(state.slots[slot]["length"])
    place = join(state, slot, out, buffers)
    if place < 0:
        mark_malformed(out, add_message(out, frame, Number.COTP, 0))
        return none
    return np.int64(SCRATCH_BUFFER), place, place + length


@inner
def _begin_row(data: Bytes, at: Int, end: Int, buffer: Int, frame: Record, out: Out) -> Int:
    """A row for user data, under the protocol that its first octet tells."""
    identifier = u8(data, at) if at < end else np.int64(0)
    protocol = np.int64(Number.COTP)
    if identifier == S7COMM_ID:
        protocol = np.int64(Number.S7COMM)
    elif identifier == S7COMM_PLUS_ID:
        protocol = np.int64(Number.S7COMM_PLUS)
    index = add_message(out, frame, protocol, 0)
    row = out.messages[index]
    if buffer == SCRATCH_BUFFER:
        row["buffer"] = buffer
        row["offset"] = at
        row["length"] = end - at
    if protocol == Number.COTP:
        decode_other(end - at, out, index)
        if _is_tls(data, at, end):
            row["flags"] |= ENCRYPTED
    return index


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: State, out: Out) -> None:
    """Decode the TPKTs at `rows` from `cursor[0]` on, until they are done or `out` is full.

    The branches stand here rather than in kernels of their own: each kernel between this one and
    those at the bottom would compile all below it once more.
    """
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        buffer, at, end = _user_data(frame, buffers, state, out)
        if buffer < 0:
            continue
        data = data_of(buffers, buffer)
        index = _begin_row(data, at, end, buffer, frame, out)
        protocol = out.messages[index]["protocol"]
        good = True
        if protocol == Number.S7COMM:
            rosctr = decode_header(data, at, end, out, index)
            if rosctr == JOB:
                good = decode_job(data, at, end, out, index)
            elif rosctr == USERDATA:
                good = decode_userdata(data, at, end, buffers, state, out, index)
            else:
                good = rosctr > 0 and decode_answer(data, at, end, out, index)
        elif protocol == Number.S7COMM_PLUS:
            good = decode_plus(data, at, end, state, out, index)
        if not good or frame["flags"] & MALFORMED:
            mark_malformed(out, index)
