"""From what was seen of a point to the band that its values are held against.

*How much was seen* is counted in looks, not in samples: samples that follow each other are alike.
A measurement has had one look more than its values went from half a deviation below their mean to
half a deviation above it or back, since its range last doubled; a set-point has had one more than it
was changed.

*How wide the margin is* follows from the looks n. The greatest of n independent values of a normal
distribution lies about E(n) = Φ⁻¹((n − 0.375) / (n + 0.25)) deviations above the mean (G. Blom,
Statistical Estimates and Transformed Beta-Variables, 1958), so in watching a hundred times longer
their range grows at each end by the share

    (E(100 n) − E(n)) / (2 E(n))

of itself: 0.91 for four looks, 0.54 for ten, 0.27 for a hundred. What still grew while learning is no
such process: where the range grew by the factor g when twice as much was seen, the margin is at least
(g − 1) spans, which is what the next learning time would add (g is 1.4 for a random walk, 2 for a
ramp). A coarse reading has a margin of two of its steps. A set-point has one of at least the least
distance between two of its values: who goes in fives takes the next five some day.

*Fewest looks.* Without any assumption about the distribution, a value lies outside the range of n
before it with the chance 2 / (n + 1). So:

- a measurement is held against its band from 5 looks and 30 samples on;
- a set-point from 4 looks on as such; before that its excess is counted in its own size, as its range
  says little;
- what never changed, and sets of states, from 10 readings or writes on: after n times the same the
  chance that the next is another is 1 / (n + 2) (Laplace's rule of succession), here below 10 %.
  Readings follow each other too closely for that to be the whole truth, so what is only read and not
  written is told quietly;
- counters have no band.

*How far is far.* An excess of 1 is one span; for a set-point at least two of the steps it was seen to
go in, or four counts where its values are whole numbers. What stood still has no span: after half an
hour a quarter of its size counts as one, before that three quarters. A set-point that was moved once or
twice counts in halves of its size, one that was only ever set to one value in the whole. Whole numbers
below 16 are more often names of modes than sizes, and count as 16.

A written value that far outside has leapt if it came by a greater step than all that were seen, by the
same margin. Who nudges a set-point by small steps leaves its band slowly, and is no reason to wake
anybody before it is ten spans off.

*Halves of real numbers.* A real number of 32 bits spread over two registers is two points. The one with
its sign, exponent and highest bits grows with it, but as its logarithm does: what is counted in its own
size is counted in what the halves stand for, if both are those of numbers from 0.01 to a million. The
other half takes any value at all: it has no band, even where it was set so seldom that it seems to.

*Drift.* The band of a measurement that nobody writes follows: a value inside the band that comes
nearer to an edge than the margin pushes that edge away until it is a margin off, but no faster than
`span / max(seconds of learning, 600)` a second, and no more than one margin at once. A value outside
moves nothing, nor does anything that a client writes; bands of all other kinds stand still. What was
followed is not written into the baseline: after a restart the learned band counts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, log, sqrt
from statistics import NormalDist

from rules.baseline.values.point import Seen, ValueKind
from sensor.points.table import MOST_ALLOWED

FEWEST_SAMPLES = 30
FEWEST_SAME = 10
FEWEST_LOOKS = 5
FEWEST_LOOKS_OF_SET_POINT = 4
LONGER = 100
LONG_S = 1800.0
LONG_UNIT, SHORT_UNIT, MOVED_UNIT, SET_UNIT = 0.25, 0.75, 0.5, 1.0
"""Shares of its size that count as a span where a point stood still for long or not, was moved once or
twice, or set to one value."""
STEPS_OF_UNIT, COUNTS_OF_UNIT = 2, 4
NAMES_BELOW = 16.0
LEAST_REAL, MOST_REAL = 0.01, 1e6
LEAST_HALF = 1 << 12
"""Fifteen of sixteen values of a lower half are at least this; those of counts and sizes hardly ever are."""
QUICKEST_FOLLOW_S = 600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What values of a point are held against. `states` is empty for a band."""

    kind: ValueKind
    low: float
    high: float
    unit: float
    """What excess is counted in: the learned span or a share of the size; 0 where nothing is known."""
    size: float
    """The greatest magnitude that was seen, at least 16 for whole numbers; 1 where it was zero."""
    looks: int
    states: tuple[float, ...] = ()
    margin: float = 0.0
    follow: float = 0.0
    """Units a second by which an edge may follow."""
    step: float = inf
    rate: float = inf
    """A change beyond both, between two samples, is a jump."""
    halved: bool = False
    """Whether values may be the higher halves of real numbers."""
    moved: float = 0.0
    """The greatest change that is no leap: what was seen, and the margin for as many looks."""
    by_size: bool = False
    """Whether the unit is a share of the size."""
    seconds: float = 0.0
    """For how long the point was seen while learning."""

    def distance(
        self, value: float, low: float | None = None, high: float | None = None
    ) -> tuple[float, float]:
        """How far outside a value lies: in units of the learned span, and as a share of the point's size.

        Both are 0 between the edges, which are `low` and `high` where the band has followed.
        """
        low, high = self.low if low is None else low, self.high if high is None else high
        away = max(low - value, value - high, 0.0)
        share = away / self.size
        if away and self.halved:
            edge, real = _of_half(float(round(low if value < low else high))), _of_half(value)
            if edge and real:
                share = max(share, abs(real - edge) / abs(edge))
        if not self.unit:
            return share, share
        return (share * self.size if self.by_size else away) / self.unit, share

    def excess(self, value: float) -> float:
        """The first of `distance`."""
        return self.distance(value)[0]


