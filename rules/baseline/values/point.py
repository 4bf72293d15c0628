"""A point of the plant and what was seen of its values, in terms that outlive a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from sensor.points.table import MOST_STATES


class ValueKind(Enum):
    """How a point's values behave; the order is that of the wider one, which wins in a merge."""

    CONSTANT = "constant"
    """One number that stood still."""
    STATE = "state"
    """A bit or position: on and off, open and closed."""
    DISCRETE = "discrete"
    """A few numbers that come again and again: modes, enumerations, presets."""
    SET_POINT = "set_point"
    """Numbers that clients write, or that stand still between jumps."""
    MEASUREMENT = "measurement"
    """Numbers that move by themselves."""
    COUNTER = "counter"
    """Numbers that only grow, and wrap or are reset."""


ORDER = {kind: place for place, kind in enumerate(ValueKind)}

States: TypeAlias = tuple[tuple[float, int], ...]
"""(value, how often it was entered), by value."""


class Point(NamedTuple):
    """A register, tag element or information object of a server; -1 or "" where there is none."""

    server: str
    protocol: int
    unit: int
    space: int
    name: str
    address: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a point while learning."""

    kind: ValueKind
    least: float
    most: float
    samples: int
    """Values read."""
    writes: int = 0
    """Values written."""
    changes: int = 0
    """Values that differ from the one before, read or written, whichever are more."""
    looks: int = 1
    """How many independent looks at the range there were; see `rules.baseline.values.bands`."""
    growth: float = 1.0
    """By what factor the range grew when twice as much was seen."""
    quantum: float = 0.0
    """Least difference between two values that follow each other."""
    step: float = 0.0
    """Greatest difference between two values that follow each other."""
    rate: float = 0.0
    """Greatest difference a second."""
    seconds: float = 0.0
    """From the first value to the last."""
    states: States = ()
    """All values, where there are at most MOST_STATES; else none."""
    low: float | None = None
    high: float | None = None
    """A band that somebody has set by hand; it counts instead of what was learned."""


def joined(one: Seen, other: Seen) -> Seen:
    """What both have seen of the same point; the same whichever comes first."""
    states = _joined_states(one, other)
    kind = max(one.kind, other.kind, key=ORDER.__getitem__)
    if {one.kind, other.kind} == {ValueKind.SET_POINT, ValueKind.MEASUREMENT}:
        # Whether values stand still between jumps is told better by who saw more of them.
        kind = max(one, other, key=lambda seen: (seen.samples + seen.writes, ORDER[seen.kind])).kind
    least, most = min(one.least, other.least), max(one.most, other.most)
    writes = one.writes + other.writes
    if kind in (ValueKind.CONSTANT, ValueKind.DISCRETE) and least < most:
        if not states:
            kind = ValueKind.SET_POINT if writes else ValueKind.MEASUREMENT
        elif kind == ValueKind.CONSTANT:
            kind = ValueKind.SET_POINT
    lows = [item.low for item in (one, other) if item.low is not None]
    highs = [item.high for item in (one, other) if item.high is not None]
    quanta = [item.quantum for item in (one, other) if item.quantum]
    return Seen(
        kind,
        least,
        most,
        one.samples + other.samples,
        writes,
        one.changes + other.changes,
        # Two that each saw one look have seen two of them.
        one.looks + other.looks - (1 if kind == ValueKind.CONSTANT else 0),
        max(one.growth, other.growth),
        min(quanta, default=0.0),
        max(one.step, other.step),
        max(one.rate, other.rate),
        one.seconds + other.seconds,
        states,
        min(lows, default=None),
        max(highs, default=None),
    )


def _joined_states(one: Seen, other: Seen) -> States:
    if not one.states or not other.states:
        return ()
    visits = dict(one.states)
    for value, times in other.states:
        visits[value] = visits.get(value, 0) + times
    return tuple(sorted(visits.items())) if len(visits) <= MOST_STATES else ()
