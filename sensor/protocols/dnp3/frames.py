"""From a link frame to message rows: link-only frames, segments, and completed fragments."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    BROADCAST,
    DETAILS,
    DROPPED_PARTS,
    MALFORMED,
    MESSAGES,
    MOST_PARTS,
    NEGATIVE,
    PDU_START,
    SCRATCH_USED,
    Buffers,
    Kind,
    Operation,
    Out,
    add_integer,
    add_message,
    begin_pdu,
    data_of,
    is_full,
    place_octets,
    scratch_room,
    wants_details,
)
from sensor.octets import le16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.dnp3 import fields
from sensor.protocols.dnp3.application import decode_fragment
from sensor.protocols.dnp3.functions import (
    CONFIRMED_DATA,
    LINK_NACK,
    LINK_NOT_SUPPORTED,
    LINK_PRIMARY,
    REQUEST_LINK_STATUS,
    RESET_LINK,
    TEST_LINK,
    UNCONFIRMED_DATA,
)
from sensor.protocols.dnp3.link import (
    FIRST_BROADCAST,
    FRAME_COUNT,
    FRAME_COUNT_VALID,
    FROM_MASTER,
    HEADER,
    LEAST_LENGTH,
    PRIMARY,
    frame_length,
    take_user_data,
)
from sensor.protocols.dnp3.transport import (
    COMPLETE_HERE,
    COMPLETE_PLACE,
    CRC_ERRORS,
    NOISE,
    OVERLONG,
    State,
    take_segment,
)
from sensor.protocols.protocol import Number
from sensor.types import Bytes, Int, Ints, Record, Rows

SCRATCH_BUFFER = 2
LINK_TRANSACTION = 1 << 24
"""Set in the transaction of link services, beside the bit of the side that asks."""


@kernel
def _new_row(data: Bytes, at: Int, frame: Record, out: Out) -> Int:
    """A row with what the link header at `at` says, or -1 beyond MOST_PARTS."""
    if out.used[MESSAGES] - out.used[PDU_START] >= MOST_PARTS:
        out.used[DROPPED_PARTS] += 1
        return np.int64(-1)
    index = add_message(out, frame, Number.DNP3, 0)
    row = out.messages[index]
    control, destination, source = u8(data, at + 3), le16(data, at + 4), le16(data, at + 6)
    row["unit"] = destination if control & FROM_MASTER else source
    if destination >= FIRST_BROADCAST:
        row["flags"] |= BROADCAST
    return index


@kernel
def _add_link_details(data: Bytes, at: Int, out: Out, index: Int) -> None:
    if not wants_details(out, index):
        return
    control = u8(data, at + 3)
    primary = control >> 6 & 1
    add_integer(out, index, fields.SOURCE, le16(data, at + 6))
    add_integer(out, index, fields.DESTINATION, le16(data, at + 4))
    add_integer(out, index, fields.FROM_MASTER, control >> 7)
    add_integer(out, index, fields.PRIMARY, primary)
    add_integer(out, index, fields.LINK_FUNCTION, control & 0x0F | (LINK_PRIMARY if primary else 0))
    if not primary:
        add_integer(out, index, fields.DATA_FLOW_CONTROL, control >> 4 & 1)
    elif control & FRAME_COUNT_VALID:
        add_integer(out, index, fields.FRAME_COUNT_BIT, 1 if control & FRAME_COUNT else 0)


@kernel
def _pair_link(from_master: bool, primary: bool, service: Int, out: Out, index: Int) -> None:
    """A primary's service and the secondary's answer, by outstation and asking side (9.2.4)."""
    row = out.messages[index]
    asks_master = from_master if primary else not from_master
    row["transaction"] = LINK_TRANSACTION | np.int64(row["unit"]) << 1 | (1 if asks_master else 0)
    if primary:
        if row["flags"] & BROADCAST == 0 and service in (RESET_LINK, 1, TEST_LINK, REQUEST_LINK_STATUS):
            ask(out.pairs, row, service)
        return
    row["status"] = 0
    if service in (LINK_NACK, LINK_NOT_SUPPORTED):
        row["flags"] |= NEGATIVE
    if find(out.pairs, row["stream"], row["transaction"], 0) >= 0:
        answer(out.pairs, row)


@kernel
def _decode_link(data: Bytes, at: Int, user: Int, frame: Record, out: Out) -> None:
    """A frame that carries no segment: link services and their answers."""
    index = _new_row(data, at, frame, out)
    if index < 0:
        return
    row = out.messages[index]
    control = u8(data, at + 3)
    primary = control & PRIMARY != 0
    service = control & 0x0F
    row["operation"] = Operation.SESSION
    row["kind"] = Kind.REQUEST if primary else Kind.RESPONSE
    row["subfunction"] = service | LINK_PRIMARY if primary else service
    _add_link_details(data, at, out, index)
    known = service in (RESET_LINK, 1, TEST_LINK, REQUEST_LINK_STATUS)
    if not primary:
        known = service in (0, LINK_NACK, 11, 14, LINK_NOT_SUPPORTED)
    if user > 0 or not known:
        row["flags"] |= MALFORMED
    _pair_link(control & FROM_MASTER != 0, primary, service, out, index)


@kernel
def _add_broken(data: Bytes, at: Int, frame: Record, out: Out, field: Int, amount: Int) -> None:
    """A row for user data that cannot be read: a wrong CRC, or a fragment without its end."""
    index = _new_row(data, at, frame, out)
    if index < 0:
        return
    row = out.messages[index]
    row["subfunction"] = u8(data, at + 3) & 0x0F | LINK_PRIMARY
    row["operation"] = Operation.PROTOCOL_ERROR
    row["flags"] |= MALFORMED
    row["kind"] = Kind.REQUEST if u8(data, at + 3) & FROM_MASTER else Kind.RESPONSE
    _add_link_details(data, at, out, index)
    if wants_details(out, index):
        add_integer(out, index, field, amount)


@kernel
def _decode_complete(
    data: Bytes, at: Int, start: Int, length: Int, sequence: Int, frame: Record, buffers: Buffers, out: Out
) -> None:
    """The fragment that lies in `buffers.scratch`, `length` octets from `start`."""
    first = _new_row(data, at, frame, out)
    if first < 0:
        return
    row = out.messages[first]
    row["buffer"], row["offset"], row["length"] = SCRATCH_BUFFER, start, length
    details = out.used[DETAILS]
    _add_link_details(data, at, out, first)
    if wants_details(out, first):
        add_integer(out, first, fields.TRANSPORT_SEQUENCE, sequence)
    from_master = u8(data, at + 3) & FROM_MASTER != 0
    if not decode_fragment(buffers.scratch, start, start + length, from_master, out, first):
        row["flags"] |= MALFORMED
    if out.used[DETAILS] == details:
        # Nothing points into the scratch: give the octets back, and point the rows at the frame.
        out.used[SCRATCH_USED] = start
        for index in range(first, out.used[MESSAGES]):
            other = out.messages[index]
            other["buffer"] = frame["buffer"]
            other["offset"] = frame["offset"]
            other["length"] = frame["length"]


@kernel
def _decode_segment(
    data: Bytes, at: Int, user: Int, frame: Record, buffers: Buffers, state: State, out: Out
) -> None:
    """User data: verify, strip the CRCs, and decode the fragment that it completes."""
    start = scratch_room(out, buffers, user)
    if start < 0:
        state.counts[OVERLONG] += 1
        _add_broken(data, at, frame, out, fields.LOST, user)
        return
    wrong = take_user_data(data, at + HEADER, user, buffers.scratch, start)
    if wrong:
        out.used[SCRATCH_USED] = start
        state.counts[CRC_ERRORS] += 1
        _add_broken(data, at, frame, out, fields.CRC_ERRORS, wrong)
        return
    link = np.int64(frame["direction"]) << 32 | le16(data, at + 6) << 16 | le16(data, at + 4)
    outcome, place, lost = take_segment(
        state, frame["stream"], link, frame["packet"], buffers.scratch, start, start + user
    )
    if lost:
        _add_broken(data, at, frame, out, fields.LOST, lost)
    sequence = u8(buffers.scratch, start) & 0x3F
    if outcome == COMPLETE_HERE:
        _decode_complete(data, at, start + 1, user - 1, sequence, frame, buffers, out)
    elif outcome == COMPLETE_PLACE:
        out.used[SCRATCH_USED] = start
        length = np.int64(state.places[place]["length"])
        state.places[place]["stream"] = -1
        start = scratch_room(out, buffers, length)
        if start < 0:
            state.counts[OVERLONG] += 1
            _add_broken(data, at, frame, out, fields.LOST, length)
            return
        place_octets(state.octets[place], 0, length, buffers.scratch, start)
        _decode_complete(data, at, start, length, sequence, frame, buffers, out)
    else:
        out.used[SCRATCH_USED] = start


@kernel
def _decode_octets(
    data: Bytes, at: Int, end: Int, frame: Record, buffers: Buffers, state: State, out: Out
) -> None:
    """Every link frame in `data[at:end]`: one, unless there are octets around it that are none."""
    skipped = np.int64(0)
    while at < end:
        total = frame_length(data, at, end - at)
        if total <= 0 or total > end - at:
            at += 1
            skipped += 1
            continue
        user = u8(data, at + 2) - LEAST_LENGTH
        control = u8(data, at + 3)
        if control & PRIMARY and control & 0x0F in (CONFIRMED_DATA, UNCONFIRMED_DATA) and user:
            _decode_segment(data, at, user, frame, buffers, state, out)
        else:
            _decode_link(data, at, user, frame, out)
        at += total
    if skipped:
        state.counts[NOISE] += skipped
        if out.used[MESSAGES] - out.used[PDU_START] >= MOST_PARTS:
            out.used[DROPPED_PARTS] += 1
            return
        index = add_message(out, frame, Number.DNP3, 0)
        out.messages[index]["flags"] |= MALFORMED
        out.messages[index]["operation"] = Operation.PROTOCOL_ERROR
        if wants_details(out, index):
            add_integer(out, index, fields.SKIPPED, skipped)


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: State, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        start = np.int64(frame["offset"])
        _decode_octets(data, start, start + frame["length"], frame, buffers, state, out)
