import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from rule_texts import RULE, rule_text

from rules.language.loader import PACKS, rule_files
from rules.language.schema import SCHEMA, json_schema
from rules.language.source import read_source

VALIDATOR = Draft202012Validator(json_schema())


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(read_source(text, Path("x.yaml")).value)]


def test_schema_is_a_schema_and_the_file_is_fresh() -> None:
    Draft202012Validator.check_schema(json_schema())
    fresh = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    assert SCHEMA.read_text("utf-8") == fresh, "run: fieldwatch rules schema > rules/rule.schema.json"


def test_every_shipped_rule_fits_the_schema() -> None:
    for path in rule_files([PACKS]):
        assert errors(path.read_text("utf-8")) == [], path


def test_a_good_rule_fits() -> None:
    text = rule_text(
        "a:\n- {ics.operation: stop, source.ip|cidr: [10.0.0.0/8]}\nb: {ics.unit|gt: 3}\ncondition: a or b",
        "tests: [{name: a, fires: true, documents: [{ics.operation: stop, evidence.frames: [1]}]}]",
    )
    assert errors(text) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("level: high", "level: hi"),
        ("title:", "titel:"),
        ("ics.operation:", "ics.operaton:"),
        ("ics.operation:", "ics.operation|containz:"),
        ("  condition: selection\n", ""),
        ("[Maintenance]", "[]"),
        ("2026-11-22", "yesterday"),
        ("  title_zh: 控制器被远程停止\n", ""),
    ],
)
def test_a_bad_rule_does_not_fit(before: str, after: str) -> None:
    assert errors(RULE.replace(before, after, 1))
