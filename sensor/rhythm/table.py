"""The table of rhythms: its rows, how they are found, and how room is made.

Three kinds of rows share it, told apart by their SCOPE:

- a CHANNEL is what one poll loop does: a client, a server, its port, the unit, and the function. The
  objects that it names are left out, or a loop over a hundred blocks would be a hundred channels; its
  interval is that of one of them (see `sensor.rhythm.measure`);
- a PAIR joins all functions between a client and a unit of a server: what was asked there is what is
  answered, though the answer of some protocols has another function. Of TCP itself it counts calls;
- a TARGET is a server with all its clients: a flood from invented addresses shows only there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.hashtable import EVICTED, enter, first_slot, give_way, new_places, new_used, next_slot
from sensor.kernel import kernel
from sensor.types import Flags, Int, Ints, Record, Rows

CHANNEL, PAIR, TARGET = range(3)

BINS = 64
FIRST_BIN_BITS = 18
"""The first bin of intervals ends at 2**18 ns, a quarter of a millisecond; from there on two bins make a
doubling, one a half wide and one a third. The last begins after six days."""

RHYTHM = np.dtype(
    [
        # What makes it this row, packed: see `key_of`.
        ("ends", "i8"),
        ("port_unit", "i8"),
        ("functions", "i8"),
        ("kinds", "i8"),
        # Rows of this channel's pair and target, if their digests still are these.
        ("pair_hash", "i8"),
        ("target_hash", "i8"),
        ("pair", "i4"),
        ("target", "i4"),
        ("last_ns", "i8"),
        ("messages", "i8"),
        ("packet", "i8"),  # last
        ("octets", "i8"),
        # Volume: the second, ten seconds and minute that are counted now, the greatest before them, and
        # the minute right before this one, which is not among the greatest yet.
        ("second", "i8"),
        ("in_second", "i4"),
        ("in_ten", "i4"),
        ("in_minute", "i4"),
        ("last_minute", "i4"),
        ("most_second", "i4"),
        ("most_ten", "i4"),
        ("most_minute", "i4"),
        ("most_ten_allowed", "i4"),  # 0 where nothing was learned; the same below
        ("most_minute_allowed", "i4"),
        ("next_volume", "i4"),  # of which the next finding is made
        ("next_rate", "i4"),
        ("majority", "i4"),  # client that may have sent most of this minute, and how sure that is
        ("votes", "i4"),
        # Interval of the anchor, the object by which a channel is timed.
        ("anchor", "i8"),
        ("anchor_ns", "i8"),
        ("anchor_stream", "i8"),
        ("anchor_gaps", "i4"),
        ("since_anchor", "i4"),  # messages
        ("cycle", "i4"),  # messages from one anchor to the next, last time
        ("off", "i4"),  # intervals in a row outside of what was learned
        ("next_off", "i4"),
        ("pinned", "i4"),  # whether something was learned about it: it does not give way
        ("interval_ns", "i8"),  # last
        ("off_ns", "i8"),  # time of the first of them
        ("shortest_allowed_ns", "i8"),
        ("longest_allowed_ns", "i8"),
        ("longest_ns", "i8"),  # greatest silence between two messages
        ("first_ns", "i8"),
        ("first_packet", "i8"),
        # Answers.
        ("stream", "i8"),  # of the last message; -1 before the first
        ("asked", "i8"),
        ("answered", "i8"),
        ("waiting_ns", "i8"),  # time of the first request since the last answer
        ("span", "i8"),  # of five minutes, counted now
        ("latency_ns", "i8"),  # sum over all answers
        ("latency_most_ns", "i8"),
        ("exceptions", "i8"),
        ("waiting", "i4"),  # requests since the last answer
        ("next_waiting", "i4"),
        ("balance", "i4"),  # requests less answers
        ("gaps", "i4"),  # of the stream when the last message came
        ("stream_answers", "i4"),  # since the stream began or had a gap
        ("asked_in_span", "i4"),
        ("answered_in_span", "i4"),
        ("orphans", "i4"),  # answers without a request that nothing excuses
        ("excused", "i4"),  # those that something does
        ("next_orphans", "i4"),
        ("client_port", "i4"),  # of the first message
        ("vlan", "i4"),
    ]
)

FINDINGS, NOT_TOLD, BEGUN, SINCE_NS = range(EVICTED + 1, EVICTED + 5)

INTERVALS = np.dtype([("count", "u4"), ("sum", "f4")])
"""Intervals of one bin: how many, and their sum in seconds. Both are halved before they lose precision."""


class Rhythms(NamedTuple):
    """The table (see `sensor.hashtable`); the intervals of each row by length; findings."""

    rows: Rows
    hashes: Ints
    slots: Ints
    free: Ints
    intervals: Rows
    """(rows, BINS) of INTERVALS."""
    findings: Rows
    used: Ints
    """FREE and EVICTED rows, FINDINGS that wait, those NOT_TOLD for room, rows BEGUN so far, and the
    time of the first message."""


FINDING = np.dtype(
    [
        ("time_ns", "i8"),
        ("packet", "i8"),
        ("ends", "i8"),
        ("port_unit", "i8"),
        ("functions", "i8"),
        ("kinds", "i8"),
        ("first_ns", "i8"),
        ("first_packet", "i8"),
        ("number", "i8"),  # of what was found
        ("usual", "i8"),  # the greatest number of this kind before; -1 where nothing is known
        ("interval_ns", "i8"),
        ("answered", "i8"),
        ("client_port", "i4"),
        ("vlan", "i4"),
        ("place", "i4"),
        ("what", "i1"),
    ]
)
"""Something that the kernel noticed; `what` is one of the codes below."""

UNANSWERED, ORPHAN, INTERVAL, VOLUME, RATE = range(5)

MOST_FINDINGS = 1 << 12


def new_rhythms(capacity: int = 1 << 16) -> Rhythms:
    """An empty table for `capacity` (a power of two) rows."""
    return Rhythms(
        np.zeros(capacity, RHYTHM),
        *new_places(capacity),
        np.zeros((capacity, BINS), INTERVALS),
        np.zeros(MOST_FINDINGS, FINDING),
        new_used(capacity, SINCE_NS + 1),
    )


@kernel
def pack_kinds(scope: Int, protocol: Int, transport: Int, kind: Int, direction: Int, operation: Int) -> Int:
    """The key's `kinds`."""
    return (
        np.int64(scope) << 48
        | np.int64(protocol) << 32
        | np.int64(transport) << 16
        | np.int64(kind) << 12
        | np.int64(direction) << 8
        | np.int64(operation)
    )


