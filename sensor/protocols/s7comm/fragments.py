"""A bounded store for fragments: those of COTP, and those of answers that S7comm itself splits.

Slots are found by a key made of stream, direction and layer. Where a bucket is full the oldest
gives way and is counted in `used[EVICTED]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.buckets import BUCKET, first_of_bucket, place_to_fill
from sensor.kernel import inner
from sensor.messages import LONGEST_REASSEMBLED, Buffers, Out, place_octets, scratch_room
from sensor.types import Bytes, Int, Ints, Record, Rows

SLOTS = 256
ROOM = LONGEST_REASSEMBLED
"""Octets of one slot."""
OPEN, EVICTED, OVERLONG = range(3)
"""Indices of `used`: slots in use now; slots given to another stream; PDUs whose octets beyond ROOM
were dropped."""
LOSSES = {"fragments_evicted": EVICTED, "fragments_overlong": OVERLONG}
COTP_LAYER, USERDATA_LAYER, PLUS_LAYER = range(3)

_SLOT = np.dtype(
    [
        ("key", "i8"),  # -1 where free
        ("time_ns", "i8"),  # of the last fragment
        ("length", "i8"),
        ("code", "i8"),  # the layer's own
    ]
)


class State(NamedTuple):
    """Fragments that wait for the rest of their PDU: slot n has `octets[n * ROOM:]`."""

    slots: Rows
    octets: Bytes
    used: Ints


def new_state() -> State:
    """Room for the fragments of SLOTS streams and layers; untouched pages cost no memory."""
    slots = np.zeros(SLOTS, _SLOT)
    slots["key"] = -1
    return State(slots, np.zeros(SLOTS * ROOM, np.uint8), np.zeros(3, np.int64))


@inner
def key_of(frame: Record, layer: Int) -> Int:
    """The key of a frame's stream and direction in a layer."""
    return np.int64(frame["stream"]) * 8 + np.int64(frame["direction"]) * 4 + layer


@inner
def _bucket(key: Int) -> Int:
    mixed = (key & 0x7FFFFFFF) * 0x9E3779B1
    return first_of_bucket(mixed ^ mixed >> 15, SLOTS)


@inner
def slot_of(state: State, key: Int) -> Int:
    """The slot with this key, or -1."""
    if state.used[OPEN] == 0:
        return np.int64(-1)
    first = _bucket(key)
    for slot in range(first, first + BUCKET):
        if state.slots[slot]["key"] == key:
            return np.int64(slot)
    return np.int64(-1)


@inner
def open_slot(state: State, key: Int, time_ns: Int, code: Int) -> Int:
    """An empty slot for this key, which had none: free, or the oldest of its bucket."""
    chosen = place_to_fill(state.slots["key"], state.slots["time_ns"], _bucket(key))
    row = state.slots[chosen]
    if row["key"] >= 0:
        state.used[EVICTED] += 1
    else:
        state.used[OPEN] += 1
    row["key"] = key
    row["time_ns"] = time_ns
    row["length"] = 0
    row["code"] = code
    return chosen


@inner
def close_slot(state: State, slot: Int) -> None:
    """Forget a slot's fragments."""
    state.slots[slot]["key"] = -1
    state.used[OPEN] -= 1


@inner
def append(state: State, slot: Int, time_ns: Int, data: Bytes, at: Int, length: Int) -> None:
    """Add octets to a slot; what does not fit is dropped and counted once for each fragment."""
    row = state.slots[slot]
    kept = np.int64(row["length"])
    if kept + length > ROOM:
        state.used[OVERLONG] += 1
        length = ROOM - kept
    place_octets(data, at, length, state.octets, slot * ROOM + kept)
    row["length"] = kept + length
    row["time_ns"] = time_ns


@inner
def join(state: State, slot: Int, out: Out, buffers: Buffers) -> Int:
    """Copy a slot's octets to the scratch buffer and close it; where they begin there, or -1."""
    length = state.slots[slot]["length"]
    start = scratch_room(out, buffers, length)
    if start >= 0:
        place_octets(state.octets, slot * ROOM, length, buffers.scratch, start)
    close_slot(state, slot)
    return start
