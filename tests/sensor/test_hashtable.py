"""Tables that rows are found in by hash: what was entered is found, whatever collides and gives way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.hashtable import (
    EVICTED,
    FREE,
    enter,
    first_slot,
    give_way,
    new_places,
    new_used,
    next_slot,
    stir,
)
from sensor.types import Ints

CAPACITY = 16
KEYS = st.lists(st.integers(0, 40), max_size=200)
DIGESTS = st.sampled_from([lambda key: 1, lambda key: key % 4 << 40 | 1, lambda key: key << 1 | 1])
"""All alike, a few apart, and all apart; the second collide in their slots too."""


class Table(NamedTuple):
    """Keys that are not the same as their digests, and when they were asked for last."""

    keys: Ints
    asked: Ints
    hashes: Ints
    slots: Ints
    free: Ints
    used: Ints


def new_table() -> Table:
    keys, asked = np.zeros((2, CAPACITY), np.int64)
    return Table(keys, asked, *new_places(CAPACITY), new_used(CAPACITY, 2))


def slot_of(table: Table, key: int, digest: int) -> int:
    slot = int(first_slot(table, digest))
    while table.slots[slot] >= 0 and table.keys[table.slots[slot]] != key:
        slot = int(next_slot(table, digest, slot))
    return slot


@settings(deadline=None)  # the first example compiles
@given(KEYS, DIGESTS)
def test_what_is_in_it_is_what_a_dictionary_of_the_newest_holds(keys: list[int], digest_of: object) -> None:
    assert callable(digest_of)
    table = new_table()
    expected: dict[int, int] = {}
    """When each key was asked for last; in the order in which they were entered."""
    evicted = 0
    for now, key in enumerate(keys):
        slot = slot_of(table, key, digest_of(key))
        assert (table.slots[slot] >= 0) == (key in expected)
        if table.slots[slot] < 0:
            place = enter(table, digest_of(key), slot)
            if place < 0:
                assert len(expected) == CAPACITY
                oldest = sorted(expected, key=lambda known: expected[known])[: CAPACITY // 4]
                assert [table.keys[gone] for gone in give_way(table, table.asked)] == oldest
                for gone in oldest:
                    del expected[gone]
                evicted += len(oldest)
                slot = slot_of(table, key, digest_of(key))
                place = enter(table, digest_of(key), slot)
            table.keys[place] = key
        table.asked[table.slots[slot]] = now
        expected[key] = now
        assert table.used[FREE] == CAPACITY - len(expected)
    for key in range(41):
        assert (table.slots[slot_of(table, key, digest_of(key))] >= 0) == (key in expected)
    assert table.used[EVICTED] == evicted


def test_of_rows_that_are_as_old_the_first_of_the_table_go_and_the_last_column_counts_most() -> None:
    table = new_table()
    for key in range(8):
        enter(table, key << 1 | 1, slot_of(table, key, key << 1 | 1))
    table.asked[:8] = [5, 5, 5, 5, 1, 1, 1, 1]
    pinned = np.array([0, 0, 0, 0, 1, 1, 1, 1] + [0] * 8)
    assert give_way(table, table.asked, pinned).tolist() == [0, 1]
    assert give_way(table, table.asked).tolist() == [4]


@settings(deadline=None)
@given(st.integers(-(1 << 62), 1 << 62), st.integers(-(1 << 62), 1 << 62))
def test_a_digest_stays_in_62_bits(value: int, number: int) -> None:
    assert 0 <= stir(np.int64(value), np.int64(number)) < 1 << 62
