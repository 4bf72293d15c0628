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
ramp). A coarse reading has a margin of two of its steps.

*Fewest looks.* Without any assumption about the distribution, a value lies outside the range of n
before it with the chance 2 / (n + 1). So:

- a measurement is held against its band from 5 looks and 30 samples on;
- a set-point from 4 looks on, or, if it was read 10 times, from 2 on: then its excess is counted in its
  own size, as its range says little;
- what never changed, and sets of states, from 10 readings or writes on: after n times the same the
  chance that the next is another is 1 / (n + 2) (Laplace's rule of succession), here below 10 %.
  Readings follow each other too closely for that to be the whole truth, so what is only read and not
  written is told quietly;
- counters have no band.

*Halves of real numbers.* A real number of 32 bits spread over two registers is two points. The one with
its sign, exponent and highest bits grows with it, but as its logarithm does: what is counted in its own
size is counted in what the halves stand for, if both are those of numbers from 0.01 to a million. The
other half fills its range and is never outside.

*Drift.* The band of a measurement that nobody writes follows: a value inside the band that comes
nearer to an edge than the margin pushes that edge away until it is a margin off, but no faster than
`span / max(seconds of learning, 600)` a second, and no more than one margin at once. A value outside
moves nothing, nor does anything that a client writes; bands of all other kinds stand still. What was
followed is not written into the baseline: after a restart the learned band counts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from math import inf, log, sqrt
from statistics import NormalDist

from rules.baseline.values.point import Seen, ValueKind
from sensor.points.table import MOST_ALLOWED

FEWEST_SAMPLES = 30
FEWEST_SAME = 10
FEWEST_LOOKS = 5
FEWEST_LOOKS_OF_SET_POINT = 4
LONGER = 100
LEAST_REAL, MOST_REAL = 0.01, 1e6
QUICKEST_FOLLOW_S = 600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What values of a point are held against. `states` is empty for a band."""

    kind: ValueKind
    low: float
    high: float
    unit: float
    """The learned span; 0 where it says nothing, and the size counts."""
    size: float
    """The greatest magnitude that was seen, or 1."""
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
            edge, real = _of_half(low if value < low else high), _of_half(value)
            if edge and real:
                share = max(share, abs(real - edge) / abs(edge))
        # Without a span of its own a point is measured by its size.
        return (away / self.unit if self.unit else share), share

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
    if not (value.is_integer() and 0 <= value < 1 << 16):
        return 0.0
    real: float = struct.unpack(">f", struct.pack(">HH", int(value), 0))[0]
    return real if LEAST_REAL <= abs(real) <= MOST_REAL else 0.0


def bounds_of(seen: Seen, halved: bool = False) -> Bounds | None:
    """The bounds of a point; None where too little was seen, or its kind has none.

    `halved` where real numbers may be spread over two points.
    """
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
        if seen.looks < FEWEST_LOOKS_OF_SET_POINT and seen.samples < FEWEST_SAME:
            return None
        margin = margin_share(seen.looks) * span
        few = seen.looks < FEWEST_LOOKS_OF_SET_POINT
        return Bounds(
            seen.kind,
            seen.least - margin,
            seen.most + margin,
            0.0 if few else span,
            _size(seen),
            seen.looks,
            halved=halved,
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
    )


def _set_of(seen: Seen, halved: bool) -> Bounds | None:
    if max(seen.samples, seen.writes) < FEWEST_SAME:
        return None
    states = tuple(value for value, _ in seen.states) or (seen.least,)
    span = seen.most - seen.least
    return Bounds(seen.kind, seen.least, seen.most, span, _size(seen), seen.looks, states, halved=halved)


def _size(seen: Seen) -> float:
    return max(abs(seen.least), abs(seen.most)) or 1.0
