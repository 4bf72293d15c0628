"""What is told of a plant whose rhythm was learned, and above all what is not."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import numpy as np
import pytest
from message_streams import BEGIN, SECOND, Message, Poll, call, rows_of, without
from rhythm_plants import Run, address, learned

from rules.baseline.entries import Entry
from rules.baseline.model import Baseline, Conversation, Function
from rules.baseline.rhythms.model import Beat, Rhythm
from rules.baseline.rhythms.silence import Silence
from sensor.messages import Kind, Operation
from sensor.protocols.protocol import Number
from sensor.protocols.transport import ACCEPTED, REFUSED
from sensor.rhythm.table import RHYTHM
from sensor.types import Rows

DAY = 600.0


def plant(start: float, end: float, seed: int = 1, **options: Any) -> list[Message]:
    """Four devices polled by one station, two of them by a historian, too; seeds differ in all jitter."""
    polls = [
        *(Poll(client=1, server=10 + n, every=1 + n / 2, blocks=n + 1, stream=n, seed=seed, jitter=0.03,
               **options) for n in range(4)),
        *(Poll(client=2, server=10 + n, every=5.0, function=4, stream=20 + n, seed=seed, jitter=0.2,
               **options) for n in range(2)),
        Poll(client=1, server=12, every=10.0, operation=Operation.WRITE, function=6, stream=2, seed=seed,
             jitter=0.5, **options),
    ]  # fmt: skip
    return [item for poll in polls for item in poll.messages(start, end)]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learned(rows_of(plant(0, DAY)))


def told(baseline: Baseline, rows: Rows) -> list[dict[str, Any]]:
    """What is told but for rates, of which rules decide whether they matter."""
    return [row for row in Run(baseline).watch(rows).told if "traffic.per_minute" not in row
            or "baseline.volume_outside" in row]  # fmt: skip


@pytest.mark.parametrize("seed", range(2, 5))
def test_the_next_day_is_quiet(baseline: Baseline, seed: int) -> None:
    assert told(baseline, rows_of(plant(1000, 1000 + 2 * DAY, seed))) == []


def test_more_jitter_is_quiet(baseline: Baseline) -> None:
    late = [{**item, "time_ns": item["time_ns"] + Random(item["time_ns"]).randrange(0, SECOND // 3)}
            for item in plant(1000, 1600, 5)]  # fmt: skip
    assert told(baseline, rows_of(late)) == []


def test_a_clock_that_drifts_is_quiet(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1600, 6))
    rows["time_ns"] += ((rows["time_ns"] - BEGIN) * 200e-6).astype(np.int64)
    assert told(baseline, rows) == []


def test_a_laptop_that_slept_and_captures_with_holes_are_quiet(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 2800, 7))
    assert told(baseline, without(rows, [(1100, 1400), (1500, 1507), (1600, 1640), (2000, 2090)])) == []


def test_a_sensor_that_loses_packets_is_quiet(baseline: Baseline) -> None:
    """Half of all packets for a minute; TCP shows where."""
    random = Random(8)
    gaps: dict[int, int] = {}
    kept = []
    for item in sorted(plant(1000, 1600, 8), key=lambda item: item["time_ns"]):
        at = (item["time_ns"] - BEGIN) / SECOND
        if 1200 <= at < 1260 and random.random() < 0.5:
            gaps[item["stream"]] = gaps.get(item["stream"], 0) + 1
            continue
        kept.append({**item, "gaps": gaps.get(item["stream"], 0)})
    assert told(baseline, rows_of(kept)) == []


def test_a_client_that_starts_again_is_quiet(baseline: Baseline) -> None:
    """The station is off for twenty seconds, and reads everything at once when it is back."""
    before, after = plant(1000, 1200, 9), plant(1220, 1600, 10)
    for item in after:
        item["stream"] += 100
    rush = [item for n in range(4) for item in
            Poll(client=1, server=10 + n, every=0.2, stream=100 + n).messages(1220, 1222)]  # fmt: skip
    calls = [call(1220 + n / 10, 1, 10 + n) for n in range(4)]
    assert told(baseline, rows_of(before, rush, calls, after)) == []


def test_copies_of_a_mirror_port_are_quiet(baseline: Baseline) -> None:
    rows = np.repeat(rows_of(plant(1000, 1600, 11, transport=17)), 2)
    rows["time_ns"][1::2] += 2000
    second = np.arange(len(rows)) % 2 == 1
    rows["latency_ns"][second & (rows["kind"] == Kind.RESPONSE)] = -1
    twice = learned(rows_of(plant(0, DAY, transport=17)))
    assert [row for row in told(twice, rows) if "baseline.volume_outside" not in row] == []


def test_a_device_that_dies_is_told_of_once_for_each_conversation(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1600, 12))
    dead = rows[~((rows["server"] == 10) & (rows["time_ns"] > BEGIN + 1200 * SECOND))]
    found = [row for row in told(baseline, dead) if "baseline.silent" in row]
    assert {(row["source.ip"], row["destination.ip"]) for row in found} == {
        (address(1), address(10)),
        (address(2), address(10)),
    }
    assert len(found) == 2
    assert max(row["baseline.silent_servers"] for row in found) == 1
    first = min(row["baseline.interval_s"] for row in found)
    assert 30 <= first <= 35
    ids = {Entry(beat=beat).id for beat in baseline.rhythms}
    assert {row["baseline.entry"] for row in found} <= ids


def test_a_switch_that_dies_is_told_of_as_such(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1600, 13))
    dead = rows[~((rows["server"] != 13) & (rows["time_ns"] > BEGIN + 1200 * SECOND))]
    found = [row for row in told(baseline, dead) if "baseline.silent" in row]
    assert len(found) <= 6
    assert {row["baseline.silent_servers"] for row in found} == {3}


def test_a_channel_that_comes_back_and_dies_again_is_told_of_again(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1600, 14))
    at = (rows["time_ns"] - BEGIN) / SECOND
    away = (rows["server"] == 13) & (((at > 1100) & (at < 1200)) | ((at > 1400) & (at < 1500)))
    assert len([row for row in told(baseline, rows[~away]) if "baseline.silent" in row]) == 2


def test_silence_ends_with_the_capture(baseline: Baseline) -> None:
    assert told(baseline, rows_of(plant(1000, 1020, 15))) == []


def test_channels_of_another_part_of_the_plant_are_not_missed(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1600, 16))
    assert told(baseline, rows[rows["server"] == 13]) == []


def test_a_poll_that_runs_much_faster_is_told_of(baseline: Baseline) -> None:
    rest = [item for item in plant(1000, 1300, 17) if item["server"] != 10]
    hurried = Poll(client=1, server=10, every=0.1, stream=0).messages(1000, 1300)
    (first, *_) = [row for row in told(baseline, rows_of(rest, hurried)) if "baseline.interval_off" in row]
    assert first["source.ip"] == address(1)
    assert first["baseline.interval_s"] == pytest.approx(0.1, rel=0.2)
    assert first["baseline.learned_interval_s"] == pytest.approx(1.0, rel=0.02)


def test_a_flood_of_writes_is_told_of_with_how_many_times_the_usual(baseline: Baseline) -> None:
    writes = Poll(client=1, server=12, every=0.05, operation=Operation.WRITE, function=6, stream=2)
    rows = rows_of(plant(1000, 1100, 18), writes.messages(1040, 1060))
    found = [row for row in told(baseline, rows) if "baseline.volume_outside" in row]
    assert found[0]["ics.operation"] == "write"
    assert found[0]["traffic.times_usual"] > 10
    assert found[-1]["traffic.messages"] > 100


def test_what_is_told_is_the_same_however_often_messages_are_drained(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1300, 19))
    rows = rows[~((rows["server"] == 10) & (rows["time_ns"] > BEGIN + 1100 * SECOND))]
    assert Run(baseline).watch(rows).told == Run(baseline).watch(rows.copy()).told


def test_without_a_baseline_floods_are_told_and_silence_is_not() -> None:
    calls = [call(at / 50, Random(at).randrange(100, 4000), 10, event=REFUSED) for at in range(6000)]
    run = Run().watch(rows_of(plant(0, 100, 20), calls))
    rates = [
        row for row in run.about("traffic.per_minute") if row.get("ics.function") == "Connection Refused"
    ]
    assert rates[-1]["traffic.per_minute"] >= 1600
    assert "source.ip" not in rates[-1]
    assert rates[-1]["destination.ip"] == address(10)
    assert not run.about("baseline.silent")


def test_sessions_are_counted_between_two_machines() -> None:
    run = Run().watch(rows_of([call(at / 2, 5, 6, event=ACCEPTED) for at in range(120)]))
    sessions = [row for row in run.about("traffic.per_minute") if "ics.function" not in row]
    assert [row["traffic.per_minute"] for row in sessions] == [50, 100]
    assert {(row["source.ip"], row["destination.ip"]) for row in sessions} == {(address(5), address(6))}


def test_a_hundred_thousand_channels_cost_little() -> None:
    conversation = Conversation("a", "b", Number.MODBUS, 6, 502)
    rhythm = Rhythm(3600, SECOND, SECOND, SECOND, 1.0, 2 * SECOND, True, 11, 61, 60)
    known = [
        (Beat(conversation._replace(server=str(number // 10)), 0, 1, Function(3, -1), number % 10), rhythm)
        for number in range(100_000)
    ]
    silence = Silence(known, BEGIN)
    rows = np.zeros(100_000, RHYTHM)
    for place, (beat, _) in enumerate(known):
        silence.seen_at(beat, place)
    took = 0.0
    for second in range(120):
        now = BEGIN + second * SECOND
        rows["last_ns"] = now
        start = time.perf_counter()
        assert silence.judge(rows, now) == []
        took += time.perf_counter() - start
    assert took / 120 < 0.005
