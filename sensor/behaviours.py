"""Behaviours: who does what to which object of whom. Messages are counted into them by a kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
    """The table: rows, the hash of each row's key (0 where the row is free), the slots that find
    rows, the stack of free rows, and per row the number of the `count` that touched it last."""

    rows: Rows
    hashes: Ints
    slots: Ints
    free: Ints
    stamps: Ints
    used: Ints
    """FREE rows on the stack, the STAMP of the last `count`, rows EVICTED so far."""


FREE, STAMP, EVICTED = 0, 1, 2


def new_behaviours(capacity: int = 1 << 18) -> Behaviours:
    """An empty table for `capacity` (a power of two) behaviours."""
    used = np.zeros(3, np.int64)
    used[FREE] = capacity
    return Behaviours(
        np.zeros(capacity, BEHAVIOUR),
        np.zeros(capacity, np.int64),
        np.full(capacity * 2, -1, np.int64),
        np.arange(capacity - 1, -1, -1),
        np.zeros(capacity, np.int64),
        used,
    )


@kernel
def _stir(value: Int, field: Int) -> Int:
    """One step of a multiplicative hash that never leaves 62 bits."""
    value = (value ^ np.int64(field)) & 0x3FFFFFFFFFFFFFFF
    value = (value & 0x3FFFFFFF) * 0x9E3779B1 ^ value >> 30
    return value & 0x3FFFFFFFFFFFFFFF


@kernel
def _state(message: Record) -> float:
    return message["value"] if message["value_kind"] == 3 else 0.0


@kernel
def _hash(message: Record) -> Int:
    value = _stir(np.int64(message["client"]), np.int64(message["server"]) << 30)
    value = _stir(value, np.int64(message["server_port"]) << 32 | np.int64(message["vlan"]) << 48)
    value = _stir(value, np.int64(message["protocol"]) << 8 | np.int64(message["kind"]))
    value = _stir(value, np.int64(message["operation"]) << 8 | np.int64(message["value_kind"]))
    value = _stir(value, np.int64(message["direction"]) << 24 | np.int64(message["transport"]))
    value = _stir(value, np.int64(message["function"]) << 32 ^ np.int64(message["subfunction"]))
    value = _stir(value, np.int64(message["unit"]) << 32 ^ np.int64(message["space"]))
    value = _stir(value, np.int64(message["count"]) << 32 ^ np.int64(message["status"]))
    value = _stir(value, np.int64(message["name"]) << 32 ^ np.int64(message["flags"]))
    value = _stir(value, message["address"])
    return _stir(value, np.int64(_state(message) * 16)) | 1


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
    mask = table.slots.shape[0] - 1
    stamp = table.used[STAMP]
    while cursor[0] < limit:
        message = messages[cursor[0]]
        digest = _hash(message)
        slot = (digest ^ digest >> 20) & mask
        place = table.slots[slot]
        while place >= 0:
            if table.hashes[place] == digest and _same(table.rows[place], message):
                break
            slot = (slot + 1) & mask
            place = table.slots[slot]
        if place < 0:
            if table.used[FREE] == 0:
                return
            table.used[FREE] -= 1
            place = table.free[table.used[FREE]]
            table.slots[slot] = place
            table.hashes[place] = digest
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


@kernel
def _rebuild(table: Behaviours) -> None:
    mask = table.slots.shape[0] - 1
    table.slots[:] = -1
    for place in range(table.hashes.shape[0]):
        digest = table.hashes[place]
        if digest != 0:
            slot = (digest ^ digest >> 20) & mask
            while table.slots[slot] >= 0:
                slot = (slot + 1) & mask
            table.slots[slot] = place


def make_room(table: Behaviours) -> Ints:
    """Free the quarter of the behaviours that was silent longest; their rows, which keep their
    content until they are given away again."""
    inhabited = np.flatnonzero(table.hashes)
    oldest = inhabited[np.argsort(table.rows["last_ns"][inhabited], kind="stable")]
    gone = oldest[: max(1, len(oldest) // 4)]
    table.hashes[gone] = 0
    free = int(table.used[FREE])
    table.free[free : free + len(gone)] = gone
    table.used[FREE] = free + len(gone)
    table.used[EVICTED] += len(gone)
    _rebuild(table)
    return gone
