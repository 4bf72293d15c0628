"""The rules that ship, on what is told of rhythms: which of them speak, and which keep quiet."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import pytest
from message_streams import BEGIN, SECOND, Message, Poll, call, rows_of
from rhythm_plants import Run, learned

from rules.baseline.model import Baseline
from rules.language.loader import load_rules
from rules.rule import AnyRule
from rules.site.reading import site_of_text
from sensor.messages import Kind, Operation
from sensor.protocols.transport import ACCEPTED, REFUSED, UNANSWERED
from sensor.types import Rows

SITE = site_of_text(
    "site: A plant\nassets:\n"
    + "".join(f"- {{ip: 10.0.0.{number}, role: plc}}\n" for number in range(10, 14)),
    Path("site"),
)


@cache
def rules() -> tuple[AnyRule, ...]:
    return tuple(load_rules())


def plant(start: float, end: float, seed: int = 1) -> list[Message]:
    polls = [Poll(client=1, server=10 + n, every=1.0, stream=n, seed=seed) for n in range(4)]
    polls.append(
        Poll(client=1, server=12, every=10.0, stream=2, seed=seed, operation=Operation.WRITE, function=6)
    )
    return [item for poll in polls for item in poll.messages(start, end)]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learned(rows_of(plant(0, 600)))


def matched(rows: Rows, baseline: Baseline | None = None) -> dict[str, str]:
    """Rules that matched, with their levels; those that only count are left out."""
    found = Run(baseline, rules=rules(), site=SITE).watch(rows).matched
    return {name: level for name, level in found.items() if level != "informational"}


def calls(start: float, end: float, every: float, event: int = ACCEPTED, client: int = 1) -> list[Message]:
    return [call(start + n * every, client, 10, event=event) for n in range(int((end - start) / every))]


def test_a_quiet_plant_raises_nothing(baseline: Baseline) -> None:
    assert matched(rows_of(plant(1000, 2200, 2)), baseline) == {}
    assert matched(rows_of(plant(1000, 2200, 2))) == {}


@pytest.mark.parametrize("every", [0.2, 1.0, 5.0])
def test_a_client_that_connects_for_every_poll_raises_nothing(every: float) -> None:
    assert matched(rows_of(plant(0, 600), calls(0, 600, every))) == {}


def test_fast_polling_raises_nothing() -> None:
    assert matched(rows_of(Poll(server=10, every=0.01, jitter=0.001, latency=0.002).messages(0, 180))) == {}


def test_a_controller_that_is_off_for_a_while_raises_no_flood() -> None:
    """Stations call again every quarter of a second and are refused, then not answered."""
    rows = rows_of(
        plant(0, 300), calls(0, 1, 1), calls(100, 130, 0.25, REFUSED), calls(130, 160, 0.25, UNANSWERED)
    )
    assert matched(rows) == {"device-unresponsive": "medium"}


def test_a_device_that_dies(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1400, 3))
    dead = rows[~((rows["server"] == 10) & (rows["time_ns"] > BEGIN + 1200 * SECOND))]
    assert matched(dead, baseline) == {"channel-silent": "low"}


def test_a_device_that_does_not_answer_any_more(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1400, 4))
    mute = (rows["server"] == 10) & (rows["time_ns"] > BEGIN + 1200 * SECOND)
    rows = rows[~(mute & (rows["kind"] == Kind.RESPONSE))]
    assert matched(rows, baseline) == {"device-unresponsive": "medium"}
    assert matched(rows) == {"device-unresponsive": "medium"}


def test_a_switch_that_dies(baseline: Baseline) -> None:
    rows = rows_of(plant(1000, 1400, 5))
    dead = rows[~((rows["server"] < 13) & (rows["time_ns"] > BEGIN + 1200 * SECOND))]
    assert matched(dead, baseline) == {"devices-silent": "medium"}


def test_a_set_point_that_is_written_without_end(baseline: Baseline) -> None:
    writes = Poll(client=1, server=12, every=0.1, stream=2, operation=Operation.WRITE, function=6)
    found = matched(rows_of(plant(1000, 1200, 6), writes.messages(1100, 1160)), baseline)
    assert found == {"more-commands-than-learned": "medium", "poll-interval-changed": "low"}


def test_an_answer_that_nobody_asked_for() -> None:
    odd = Poll(client=1, server=10, stream=0).message(60, Kind.RESPONSE) | {"latency_ns": -1}
    assert matched(rows_of(plant(0, 100), [odd])) == {"answer-nobody-asked-for": "medium"}


def test_floods() -> None:
    quiet = plant(0, 200)
    one = calls(100, 130, 0.03, client=66)
    many = [call(100 + n / 100, Random(n).randrange(100, 4000), 10, event=UNANSWERED) for n in range(4000)]
    asked = Poll(client=66, server=10, every=0.003, jitter=0, latency=0.001, answers=False).messages(100, 160)
    assert matched(rows_of(quiet, one)) == {
        "controller-flooded-with-calls": "high",
        "sessions-in-numbers": "low",
    }
    assert matched(rows_of(quiet, many)) == {
        "controller-flooded-with-calls": "high",
        "server-flooded-with-calls": "medium",
    }
    assert matched(rows_of(quiet, asked)) == {"controller-flooded-with-requests": "high"}
