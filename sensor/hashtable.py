"""Rows that are found by a hash of their key, in a table that never grows: the oldest give way.

Behaviours, points and rhythms are kept so. A table is a NamedTuple with the arrays of `Hashed` beside
its rows. It is searched by open addressing with linear probing: `slots` are twice as many as rows and
hold the place of a row, or -1. Which place a key gets depends on the order in which keys came and on
nothing else, so that the same traffic always makes the same table.

What does not work this way, and why: `sensor.wire.streams` takes out single rows at any time, which
needs chains; `sensor.wire.endpoints` and `sensor.strings` never give up an entry, as its number stands
in rows everywhere; `sensor.buckets` serves state that is small and forgotten with every answer.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from sensor.kernel import kernel
from sensor.types import Int, Ints

FREE, EVICTED = range(2)
"""The first two numbers in `used` of every such table: free rows, and rows given up for room so far."""


class Hashed(Protocol):
    """What a table has beside its rows."""

    @property
    def hashes(self) -> Ints:
        """The digest of each row's key: never 0, which marks free rows."""

    @property
    def slots(self) -> Ints:
        """The place of a row, or -1."""

    @property
    def free(self) -> Ints:
        """The places of free rows: a stack of `used[FREE]`."""

    @property
    def used(self) -> Ints:
        """Counts, first FREE and EVICTED."""


def new_places(capacity: int) -> tuple[Ints, Ints, Ints]:
    """`hashes`, `slots` and `free` of an empty table for `capacity` (a power of two) rows."""
    return (
        np.zeros(capacity, np.int64),
        np.full(capacity * 2, -1, np.int64),
        np.arange(capacity - 1, -1, -1),
    )


def new_used(capacity: int, counts: int) -> Ints:
    """`used` of an empty table, with so many counts in all."""
    used = np.zeros(counts, np.int64)
    used[FREE] = capacity
    return used


@kernel
def stir(value: Int, number: Int) -> Int:
    """One step of a multiplicative hash that never leaves 62 bits. A digest is the last one, made odd."""
    value = (value ^ number) & 0x3FFFFFFFFFFFFFFF
    return ((value & 0x3FFFFFFF) * 0x9E3779B1 ^ value >> 30) & 0x3FFFFFFFFFFFFFFF


@kernel
def _home(digest: Int) -> Int:
    """Where the search for a key begins, still to be cut to the number of slots."""
    return digest ^ digest >> 20


@kernel
def _seek(table: Hashed, digest: Int, start: Int) -> Int:
    mask = table.slots.shape[0] - 1
    slot = start & mask
    while table.slots[slot] >= 0 and table.hashes[table.slots[slot]] != digest:
        slot = (slot + 1) & mask
    return slot


@kernel
def first_slot(table: Hashed, digest: Int) -> Int:
    """The slot of the first row whose key has this digest; an empty one where there is none."""
    return _seek(table, digest, _home(digest))


@kernel
def next_slot(table: Hashed, digest: Int, slot: Int) -> Int:
    """As `first_slot`, behind `slot`: the row there has another key of the same digest."""
    return _seek(table, digest, slot + 1)


@kernel
def enter(table: Hashed, digest: Int, slot: Int) -> Int:
    """The place of a new row for the key whose search ended at the empty `slot`; -1 where none is free."""
    if table.used[FREE] == 0:
        return np.int64(-1)
    table.used[FREE] -= 1
    place = table.free[table.used[FREE]]
    table.slots[slot] = place
    table.hashes[place] = digest
    return place


@kernel
def _enter_all(table: Hashed) -> None:
    """Fill the slots anew: one that was only emptied would end the search for what lies behind it."""
    mask = table.slots.shape[0] - 1
    table.slots[:] = -1
    for place in range(table.hashes.shape[0]):
        if table.hashes[place] != 0:
            slot = _home(table.hashes[place]) & mask
            while table.slots[slot] >= 0:
                slot = (slot + 1) & mask
            table.slots[slot] = place


def give_way(table: Hashed, *ages: Any) -> Ints:
    """Free the quarter of the rows in use that come first by `ages`, of which the last counts most.

    Each is a column of the rows; where all are equal, the order of the table decides. The rows keep
    their content until they are given away again.
    """
    inhabited = np.flatnonzero(table.hashes)
    order = inhabited[np.lexsort([age[inhabited] for age in ages])]
    gone = order[: max(1, len(order) // 4)]
    table.hashes[gone] = 0
    free = int(table.used[FREE])
    table.free[free : free + len(gone)] = gone
    table.used[FREE] = free + len(gone)
    table.used[EVICTED] += len(gone)
    _enter_all(table)
    return gone
