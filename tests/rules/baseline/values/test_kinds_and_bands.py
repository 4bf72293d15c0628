"""Kinds and bands of processes whose nature the generator knows."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from plant_processes import Values, batches, controlled, counter, drifting, modes, valve
from value_streams import learn

from rules.baseline.subjects import Directory
from rules.baseline.values.bands import (
    FEWEST_LOOKS,
    FEWEST_SAME,
    FEWEST_SAMPLES,
    bounds_of,
    is_lower_half,
    margin_share,
)
from rules.baseline.values.learning import learned, namer
from rules.baseline.values.point import Seen, ValueKind
from sensor.messages import ValueKind as MessageKind
from sensor.points.table import new_points
from sensor.strings import new_strings

DIRECTORY = Directory(lambda ids: [f"10.0.0.{entry}" for entry in ids.tolist()], lambda _: True)
BIT = MessageKind.DISCRETE


def seen_of(
    read: Values | list[float] | None = None,
    written: Values | list[float] | None = None,
    value_kind: MessageKind = MessageKind.REAL,
    every: float = 1.0,
) -> Seen:
    """What is learned of values that are read every second and values that are written `every` so often."""
    points = new_points(4)
    if read is not None:
        learn(points, read, value_kind=value_kind)
    if written is not None:
        learn(points, written, written=True, value_kind=value_kind, every=every)
    rows = points.rows[np.flatnonzero(points.hashes)]
    ((_, seen),) = learned(rows, namer(DIRECTORY, new_strings(2, 16)))
    return seen


SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("process", "kind"),
    [
        (lambda seed: controlled(900, seed), ValueKind.MEASUREMENT),
        (lambda seed: np.round(controlled(900, seed, deviation=0.7)), ValueKind.MEASUREMENT),
        (lambda seed: batches(1200, seed), ValueKind.MEASUREMENT),
        (lambda seed: drifting(900, seed, 40), ValueKind.MEASUREMENT),
        (lambda seed: counter(900, seed), ValueKind.COUNTER),
        (lambda seed: counter(900, seed, bits=32), ValueKind.COUNTER),
        (lambda seed: modes(900, seed), ValueKind.DISCRETE),
        (lambda seed: valve(900, seed), ValueKind.DISCRETE),
        (lambda seed: np.full(900, 7.0 + seed), ValueKind.CONSTANT),
    ],
)
def test_the_kind_is_that_of_the_process(
    process: Callable[[int], Values], kind: ValueKind, seed: int
) -> None:
    assert seen_of(process(seed)).kind == kind


def test_the_protocol_says_what_is_a_state() -> None:
    assert seen_of(valve(100, 1), value_kind=BIT).kind == ValueKind.STATE
    assert seen_of([1.0] * 100, value_kind=BIT).kind == ValueKind.STATE


def test_what_is_written_is_a_set_point_unless_it_moves_alone() -> None:
    steps = np.repeat([40.0, 42.5, 47.0, 41.0, 44.5], 60)
    assert seen_of(steps, [40.0, 42.5, 47.0, 41.0, 44.5], every=60).kind == ValueKind.SET_POINT
    assert seen_of(None, np.random.default_rng(3).uniform(40, 60, 30)).kind == ValueKind.SET_POINT
    assert seen_of(controlled(600, 1), [50.0]).kind == ValueKind.MEASUREMENT
    # Set at the machine itself: nobody is seen to write, but it stands still between jumps.
    assert seen_of(steps).kind == ValueKind.SET_POINT
    assert seen_of(None, counter(200, 2)).kind == ValueKind.COUNTER


def test_what_rises_by_even_steps_only_counts() -> None:
    hours = np.repeat(np.arange(8.0, 15.0), 6)
    assert seen_of(None, hours, every=600).kind == ValueKind.COUNTER
    assert seen_of(None, [8.0, 9.0, 10.0, 11.0], every=600).kind == ValueKind.SET_POINT, "too few to tell"
    assert seen_of(None, [8.0, 9.0, 11.0, 12.0, 13.0, 14.0, 16.0], every=600).kind == ValueKind.SET_POINT


@pytest.mark.parametrize("seed", SEEDS)
def test_more_of_the_same_process_stays_inside(seed: int) -> None:
    """Learned for half an hour, watched for ten hours: a plant that goes on is not told of."""
    for process in (controlled, batches):
        values = process(1800 * 21, seed)
        bounds = bounds_of(seen_of(values[:1800]))
        assert bounds is not None
        later = values[1800:]
        outside = later[(later < bounds.low) | (later > bounds.high)]
        # Never far, and hardly ever at all.
        assert max(map(bounds.excess, outside), default=0) < 0.25
        assert len(outside) < 36


@pytest.mark.parametrize("seed", SEEDS)
def test_what_leaves_the_process_is_outside(seed: int) -> None:
    bounds = bounds_of(seen_of(controlled(1800, seed)))
    assert bounds is not None
    # The step of an attack, twelve deviations of the process: more than half a range beyond the band.
    assert bounds.excess(62.0) > 0.5
    assert bounds.excess(38.0) > 0.5
    assert bounds.excess(50.0) == 0


def test_margins_shrink_with_looks_and_are_those_of_the_normal_distribution() -> None:
    shares = [margin_share(looks) for looks in (2, 5, 10, 100, 1000)]
    assert shares == sorted(shares, reverse=True)
    # Ranges of normal samples: in watching 100 times longer an end is left by about half of them, not far.
    generator = np.random.default_rng(11)
    for looks in (10, 30):
        left = 0
        for _ in range(200):
            sample = generator.normal(size=looks)
            margin = margin_share(looks) * np.ptp(sample)
            later = generator.normal(size=looks * 99)
            left += later.max() > sample.max() + margin
        assert 50 < left < 130


def test_a_range_that_grows_gets_a_wider_margin() -> None:
    still = Seen(ValueKind.MEASUREMENT, 0, 100, 900, changes=800, looks=60, growth=1.02)
    wandering = Seen(ValueKind.MEASUREMENT, 0, 100, 900, changes=800, looks=60, growth=1.41)
    one, other = bounds_of(still), bounds_of(wandering)
    assert one is not None
    assert other is not None
    assert other.margin == pytest.approx(41)
    assert one.margin == pytest.approx(100 * margin_share(60))
    assert 1.5 < np.median([seen_of(drifting(960, seed, 120)).growth for seed in SEEDS]) < 2.2
    assert np.median([seen_of(controlled(960, seed)).growth for seed in SEEDS]) < 1.2


@pytest.mark.parametrize(
    ("seen", "claims"),
    [
        (Seen(ValueKind.CONSTANT, 5, 5, FEWEST_SAME - 1), False),
        (Seen(ValueKind.CONSTANT, 5, 5, FEWEST_SAME), True),
        (Seen(ValueKind.CONSTANT, 5, 5, 0, writes=FEWEST_SAME - 1), False),
        (Seen(ValueKind.CONSTANT, 5, 5, 0, writes=FEWEST_SAME), True),
        (Seen(ValueKind.MEASUREMENT, 5, 6, 900, looks=FEWEST_LOOKS - 1), False),
        (Seen(ValueKind.MEASUREMENT, 5, 6, 900, looks=FEWEST_LOOKS), True),
        (Seen(ValueKind.MEASUREMENT, 5, 6, FEWEST_SAMPLES - 1, looks=FEWEST_LOOKS), False),
        (Seen(ValueKind.SET_POINT, 5, 6, FEWEST_SAME - 1, looks=2), False),
        (Seen(ValueKind.SET_POINT, 5, 6, 0, writes=1, looks=2), True),
        (Seen(ValueKind.SET_POINT, 5, 6, 30, writes=1, looks=2), True),
        (Seen(ValueKind.COUNTER, 5, 6, 900, looks=50), False),
        (Seen(ValueKind.COUNTER, 5, 6, 900, low=0.0), True),
    ],
)
def test_too_little_makes_no_claim(seen: Seen, claims: bool) -> None:
    assert (bounds_of(seen) is not None) is claims


def test_a_set_point_pushed_outside_is_far_outside() -> None:
    written = np.random.default_rng(5).uniform(40, 60, 20).round(1)
    bounds = bounds_of(seen_of(np.repeat(written, 30), written, every=30))
    assert bounds is not None
    assert bounds.kind == ValueKind.SET_POINT
    assert bounds.follow == 0
    assert bounds.excess(62.0) == 0
    assert bounds.excess(95.0) > 1
    # One that stood still: its excess is in shares of its own size, three quarters while little was learned.
    still = bounds_of(seen_of([80.0] * 100))
    assert still is not None
    assert still.distance(140.0) == pytest.approx((1.0, 0.75))
    assert still.states == (80.0,)
    longer = bounds_of(Seen(ValueKind.CONSTANT, 80.0, 80.0, 100, seconds=1800.0))
    assert longer is not None
    assert longer.distance(100.0) == pytest.approx((1.0, 0.25))


@pytest.mark.parametrize("seed", range(20))
def test_the_next_steps_of_an_operator_are_never_far_outside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # In fives between 110 and 130, few times seen; then the others of them.
    written = rng.choice([110.0, 115.0, 120.0, 125.0, 130.0], int(rng.integers(2, 9)))
    bounds = bounds_of(seen_of(np.repeat(written, 30), written, every=30))
    assert bounds is None or max(bounds.excess(value) for value in (110.0, 130.0)) < 1


def test_modes_with_low_numbers_have_no_size() -> None:
    bounds = bounds_of(seen_of([2.0] * 100 + [3.0] * 100 + [2.0] * 100, [2.0, 3.0, 2.0], every=100))
    assert bounds is not None
    assert bounds.kind == ValueKind.SET_POINT
    assert max(bounds.excess(value) for value in (0.0, 1.0, 4.0, 5.0, 6.0)) < 1
    assert bounds.excess(400.0) > 10


def test_what_was_written_a_few_times_is_a_set_point_of_one_value() -> None:
    once = seen_of([650.0] * 100, [650.0], every=100)
    assert once.kind == ValueKind.SET_POINT
    assert seen_of([650.0] * 100, [650.0] * 10, every=10).kind == ValueKind.CONSTANT
    assert seen_of([650.0] * 100).kind == ValueKind.CONSTANT
    # Command registers rest at zero.
    assert seen_of([0.0] * 100, [0.0], every=100).kind == ValueKind.CONSTANT
    bounds = bounds_of(once)
    assert bounds is not None
    assert 0 < bounds.excess(660.0) < 0.1
    assert bounds.excess(1300.0) == 1


def test_the_lower_half_of_a_real_number_has_no_band() -> None:
    # 0.7, 1.3 and 2.1 as IEEE 754 has them.
    higher = Seen(ValueKind.SET_POINT, 0x3F33, 0x4006, 60, writes=3)
    lower = Seen(ValueKind.SET_POINT, 0x3333, 0x6666, 60, writes=3)
    assert is_lower_half(lower, higher)
    assert is_lower_half(lower, None, higher)
    assert not is_lower_half(lower, None)
    assert not is_lower_half(higher, lower)
    assert not is_lower_half(lower, Seen(ValueKind.SET_POINT, 100, 200, 60, writes=3))
    assert not is_lower_half(Seen(ValueKind.SET_POINT, 100, 120, 60, writes=3), higher)
    # 600.5 was all that was written so far.
    assert is_lower_half(
        Seen(ValueKind.SET_POINT, 0x2000, 0x2000, 0, 1), Seen(ValueKind.SET_POINT, 0x4416, 0x4416, 0, 1)
    )


def test_a_few_values_have_a_wide_band_but_one() -> None:
    voltages = bounds_of(
        Seen(
            ValueKind.DISCRETE, 20.3, 20.6, 0, 9, changes=8, looks=9, states=((20.3, 3), (20.5, 3), (20.6, 3))
        )
    )
    assert voltages is not None
    assert voltages.excess(24.5) > 10
    assert voltages.excess(20.7) < 1
    speeds = bounds_of(Seen(ValueKind.SET_POINT, 600.5, 640.5, 0, 2, changes=1, looks=2, step=40.0))
    assert speeds is not None
    assert speeds.excess(1500.0) > 1
    assert speeds.excess(700.0) < 1


def test_a_band_set_by_hand_counts() -> None:
    bounds = bounds_of(Seen(ValueKind.MEASUREMENT, 5, 6, 3, low=0.0))
    assert bounds is not None
    assert (bounds.low, bounds.high) == (0.0, inf)


def test_halves_of_real_numbers_are_measured_in_what_they_stand_for() -> None:
    # The higher halves of 12.0 and 90.0 (IEEE 754).
    seen = Seen(ValueKind.CONSTANT, 16704.0, 16704.0, 60, states=((16704.0, 1),))
    plain, halved = bounds_of(seen), bounds_of(seen, halved=True)
    assert plain is not None
    assert halved is not None
    assert plain.excess(17076.0) < 0.03
    assert halved.distance(17076.0)[1] == pytest.approx((90 - 12) / 12)
    assert halved.excess(17076.0) > 1
    assert halved.excess(5.0) == plain.excess(5.0)
    # Those of 76.0 and 78.5, set by hand, and then of 128: edges with a margin lie between two words.
    moved = Seen(ValueKind.SET_POINT, 17048.0, 17053.0, 60, writes=2, changes=2, looks=3, step=5.0)
    band = bounds_of(moved, halved=True)
    assert band is not None
    assert not band.high.is_integer()
    assert band.excess(17152.0) > 1
