"""Conversations: TCP connections and UDP flows, in a bounded table with hashed look-up.

A stream has two sides; side `2 * stream + d` is what the address of direction `d` sends, where
direction 0 is the numerically smaller of the two (address, port) pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.endpoints import mix

STREAM = np.dtype(
    [
        ("low_high", "i8"),  # address of direction 0, its upper half
        ("low_low", "i8"),
        ("high_high", "i8"),  # address of direction 1
        ("high_low", "i8"),
        ("number", "i8"),  # counted from 0 over the capture; -1 where the row is free
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("first_packet", "i8"),
        ("octets", "i8"),  # payload
        ("understood", "i8"),  # payload that became well-formed PDUs
        ("low_endpoint", "i4"),
        ("high_endpoint", "i4"),
        ("low_port", "i4"),
        ("high_port", "i4"),
        ("vlan", "i4"),
        ("next", "i4"),  # in the hash chain; -1 at its end
        ("gaps", "i4"),  # places that were not captured, or not yet, the beginning too
        ("transport", "i2"),
        ("protocol", "i2"),  # 0 until recognised
        ("client", "i1"),  # direction of the client
        ("sure", "i1"),  # whether that is known (handshake, content) or a guess (ports, who spoke)
        ("state", "i1"),  # a sum of the states below
        ("reported", "i1"),  # TOLD once the conversation was reported as an event
    ]
)

SYN_SEEN, SYN_ACK_SEEN, FIN_SEEN, RST_SEEN, MIDWAY, ANSWERED = 1, 2, 4, 8, 16, 32

TOLD, TOLD_UNANSWERED = 1, 2
"""Values of `reported`; a call that is answered late is told of once more."""

SIDE = np.dtype(
    [
        ("next_seq", "i8"),
        ("acked", "i8"),  # highest acknowledgment that this side sent; -1 before the first
        ("isn", "i8"),
        ("packets", "i8"),
        ("carry", "i4"),  # block with the first octets of an unfinished PDU; -1 where none
        ("carry_tail", "i4"),
        ("carry_length", "i4"),
        ("carry_need", "i4"),  # octets until the PDU is whole; 0 where not known
        ("ahead", "i4"),  # first of the segments behind a gap; -1 where none
        ("ahead_count", "i4"),
        ("stale", "i4"),  # old segments in a row
        ("known", "i1"),  # whether next_seq is set
        ("synced", "i1"),  # whether the next octet begins a PDU or continues the carry
    ]
)

CALL = np.dtype([("place", "i8"), ("number", "i8"), ("time_ns", "i8")])
"""A TCP call that waits for an answer: the stream's row and number, and when it was made."""
CALLS = 8192
"""Calls that are watched at a time; one that gives way to a newer is told of when it is closed."""

BLOCK_OCTETS = 2048
BLOCKS = 8192
PIECES = 8192

PIECE = np.dtype(
    [
        ("seq", "i8"),
        ("length", "i8"),
        ("missing", "i8"),
        ("time_ns", "i8"),
        ("number", "i8"),
        ("block", "i4"),  # first of its blocks; -1 where it has none
        ("next", "i4"),  # the piece behind it, or the next free one
        ("side", "i4"),
    ]
)

CARRIED, UNDERSTOOD = range(2)
"""Columns of `by_protocol`."""
# Indices into `used`.
(
    STREAMS,  # rows in use
    FREE_STREAM,  # top of the stack of free rows
    FREE_BLOCK,  # first free block, -1 where none
    FREE_PIECE,
    NUMBER,  # of the next stream
    EVICTED,  # streams
    GAPS,  # places where octets of a conversation were never captured
    GAP_OCTETS,  # how many, as far as that is known
    RETRANSMITTED,  # segments that brought nothing new
    REORDERED,  # segments that came before their turn
    CARRY_DROPPED,  # unfinished PDUs given up
    PIECES_DROPPED,  # segments behind a gap given up for room
    UNFRAMED_OCTETS,  # of recognised streams, in which no PDU could be found
    OT_OCTETS,  # payload of streams that are or, by their port, should be OT
    OT_UNDERSTOOD,  # of these, in well-formed PDUs
    BLOCKS_USED,
    CALLS_MADE,  # calls put into the ring `calls`, and how many of these are settled
    CALLS_SETTLED,
) = range(18)


