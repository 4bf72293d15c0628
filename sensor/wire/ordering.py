"""TCP segments put in order (RFC 9293 3.4).

Reordered segments wait for the gap before them to close. A gap that will not close (the receiver
acknowledged what was never captured, or too much waits behind it) is skipped and counted, and the
stream is picked up at the next segment that begins like a PDU. Of overlapping octets the first
that came count, as most receivers do.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.types import Bytes, Int
from sensor.types import Record as Row
from sensor.wire.cutting import feed
from sensor.wire.frames import Wire
from sensor.wire.packet import SYN
from sensor.wire.pool import copy_blocks, drop_carry, hold_piece, release_piece
from sensor.wire.streams import GAP_OCTETS, GAPS, PIECES_DROPPED, REORDERED, RETRANSMITTED

MOST_AHEAD = 24
PATIENCE_NS = 1_000_000_000
"""A gap that stays open this long in packet time was not reordering."""
ACKED_PATIENCE_NS = 20_000_000
"""A gap the receiver has acknowledged may still close if the tap swapped two directions."""
FAR_BEHIND = 1 << 22
FAR_AHEAD = 1 << 24
"""A jump over more than this is a sequence number gone wrong, not so many octets lost: hardly any
window is as large, and a full gigabit link takes an eighth of a second for it."""
STALE_SEGMENTS = 32
"""So many old segments in a row are no retransmissions: the connection began anew unseen."""


@kernel
def _lose_sync(wire: Wire, place: Int, direction: Int, octets: Int) -> None:
    side = wire.streams.sides[2 * place + direction]
    wire.streams.used[GAPS] += 1
    wire.streams.rows[place]["gaps"] += 1
    if octets <= FAR_AHEAD:
        wire.streams.used[GAP_OCTETS] += octets
    drop_carry(wire.streams, side)
    side["synced"] = 0


@kernel
def settle(wire: Wire, place: Int, direction: Int, force: bool) -> None:
    """Take the waiting segments whose turn has come; with `force`, skip the gaps before the others."""
    streams = wire.streams
    side = streams.sides[2 * place + direction]
    while side["ahead"] >= 0:
        piece = streams.pieces[side["ahead"]]
        delta = (piece["seq"] - side["next_seq"]) & 0xFFFFFFFF
        if 0 < delta <= 0x7FFFFFFF:
            if not force:
                return
            _lose_sync(wire, place, direction, delta)
            side["next_seq"] = piece["seq"]
            delta = np.int64(0)
        skip = np.int64(0) if delta == 0 else 0x100000000 - delta
        seq, length, missing = np.int64(piece["seq"]), np.int64(piece["length"]), np.int64(piece["missing"])
        time_ns, number = np.int64(piece["time_ns"]), np.int64(piece["number"])
        if skip < length and wire.fill[0] + length <= wire.assembled.shape[0]:
            start = wire.fill[0]
            copy_blocks(streams, np.int64(piece["block"]), length, wire.assembled, start)
            wire.fill[0] = start + length
            release_piece(streams, side)  # before the work, so that a fault cannot meet it again
            feed(wire, place, direction, wire.assembled, 1, start + skip, length - skip, time_ns, number)
        else:
            release_piece(streams, side)
            if skip < length:
                streams.used[PIECES_DROPPED] += 1
                streams.rows[place]["gaps"] += 1
                drop_carry(streams, side)
                side["synced"] = 0
        if skip < length + missing:
            side["next_seq"] = (seq + length + missing) & 0xFFFFFFFF
            if missing:
                _lose_sync(wire, place, direction, missing)


@kernel
def take_segment(wire: Wire, place: Int, direction: Int, packet: Row, data: Bytes) -> None:
    """Take a segment's payload: now, later, or not at all."""
    streams = wire.streams
    side = streams.sides[2 * place + direction]
    at, length, missing = packet["payload"], packet["length"], packet["missing"]
    seq = packet["seq"]
    if packet["tcp_flags"] & SYN:
        seq = (seq + 1) & 0xFFFFFFFF
    if not side["known"]:
        side["known"], side["next_seq"], side["synced"] = 1, seq, 0
    delta = (seq - side["next_seq"]) & 0xFFFFFFFF
    if delta > 0x7FFFFFFF:
        delta -= 0x100000000
    if delta + length + missing <= 0:
        if delta == -1:
            return  # a keep-alive, with one octet or none (RFC 9293 3.8.4); its octet stands for nothing
        streams.used[RETRANSMITTED] += 1
        side["stale"] += 1
        if delta > -FAR_BEHIND and side["stale"] < STALE_SEGMENTS:
            return
        settle(wire, place, direction, True)  # what waits belongs to what is left behind
        _lose_sync(wire, place, direction, np.int64(0))
        side["next_seq"] = seq
        delta = np.int64(0)
    side["stale"] = 0
    if delta > 0:
        streams.used[REORDERED] += 1
        hold_piece(streams, 2 * place + direction, seq, data, at, length, missing, packet)
        return
    skip = -delta
    if skip < length:
        feed(
            wire,
            place,
            direction,
            data,
            np.int64(packet["buffer"]),
            at + skip,
            length - skip,
            packet["time_ns"],
            packet["number"],
        )
    side["next_seq"] = (seq + length + missing) & 0xFFFFFFFF
    if missing:
        _lose_sync(wire, place, direction, missing)


@kernel
def check_gap(wire: Wire, place: Int, direction: Int, time_ns: Int) -> None:
    """Take what waits on a side, skipping the gap before it if that will not close any more."""
    streams = wire.streams
    side = streams.sides[2 * place + direction]
    if side["ahead"] < 0:
        return
    waited = time_ns - streams.pieces[side["ahead"]]["time_ns"]
    acked = streams.sides[2 * place + 1 - direction]["acked"]
    lost = acked >= 0 and 0 < (acked - side["next_seq"]) & 0xFFFFFFFF <= 0x7FFFFFFF
    force = side["ahead_count"] > MOST_AHEAD or waited > PATIENCE_NS
    settle(wire, place, direction, force or (lost and waited > ACKED_PATIENCE_NS))
