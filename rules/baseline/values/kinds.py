"""Tells how the values of a point behave from what the table of points counted.

Nothing here knows what a point is for; the shape of its values decides:

- *state*: the protocol says that it is a bit or a position;
- *constant*: one value, never written, or written ten times and always the same, or zero: who wrote
  another one once has a set-point that was seen to take one value so far;
- *counter*: at least ten rises, and no fall that is not a wrap, but for one reset; or five rises by
  one and the same step and no fall, as of the hour in a clock that is set;
- *discrete*: at most eight values, each entered about three times or more, so that little is left
  to be seen: by Good and Turing (I. J. Good, Biometrika 40, 1953) the chance that the next value is
  a new one is about the share of the visits that went to values entered only once; at most 5 %.
  Values in even steps are a coarse measurement and no enumeration, where they never go from end to
  end at once, or where the steps are small beside them;
- *set-point*: written, and not moving much more often than it is written; or never written and
  standing still for 20 samples a change, with jumps of a third of its range;
- *measurement*: the rest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from rules.baseline.values.point import States, ValueKind

FEWEST_RISES = 10
FEWEST_EVEN_RISES = 5
FEWEST_SAME_WRITES = 10
MOST_UNSEEN = 0.05
VISITS_EACH = 3
STANDS_STILL = 20
FLICKER = 0.1
"""Values that lie no further apart than this share of their size are one value with noise."""


class Shape(NamedTuple):
    """What was counted of a point, read and written together."""

    is_bit: bool
    least: float
    most: float
    samples: int
    writes: int
    read_changes: int
    written_changes: int
    rises: int
    falls: int
    wraps: int
    step: float
    states: States
    quantum: float = 0.0
    """Least difference between two values that follow each other."""


def kind_of(shape: Shape) -> ValueKind:
    """The kind of a point of this shape."""
    if shape.is_bit:
        return ValueKind.STATE
    if shape.least == shape.most:
        is_set = 0 < shape.writes < FEWEST_SAME_WRITES and shape.least != 0.0
        return ValueKind.SET_POINT if is_set else ValueKind.CONSTANT
    if shape.rises >= FEWEST_RISES and shape.falls <= shape.wraps + 1:
        return ValueKind.COUNTER
    if shape.rises >= FEWEST_EVEN_RISES and not shape.falls and shape.step == shape.quantum:
        return ValueKind.COUNTER
    if is_enumeration(shape.states, shape.step):
        return ValueKind.DISCRETE
    if shape.writes:
        moves_alone = shape.read_changes > 2 * shape.written_changes + 2
        return ValueKind.MEASUREMENT if moves_alone else ValueKind.SET_POINT
    still = shape.read_changes * STANDS_STILL <= shape.samples
    if still and shape.step * 3 >= shape.most - shape.least:
        return ValueKind.SET_POINT
    return ValueKind.MEASUREMENT


def is_enumeration(states: States, step: float) -> bool:
    """Whether these values are all there are, and no coarse reading of something that moves."""
    visits = sum(times for _, times in states)
    once = sum(1 for _, times in states if times == 1)
    if len(states) < 2 or visits < VISITS_EACH * len(states) or once > MOST_UNSEEN * visits:
        return False
    gaps = [after - before for (before, _), (after, _) in pairwise(states)]
    if max(gaps) > 1.5 * min(gaps):
        return True
    crosses = step >= states[-1][0] - states[0][0]
    return crosses and max(gaps) > FLICKER * max(abs(value) for value, _ in states)
