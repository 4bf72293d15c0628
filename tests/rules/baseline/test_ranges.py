from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.baseline.ranges import as_text, from_text, insert, joined, without

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair))))


def members(ranges: list[tuple[int, int]]) -> set[int]:
    return {value for first, last in ranges for value in range(first, last + 1)}


@given(RANGES, RANGES)
def test_ranges_are_sets(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    result = joined(some)
    assert members(result) == members(some)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(result))
    assert members(without(result, joined(others))) == members(some) - members(others)
    grown = list(result)
    for first, last in others:
        before = members(grown)
        assert insert(grown, first, last) == (not set(range(first, last + 1)) <= before)
    assert grown == joined([*some, *others])
    assert from_text(as_text(result)) == result if result else True


def test_no_address_is_apart_from_address_zero() -> None:
    ranges = [(0, 3)]
    assert insert(ranges, -1, -1)
    assert not insert(ranges, -1, -1)
    assert ranges == [(-1, -1), (0, 3)]
    assert from_text(as_text(ranges)) == ranges
    assert joined([(0, 3), (-1, -1)]) == ranges


def test_wide_numbers_are_hexadecimal() -> None:
    assert as_text([(0x1_0000_0001, 0x1_0000_0004)]) == "0x1_0000_0001-0x1_0000_0004"
    assert from_text("0x1_0000_0001-0x1_0000_0004") == [(0x1_0000_0001, 0x1_0000_0004)]


@pytest.mark.parametrize("wrong", ["", "x", "5-3", "1,,2", "-5", "9" * 19 + "9", "1-2-3", "0x"])
def test_what_is_no_range_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="range"):
        from_text(wrong)
