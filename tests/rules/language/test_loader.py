# ruff: noqa: E501  a table of errors reads best with one error a line
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_texts import RULE, rule, rule_text

from rules.language.loader import load, load_file, load_rules, read_rule
from rules.language.problems import RuleError
from rules.rule import digest_of

PATH = Path("a-rule.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(RuleError) as caught:
        read_rule(text, PATH)
    return [str(problem) for problem in caught.value.problems]


def test_a_rule_is_read() -> None:
    found = rule()
    assert (found.name, found.level, found.severity, found.category) == ("a-rule", "high", 73, "behaviour")
    assert found.techniques == ("T0858",)
    assert found.tactics == ("execution",)
    assert found.group_by == ("source.ip", "destination.ip")
    assert found.quiet_ns == 3600 * 10**9


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("title:", "titel:", "1:1: unknown key 'titel'; did you mean 'title'?"),
        ("status: stable", "status: draft", "3:9: status cannot be 'draft'"),
        ("3f6c1f0e-6c1b", "3f6c1f0e", "2:5: id has the wrong form"),
        ("2026-11-22", "22.11.2026", "6:7: date has the wrong form"),
        ("level: high", "level: hihg", "16:8: level cannot be 'hihg'; did you mean 'high'?"),
        ("[Maintenance]", "[]", "15:17: falsepositives must not be empty"),
        ("[Maintenance]", "Maintenance", "15:17: falsepositives must be a list"),
        ("ics.operation:", "ics.operaton:", "13:5: unknown field 'ics.operaton'; did you mean 'ics.operation'?"),
        ("ics.operation:", "operation:", "13:5: unknown field 'operation'; did you mean 'ics.operation'?"),
        ("ics.operation:", "asset.change:", "13:5: the field 'asset.change' exists only with `category: asset`"),
        ("operation: stop", "operation: stpo", "13:20: ics.operation is never 'stpo'; did you mean 'stop'?"),
        ("operation: stop", "operation|containz: stop", "13:5: unknown modifier 'containz'; did you mean 'contains'?"),
        ("operation: stop", "operation|base64: stop", "13:5: the modifier 'base64' is not supported"),
        ("operation: stop", "operation|re|contains: stop", "13:5: the modifiers 're' and 'contains' exclude"),
        ("operation: stop", "operation|gt: 3", "13:5: ics.operation is text; gt is for numbers"),
        ("operation: stop", "operation: []", "13:5: the list of values is empty"),
        ("operation: stop", "operation: ''", "13:20: an empty text never occurs; write null"),
        ("ics.operation: stop", "destination.port: '502'", "13:23: destination.port is a number, not '502'; write it w"),
        ("ics.operation: stop", "destination.port: 5*", "13:23: destination.port is a number"),
        ("ics.operation: stop", "destination.port: 5.5", "13:23: destination.port is a whole number"),
        ("ics.operation: stop", "source.ip: 10.0.0.0/8", "13:16: '10.0.0.0/8' is a network; write source.ip|cidr: 10."),
        ("ics.operation: stop", "source.ip|cidr: 10.0.0.1/8", "13:21: '10.0.0.1/8' is not a network"),
        ("ics.operation: stop", "source.name|cidr: 10.0.0.0/8", "13:5: source.name is not an IP address"),
        ("ics.operation: stop", "source.mac: 1-2-3", "13:17: '1-2-3' is not a MAC address"),
        ("ics.operation: stop", "ics.malformed: 1", "13:20: ics.malformed is true or false, not 1"),
        ("ics.operation: stop", "source.ip|fieldref: dest.ip", "13:25: fieldref takes the name of a field"),
        ("ics.operation: stop", "source.ip|exists: 1", "13:23: exists takes true or false"),
        ("ics.operation: stop", "ics.object|re: (a+)+b", "13:20: a repetition inside a repetition"),
        ("ics.operation: stop", "- stop", "13:7: keywords (values without a field) are not supported"),
        ("condition: selection", "condition: selektion", "14:14: in the condition, before 'selektion'"),
        ("  condition: selection\n", "", "11:1: the detection has no condition"),
        ("  condition", "  other:\n    ics.unit: 1\n  condition", "14:3: the search identifier 'other' is not used"),
        ("t0858", "t0999", "7:8: 'T0999' is not a technique"),
        ("attack.execution", "attack.executon", "7:22: 'executon' is not a tactic of ATT&CK for ICS; did you mean"),
        ("stopped {destination.ip}", "stopped {destination.pi}", "19:12: message: unknown field 'destination.pi'; did"),
        ("停止了 {destination.ip}", "停止了 {destination.ip", "20:15: message_zh: unpaired '{'"),
        ("  title_zh: 控制器被远程停止\n", "", "17:1: the key 'title_zh' is missing"),
        ("category: behaviour", "category: asset", "17:1: a rule about assets needs `group_by`"),
        ("product: fieldwatch", "product: windows", "9:12: product cannot be 'windows'"),
        ("category: behaviour", "category: behaviour\n  service: modbuss", "11:12: service cannot be 'modbuss'; did you"),
    ],
)  # fmt: skip
def test_every_error_says_where_what_and_what_instead(before: str, after: str, expected: str) -> None:
    assert before in RULE
    found = problems(RULE.replace(before, after, 1))
    assert any(text.startswith(f"a-rule.yaml:{expected}") for text in found), found


