"""What docs/write-a-rule.md shows must work as shown."""

import re
from pathlib import Path

import pytest

from rules.fields import FIELDS
from rules.language.loader import load_file
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


def test_every_modifier_is_explained() -> None:
    assert all(f"`{modifier}`" in TEXT for modifier in MODIFIERS)


def test_fields_that_the_page_names_exist() -> None:
    named = set(re.findall(r"\b(?:ics|source|destination|baseline|asset)\.[a-z_]+\b", TEXT)) - {
        "ics.operaton"
    }
    assert named <= set(FIELDS)