def margin_share(looks: int) -> float:
    """The margin at each end of the range, as a share of the range, after so many looks."""
    now, later = (_expected_greatest(count) for count in (max(looks, 2), LONGER * max(looks, 2)))
    return (later - now) / (2 * now)


def _expected_greatest(count: int) -> float:
    """E(n) above, in deviations."""
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def including(bounds: Bounds, value: float) -> Bounds:
    """Bounds that reach as far as a value that somebody accepted."""
    states = bounds.states
    if states:
        states = tuple(sorted({*states, value}))
    # Beyond what the table of points can hold, what lies between the states is inside as well.
    return replace(
        bounds,
        low=min(bounds.low, value),
        high=max(bounds.high, value),
        states=states if len(states) <= MOST_ALLOWED else (),
    )


def _of_half(value: float) -> float:
    """The real number whose higher 16 bits these are; 0 where they are of none that a plant has."""
    if not _is_word(value):
        return 0.0
    real: float = struct.unpack(">f", struct.pack(">HH", int(value), 0))[0]
    return real if LEAST_REAL <= abs(real) <= MOST_REAL else 0.0


def bounds_of(seen: Seen, halved: bool = False) -> Bounds | None:
    """The bounds of a point; None where too little was seen, or its kind has none.

    `halved` where real numbers may be spread over two points.
    """
    bounds = _bounds_of(seen, halved)
    return replace(bounds, seconds=seen.seconds) if bounds else None


