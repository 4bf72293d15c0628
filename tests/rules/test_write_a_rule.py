"""What docs/write-a-rule.md shows must work as shown."""

import re
from pathlib import Path

import pytest

from rules.fields import FIELDS
from rules.language.loader import load_file, load_rules
from rules.language.modifiers import MODIFIERS
from rules.lint.checks import lint
from rules.selftest import run_tests

TEXT = (Path(__file__).parents[2] / "docs" / "write-a-rule.md").read_text("utf-8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "modbus" / "boiler-setpoint-written.yaml"
    path.parent.mkdir()
    path.write_text(blocks[0], "utf-8")
    return path


def test_the_rule_of_the_page_is_clean_and_its_tests_pass(path: Path) -> None:
    rule = load_file(path)
    assert lint([rule]) == []
    results = list(run_tests([rule]))
    assert [result.passed for result in results] == [True] * 3


def test_the_correlation_of_the_page_is_clean_but_for_its_tests(path: Path) -> None:
    base = path.with_name("exception-answered.yaml")
    base.write_text(path.read_text("utf-8").replace("8a7c5b0e", "8a7c5b0f"), "utf-8")
    many = path.with_name("client-tries-out-functions.yaml")
    many.write_text(re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1], "utf-8")
    rules = load_rules([base, many])
    assert {problem.check for problem in lint(rules) if problem.path == many} == {"has-tests"}


def test_every_modifier_is_explained() -> None:
    assert all(f"`{modifier}`" in TEXT for modifier in MODIFIERS)


def test_fields_that_the_page_names_exist() -> None:
    named = set(re.findall(r"\b(?:ics|source|destination|baseline|asset)\.[a-z_]+\b", TEXT))
    assert named - {"ics.operaton", "baseline.md"} <= set(FIELDS)
