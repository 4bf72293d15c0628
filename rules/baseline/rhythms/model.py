"""What is learned of a channel's rhythm, and the limits that follow from it.

The fewer intervals and minutes were seen, the wider the limits: what was learned in an hour is a
guess about a week. Nothing is judged that was not regular while it was learned.
"""

from __future__ import annotations

from typing import NamedTuple

from rules.baseline.model import Conversation, Function

SECOND_NS = 1_000_000_000

LEAST_INTERVALS = 20
LEAST_REGULAR = 0.8
"""Share of the intervals that must lie near the middle one for a channel to count as periodic."""
LEAST_MINUTES = 3
SHORTEST_SILENCE_NS = 30 * SECOND_NS
"""Programs that reconnect after an error wait up to half a minute."""
MISSED = 8
"""So many intervals are missed before a channel counts as silent, however regular it was."""


class Beat(NamedTuple):
    """A channel: one function of a conversation, requested from or reported by one unit."""

    conversation: Conversation
    kind: int
    operation: int
    function: Function
    unit: int


class Rhythm(NamedTuple):
    """How a channel went while it was learned. Times in nanoseconds."""

    intervals: int
    """How many were seen; 0 where the channel never came back to the same object."""
    every_ns: int
    """The middle interval."""
    low_ns: int
    """Nine in ten intervals lie between this and `high_ns`."""
    high_ns: int
    regular: float
    """Share of the intervals within the bins around the middle one: 0 to 1."""
    silence_ns: int
    """Greatest time between two messages."""
    steady: bool
    """Whether it went on until the end of learning."""
    per_ten: int
    """Most messages in ten seconds, and in a minute."""
    per_minute: int
    minutes: int
    """From the first to the last message, a begun minute counted whole."""

    @property
    def is_periodic(self) -> bool:
        """Whether an interval can be expected at all."""
        return self.intervals >= LEAST_INTERVALS and self.regular >= LEAST_REGULAR and self.every_ns > 0


class Limits(NamedTuple):
    """What a channel may do without being told of; 0 where it is not judged. Times in nanoseconds."""

    shortest_ns: int
    longest_ns: int
    silence_ns: int
    per_ten: int
    per_minute: int


def limits_of(rhythm: Rhythm) -> Limits:
    """The limits of a channel with this rhythm."""
    shortest = longest = silence = 0
    if rhythm.is_periodic:
        shortest = int(min(rhythm.every_ns * 0.6, rhythm.low_ns * 0.8))
        longest = int(max(rhythm.every_ns * 1.6, rhythm.high_ns * 1.25))
        if rhythm.steady:
            margin = 1.5 + 6 / rhythm.intervals**0.5
            silence = max(
                SHORTEST_SILENCE_NS,
                MISSED * rhythm.every_ns,
                int(rhythm.silence_ns * margin),
            )
    per_ten = per_minute = 0
    if rhythm.minutes >= LEAST_MINUTES:
        spread = 3 / rhythm.minutes**0.5
        per_ten = int(rhythm.per_ten * (2 + spread)) + 20
        per_minute = int(rhythm.per_minute * (1.5 + spread)) + 20
    return Limits(shortest, longest, silence, per_ten, per_minute)


def joined(one: Rhythm, other: Rhythm) -> Rhythm:
    """What two spans of learning tell of the same channel."""
    more, less = (one, other) if one.intervals >= other.intervals else (other, one)
    intervals = one.intervals + other.intervals
    regular = (one.regular * one.intervals + other.regular * other.intervals) / max(intervals, 1)
    low, high = more.low_ns, more.high_ns
    if less.intervals:
        low, high = min(low, less.low_ns), max(high, less.high_ns)
        if not more.low_ns * 0.6 <= less.every_ns <= max(more.high_ns, more.every_ns) * 1.6:
            # Two plants in one: neither interval is to be expected.
            regular = min(regular, more.intervals / intervals)
    return Rhythm(
        intervals,
        more.every_ns,
        low,
        high,
        round(regular, 3),
        max(one.silence_ns, other.silence_ns),
        one.steady and other.steady,
        max(one.per_ten, other.per_ten),
        max(one.per_minute, other.per_minute),
        one.minutes + other.minutes,
    )
