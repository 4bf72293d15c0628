"""Rhythms in the baseline file: written, read back, compared and merged; mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from message_streams import Poll, rows_of
from rhythm_plants import learned

from rules.baseline.difference import merged, only_in
from rules.baseline.document import text_of_baseline
from rules.baseline.model import Baseline, Conversation, Function
from rules.baseline.nodes import BaselineError
from rules.baseline.reading import baseline_of_text
from rules.baseline.rhythms.model import Beat, Rhythm
from sensor.protocols.protocol import Number

PATH = Path("plant.yaml")
CONVERSATION = Conversation("10.0.0.5", "10.0.0.10", Number.MODBUS, 6, 502)
BEAT = Beat(CONVERSATION, 0, 1, Function(3, -1), 1)
RHYTHM = Rhythm(3599, 1_000_000_000, 980_000_000, 1_020_000_000, 0.998, 2_100_000_000, True, 11, 61, 60)
LINE = (
    "- {client: 10.0.0.5, server: 10.0.0.10, service: modbus tcp/502, kind: request, operation: read,"
    " function: 3 Read Holding Registers, unit: 1, every: 1, low: 0.98, high: 1.02, regular: 0.998,"
    " intervals: 3599, silence: 2.1, steady: true, per_10s: 11, per_minute: 61, minutes: 60}"
)


def baseline(**rhythms: Rhythm) -> Baseline:
    known = Baseline(conversations={CONVERSATION: {}})
    known.rhythms = {BEAT._replace(unit=int(unit[1:])): rhythm for unit, rhythm in rhythms.items()}
    return known


def test_a_rhythm_is_one_line_and_comes_back() -> None:
    text = text_of_baseline(baseline(u1=RHYTHM))
    assert LINE in text.splitlines()
    assert baseline_of_text(text, PATH).rhythms == {BEAT: RHYTHM}


def test_what_was_learned_from_traffic_comes_back_as_it_is_written() -> None:
    rows = rows_of(
        Poll(every=0.05).messages(0, 200),
        Poll(unit=2, every=1800, jitter=60).messages(0, 90_000),
        Poll(unit=3).messages(5, 6),
    )
    text = text_of_baseline(learned(rows))
    assert text_of_baseline(baseline_of_text(text, PATH)) == text


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("every: 1,", "every: .nan,", "number"),
        ("every: 1,", "every: 9,", "decrease"),
        ("every: 1, ", "", "lacks 'every'"),
        ("regular: 0.998", "regular: 7", "between 0 and 1"),
        ("silence: 2.1", "silence: -1", "seconds"),
        ("silence: 2.1", "silence: 1e99", "seconds"),
        ("kind: request", "kind: reqest", "did you mean"),
        ("per_10s: 11", "per_10s: many", "whole number"),
        ("steady: true", "steady: perhaps", "steady"),
        ("minutes: 60", "minutes: 60, hours: 1", "hours"),
    ],
)
def test_mistakes_are_named_with_their_place(old: str, new: str, complaint: str) -> None:
    text = text_of_baseline(baseline(u1=RHYTHM))
    with pytest.raises(BaselineError, match=r"plant.yaml:\d+:\d+: ") as error:
        baseline_of_text(text.replace(old, new), PATH)
    assert complaint in str(error.value)


def test_a_rhythm_stands_once() -> None:
    text = text_of_baseline(baseline(u1=RHYTHM))
    with pytest.raises(BaselineError, match="stands twice"):
        baseline_of_text(text.replace(LINE, f"{LINE}\n{LINE}"), PATH)


def test_difference_and_merge() -> None:
    slower = RHYTHM._replace(every_ns=5_000_000_000, low_ns=4_900_000_000, high_ns=5_100_000_000)
    one, other = baseline(u1=RHYTHM, u2=RHYTHM), baseline(u1=slower, u2=RHYTHM._replace(per_minute=70))
    (changed,) = only_in(one, other)
    assert changed.what == "rhythm"
    assert "every 1 s, at most 61 a minute" in changed.text
    both = merged(one, other)
    assert both.rhythms[BEAT._replace(unit=2)].per_minute == 70
    assert not both.rhythms[BEAT].is_periodic
    assert one.rhythms[BEAT].is_periodic  # what was merged stays as it was