def test_all_problems_are_reported_at_once() -> None:
    text = (
        RULE.replace("level: high", "level: x").replace("ics.operation", "ics.op").replace("t0858", "t0999")
    )
    assert len(problems(text)) == 3


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("tests: [{name: a, fires: true}]", "a test has either documents or a capture"),
        ("tests: [{name: a, fires: yes, documents: [{}]}]", "fires must be true or false, it is 'yes'"),
        ("tests: [{name: a, fires: true, documents: [{ics.oper: stop}]}]", "unknown field 'ics.oper'"),
        ("tests: [{name: a, fires: true, documents: [{ics.operation: halt}]}]", "is never 'halt'"),
        ("tests: [{name: a, fires: true, documents: [{destination.port: x}]}]", "is a whole number, not 'x'"),
        ("tests: [{name: a, fires: true, capture: ../secret.pcap}]", "capture has the wrong form"),
        ("tests: [{name: a, fires: true, capture: /etc/passwd}]", "capture has the wrong form"),
        ("quiet: 1 hour", "quiet has the wrong form"),
        ("group_by: [source.ipp]", "unknown field 'source.ipp'; did you mean 'source.ip'"),
        ("requires: [basline]", "requires cannot be 'basline'; did you mean 'baseline'"),
    ],
)
def test_errors_under_the_key_fieldwatch(lines: str, expected: str) -> None:
    assert any(expected in text for text in problems(rule_text(fieldwatch=lines)))


def test_test_documents_may_be_nested_or_dotted_and_know_service_and_baseline() -> None:
    found = rule(
        fieldwatch="""
        requires: [baseline]
        tests: [{name: a, fires: true, documents: [{source: {ip: 10.0.0.1}, ics.operation: stop}]}]
        """
    )
    assert found.tests[0].documents == (
        {"source.ip": "10.0.0.1", "ics.operation": "stop", "baseline.learned": True},
    )


def test_an_id_used_twice_and_unreadable_files_are_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE, "utf-8")
    (tmp_path / "b.yaml").write_text(RULE, "utf-8")
    (tmp_path / "c.yml").write_bytes(b"title: \xff\xfe")
    (tmp_path / "ignored.txt").write_text("no rule")
    rules, found = load([tmp_path, tmp_path / "absent.yaml"])
    assert [item.name for item in rules] == ["a"]
    text = "\n".join(map(str, found))
    assert "already belongs to" in text
    assert "not UTF-8" in text
    assert "cannot be read" in text
    with pytest.raises(RuleError):
        load_rules([tmp_path])


def test_digest_of_a_set_does_not_depend_on_order_or_place() -> None:
    first, second = rule(path="a.yaml"), rule(path="b.yaml", id="00000000-0000-4000-8000-000000000001")
    assert digest_of([first, second]) == digest_of([second, first])
    assert digest_of([first]) == digest_of([rule(path="elsewhere/a.yaml")])
    assert digest_of([first]) != digest_of([rule(level="low")])
    assert digest_of([]).startswith("sha256:")


def test_load_file_tolerates_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + RULE.encode())
    assert load_file(path).title == "Controller stopped over the network"


LINES = RULE.splitlines()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(LINES) - 1),
    st.sampled_from(
        ["", "x", "- 1", "  ", "a: b", "[]", "{}", "null", "detection: 5", "logsource: []", "tags: x"]
    ),
)
def test_a_damaged_rule_is_a_rule_error_or_a_rule(line: int, replacement: str) -> None:
    with suppress(RuleError):
        read_rule("\n".join([*LINES[:line], replacement, *LINES[line + 1 :]]), PATH)
