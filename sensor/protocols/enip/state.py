"""What the decoder remembers: open connections, and the work space of one PDU.

A connection is entered three times: under the triple that names it (connection serial number,
originator vendor, originator serial number), under its identifier from the originator, and under
its identifier from the target. The table is bounded; the oldest of a full bucket gives way and is
counted in `used[EVICTED]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.buckets import BUCKET, first_of_bucket, place_to_fill
from sensor.kernel import kernel
from sensor.types import Bytes, Int, Ints, Rows

CONNECTION = np.dtype(
    [
        ("key", "i8"),  # -1 where the place is free
        ("time_ns", "i8"),
        ("o2t", "i8"),
        ("t2o", "i8"),
        ("rpi", "i8"),  # microseconds, in the direction of this entry
        ("name", "i8"),  # string id of a produced tag; -1 where none
        ("space", "i8"),  # class of the application path; -1 where unknown
        ("instance", "i8"),  # connection point in the direction of this entry; -1 where unknown
        ("instance_o2t", "i8"),
        ("instance_t2o", "i8"),
        ("rpi_o2t", "i8"),
        ("rpi_t2o", "i8"),
        ("serial", "i4"),
        ("sender", "i4"),  # endpoint id
        ("unit", "i4"),
        ("transport_class", "i1"),  # -1 where unknown
        ("to_target", "i1"),
    ]
)
OPENED, CLOSED, EVICTED = range(3)
LOSSES = {"connections_evicted": EVICTED}

(
    SPACE,
    INSTANCE,
    ATTRIBUTE,
    MEMBER,
    POINT_O2T,
    POINT_T2O,
    UNIT,
    NAME_LENGTH,
    PATH_GOOD,
    TRANSACTION,
    MESSAGE_UNIT,
) = range(11)
"""What `paths.read_path` leaves in `State.path`, -1 where the path does not say; then what all rows
of one encapsulation PDU have."""
LONGEST_NAME = 255


class State(NamedTuple):
    """Connections, counts (OPENED, CLOSED, EVICTED), and scratch space that lives for one PDU."""

    connections: Rows
    used: Ints
    path: Ints
    text: Bytes
    stack: Ints


def new_state(connections: Int = 1 << 13) -> State:
    """An empty table for this many entries (a power of two)."""
    table = np.zeros(connections, CONNECTION)
    table["key"] = -1
    return State(
        table,
        np.zeros(3, np.int64),
        np.zeros(16, np.int64),
        np.zeros(LONGEST_NAME + 1, np.uint8),
        np.zeros(3 * 512, np.int64),
    )


@kernel
def triple_key(serial: Int, vendor: Int, originator: Int) -> Int:
    """The key of the entry that stands for a connection's triple; apart from 32-bit identifiers."""
    return np.int64(1) << 60 | (vendor & 0xFFF) << 48 | serial << 32 | originator


@kernel
def _bucket(state: State, sender: Int, key: Int) -> Int:
    mixed = (key & 0x7FFFFFFF) * 0x9E3779B1 ^ (key >> 31 & 0x7FFFFFFF) * 0x5EBCA6B ^ sender * 0x42B2AE35
    mixed ^= mixed >> 19
    return first_of_bucket(mixed, state.connections.shape[0])


@kernel
def find_connection(state: State, sender: Int, key: Int) -> Int:
    """The place of the connection whose packets `sender` sends under this key, or -1."""
    sender = np.int64(sender)
    first = _bucket(state, sender, key)
    for place in range(first, first + BUCKET):
        row = state.connections[place]
        if row["key"] == key and row["sender"] == sender:
            return np.int64(place)
    return np.int64(-1)


@kernel
def enter_connection(state: State, sender: Int, key: Int, time_ns: Int) -> Int:
    """A place for this key, its row empty but for key, sender and time."""
    place = find_connection(state, sender, key)
    if place < 0:
        first = _bucket(state, np.int64(sender), key)
        place = place_to_fill(state.connections["key"], state.connections["time_ns"], first)
        if state.connections[place]["key"] >= 0:
            state.used[EVICTED] += 1
    row = state.connections[place]
    row["key"] = key
    row["sender"] = sender
    row["time_ns"] = time_ns
    row["o2t"] = -1
    row["t2o"] = -1
    row["rpi"] = -1
    row["name"] = -1
    row["space"] = -1
    row["instance"] = -1
    row["instance_o2t"] = -1
    row["instance_t2o"] = -1
    row["rpi_o2t"] = -1
    row["rpi_t2o"] = -1
    row["serial"] = -1
    row["unit"] = -1
    row["transport_class"] = -1
    row["to_target"] = -1
    return place


@kernel
def drop_connection(state: State, sender: Int, key: Int) -> None:
    """Forget the entry under this key, if there is one."""
    place = find_connection(state, sender, key)
    if place >= 0:
        state.connections[place]["key"] = -1
