"""What is learned of a rhythm, and how far the limits lie from it."""

from __future__ import annotations

import pytest
from message_streams import BEGIN, SECOND, Poll, rows_of
from rhythm_plants import Run, address, learned

from rules.baseline.decisions import FOREVER, Decision, decide
from rules.baseline.entries import Entry
from rules.baseline.rhythms.model import Rhythm, joined, limits_of
from rules.baseline.stage import Window
from sensor.messages import Kind, Operation
from sensor.protocols.protocol import Number

STEADY = Rhythm(3600, SECOND, 980_000_000, 1_020_000_000, 1.0, 2 * SECOND, True, 11, 61, 60)


def test_a_poll_is_learned_with_its_interval_and_volume() -> None:
    baseline = learned(rows_of(Poll(every=2.0, blocks=3).messages(0, 600)))
    ((beat, rhythm),) = baseline.rhythms.items()
    assert (beat.conversation.client, beat.conversation.server) == (address(1), address(2))
    assert beat.conversation.service == "modbus tcp/502"
    assert (beat.kind, beat.operation, beat.function.code, beat.unit) == (
        Kind.REQUEST, Operation.READ, 3, 1,
    )  # fmt: skip
    assert rhythm.every_ns == pytest.approx(2 * SECOND, rel=0.01)
    assert rhythm.regular == 1.0
    assert rhythm.is_periodic
    assert rhythm.steady
    assert rhythm.per_minute in range(89, 94)
    assert rhythm.per_ten in range(15, 19)
    assert rhythm.minutes in (10, 11)


def test_answers_are_no_rhythm_of_their_own_and_reports_are() -> None:
    reports = Poll(every=5.0, answers=False, operation=Operation.REPORT, protocol=Number.IEC104)
    events = ({**item, "kind": Kind.EVENT, "direction": 1, "asks": 0} for item in reports.messages(0, 300))
    baseline = learned(rows_of(Poll().messages(0, 300), events))
    assert {(beat.kind, beat.operation) for beat in baseline.rhythms} == {
        (Kind.REQUEST, Operation.READ),
        (Kind.EVENT, Operation.REPORT),
    }


def test_dangerous_operations_have_no_rhythm() -> None:
    assert not learned(rows_of(Poll(operation=Operation.STOP).messages(0, 300))).rhythms


def test_what_ended_while_learning_is_not_missed_afterwards() -> None:
    baseline = learned(rows_of(Poll(client=9).messages(0, 300), Poll().messages(0, 900)))
    steady = {beat.conversation.client: rhythm.steady for beat, rhythm in baseline.rhythms.items()}
    assert steady == {address(1): True, address(9): False}


def test_only_what_came_inside_of_the_window_is_learned() -> None:
    run = Run(window=Window(until_ns=BEGIN + 300 * SECOND))
    run.watch(rows_of(Poll().messages(0, 600), Poll(function=4).messages(400, 600)))
    baseline = run.learn()
    assert [beat.function.code for beat in baseline.rhythms] == [3]
    (rhythm,) = baseline.rhythms.values()
    assert rhythm.intervals == pytest.approx(300, abs=3)


@pytest.mark.parametrize("intervals", [20, 100, 10_000])
def test_limits_are_the_wider_the_less_was_seen(intervals: int) -> None:
    rhythm = STEADY._replace(intervals=intervals, every_ns=60 * SECOND, silence_ns=120 * SECOND)
    limit = limits_of(rhythm).silence_ns / SECOND
    assert limit >= 480
    assert limits_of(rhythm._replace(silence_ns=1000 * SECOND)).silence_ns / SECOND > 1500
    assert limits_of(rhythm._replace(silence_ns=1000 * SECOND)).silence_ns / SECOND < 3000


def test_what_was_not_regular_or_not_seen_for_long_is_not_judged() -> None:
    assert limits_of(STEADY._replace(regular=0.5))[:3] == (0, 0, 0)
    assert limits_of(STEADY._replace(intervals=19))[:3] == (0, 0, 0)
    assert limits_of(STEADY._replace(steady=False)).silence_ns == 0
    assert limits_of(STEADY._replace(minutes=2))[3:] == (0, 0)


def test_limits_leave_room_for_jitter_and_for_a_little_more() -> None:
    limits = limits_of(STEADY)
    assert limits.shortest_ns < 0.7 * SECOND < 1.5 * SECOND < limits.longest_ns
    assert limits.silence_ns == 30 * SECOND
    assert 61 * 1.5 < limits.per_minute < 61 * 3


def test_joining_two_spans_keeps_the_wider_limits() -> None:
    other = STEADY._replace(intervals=100, silence_ns=9 * SECOND, per_minute=80, minutes=5)
    both = joined(STEADY, other)
    assert (both.intervals, both.silence_ns, both.per_minute, both.minutes) == (3700, 9 * SECOND, 80, 65)
    assert both.is_periodic
    assert joined(other, STEADY) == both


def test_two_different_intervals_are_none() -> None:
    other = STEADY._replace(every_ns=10 * SECOND, low_ns=9 * SECOND, high_ns=11 * SECOND)
    assert not joined(STEADY, other).is_periodic


def test_what_was_forgotten_is_not_learned_again() -> None:
    rows = rows_of(Poll().messages(0, 300), Poll(function=4).messages(0, 300))
    baseline = learned(rows)
    (unwanted,) = (beat for beat in baseline.rhythms if beat.function.code == 4)
    decide(baseline, Decision(False, Entry(beat=unwanted), "ann", BEGIN, FOREVER, "a test stand"))
    assert unwanted not in baseline.rhythms
    run = Run(baseline, Window(until_ns=1 << 62)).watch(rows)
    assert unwanted not in run.learn().rhythms
