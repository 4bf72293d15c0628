from __future__ import annotations

from pathlib import Path

from rules.coverage import cases, markdown, reasons, uncovered
from rules.language.loader import load_rules

DOCUMENT = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_document_is_fresh() -> None:
    fresh = markdown(load_rules())
    assert DOCUMENT.read_text("utf-8") == fresh, "run: python -m rules.coverage > docs/coverage.md"


def test_cases_name_rules_that_exist_or_say_why_there_are_none() -> None:
    names = {rule.name for rule in load_rules()}
    known = [case for group in cases().values() for case in group]
    assert {name for case in known for name in case.rules} <= names
    assert all(case.rules or case.gap for case in known)


def test_every_rule_serves_a_case() -> None:
    served = {name for group in cases().values() for case in group for name in case.rules}
    assert {rule.name for rule in load_rules()} - served == set()


def test_every_technique_without_a_rule_has_a_reason_and_no_other() -> None:
    assert set(reasons()) == {entry.id for entry in uncovered(load_rules())}
