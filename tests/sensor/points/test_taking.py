"""The table of points counts what a plain reading of the values counts."""

from __future__ import annotations

import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from value_streams import FOREVER, SECOND, START, learn, message, take_all

from sensor.hashtable import EVICTED
from sensor.messages import DOUBTFUL, MALFORMED, SELECT, Kind, Operation, ValueKind, new_out
from sensor.points.table import (
    ABOVE,
    BAND,
    BELOW,
    DEVIATIONS,
    JUMP,
    MOST_DEVIATIONS,
    MOST_STATES,
    SET,
    UNSEEN,
    UNTOLD,
    Points,
    new_points,
)
from sensor.types import Rows

VALUES = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=80)


def rows_of(points: Points) -> Rows:
    return points.rows[np.flatnonzero(points.hashes)]


@given(VALUES)
@settings(max_examples=60, deadline=None)
def test_statistics_are_those_of_the_values(values: list[float]) -> None:
    points = new_points(4)
    learn(points, values)
    (row,) = rows_of(points)
    steps = [after - before for before, after in pairwise(values) if after != before]
    assert row["samples"] == row["learned"] == len(values)
    assert (row["least"], row["most"], row["value"]) == (min(values), max(values), values[-1])
    assert row["mean"] == pytest.approx(statistics.fmean(values))
    assert row["m2"] == pytest.approx(statistics.pvariance(values) * len(values), abs=1e-6)
    assert row["changes"] == len(steps)
    assert row["rises"] == sum(step > 0 for step in steps)
    assert row["step"] == row["rate"] == max(map(abs, steps), default=0)
    assert row["quantum"] == min(map(abs, steps), default=0)
    assert row["turns"] == sum((one > 0) != (two > 0) for one, two in pairwise(steps))
    distinct = list(dict.fromkeys(values))
    assert row["states_used"] == min(len(distinct), MOST_STATES + 1)
    if len(distinct) <= MOST_STATES:
        assert row["states"][: len(distinct)].tolist() == distinct
        assert row["visits"].sum() == len(steps) + 1


@given(VALUES, st.lists(st.integers(0, 80), max_size=6))
@settings(max_examples=40, deadline=None)
def test_batch_boundaries_change_nothing(values: list[float], cuts: list[int]) -> None:
    whole, parts = new_points(4), new_points(4)
    learn(whole, values)
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    for first, last in pairwise(edges):
        learn(parts, values[first:last], start=first)
    same = [name for name in whole.rows.dtype.names if name not in ("first_packet", "last_packet")]
    for name in same:
        assert np.array_equal(rows_of(whole)[name], rows_of(parts)[name]), name


def test_reading_and_writing_are_counted_apart_and_arrays_make_neighbours() -> None:
    points, out = new_points(16), new_out()
    message(out, [5.0, 6.0, 7.0], 0)
    message(out, 9.0, 1, written=True, address=101, client=7)
    message(out, [5.0, 9.0, 7.0], 2)
    take_all(points, out)
    rows = rows_of(points)
    assert rows["address"].tolist() == [100, 101, 102, 101]
    assert rows["written"].tolist() == [0, 0, 0, 1]
    assert rows["changes"].tolist() == [0, 1, 0, 0]
    assert (rows["writer"][3], rows["last_packet"][3]) == (7, 2)
    assert rows["first_ns"].tolist() == [START, START, START, START + SECOND]


@pytest.mark.parametrize(
    "columns",
    [
        {"flags": MALFORMED},
        {"flags": SELECT},
        {"flags": DOUBTFUL},
        {"status": 2},
        {"address": -1},
        {"operation": Operation.DIAGNOSE},
        {"kind": Kind.REQUEST},
    ],
)
def test_what_is_no_value_of_a_point_is_left_alone(columns: dict[str, int]) -> None:
    points, out = new_points(4), new_out()
    message(out, 5.0, 0, **columns)
    message(out, [5.0, 6.0], 0, **columns)
    take_all(points, out)
    assert not points.hashes.any()


def test_traversals_count_crossings_of_the_whole_range_only() -> None:
    # A slow ramp under noise goes once through its range, however often it turns.
    generator = np.random.default_rng(1)
    ramp = new_points(4)
    learn(ramp, np.linspace(0, 100, 400) + generator.normal(0, 1, 400))
    assert rows_of(ramp)["turns"][0] > 100
    assert rows_of(ramp)["traversals"][0] <= 3
    wave = new_points(4)
    learn(wave, 50 + 40 * np.sin(np.arange(400) * 2 * np.pi / 40) + generator.normal(0, 1, 400))
    assert rows_of(wave)["traversals"][0] in (18, 19, 20, 21)


