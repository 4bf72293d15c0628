"""Behaviours: who does what to which object of whom. Messages are counted into them by a kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.hashtable import EVICTED, enter, first_slot, give_way, new_places, new_used, next_slot, stir
from sensor.kernel import kernel
from sensor.types import Int, Ints, Record, Rows

EVIDENCE_FRAMES = 8
"""How many frames of a behaviour are remembered: the first ones, and the last in the last place."""

BEHAVIOUR = np.dtype(
    [
        # What makes it this behaviour; all as in MESSAGE.
        ("client", "i4"),
        ("server", "i4"),
        ("server_port", "i4"),
        ("vlan", "i4"),
        ("protocol", "i2"),
        ("transport", "i2"),
        ("kind", "i1"),
        ("operation", "i1"),
        ("value_kind", "i1"),
        ("direction", "i1"),
        ("function", "i4"),
        ("subfunction", "i4"),
        ("unit", "i4"),
        ("space", "i4"),
        ("count", "i4"),
        ("status", "i4"),
        ("name", "i4"),
        ("flags", "i4"),
        ("address", "i8"),
        ("state", "f8"),  # the value where value_kind is DISCRETE, else 0
        # What is counted.
        ("messages", "i8"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("value", "f8"),  # last
        ("least", "f8"),
        ("most", "f8"),
        ("stream", "i8"),  # of the first message
        ("client_port", "i4"),  # of the first message
        ("frames_used", "i4"),
        ("frames", "i8", (EVIDENCE_FRAMES,)),
    ]
)
"""One behaviour. Requests and responses are two behaviours with the same client and server."""


class Behaviours(NamedTuple):
    """The table (see `sensor.hashtable`), and per row the number of the `count` that touched it last."""

    rows: Rows
    hashes: Ints
    slots: Ints
    free: Ints
    stamps: Ints
    used: Ints
    """FREE and EVICTED rows, and the STAMP of the last `count`."""


STAMP = EVICTED + 1


def new_behaviours(capacity: int = 1 << 18) -> Behaviours:
    """An empty table for `capacity` (a power of two) behaviours."""
    return Behaviours(
        np.zeros(capacity, BEHAVIOUR),
        *new_places(capacity),
        np.zeros(capacity, np.int64),
        new_used(capacity, STAMP + 1),
    )


@kernel
def _state(message: Record) -> float:
    return message["value"] if message["value_kind"] == 3 else 0.0


@kernel
def _hash(message: Record) -> Int:
    value = stir(np.int64(message["client"]), np.int64(message["server"]) << 30)
    value = stir(value, np.int64(message["server_port"]) << 32 | np.int64(message["vlan"]) << 48)
    value = stir(value, np.int64(message["protocol"]) << 8 | np.int64(message["kind"]))
    value = stir(value, np.int64(message["operation"]) << 8 | np.int64(message["value_kind"]))
    value = stir(value, np.int64(message["direction"]) << 24 | np.int64(message["transport"]))
    value = stir(value, np.int64(message["function"]) << 32 ^ np.int64(message["subfunction"]))
    value = stir(value, np.int64(message["unit"]) << 32 ^ np.int64(message["space"]))
    value = stir(value, np.int64(message["count"]) << 32 ^ np.int64(message["status"]))
    value = stir(value, np.int64(message["name"]) << 32 ^ np.int64(message["flags"]))
    value = stir(value, message["address"])
    return stir(value, np.int64(_state(message) * 16)) | 1


@kernel
def _same(row: Record, message: Record) -> bool:
    return (
        row["client"] == message["client"]
        and row["server"] == message["server"]
        and row["address"] == message["address"]
        and row["function"] == message["function"]
        and row["subfunction"] == message["subfunction"]
        and row["server_port"] == message["server_port"]
        and row["protocol"] == message["protocol"]
        and row["kind"] == message["kind"]
        and row["operation"] == message["operation"]
        and row["direction"] == message["direction"]
        and row["unit"] == message["unit"]
        and row["space"] == message["space"]
        and row["count"] == message["count"]
        and row["status"] == message["status"]
        and row["name"] == message["name"]
        and row["flags"] == message["flags"]
        and row["vlan"] == message["vlan"]
        and row["transport"] == message["transport"]
        and row["value_kind"] == message["value_kind"]
        and row["state"] == _state(message)
    )


@kernel
def _fill(row: Record, message: Record) -> None:
    row["client"] = message["client"]
    row["server"] = message["server"]
    row["server_port"] = message["server_port"]
    row["vlan"] = message["vlan"]
    row["protocol"] = message["protocol"]
    row["transport"] = message["transport"]
    row["kind"] = message["kind"]
    row["operation"] = message["operation"]
    row["value_kind"] = message["value_kind"]
    row["direction"] = message["direction"]
    row["function"] = message["function"]
    row["subfunction"] = message["subfunction"]
    row["unit"] = message["unit"]
    row["space"] = message["space"]
    row["count"] = message["count"]
    row["status"] = message["status"]
    row["name"] = message["name"]
    row["flags"] = message["flags"]
    row["address"] = message["address"]
    row["state"] = _state(message)
    row["messages"] = 0
    row["first_ns"] = message["time_ns"]
    row["value"] = message["value"]
    row["least"] = message["value"]
    row["most"] = message["value"]
    row["stream"] = message["stream"]
    row["client_port"] = message["client_port"]
    row["frames_used"] = 0


@kernel
def count(table: Behaviours, messages: Rows, limit: Int, cursor: Ints, fresh: Ints, touched: Ints) -> None:
    """Count the messages from `cursor[0]` to `limit` into behaviours.

    Writes the rows that are new to `fresh` and all that were counted, each once, to `touched`;
    cursor[1] and cursor[2] say how many there are. Stops early where the table is full: the caller
    has `make_room` free some and calls again.
    """
    stamp = table.used[STAMP]
    while cursor[0] < limit:
        message = messages[cursor[0]]
        digest = _hash(message)
        slot = first_slot(table, digest)
        while table.slots[slot] >= 0 and not _same(table.rows[table.slots[slot]], message):
            slot = next_slot(table, digest, slot)
        place = table.slots[slot]
        if place < 0:
            place = enter(table, digest, slot)
            if place < 0:
                return
            table.stamps[place] = -1
            _fill(table.rows[place], message)
            fresh[cursor[1]] = place
            cursor[1] += 1
        cursor[0] += 1
        row = table.rows[place]
        if table.stamps[place] != stamp:
            table.stamps[place] = stamp
            touched[cursor[2]] = place
            cursor[2] += 1
        row["messages"] += 1
        row["last_ns"] = message["time_ns"]
        row["value"] = message["value"]
        row["least"] = min(row["least"], message["value"])
        row["most"] = max(row["most"], message["value"])
        used = row["frames_used"]
        if used < EVIDENCE_FRAMES:
            row["frames"][used] = message["packet"]
            row["frames_used"] = used + 1
        else:
            row["frames"][EVIDENCE_FRAMES - 1] = message["packet"]


@kernel
def tally(messages: Rows, limit: Int, first_ot: Int, protocols: Ints, operations: Ints) -> None:
    """Count the PDUs among `limit` messages by protocol number, those of OT protocols by operation too."""
    for index in range(limit):
        message = messages[index]
        if message["part"] == 0:
            protocols[message["protocol"]] += 1
            if message["protocol"] >= first_ot:
                operations[message["operation"]] += 1


def make_room(table: Behaviours) -> Ints:
    """Free the quarter of the behaviours that was silent longest; the places of their rows."""
    return give_way(table, table.rows["last_ns"])
