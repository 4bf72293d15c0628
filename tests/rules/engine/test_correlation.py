from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rule_texts import correlation_text, rule

from rules.detector import Detector
from rules.documents import table_of
from rules.engine.correlation import Correlator
from rules.engine.matching import Engine
from rules.language.loader import resolved
from rules.language.reading import read_rule
from rules.rule import Correlation, Rule
from rules.selftest import run_tests
from rules.table import EVIDENCE_FRAMES, Occurrences

SECOND = 10**9
START = 1_800_000_000 * SECOND
BASE = rule("selection: {ics.operation: protocol_error}\ncondition: selection", path="exception.yaml")
OTHER = replace(
    rule("selection: {ics.operation: stop}\ncondition: selection", path="stop.yaml"),
    id="00000000-0000-4000-8000-000000000002",
)


def correlation(lines: str, fieldwatch: str = "") -> Correlation:
    text = f"rules: [exception]\ngroup-by: [source.ip]\ntimespan: 60s\n{lines}"
    if "rules:" in lines:
        text = text.replace("rules: [exception]\n", "", 1)
    if "group-by:" in lines:
        text = text.replace("group-by: [source.ip]\n", "", 1)
    found = read_rule(correlation_text(text, fieldwatch), Path("many.yaml"))
    assert isinstance(found, Correlation)
    known = {key: base for base in (BASE, OTHER) for key in (base.id, base.name)}
    result, problems = resolved(found, known)
    assert not problems
    assert result is not None
    return result


def row(second: float, code: int = 1, operation: str = "protocol_error", **fields: Any) -> dict[str, Any]:
    time = START + int(second * SECOND)
    return {
        "source.ip": "10.0.0.9", "destination.ip": "10.0.0.1", "ics.operation": operation,
        "ics.function_code": code, "@timestamp": time, "behaviour.last_seen": time,
        "evidence.frames": [int(second) + 1], **fields,
    }  # fmt: skip