@pytest.mark.parametrize("bits", [8, 15, 16, 31, 32])
def test_a_counter_that_wraps_is_told_from_one_that_falls(bits: int) -> None:
    points = new_points(4)
    full = 1 << bits
    learn(points, [full - 3, full - 1, 1, 5])
    assert rows_of(points)[["falls", "wraps"]].tolist() == [(1, 1)]
    other = new_points(4)
    learn(other, [full // 2 - 1, full // 8])
    assert rows_of(other)["falls"][0] == 1


def band(points: Points, low: float, high: float, **others: float) -> None:
    rows = points.rows
    rows["bound"], rows["low"], rows["high"] = BAND, low, high
    rows["limit_step"] = rows["limit_rate"] = np.inf
    for name, value in others.items():
        rows[name] = value


def judged(
    points: Points, values: list[float], written: bool = False, **columns: int
) -> list[tuple[float, int]]:
    """(value, reason) of what was told."""
    points.used[DEVIATIONS] = 0
    out = new_out()
    for index, value in enumerate(values):
        message(out, value, 100.0 + index, written, **columns)
    take_all(points, out, learns=False)
    found = points.deviations[: points.used[DEVIATIONS]]
    return list(zip(found["value"].tolist(), found["reason"].tolist(), strict=True))


def test_a_value_outside_is_told_once_until_it_is_back() -> None:
    points = new_points(4)
    learn(points, [10.0, 20.0])
    band(points, 5, 25)
    found = judged(points, [24.0, 26.0, 30.0, 25.0, 4.0, 4.0, 5.0, 26.0])
    assert found == [(26, ABOVE), (4, BELOW), (26, ABOVE)]


def test_every_other_written_value_is_another_act() -> None:
    points = new_points(4)
    learn(points, [10.0, 20.0], written=True)
    band(points, 5, 25)
    assert judged(points, [30.0, 30.0, 31.0], written=True) == [(30, ABOVE), (31, ABOVE)]
    assert judged(points, [31.0], written=True, client=9) == [(31, ABOVE)]


def test_sets_know_their_values() -> None:
    points = new_points(4)
    learn(points, [1.0, 2.0, 4.0])
    band(points, 1, 4)
    points.rows["bound"], points.rows["allowed_used"] = SET, 3
    points.rows["allowed"][:, :3] = [1, 2, 4]
    assert judged(points, [1.0, 3.0, 4.0, 5.0]) == [(3, UNSEEN), (5, ABOVE)]


def test_jumps_are_told_where_both_limits_are_passed() -> None:
    points = new_points(4)
    learn(points, [10.0, 11.0])
    band(points, -1000, 1000, limit_step=5, limit_rate=5)
    assert judged(points, [12.0, 18.0, 24.0, 25.0, 31.0]) == [(18, JUMP), (31, JUMP)]


def test_a_band_follows_what_comes_near_from_inside_and_no_faster_than_allowed() -> None:
    points = new_points(4)
    learn(points, [10.0, 20.0])
    band(points, 5, 25, margin=5, follow=0.1, high_ns=START, low_ns=START)
    slow = [20 + 0.05 * step for step in range(400)]
    assert judged(points, slow) == []
    assert points.rows["high"][0] == pytest.approx(slow[-1] + 5, abs=0.3)
    fast = new_points(4)
    learn(fast, [10.0, 20.0])
    band(fast, 5, 25, margin=5, follow=0.1, high_ns=START + 100 * SECOND, low_ns=START)
    found = judged(fast, [20 + 0.5 * step for step in range(100)])
    assert [reason for _, reason in found] == [ABOVE]
    # What lies outside moves nothing: the edge stays where the last value inside left it.
    assert fast.rows["high"][0] < 27


def test_learning_is_bounded_by_time_and_room() -> None:
    points, out = new_points(4), new_out()
    for index in range(10):
        message(out, float(index), index)
    take_all(points, out, 0, START + 5 * SECOND)
    take_all(points, out, START + 5 * SECOND, FOREVER, learns=False)
    (row,) = rows_of(points)
    assert (row["learned"], row["samples"], row["most"]) == (5, 10, 4)

    crowded, out = new_points(4), new_out()
    for index in range(10):
        message(out, 1.0, index, address=index)
    take_all(crowded, out)
    assert crowded.used[EVICTED] > 0
    assert 9 in rows_of(crowded)["address"]


def test_floods_of_deviations_are_counted() -> None:
    points = new_points(4)
    learn(points, [10.0, 20.0], value_kind=ValueKind.INTEGER)
    band(points, 5, 25)
    points.used[DEVIATIONS] = MOST_DEVIATIONS - 1
    out = new_out()
    for index, value in enumerate([30.0, 10.0, 30.0, 10.0, 30.0]):
        message(out, value, 100.0 + index)
    take_all(points, out, learns=False)
    assert (points.used[DEVIATIONS], points.used[UNTOLD]) == (MOST_DEVIATIONS, 2)