@kernel
def pack(high: Int, low: Int) -> Int:
    """Two int32 in an int64."""
    return np.int64(high) << 32 | np.int64(low) & 0xFFFFFFFF


def unpack(packed: Ints) -> tuple[Ints, Ints]:
    """The two int32 in each int64, as int64."""
    return packed >> 32, (packed & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)


@kernel
def hash_of(ends: Int, port_unit: Int, functions: Int, kinds: Int) -> Int:
    """Of a key; never 0, which marks free rows. Products stay below 2**63."""
    value = (ends & 0x7FFFFFFF) * 0x9E3779B1 ^ (ends >> 32 & 0x7FFFFFFF) * 0x5EBCA6B
    value ^= ((port_unit ^ port_unit >> 27) & 0x7FFFFFFF) * 0x42B2AE35
    value ^= ((functions ^ functions >> 29 ^ kinds ^ kinds >> 21) & 0x7FFFFFFF) * 0x27D4EB2F
    return ((value ^ value >> 29) & 0x3FFFFFFFFFFFFFFF) | 1


@kernel
def _slot_of(table: Rhythms, digest: Int, ends: Int, port_unit: Int, functions: Int, kinds: Int) -> Int:
    slot = first_slot(table, digest)
    while table.slots[slot] >= 0:
        row = table.rows[table.slots[slot]]
        if (
            row["ends"] == ends
            and row["port_unit"] == port_unit
            and row["functions"] == functions
            and row["kinds"] == kinds
        ):
            return slot
        slot = next_slot(table, digest, slot)
    return slot


