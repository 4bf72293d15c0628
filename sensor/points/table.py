"""The table of points: one row for what is read of a process variable, one for what is written to it.

A point is a server's register, tag element or information object. Rows hold what a baseline learns
from (range, steps, states, how often the range was crossed) and, once learning is over, the bounds
that the kernel of `sensor.points.taking` holds new values against.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.hashtable import EVICTED, enter, first_slot, give_way, new_places, new_used, next_slot, stir
from sensor.kernel import kernel
from sensor.types import Int, Ints, Record, Rows

MOST_STATES = 8
"""Distinct values that are told apart; of more it is only known that there are more."""
MOST_ALLOWED = 16
"""Values that a point may be bound to: its states, and what was accepted beside them."""
MOST_SAMPLES = 1 << 16
"""Values that are looked at in one go."""
MOST_DEVIATIONS = 1 << 14
"""Deviations that wait to be fetched; of more it is counted how many."""

READ, WRITTEN = 0, 1
NO_BOUND, BAND, SET = range(3)
BELOW, ABOVE, UNSEEN, JUMP = range(1, 5)
"""How a value deviates: beside its band, not one of its values, or faster than it ever moved."""
NOWHERE, LOW_SIDE, HIGH_SIDE = range(3)
"""Half a standard deviation below or above the mean of what was seen before."""

POINT = np.dtype(
    [
        # Which point; as in MESSAGE.
        ("server", "i4"),
        ("unit", "i4"),
        ("space", "i4"),
        ("name", "i4"),
        ("address", "i8"),  # of the element
        ("protocol", "i2"),
        ("written", "i1"),  # READ or WRITTEN
        ("value_kind", "i1"),  # of the last value
        # Bounds; set from outside.
        ("bound", "i1"),  # NO_BOUND, BAND or SET
        ("allowed_used", "i1"),
        ("outside", "i1"),  # whether the last value was
        ("jumped", "i1"),
        ("low", "f8"),
        ("high", "f8"),
        ("margin", "f8"),  # how far a followed edge stays from what was seen
        ("follow", "f8"),  # units a second by which an edge may move; 0 where it may not
        ("low_ns", "i8"),  # when each edge moved last
        ("high_ns", "i8"),
        ("limit_step", "f8"),  # infinite where jumps are not told
        ("limit_rate", "f8"),
        ("allowed", "f8", (MOST_ALLOWED,)),
        # What was seen.
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("first_packet", "i8"),
        ("last_packet", "i8"),
        ("samples", "i8"),
        ("learned", "i8"),  # samples that the columns below count
        ("value", "f8"),  # last
        ("least", "f8"),
        ("most", "f8"),
        ("mean", "f8"),
        ("m2", "f8"),  # sum of squared differences from the mean (Welford)
        ("changes", "i8"),  # samples that differ from the one before
        ("rises", "i8"),
        ("falls", "i8"),
        ("wraps", "i8"),  # falls from near a power of two to near zero
        ("turns", "i8"),  # changes of direction
        ("direction", "i1"),  # of the last change: 1 up, -1 down
        ("side", "i1"),  # NOWHERE, LOW_SIDE or HIGH_SIDE: where the values were last
        ("states_used", "i1"),  # MOST_STATES + 1 where there were more
        ("traversals", "i8"),  # times the values went from one side of their mean to the other
        ("span_counted", "f8"),  # the range for which traversals are counted
        ("quantum", "f8"),  # least difference between samples that follow each other, but for none
        ("step", "f8"),  # greatest difference between samples that follow each other
        ("rate", "f8"),  # greatest difference a second
        ("early_samples", "i8"),  # the range when so many samples were seen, a half or a quarter of all
        ("early_span", "f8"),
        ("half_samples", "i8"),
        ("half_span", "f8"),
        ("states", "f8", (MOST_STATES,)),
        ("visits", "i8", (MOST_STATES,)),  # times that each state was entered
        ("writer", "i4"),  # client of the last write
    ]
)

SAMPLE = np.dtype(
    [
        ("place", "i8"),  # of its POINT
        ("message", "i8"),
        ("address", "i8"),
        ("value", "f8"),
        ("kind", "i1"),
    ]
)
"""One value of one message on its way into the table."""

DEVIATION = np.dtype(
    [
        ("message", "i8"),  # index of the message that carries it
        ("place", "i8"),
        ("address", "i8"),
        ("value", "f8"),
        ("low", "f8"),
        ("high", "f8"),
        ("step", "f8"),  # from the value before; infinite where there was none in this run
        ("kind", "i1"),  # ValueKind
        ("reason", "i1"),  # BELOW, ABOVE, UNSEEN or JUMP
        ("written", "i1"),
    ]
)
"""A value outside the bounds of its point."""


class Points(NamedTuple):
    """The table (see `sensor.hashtable`); the samples and deviations of one go; counts."""

    rows: Rows
    hashes: Ints
    slots: Ints
    free: Ints
    samples: Rows
    fresh: Ints
    """Rows that are new in this go."""
    deviations: Rows
    used: Ints
    """FREE and EVICTED rows, SAMPLES and FRESH of this go, DEVIATIONS that wait, UNTOLD ones, and
    where in the messages and their values this go stopped."""


SAMPLES, FRESH, DEVIATIONS, UNTOLD, NEXT_MESSAGE, NEXT_VALUE = range(EVICTED + 1, EVICTED + 7)


def new_points(capacity: int = 1 << 17) -> Points:
    """An empty table for `capacity` (a power of two) rows."""
    return Points(
        np.zeros(capacity, POINT),
        *new_places(capacity),
        np.zeros(MOST_SAMPLES, SAMPLE),
        np.zeros(MOST_SAMPLES, np.int64),
        np.zeros(MOST_DEVIATIONS, DEVIATION),
        new_used(capacity, NEXT_VALUE + 1),
    )


@kernel
def _is(row: Record, message: Record, address: Int, written: Int) -> bool:
    return (
        row["address"] == address
        and row["server"] == message["server"]
        and row["unit"] == message["unit"]
        and row["space"] == message["space"]
        and row["name"] == message["name"]
        and row["protocol"] == message["protocol"]
        and row["written"] == written
    )


@kernel
def _begin(row: Record, message: Record, address: Int, written: Int) -> None:
    row["server"] = message["server"]
    row["unit"] = message["unit"]
    row["space"] = message["space"]
    row["name"] = message["name"]
    row["address"] = address
    row["protocol"] = message["protocol"]
    row["written"] = written
    row["samples"] = 0
    row["learned"] = 0
    row["bound"] = NO_BOUND
    row["outside"] = 0
    row["jumped"] = 0
    row["value"] = 0.0
    row["last_ns"] = message["time_ns"]


@kernel
def place_of(points: Points, message: Record, address: Int, written: Int, guess: Int) -> Int:
    """The row of this point, a new one where there was none; -1 where the table is full.

    `guess` is where it probably is (arrays make neighbours), or -1.
    """
    if guess >= 0 and guess < points.hashes.shape[0]:
        if points.hashes[guess] != 0 and _is(points.rows[guess], message, address, written):
            return guess
    digest = stir(np.int64(message["server"]) << 31, np.int64(message["unit"]) << 1 ^ written)
    digest = stir(digest, np.int64(message["space"]) << 8 ^ np.int64(message["protocol"]))
    digest = stir(digest, np.int64(message["name"]))
    digest = stir(digest, address) | 1
    slot = first_slot(points, digest)
    while points.slots[slot] >= 0:
        place = points.slots[slot]
        if _is(points.rows[place], message, address, written):
            return place
        slot = next_slot(points, digest, slot)
    place = enter(points, digest, slot)
    if place < 0:
        return place
    _begin(points.rows[place], message, address, written)
    points.fresh[points.used[FRESH]] = place
    points.used[FRESH] += 1
    return place


def make_room(points: Points) -> None:
    """Free the quarter of the rows that was silent longest."""
    give_way(points, points.rows["last_ns"])
