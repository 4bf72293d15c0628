"""What the kernel measures, against streams whose rhythm is known because they are made here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from message_streams import BEGIN, SECOND, Poll, call, rows_of, without

from sensor.hashtable import EVICTED
from sensor.messages import MESSAGE, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.protocols.transport import REFUSED
from sensor.rhythm.intervals import bin_of
from sensor.rhythm.measure import measure
from sensor.rhythm.table import (
    CHANNEL,
    FINDINGS,
    INTERVAL,
    NOT_TOLD,
    ORPHAN,
    PAIR,
    RATE,
    TARGET,
    UNANSWERED,
    VOLUME,
    Rhythms,
    inhabited,
    make_room,
    new_rhythms,
    unpack,
)
from sensor.rhythm.volume import FIRST_RATE
from sensor.types import Rows


def measured(rows: Rows, table: Rhythms | None = None, cuts: int = 1) -> Rhythms:
    table = table or new_rhythms(1 << 10)
    for part in np.array_split(rows, cuts):
        cursor = np.zeros(1, np.int64)
        while True:
            measure(table, part, len(part), cursor)
            if cursor[0] >= len(part):
                break
            make_room(table)
    return table


def scope(table: Rhythms, which: int, kind: int | None = None) -> list[int]:
    rows = table.rows
    mine = inhabited(table) & (rows["kinds"] >> 48 == which)
    if kind is not None:
        mine &= rows["kinds"] >> 12 & 0xF == kind
    return [int(place) for place in np.flatnonzero(mine)]


def found(table: Rhythms, what: int) -> list[int]:
    rows = table.findings[: table.used[FINDINGS]]
    return [int(number) for number in rows["number"][rows["what"] == what]]


def median(table: Rhythms, place: int) -> float:
    counts = table.intervals["count"][place]
    middle = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    return float(table.intervals["sum"][place, middle] / counts[middle])


@pytest.mark.parametrize("every", [0.02, 1.0, 60.0])
@pytest.mark.parametrize("blocks", [1, 10])
def test_a_loop_has_the_interval_of_its_cycle_however_many_blocks_it_reads(every: float, blocks: int) -> None:
    if blocks * 0.006 > every:
        pytest.skip("such a loop would not end")
    table = measured(rows_of(Poll(every=every, jitter=every / 100, blocks=blocks).messages(0, every * 200)))
    (channel,) = scope(table, CHANNEL, Kind.REQUEST)
    assert median(table, channel) == pytest.approx(every, rel=0.02)
    assert 195 <= table.intervals["count"][channel].sum() <= 200
    assert table.rows[channel]["messages"] in range(195 * blocks, 201 * blocks + 1)


def test_bins_grow_by_a_half_or_a_third() -> None:
    edges = [next(x for x in range(1, 4000) if bin_of(x << 17) > index) for index in range(20)]
    assert edges[:8] == [2, 3, 4, 6, 8, 12, 16, 24]
    assert bin_of(0) == 0
    assert bin_of(1 << 62) == 63


def test_channels_are_told_apart_by_function_and_unit_and_not_by_object() -> None:
    table = measured(
        rows_of(
            Poll(blocks=8).messages(0, 10),
            Poll(function=4).messages(0, 10),
            Poll(unit=2).messages(0, 10),
        )
    )
    assert len(scope(table, CHANNEL, Kind.REQUEST)) == 3
    assert len(scope(table, PAIR)) == 2  # of each unit
    assert len(scope(table, TARGET)) == 1


def test_a_loop_that_changes_its_blocks_is_timed_by_another() -> None:
    old, new = Poll(blocks=2), Poll(blocks=2, extra={"space": 4})
    table = measured(rows_of(old.messages(0, 100), new.messages(100, 400)))
    (channel,) = scope(table, CHANNEL, Kind.REQUEST)
    assert table.intervals["count"][channel].sum() > 300
    assert median(table, channel) == pytest.approx(1.0, rel=0.02)


def test_what_was_measured_does_not_depend_on_how_messages_come() -> None:
    polls = [Poll(client=client, every=0.3, blocks=3).messages(0, 60) for client in range(1, 6)]
    rows = rows_of(*polls)
    whole, cut = measured(rows), measured(rows, cuts=97)
    assert np.array_equal(whole.rows, cut.rows)
    assert np.array_equal(whole.intervals, cut.intervals)
    assert np.array_equal(whole.findings, cut.findings)


def test_a_pause_is_one_interval_among_many_and_a_gap_or_a_reconnection_is_none() -> None:
    paused = measured(without(rows_of(Poll().messages(0, 300)), [(100, 160)]))
    (channel,) = scope(paused, CHANNEL, Kind.REQUEST)
    assert median(paused, channel) == pytest.approx(1.0, rel=0.02)
    assert paused.rows[channel]["longest_ns"] == pytest.approx(61 * SECOND, rel=0.02)
    again = measured(rows_of(Poll().messages(0, 100), Poll(stream=2).messages(160, 260)))
    (channel,) = scope(again, CHANNEL, Kind.REQUEST)
    assert again.intervals["count"][channel, bin_of(30 * SECOND) :].sum() == 0
    lost = measured(rows_of(Poll().messages(0, 100), Poll(gaps=1).messages(160, 260)))
    (channel,) = scope(lost, CHANNEL, Kind.REQUEST)
    assert lost.intervals["count"][channel, 30:].sum() == 0


def test_copies_that_a_mirror_port_makes_are_no_intervals_and_no_orphans() -> None:
    rows = rows_of(Poll(transport=17).messages(0, 100))
    twice = np.repeat(rows, 2)
    twice["time_ns"][1::2] += 3000
    answers = (twice["kind"] == Kind.RESPONSE) & (np.arange(len(twice)) % 2 == 1)
    twice["latency_ns"][answers] = -1  # the first copy took the request away
    table = measured(twice)
    (channel,) = scope(table, CHANNEL, Kind.REQUEST)
    assert table.intervals["count"][channel, : bin_of(SECOND // 2)].sum() == 0
    assert found(table, ORPHAN) == []


def test_a_server_that_falls_silent_is_told_of_after_five_seconds_and_then_at_each_doubling() -> None:
    rows = rows_of(Poll().messages(0, 60), Poll(answers=False).messages(60, 120))
    table = measured(rows)
    numbers = found(table, UNANSWERED)
    assert numbers[0] in (6, 7)  # five seconds after the first of them
    assert numbers == [numbers[0] << step for step in range(4)]
    first = table.findings[: table.used[FINDINGS]]
    first = first[first["what"] == UNANSWERED][0]
    assert first["time_ns"] - BEGIN == pytest.approx(65 * SECOND, abs=2 * SECOND)


def test_what_a_gap_may_have_swallowed_is_not_held_against_the_server() -> None:
    rows = rows_of(Poll().messages(0, 60), Poll(answers=False).messages(60, 64))
    rest = rows_of(Poll(answers=False, gaps=1).messages(64, 68), Poll(gaps=1).messages(68, 90))
    assert found(measured(np.concatenate([rows, rest])), UNANSWERED) == []


def test_a_server_that_was_never_heard_to_answer_may_be_out_of_sight() -> None:
    assert found(measured(rows_of(Poll(answers=False).messages(0, 60))), UNANSWERED) == []
    # A datagram needs no connection: nobody who is dead could have accepted one.
    assert found(measured(rows_of(Poll(answers=False, transport=17).messages(0, 60))), UNANSWERED) != []


def test_a_server_that_leaves_most_requests_unanswered() -> None:
    poll = Poll()
    sparse = (
        item for item in poll.messages(0, 700) if item["kind"] == Kind.REQUEST or item["transaction"] % 4 == 0
    )
    assert any(number > 150 for number in found(measured(rows_of(sparse)), UNANSWERED))
    half = (
        item for item in poll.messages(0, 700) if item["kind"] == Kind.REQUEST or item["transaction"] % 2 == 0
    )
    assert found(measured(rows_of(half)), UNANSWERED) == []


def test_calls_that_fail_count_only_where_calls_were_answered_before() -> None:
    failing = [call(10 + at, 1, 2, event=REFUSED) for at in range(0, 60, 3)]
    assert found(measured(rows_of([call(0, 1, 2)], failing)), UNANSWERED) == [3, 8, 16]
    assert found(measured(rows_of(failing)), UNANSWERED) == []


def orphan(at: float, **other: object) -> dict[str, object]:
    message = Poll().message(at, Kind.RESPONSE, transaction=9999)
    return message | {"latency_ns": -1} | other


def test_an_answer_to_no_request_in_a_conversation_seen_whole() -> None:
    table = measured(rows_of(Poll().messages(0, 60), [orphan(60.5)]))
    assert found(table, ORPHAN) == [1]


@pytest.mark.parametrize(
    "odd",
    [
        {"stream": 2},  # of a connection whose beginning was not seen
        {"gaps": 1},  # right after octets that were not captured
        {"function": 43},  # of a function that was never seen to be answered
    ],
)
def test_an_answer_that_something_excuses_is_no_orphan(odd: dict[str, object]) -> None:
    assert found(measured(rows_of(Poll().messages(0, 60), [orphan(60.5, **odd)])), ORPHAN) == []


def test_a_late_answer_after_the_question_was_asked_again_is_no_orphan() -> None:
    poll = Poll()
    late = [
        poll.message(60, Kind.REQUEST, transaction=1),
        poll.message(61, Kind.REQUEST, transaction=1),
        poll.message(61.1, Kind.RESPONSE, transaction=1),
        orphan(61.2),
    ]
    assert found(measured(rows_of(poll.messages(0, 59), late)), ORPHAN) == []


def test_a_function_that_answers_twice_by_habit_has_no_orphans() -> None:
    poll = Poll()
    twice = [orphan(at + 0.5) for at in range(60)]
    assert found(measured(rows_of(poll.messages(0, 60), twice)), ORPHAN) == []


def learn(table: Rhythms, shortest: float, longest: float, ten: int = 0, minute: int = 0) -> None:
    for place in scope(table, CHANNEL, Kind.REQUEST):
        row = table.rows[place]
        row["shortest_allowed_ns"], row["longest_allowed_ns"] = shortest * SECOND, longest * SECOND
        row["most_ten_allowed"], row["most_minute_allowed"] = ten, minute
        row["pinned"] = 1


def test_an_interval_that_changed_is_told_of_when_it_lasts() -> None:
    table = measured(rows_of(Poll().messages(0, 60)))
    learn(table, 0.6, 1.6)
    measured(rows_of(Poll(every=0.25).messages(60, 85)), table)
    assert found(table, INTERVAL) == []
    measured(rows_of(Poll(every=0.25).messages(85, 400)), table)
    first, second = found(table, INTERVAL)
    assert first == pytest.approx(30 / 0.25, abs=5)
    assert second == 8 * first
    first = table.findings[table.findings["what"] == INTERVAL][0]
    assert first["interval_ns"] == pytest.approx(0.25 * SECOND, rel=0.1)


def test_a_single_long_interval_is_no_change() -> None:
    table = measured(rows_of(Poll().messages(0, 60)))
    learn(table, 0.6, 1.6)
    rows = without(rows_of(Poll(jitter=0.3).messages(60, 600)), [(100, 130), (200, 203), (300, 340)])
    assert found(measured(rows, table), INTERVAL) == []


def test_more_messages_than_were_learned() -> None:
    table = measured(rows_of(Poll().messages(0, 60)))
    learn(table, 0, 0, ten=20, minute=90)
    measured(rows_of(Poll().messages(60, 180)), table)
    assert found(table, VOLUME) == []
    measured(rows_of(Poll(every=0.1).messages(180, 200)), table)
    assert found(table, VOLUME)[:3] == [21, 42, 84]


def test_a_flood_from_invented_addresses_shows_at_its_target() -> None:
    random = Random(1)
    calls = [call(at / 100, random.randrange(10, 100_000), 2, event=REFUSED) for at in range(3000)]
    table = measured(rows_of(calls))
    assert found(table, RATE) == [FIRST_RATE << step for step in range(6)]
    clients, servers = unpack(table.findings["ends"][: table.used[FINDINGS]])
    assert set(servers.tolist()) == {2}
    assert set(clients.tolist()) == {0}  # nobody in particular


def test_a_flood_from_one_machine_names_it() -> None:
    quiet = [call(at, 5, 2) for at in range(0, 180, 10)]
    table = measured(rows_of(quiet, [call(180 + at / 100, 66, 2) for at in range(3000)]))
    rates = table.findings[: table.used[FINDINGS]]
    rates = rates[rates["what"] == RATE]
    last = rates[rates["kinds"] >> 48 == TARGET][-1]
    assert [int(end[0]) for end in unpack(last["ends"][np.newaxis])] == [66, 2]
    assert last["usual"] == 6
    assert any(rates["kinds"] >> 48 == PAIR)  # sessions between the two


def test_bulk_transfers_are_no_flood() -> None:
    upload = Poll(every=0.005, operation=Operation.PROGRAM_UPLOAD, function=30)
    assert found(measured(rows_of(upload.messages(0, 60))), RATE) == []


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    rows = rows_of(Poll().messages(0, 100))
    back = rows.copy()
    back["time_ns"] -= 7200 * SECOND
    table = measured(np.concatenate([rows, back]))
    (channel,) = scope(table, CHANNEL, Kind.REQUEST)
    assert table.rows[channel]["messages"] == len(rows)
    assert median(table, channel) == pytest.approx(1.0, rel=0.02)
    assert table.rows[channel]["most_minute"] <= 62


def test_the_table_gives_up_what_was_silent_longest_and_nothing_that_was_learned() -> None:
    table = new_rhythms(64)
    measured(rows_of(Poll().messages(0, 60)), table)
    learn(table, 0.6, 1.6)
    (known,) = scope(table, CHANNEL, Kind.REQUEST)
    many = (
        item
        for client in range(100, 400)
        for item in Poll(client=client, stream=client).messages(60 + client, 61 + client)
    )
    measured(rows_of(many), table)
    assert table.used[EVICTED] > 0
    assert known in scope(table, CHANNEL, Kind.REQUEST)
    assert unpack(table.rows["ends"])[0].max() == 399


def test_findings_that_find_no_room_are_counted() -> None:
    table = new_rhythms(256)
    table.used[FINDINGS] = len(table.findings)
    measured(rows_of(Poll().messages(0, 60), [orphan(60.5)]), table)
    assert table.used[NOT_TOLD] > 0


def test_malformed_messages_and_further_objects_of_one_message_are_not_measured() -> None:
    rows = rows_of(Poll().messages(0, 10))
    rows["flags"] = 1
    assert not inhabited(measured(rows)).any()
    rows["flags"], rows["part"] = 0, 1
    assert not inhabited(measured(rows)).any()


def test_arbitrary_rows_break_nothing() -> None:
    random = np.random.default_rng(5)
    rows = np.frombuffer(random.bytes(MESSAGE.itemsize * 3000), MESSAGE).copy()
    rows["part"] = 0
    rows["flags"] = 0
    rows["protocol"] = random.choice([int(number) for number in Number], len(rows))
    rows["client"] &= 0x1FFFF
    rows["server"] &= 0x1FFFF
    rows["time_ns"] = np.abs(rows["time_ns"]) >> 2
    table = measured(rows, new_rhythms(256))
    assert inhabited(table).sum() <= 256


COMPARE = """
import sys
sys.path.insert(0, "tests")
import numpy as np
from message_streams import Poll, call, rows_of
from sensor.rhythm.measure import measure
from sensor.rhythm.table import new_rhythms
rows = rows_of(
    Poll(blocks=4).messages(0, 90), Poll(client=3, every=0.2, transport=17).messages(0, 70),
    Poll(answers=False).messages(90, 130), [call(at / 20, 66, 2, event=3) for at in range(2000)],
)
table = new_rhythms(256)
measure(table, rows, len(rows), np.zeros(1, np.int64))
sys.stdout.buffer.write(b"".join(array.tobytes() for array in table))
"""


def test_compiled_and_plain_python_measure_the_same() -> None:
    results = []
    for environment in ({}, {"NUMBA_DISABLE_JIT": "1"}):
        done = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", COMPARE],
            cwd=Path(__file__).parents[3],
            env=os.environ | environment | {"PYTHONPATH": "."},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        results.append(done.stdout)
    assert results[0] == results[1]