@kernel
def find_row(table: Rhythms, digest: Int, ends: Int, port_unit: Int, functions: Int, kinds: Int) -> Int:
    """The row of a key, or -1."""
    return table.slots[_slot_of(table, digest, ends, port_unit, functions, kinds)]


@kernel
def _clear(row: Record, message: Record) -> None:
    row["messages"] = 0
    row["last_ns"] = message["time_ns"]
    row["second"] = message["time_ns"] // 1_000_000_000
    row["in_second"] = row["in_ten"] = row["in_minute"] = row["last_minute"] = 0
    row["most_second"] = row["most_ten"] = row["most_minute"] = 0
    row["most_ten_allowed"] = row["most_minute_allowed"] = 0
    row["next_volume"] = row["next_rate"] = 0
    row["majority"] = row["votes"] = 0
    row["anchor"] = row["anchor_ns"] = row["anchor_stream"] = 0
    row["anchor_gaps"] = row["since_anchor"] = row["cycle"] = 0
    row["off"] = row["next_off"] = row["off_ns"] = row["pinned"] = 0
    row["interval_ns"] = row["shortest_allowed_ns"] = row["longest_allowed_ns"] = 0
    row["longest_ns"] = 0
    row["first_ns"] = message["time_ns"]
    row["first_packet"] = row["packet"] = message["packet"]
    row["octets"] = 0
    row["stream"] = -1
    row["asked"] = row["answered"] = row["waiting_ns"] = row["span"] = 0
    row["latency_ns"] = row["latency_most_ns"] = row["exceptions"] = 0
    row["waiting"] = row["next_waiting"] = row["balance"] = row["gaps"] = row["stream_answers"] = 0
    row["asked_in_span"] = row["answered_in_span"] = 0
    row["orphans"] = row["excused"] = row["next_orphans"] = 0
    row["pair"] = row["target"] = -1
    row["pair_hash"] = row["target_hash"] = 0
    row["client_port"] = message["client_port"]
    row["vlan"] = message["vlan"]


@kernel
def row_of(
    table: Rhythms, message: Record, digest: Int, ends: Int, port_unit: Int, functions: Int, kinds: Int
) -> Int:
    """The row of a key, a new one where there is none: the caller has seen to it that one is free."""
    slot = _slot_of(table, digest, ends, port_unit, functions, kinds)
    if table.slots[slot] >= 0:
        return table.slots[slot]
    place = enter(table, digest, slot)
    table.used[BEGUN] += 1
    row = table.rows[place]
    _clear(row, message)
    row["ends"], row["port_unit"], row["functions"], row["kinds"] = ends, port_unit, functions, kinds
    for index in range(BINS):
        table.intervals[place, index]["count"] = 0
        table.intervals[place, index]["sum"] = 0
    return place


@kernel
def note(table: Rhythms, place: Int, message: Record, what: Int, number: Int, usual: Int) -> None:
    """Note what stands out about a row, for this message; beyond MOST_FINDINGS it is only counted."""
    index = table.used[FINDINGS]
    if index >= table.findings.shape[0]:
        table.used[NOT_TOLD] += 1
        return
    table.used[FINDINGS] = index + 1
    row = table.rows[place]
    found = table.findings[index]
    found["time_ns"] = message["time_ns"]
    found["packet"] = message["packet"]
    found["ends"] = row["ends"]
    found["port_unit"] = row["port_unit"]
    found["functions"] = row["functions"]
    found["kinds"] = row["kinds"]
    found["first_ns"] = row["first_ns"]
    found["first_packet"] = row["first_packet"]
    found["number"] = number
    found["usual"] = usual
    found["interval_ns"] = row["interval_ns"]
    found["answered"] = row["answered"]
    found["client_port"] = row["client_port"]
    found["vlan"] = row["vlan"]
    found["place"] = place
    found["what"] = what


def inhabited(table: Rhythms) -> Flags:
    """Which rows are in use."""
    return np.asarray(table.hashes != 0)


def make_room(table: Rhythms) -> Ints:
    """Free the quarter of the rows that was silent longest, those last of which something was learned."""
    return give_way(table, table.rows["last_ns"], table.rows["pinned"])
