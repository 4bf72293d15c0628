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
    FRAME_COUNT_VALID,
    FROM_MASTER,
    HEADER,
    LEAST_LENGTH,
    PRIMARY,
    frame_length,
    take_user_data,
)
from sensor.protocols.dnp3.records import LINK_HEADER, PRIMARY_HEADER, SECONDARY_HEADER, add_layout
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
    service = control & 0x0F
    add_layout(data, at, LINK_HEADER, out, index)
    add_integer(out, index, fields.LINK_FUNCTION, service | LINK_PRIMARY if control & PRIMARY else service)
    if control & PRIMARY == 0:
        add_layout(data, at, SECONDARY_HEADER, out, index)
    elif control & FRAME_COUNT_VALID:
        add_layout(data, at, PRIMARY_HEADER, out, index)


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
def _take_fragment(
    data: Bytes, at: Int, user: Int, frame: Record, buffers: Buffers, state: State, out: Out
) -> tuple[Int, Int]:
    """Verify user data, strip the CRCs, and put segments together: (start, length) in the scratch of
    the fragment that this frame completes, length -1 where it completes none."""
    start = scratch_room(out, buffers, user)
    if start < 0:
        state.used[OVERLONG] += 1
        _add_broken(data, at, frame, out, fields.LOST, user)
        return start, np.int64(-1)
    wrong = take_user_data(data, at + HEADER, user, buffers.scratch, start)
    if wrong:
        out.used[SCRATCH_USED] = start
        state.used[CRC_ERRORS] += 1
        _add_broken(data, at, frame, out, fields.CRC_ERRORS, wrong)
        return start, np.int64(-1)
    link = np.int64(frame["direction"]) << 32 | le16(data, at + 6) << 16 | le16(data, at + 4)
    outcome, place, lost = take_segment(
        state, frame["stream"], link, frame["packet"], buffers.scratch, start, start + user
    )
    if outcome == COMPLETE_PLACE:
        out.used[SCRATCH_USED] = start
        length = np.int64(state.places[place]["length"])
        state.places[place]["stream"] = -1
        start = scratch_room(out, buffers, length)
        if start >= 0:
            place_octets(state.octets[place], 0, length, buffers.scratch, start)
            return start, length
        state.used[OVERLONG] += 1
        lost = length
    elif outcome != COMPLETE_HERE:
        out.used[SCRATCH_USED] = start
    if lost:
        _add_broken(data, at, frame, out, fields.LOST, lost)
    if outcome == COMPLETE_HERE:
        return start + 1, user - 1
    return start, np.int64(-1)


@kernel
def _open_fragment(data: Bytes, at: Int, start: Int, length: Int, frame: Record, out: Out) -> Int:
    """The first row of the fragment at `start` of the scratch, or -1 beyond MOST_PARTS."""
    first = _new_row(data, at, frame, out)
    if first >= 0:
        row = out.messages[first]
        row["buffer"], row["offset"], row["length"] = SCRATCH_BUFFER, start, length
        _add_link_details(data, at, out, first)
        if wants_details(out, first):
            add_integer(out, first, fields.TRANSPORT_SEQUENCE, u8(data, at + HEADER) & 0x3F)
    return first


@kernel
def _close_fragment(start: Int, first: Int, details: Int, good: bool, frame: Record, out: Out) -> None:
    """Give the scratch back, and point the rows at the frame, where no detail points there."""
    if not good:
        out.messages[first]["flags"] |= MALFORMED
    if out.used[DETAILS] == details:
        out.used[SCRATCH_USED] = start
        for index in range(first, out.used[MESSAGES]):
            row = out.messages[index]
            row["buffer"], row["offset"], row["length"] = frame["buffer"], frame["offset"], frame["length"]


@kernel
def _add_skipped(skipped: Int, frame: Record, state: State, out: Out) -> None:
    """A row for octets of the frame that belong to no link frame."""
    state.used[NOISE] += skipped
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
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full.

    A row of `frames` is one link frame; where it has octets around that are none, what frames there
    are among them are decoded.
    """
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        end = at + frame["length"]
        skipped = np.int64(0)
        while at < end:
            total = frame_length(data, at, end - at)
            if total <= 0 or total > end - at:
                at += 1
                skipped += 1
                continue
            user, control = u8(data, at + 2) - LEAST_LENGTH, u8(data, at + 3)
            if control & PRIMARY and control & 0x0F in (CONFIRMED_DATA, UNCONFIRMED_DATA) and user:
                start, length = _take_fragment(data, at, user, frame, buffers, state, out)
                if length >= 0:
                    details = out.used[DETAILS]
                    first = _open_fragment(data, at, start, length, frame, out)
                    if first >= 0:
                        from_master = control & FROM_MASTER != 0
                        good = decode_fragment(
                            buffers.scratch, start, start + length, from_master, out, first
                        )
                        _close_fragment(start, first, details, good, frame, out)
            else:
                _decode_link(data, at, user, frame, out)
            at += total
        if skipped:
            _add_skipped(skipped, frame, state, out)
