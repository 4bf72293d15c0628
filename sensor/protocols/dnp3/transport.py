"""The transport function (IEEE 1815-2012, clause 8): segments put together to fragments.

Every segment begins with FIN (80), FIR (40) and a 6-bit sequence number. A conversation of two link
addresses in one direction of a stream has at most one fragment in the making; its octets wait in a
place of `State`. Places are found by bucket, and the one longest without a segment gives way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.buckets import BUCKET, first_of_bucket, place_to_fill
from sensor.kernel import kernel
from sensor.octets import u8
from sensor.types import Bytes, Int, Ints, Rows

FINAL, FIRST, SEQUENCE = 0x80, 0x40, 0x3F
LONGEST_FRAGMENT = 1 << 14
"""Octets of a fragment in the making. The standard asks for 2048 at least and sets no bound."""

PLACE = np.dtype(
    [
        ("stream", "i8"),  # -1 where the place is free
        ("link", "i8"),  # direction and both addresses
        ("packet", "i8"),  # of the latest segment
        ("sequence", "i8"),
        ("length", "i8"),
    ]
)

SEGMENTS, CRC_ERRORS, LOST, CUT, EVICTED, OVERLONG, NOISE = range(7)
"""Indices of `State.used`: segments taken; frames discarded for a wrong block CRC; segments
discarded because what precedes them was not seen; unfinished fragments given up because a segment
was missing or another fragment began; places given to another conversation; fragments over
LONGEST_FRAGMENT; octets skipped between frames."""
LOSSES = {"fragments_evicted": EVICTED, "fragments_overlong": OVERLONG}


class State(NamedTuple):
    """Fragments in the making (`places` and their `octets`) and in `used` counts of what went wrong."""

    places: Rows
    octets: Bytes
    used: Ints


def new_state(places: int = 256) -> State:
    """Room for `places` (a power of two) unfinished fragments at a time."""
    rows = np.zeros(places, PLACE)
    rows["stream"] = -1
    return State(rows, np.zeros((places, LONGEST_FRAGMENT), np.uint8), np.zeros(8, np.int64))


@kernel
def _bucket(state: State, stream: Int, link: Int) -> Int:
    mixed = (stream & 0x7FFFFFFF) * 0x9E3779B1 ^ (link & 0xFFFFFFFF) * 0x5EBCA6B
    mixed ^= mixed >> 17
    return first_of_bucket(mixed, state.places.shape[0])


@kernel
def find_place(state: State, stream: Int, link: Int) -> Int:
    """Where the unfinished fragment of this conversation waits, or -1."""
    first = _bucket(state, stream, link)
    for place in range(first, first + BUCKET):
        row = state.places[place]
        if row["stream"] == stream and row["link"] == link:
            return np.int64(place)
    return np.int64(-1)


@kernel
def _take_place(state: State, stream: Int, link: Int) -> Int:
    """A free place for this conversation, or the one that waited longest."""
    first = _bucket(state, stream, link)
    place = place_to_fill(state.places["stream"], state.places["packet"], first)
    if state.places[place]["stream"] >= 0:
        state.used[EVICTED] += 1
    return place


@kernel
def _append(state: State, place: Int, data: Bytes, at: Int, end: Int) -> bool:
    """Add a segment's octets to the fragment; whether there was room."""
    row = state.places[place]
    start = row["length"]
    if start + end - at > LONGEST_FRAGMENT:
        state.used[OVERLONG] += 1
        row["stream"] = -1
        return False
    octets = state.octets[place]
    for index in range(end - at):
        octets[start + index] = data[at + index]
    row["length"] = start + end - at
    return True


NOTHING, COMPLETE_HERE, COMPLETE_PLACE, GIVEN_UP = range(4)
"""What `take_segment` answers in `outcome`."""


@kernel
def take_segment(
    state: State, stream: Int, link: Int, packet: Int, data: Bytes, at: Int, end: Int
) -> tuple[Int, Int, Int]:
    """Take the segment `data[at:end]`: (outcome, place, octets given up).

    COMPLETE_HERE: the segment is a whole fragment. COMPLETE_PLACE: the fragment in `place` is
    complete; the caller reads it and frees the place. Octets given up are those of an unfinished
    fragment that this segment ended (8.2.3).
    """
    state.used[SEGMENTS] += 1
    header = u8(data, at)
    sequence = header & SEQUENCE
    place = find_place(state, stream, link)
    lost = np.int64(0)
    if header & FIRST:
        if place >= 0:
            lost = np.int64(state.places[place]["length"])
            state.used[CUT] += 1
            state.places[place]["stream"] = -1
        if header & FINAL:
            return np.int64(COMPLETE_HERE), np.int64(-1), lost
        place = _take_place(state, stream, link)
        row = state.places[place]
        row["stream"], row["link"], row["length"] = stream, link, 0
    else:
        if place < 0:
            state.used[LOST] += 1
            return np.int64(NOTHING), np.int64(-1), lost
        row = state.places[place]
        if sequence == row["sequence"]:
            return np.int64(NOTHING), np.int64(-1), lost  # sent again
        if sequence != row["sequence"] + 1 & SEQUENCE:
            lost = np.int64(row["length"])
            state.used[CUT] += 1
            state.used[LOST] += 1
            row["stream"] = -1
            return np.int64(GIVEN_UP), np.int64(-1), lost
    row["sequence"], row["packet"] = sequence, packet
    before = np.int64(row["length"])
    if not _append(state, place, data, at + 1, end):
        return np.int64(GIVEN_UP), np.int64(-1), before
    if header & FINAL:
        return np.int64(COMPLETE_PLACE), place, lost
    return np.int64(GIVEN_UP if lost else NOTHING), np.int64(-1), lost