def _bounds_of(seen: Seen, halved: bool) -> Bounds | None:
    if seen.low is not None or seen.high is not None:
        low = -inf if seen.low is None else seen.low
        high = inf if seen.high is None else seen.high
        return Bounds(seen.kind, low, high, seen.most - seen.least, _size(seen), seen.looks)
    if seen.kind == ValueKind.COUNTER:
        return None
    if seen.kind in (ValueKind.CONSTANT, ValueKind.STATE, ValueKind.DISCRETE):
        return _set_of(seen, halved)
    span = seen.most - seen.least
    if seen.kind == ValueKind.SET_POINT:
        if seen.looks < FEWEST_LOOKS_OF_SET_POINT and seen.samples < FEWEST_SAME and not seen.writes:
            return None
        gap = _least_gap(seen)
        margin = max(margin_share(seen.looks) * span, gap)
        return Bounds(
            seen.kind,
            seen.least - margin,
            seen.most + margin,
            _unit_of_set_point(seen, gap),
            _size(seen),
            seen.looks,
            halved=halved,
            moved=seen.step * (1.0 + margin_share(seen.looks)),
            by_size=seen.looks < FEWEST_LOOKS_OF_SET_POINT,
        )
    if seen.samples < FEWEST_SAMPLES or seen.looks < FEWEST_LOOKS:
        return None
    share = max(margin_share(seen.looks), seen.growth - 1.0)
    margin = max(share * span, 2.0 * seen.quantum)
    jumps = seen.changes >= FEWEST_SAMPLES and not seen.writes
    more = sqrt(log(LONGER * seen.changes) / log(seen.changes)) if jumps else inf
    return Bounds(
        seen.kind,
        seen.least - margin,
        seen.most + margin,
        span,
        _size(seen),
        seen.looks,
        margin=margin,
        follow=0.0 if seen.writes else span / max(seen.seconds, QUICKEST_FOLLOW_S),
        step=seen.step * more if jumps else inf,
        rate=seen.rate * more if jumps else inf,
        moved=seen.step * (1.0 + margin_share(seen.looks)),
    )


def _unit_of_set_point(seen: Seen, gap: float) -> float:
    span = seen.most - seen.least
    if seen.looks < FEWEST_LOOKS_OF_SET_POINT:
        return (MOVED_UNIT if span else SET_UNIT) * _size(seen)
    return max(span, STEPS_OF_UNIT * gap, COUNTS_OF_UNIT if _is_whole(seen) else 0.0)


def _least_gap(seen: Seen) -> float:
    """The least distance between two values, where all are known."""
    gaps = [after - before for (before, _), (after, _) in pairwise(seen.states)]
    return min(gaps, default=seen.quantum)


def _is_whole(seen: Seen) -> bool:
    values = [seen.least, seen.most, *(value for value, _ in seen.states)]
    return all(float(value).is_integer() for value in values)


def _set_of(seen: Seen, halved: bool) -> Bounds | None:
    moves = seen.kind == ValueKind.DISCRETE and seen.looks >= FEWEST_LOOKS_OF_SET_POINT
    if max(seen.samples, seen.writes) < FEWEST_SAME and not moves:
        return None
    states = tuple(value for value, _ in seen.states) or (seen.least,)
    unit = max(seen.most - seen.least, STEPS_OF_UNIT * _least_gap(seen))
    if seen.kind == ValueKind.CONSTANT:
        unit = (LONG_UNIT if seen.seconds >= LONG_S else SHORT_UNIT) * _size(seen)
    elif seen.kind == ValueKind.DISCRETE and _is_whole(seen):
        unit = max(unit, COUNTS_OF_UNIT)
    return Bounds(
        seen.kind,
        seen.least,
        seen.most,
        unit,
        _size(seen),
        seen.looks,
        states,
        halved=halved,
        moved=seen.step * (1.0 + margin_share(seen.looks)),
        by_size=seen.kind == ValueKind.CONSTANT,
    )


def _size(seen: Seen) -> float:
    size = max(abs(seen.least), abs(seen.most))
    return max(size, NAMES_BELOW) if _is_whole(seen) else size or 1.0


def is_lower_half(seen: Seen, *beside: Seen | None) -> bool:
    """Whether a point seems to be the lower half of a real number whose higher half is `beside` it.

    Words come in either order. What looks like a higher half itself is taken for one.
    """
    if seen.most < LEAST_HALF or not (_is_word(seen.least) and _is_word(seen.most)) or _are_halves(seen):
        return False
    return any(other is not None and _are_halves(other) for other in beside)


def _are_halves(seen: Seen) -> bool:
    return _of_half(seen.least) != 0.0 and _of_half(seen.most) != 0.0


def _is_word(value: float) -> bool:
    return float(value).is_integer() and 0 <= value < 1 << 16
