"""From TPKT to the PDU in it: COTP, its fragments, and which protocol speaks inside."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
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
from sensor.protocols.s7comm.codes import DATA, S7COMM_ID, S7COMM_PLUS_ID
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
from sensor.protocols.s7comm.jobs import decode_s7
from sensor.protocols.s7comm.plus import decode_plus
from sensor.types import Bytes, Int, Ints, Record, Rows

END_OF_TSDU = 0x80


@kernel
def _is_tls(data: Bytes, at: Int, end: Int) -> bool:
    """Whether a TLS record starts here: newer controllers put TLS inside COTP."""
    return end - at >= 5 and 0x14 <= u8(data, at) <= 0x17 and u8(data, at + 1) == 3 and u8(data, at + 2) <= 4


@kernel
def _decode_user_data(
    data: Bytes, at: Int, end: Int, whole: bool, frame: Record, buffers: Buffers, state: State, out: Out
) -> None:
    """A row for the user data of a DT; `whole` is false where it was put together in scratch."""
    identifier = u8(data, at) if at < end else np.int64(0)
    protocol = np.int64(Number.COTP)
    if identifier == S7COMM_ID:
        protocol = np.int64(Number.S7COMM)
    elif identifier == S7COMM_PLUS_ID:
        protocol = np.int64(Number.S7COMM_PLUS)
    index = add_message(out, frame, protocol, 0)
    row = out.messages[index]
    if not whole:
        row["buffer"] = 2
        row["offset"] = at
        row["length"] = end - at
    good = True
    if identifier == S7COMM_ID:
        good = decode_s7(data, at, end, buffers, state, out, index)
    elif identifier == S7COMM_PLUS_ID:
        good = decode_plus(data, at, end, state, out, index)
    else:
        decode_other(end - at, out, index)
        if _is_tls(data, at, end):
            row["flags"] |= ENCRYPTED
    if not good or frame["flags"] & MALFORMED:
        mark_malformed(out, index)


@kernel
def _decode_tpkt(frame: Record, buffers: Buffers, state: State, out: Out) -> None:
    """Rows for one TPKT; none for a fragment that is not the last of its TSDU."""
    data = data_of(buffers, frame["buffer"])
    at, end = frame["offset"], frame["offset"] + frame["length"]
    place = at + TPKT_HEADER
    headed = end - place >= 3 and u8(data, at) == 3 and be16(data, at + 2) == end - at
    if not headed or u8(data, place) < 2 or place + 1 + u8(data, place) > end:
        mark_malformed(out, add_message(out, frame, Number.COTP, 0))
        return
    if u8(data, place + 1) & 0xF0 != DATA:
        index = add_message(out, frame, Number.COTP, 0)
        if not decode_control(data, place, end, out, index) or frame["flags"] & MALFORMED:
            mark_malformed(out, index)
        return
    ends = u8(data, place + 2) & END_OF_TSDU != 0
    place += 1 + u8(data, place)
    slot = slot_of(state, key_of(frame, COTP_LAYER))
    if not ends and place < end:
        if slot < 0:
            slot = open_slot(state, key_of(frame, COTP_LAYER), frame["time_ns"], np.int64(0))
        append(state, slot, frame["time_ns"], data, place, end - place)
        return
    # Controllers and STEP 7 send empty DTs that end nothing: those have a row of their own.
    whole = slot < 0 or not ends
    if not whole:
        append(state, slot, frame["time_ns"], data, place, end - place)
        length = np.int64(state.slots[slot]["length"])
        place = join(state, slot, out, buffers)
        if place < 0:
            mark_malformed(out, add_message(out, frame, Number.COTP, 0))
            return
        data, end = buffers.scratch, place + length
    _decode_user_data(data, place, end, whole, frame, buffers, state, out)


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: State, out: Out) -> None:
    """Decode the TPKTs at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        _decode_tpkt(frame, buffers, state, out)