def alerts(rules: list[Rule | Correlation], *batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    detector = Detector(rules, clock=lambda: 0)
    for batch in batches:
        detector.see(table_of(batch))
    return detector.take()


def seen(key: int, count: int, second: float) -> Occurrences:
    frames = np.zeros((1, EVIDENCE_FRAMES), np.int64)
    frames[0, 0] = int(second) + 1
    time = np.array([START + int(second * SECOND)])
    return Occurrences(np.array([key]), np.array([count]), time, time, frames)


FIVE_CODES = "type: value_count\ncondition: {gte: 5, field: ics.function_code}"
FIVE = "type: event_count\ncondition: {gt: 4}"


def test_different_values_within_the_timespan() -> None:
    scan = [row(n, code=n) for n in range(5)]
    (alert,) = alerts([BASE, correlation(FIVE_CODES)], scan)
    assert alert["rule"]["name"] == "many"
    assert alert["event"]["count"] == 5
    assert alert["evidence"]["frames"] == [1, 2, 3, 4, 5]
    assert alerts([BASE, correlation(FIVE_CODES)], scan[:4]) == []
    assert alerts([BASE, correlation(FIVE_CODES)], [row(n, code=1) for n in range(9)]) == []
    assert alerts([BASE, correlation(FIVE_CODES)], [row(n * 20, code=n) for n in range(9)]) == []


def test_batches_do_not_matter() -> None:
    scan = [row(n, code=n) for n in range(5)]
    (alert,) = alerts([BASE, correlation(FIVE_CODES)], *[[one] for one in scan])
    assert alert["event"]["start"] == alert["event"]["end"]


def test_groups_are_apart_and_rows_without_a_grouping_value_do_not_count() -> None:
    scan = [row(n, code=n, **{"source.ip": f"10.0.0.{n % 2}"}) for n in range(8)]
    assert alerts([BASE, correlation(FIVE_CODES)], scan) == []
    nobody = [{**row(n, code=n)} for n in range(8)]
    for document in nobody:
        del document["source.ip"]
    assert alerts([BASE, correlation(FIVE_CODES)], nobody) == []


def test_messages_are_counted() -> None:
    assert len(alerts([BASE, correlation(FIVE)], [row(n) for n in range(5)])) == 1
    assert alerts([BASE, correlation(FIVE)], [row(n) for n in range(4)]) == []
    spread = row(0, **{"behaviour.count": 300, "behaviour.last_seen": START + 7200 * SECOND})
    assert alerts([BASE, correlation(FIVE)], [spread]) == []  # 2.5 in each minute
    dense = row(0, **{"behaviour.count": 300, "behaviour.last_seen": START + 600 * SECOND})
    assert len(alerts([BASE, correlation(FIVE)], [dense])) == 1


def test_a_behaviour_that_goes_on_completes_a_count() -> None:
    detector = Detector([BASE, correlation(FIVE)], clock=lambda: 0)
    table = table_of([row(0)])
    table.occurrences.keys = np.array([7])
    detector.see(table)
    assert detector.watched(np.array([6, 7])).tolist() == [7]
    detector.update(seen(7, 3, 20))
    assert detector.take() == []
    detector.update(seen(7, 6, 40))
    (alert,) = detector.take()
    assert alert["event"]["count"] == 6
    assert alert["message"] == "10.0.0.9 stopped 10.0.0.1"
    detector.update(seen(7, 8, 50))
    assert detector.take()[0]["event"]["count"] == 8
    detector.update(seen(7, 9, 50_000))  # long after: one message is no correlation
    assert detector.take() == []
    detector.forget([7])
    assert detector.watched(np.array([7])).size == 0


def test_a_row_that_is_seen_again_is_not_counted_again() -> None:
    detector = Detector([BASE, correlation(FIVE)], clock=lambda: 0)
    for count in (3, 3, 4, 5):
        table = table_of([row(0, **{"behaviour.count": count})])
        table.occurrences.keys = np.array([7])
        detector.see(table)
        assert bool(detector.take()) == (count == 5)


@pytest.mark.parametrize(
    ("kind", "order", "fires"),
    [
        ("temporal", ["protocol_error", "stop"], True),
        ("temporal", ["stop", "protocol_error"], True),
        ("temporal", ["stop", "stop"], False),
        ("temporal_ordered", ["protocol_error", "stop"], True),
        ("temporal_ordered", ["stop", "protocol_error"], False),
        ("temporal_ordered", ["stop", "protocol_error", "stop"], True),
    ],
)
def test_temporal(kind: str, order: list[str], fires: bool) -> None:
    rules = [BASE, OTHER, correlation(f"type: {kind}\nrules: [exception, stop]")]
    assert len(alerts(rules, [row(n, operation=name) for n, name in enumerate(order)])) == fires
    assert alerts(rules, [row(n * 90, operation=name) for n, name in enumerate(order)]) == []


def test_correlated_rules_are_silent_unless_generate() -> None:
    scan = [row(n, code=n) for n in range(5)]
    assert len(alerts([BASE], scan)) == 1
    assert [item["rule"]["name"] for item in alerts([BASE, correlation(FIVE_CODES)], scan)] == ["many"]
    both = alerts([BASE, correlation(FIVE_CODES + "\ngenerate: true")], scan)
    assert sorted(item["rule"]["name"] for item in both) == ["exception", "many"]


def test_state_is_bounded_and_losses_are_counted() -> None:
    correlator = Correlator([BASE, correlation(FIVE_CODES)], most_groups=10, most_events=3)
    table = table_of([row(n, code=n % 4, **{"source.ip": f"10.0.{n // 8}.1"}) for n in range(160)])
    correlator.add(table, Engine([BASE]).match(table))
    assert correlator.losses["correlation_groups_evicted"] == 10
    assert correlator.losses["correlation_events_evicted"] == 20 * 5


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("type: value_count", "type: value_cnt", "type cannot be 'value_cnt'; did you mean 'value_count'"),
        ("gte: 5, ", "", "the condition is missing, such as"),
        (", field: ics.function_code", "", "needs `field`"),
        ("type: value_count", "type: event_count", "the condition of event_count takes no `field`"),
        ("type: value_count", "type: temporal", "temporal takes no condition"),
        ("timespan: 60s", "timespan: a minute", "timespan has the wrong form"),
        ("group-by:", "group_by:", "unknown key 'group_by'; did you mean 'group-by'"),
        ("gte: 5", "lt: 5", "unknown key 'lt'"),
        ("gte: 5", "gte: 0", "gte must be a whole number, at least 1"),
        ("falsepositives", "detection: {}\nfalsepositives", "a correlation has no 'detection'"),
    ],
)
def test_errors(before: str, after: str, expected: str) -> None:
    lines = f"rules: [exception]\ngroup-by: [source.ip]\ntimespan: 60s\n{FIVE_CODES}"
    text = correlation_text(lines)
    assert before in text
    with pytest.raises(ValueError, match=r"many\.yaml:") as caught:
        read_rule(text.replace(before, after, 1), Path("many.yaml"))
    assert expected in str(caught.value)