class Streams(NamedTuple):
    """The table and what its sides wait with. Everything is allocated once."""

    rows: Rows
    sides: Rows
    buckets: Ints
    free: Ints
    blocks: Bytes
    """(blocks, BLOCK_OCTETS) octets of unfinished PDUs and early segments."""
    block_next: Ints
    pieces: Rows
    calls: Rows
    """A ring of CALL, the oldest at CALLS_SETTLED."""
    used: Ints
    by_protocol: Ints
    """(protocol numbers, 2): payload of recognised streams, and of it what is in well-formed PDUs."""


def new_streams(capacity: int = 1 << 16, blocks: int = BLOCKS) -> Streams:
    """An empty table for `capacity` (a power of two) conversations with this many blocks."""
    rows = np.zeros(capacity, STREAM)
    rows["number"] = -1
    used = np.zeros(18, np.int64)
    used[FREE_STREAM] = capacity
    pieces = np.zeros(PIECES, PIECE)
    pieces["next"] = np.arange(1, PIECES + 1)
    pieces["next"][-1] = -1
    block_next = np.arange(1, blocks + 1)
    block_next[-1] = -1
    return Streams(
        rows,
        np.zeros(capacity * 2, SIDE),
        np.full(capacity * 2, -1, np.int64),
        np.arange(capacity - 1, -1, -1),
        np.zeros((blocks, BLOCK_OCTETS), np.uint8),
        block_next,
        pieces,
        np.zeros(CALLS, CALL),
        used,
        np.zeros((256, 2), np.int64),
    )


@kernel
def _bucket(
    streams: Streams,
    low_high: Int,
    low_low: Int,
    low_port: Int,
    high_high: Int,
    high_low: Int,
    high_port: Int,
    transport: Int,
) -> Int:
    low = mix(low_high, low_low) + np.int64(low_port) * 0x9E3779B1
    high = mix(high_high, high_low) + np.int64(high_port) * 0x9E3779B1
    value = low ^ (high & 0x1FFFFFFFFFFFFFFF) << 1
    value ^= value >> 31
    return (value ^ value >> 16 ^ np.int64(transport)) & (streams.buckets.shape[0] - 1)


@kernel
def _bucket_of_packet(streams: Streams, packet: Row, direction: Int) -> Int:
    if direction == 0:
        return _bucket(
            streams,
            packet["source_high"],
            packet["source_low"],
            packet["source_port"],
            packet["target_high"],
            packet["target_low"],
            packet["target_port"],
            packet["transport"],
        )
    return _bucket(
        streams,
        packet["target_high"],
        packet["target_low"],
        packet["target_port"],
        packet["source_high"],
        packet["source_low"],
        packet["source_port"],
        packet["transport"],
    )


@kernel
def direction_of(packet: Row) -> Int:
    """0 where the packet's source is the smaller (address, port) pair, else 1."""
    if packet["source_high"] != packet["target_high"]:
        return np.int64(0 if packet["source_high"] < packet["target_high"] else 1)
    if packet["source_low"] != packet["target_low"]:
        return np.int64(0 if packet["source_low"] < packet["target_low"] else 1)
    return np.int64(0 if packet["source_port"] <= packet["target_port"] else 1)


@kernel
def find_stream(streams: Streams, packet: Row, direction: Int) -> Int:
    """The row of the packet's conversation, or -1."""
    place: Int = streams.buckets[_bucket_of_packet(streams, packet, direction)]
    while place >= 0:
        row = streams.rows[place]
        if direction == 0:
            if (
                row["low_low"] == packet["source_low"]
                and row["high_low"] == packet["target_low"]
                and row["low_port"] == packet["source_port"]
                and row["high_port"] == packet["target_port"]
                and row["low_high"] == packet["source_high"]
                and row["high_high"] == packet["target_high"]
                and row["transport"] == packet["transport"]
            ):
                return place
        elif (
            row["low_low"] == packet["target_low"]
            and row["high_low"] == packet["source_low"]
            and row["low_port"] == packet["target_port"]
            and row["high_port"] == packet["source_port"]
            and row["low_high"] == packet["target_high"]
            and row["high_high"] == packet["source_high"]
            and row["transport"] == packet["transport"]
        ):
            return place
        place = np.int64(row["next"])
    return np.int64(-1)