def test_what_it_refers_to_must_be_there() -> None:
    lines = f"rules: [excepton, {OTHER.id}]\ngroup-by: [asset.id]\ntimespan: 60s\n{FIVE_CODES}"
    found = read_rule(correlation_text(lines), Path("many.yaml"))
    assert isinstance(found, Correlation)
    result, problems = resolved(found, {BASE.name: BASE, OTHER.id: OTHER})
    assert result is None
    assert "there is no rule 'excepton'; did you mean 'exception'?" in str(problems[0])


def test_tests_of_a_correlation() -> None:
    document = "{source.ip: 10.0.0.1, ics.operation: protocol_error, ics.function_code: %d}"
    many = ", ".join(document % n for n in range(5))
    tests = f"""tests:
      - {{name: five, fires: true, documents: [{many}]}}
      - {{name: one, fires: false, documents: [{document % 1}]}}
      - {{name: wrong, fires: true, documents: [{document % 1}, {{}}]}}
    """
    results = list(run_tests([BASE, correlation(FIVE_CODES, tests)]))
    assert [result.passed for result in results] == [True, True, False]
    assert results[2].text == "the correlation is silent; the rules it names match 1 of 2 documents"


HOST = """\
type: temporal_ordered
rules: [exception, stop]
group-by: [host]
aliases:
  host:
    exception: source.ip
    stop: destination.ip
"""


def test_an_alias_stands_for_another_field_in_each_rule() -> None:
    chain = correlation(HOST)
    victim_acts = row(9, operation="stop", **{"source.ip": "10.0.0.7", "destination.ip": "10.0.0.9"})
    (alert,) = alerts([BASE, OTHER, chain], [row(1), victim_acts])
    assert alert["rule"]["id"] == chain.id
    assert alert["event"]["count"] == 2
    other_way = row(9, operation="stop", **{"source.ip": "10.0.0.9", "destination.ip": "10.0.0.7"})
    assert alerts([BASE, OTHER, chain], [row(1), other_way]) == []


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("stop: destination.ip", "stop: destination.pi", "destination.pi"),
        ("    stop: destination.ip\n", "", "no field for stop"),
        ("group-by: [host]", "group-by: [source.ip]", "nothing uses the alias"),
        ("    stop: dest", "    halt: dest", "does not name a rule 'halt'"),
    ],
)
def test_a_wrong_alias_is_told(before: str, after: str, complaint: str) -> None:
    text = correlation_text("timespan: 60s\n" + HOST.replace(before, after))
    found = read_rule(text, Path("many.yaml"))
    assert isinstance(found, Correlation)
    result, problems = resolved(found, {"exception": BASE, "stop": OTHER})
    assert result is None
    assert any(complaint in str(problem) for problem in problems)


FLOOD = "type: value_count\ncondition: {field: ics.function_code, gte: 1000}"


@pytest.mark.parametrize("values", [999, 1000, 5000])
def test_very_many_values_at_once_are_counted_as_one_by_one(values: int) -> None:
    flood = [row(n / 1000, code=n % values) for n in range(3 * values)]
    found = alerts([BASE, correlation(FLOOD)], flood)
    assert len(found) == (values >= 1000)


def test_many_messages_far_apart_are_not_many_in_a_timespan() -> None:
    slow = "type: event_count\ncondition: {gte: 61}"
    assert alerts([BASE, correlation(slow)], [row(n, code=n) for n in range(600)])
    assert alerts([BASE, correlation(slow)], [row(2 * n, code=n) for n in range(600)]) == []


def test_of_very_many_groups_those_with_most_rows_are_looked_at() -> None:
    few = [row(n / 10_000, **{"source.ip": f"10.{n >> 8}.{n & 255}.7"}) for n in range(2000)]
    busy = [row(0.3, code=code, **{"source.ip": "192.168.1.1"}) for code in range(5)]
    correlator = Correlator([BASE, correlation(FIVE_CODES)])
    table = table_of([*few, *busy])
    found = [match for match in correlator.add(table, Engine([BASE]).match(table)) if match.group]
    assert [match.group for match in found] == [("192.168.1.1",)]
    assert correlator.losses["correlation_groups_refused"] == 2001 - 256