@kernel
def _reset_side(side: Row) -> None:
    side["next_seq"] = 0
    side["acked"] = -1
    side["isn"] = -1
    side["packets"] = 0
    side["carry"] = -1
    side["carry_tail"] = -1
    side["carry_length"] = 0
    side["carry_need"] = 0
    side["ahead"] = -1
    side["ahead_count"] = 0
    side["stale"] = 0
    side["known"] = 0
    side["synced"] = 0


@kernel
def begin_stream(streams: Streams, place: Int, packet: Row) -> None:
    """Give the row at `place` a new number and forget what its sides held (their pools are free)."""
    row = streams.rows[place]
    row["number"] = streams.used[NUMBER]
    streams.used[NUMBER] += 1
    row["first_ns"] = packet["time_ns"]
    row["last_ns"] = packet["time_ns"]
    row["first_packet"] = packet["number"]
    row["octets"] = 0
    row["understood"] = 0
    row["vlan"] = packet["vlan"]
    row["protocol"] = 0
    row["client"] = 0
    row["sure"] = 0
    row["state"] = 0
    row["reported"] = 0
    row["gaps"] = 0
    _reset_side(streams.sides[2 * place])
    _reset_side(streams.sides[2 * place + 1])


@kernel
def add_stream(streams: Streams, packet: Row, direction: Int, source: Int, target: Int) -> Int:
    """A new row for the packet's conversation between the endpoints `source` and `target`.

    -1 where the table is full: the caller has `evict` make room.
    """
    if streams.used[FREE_STREAM] == 0:
        return np.int64(-1)
    streams.used[FREE_STREAM] -= 1
    streams.used[STREAMS] += 1
    place = streams.free[streams.used[FREE_STREAM]]
    row = streams.rows[place]
    if direction == 0:
        row["low_high"], row["low_low"] = packet["source_high"], packet["source_low"]
        row["high_high"], row["high_low"] = packet["target_high"], packet["target_low"]
        row["low_port"], row["high_port"] = packet["source_port"], packet["target_port"]
        row["low_endpoint"], row["high_endpoint"] = source, target
    else:
        row["high_high"], row["high_low"] = packet["source_high"], packet["source_low"]
        row["low_high"], row["low_low"] = packet["target_high"], packet["target_low"]
        row["high_port"], row["low_port"] = packet["source_port"], packet["target_port"]
        row["high_endpoint"], row["low_endpoint"] = source, target
    row["transport"] = packet["transport"]
    bucket = _bucket_of_packet(streams, packet, direction)
    row["next"] = streams.buckets[bucket]
    streams.buckets[bucket] = place
    begin_stream(streams, place, packet)
    return place


@kernel
def remove_stream(streams: Streams, place: Int) -> None:
    """Take the row out of its chain and put it on the free stack. Its pools must be free already."""
    row = streams.rows[place]
    bucket = _bucket(
        streams,
        row["low_high"],
        row["low_low"],
        row["low_port"],
        row["high_high"],
        row["high_low"],
        row["high_port"],
        row["transport"],
    )
    before: Int = np.int64(-1)
    current: Int = streams.buckets[bucket]
    while current != place:
        before = current
        current = np.int64(streams.rows[current]["next"])
    if before < 0:
        streams.buckets[bucket] = row["next"]
    else:
        streams.rows[before]["next"] = row["next"]
    row["number"] = -1
    streams.free[streams.used[FREE_STREAM]] = place
    streams.used[FREE_STREAM] += 1
    streams.used[STREAMS] -= 1
