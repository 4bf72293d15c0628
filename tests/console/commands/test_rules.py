import json
from pathlib import Path

import pytest
from rule_texts import RULE, rule_text
from typer.testing import CliRunner

from console.commands.rules import app

RUNNER = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "network" / "controller-stopped.yaml"
    path.parent.mkdir()
    tests = "tests: [{name: stop, fires: true, documents: [{ics.operation: stop}]}]"
    path.write_text(rule_text(fieldwatch=tests), "utf-8")
    return tmp_path


def test_lint_says_where_and_ends_with_one(folder: Path) -> None:
    result = RUNNER.invoke(app, ["lint", str(folder)])
    assert result.exit_code == 1
    assert "controller-stopped.yaml:17:1: a rule of level high needs the key advice [advice]" in result.output
    assert "1 rule, 4 problems" in result.output


def test_lint_of_a_broken_file(folder: Path) -> None:
    (folder / "broken.yaml").write_text(RULE.replace("level: high", "level: hi"), "utf-8")
    result = RUNNER.invoke(app, ["lint", str(folder / "broken.yaml")])
    assert result.exit_code == 1
    assert "broken.yaml:16:8: level cannot be 'hi'; did you mean 'high'?" in result.output


def test_tests_are_run(folder: Path) -> None:
    result = RUNNER.invoke(app, ["test", str(folder), "-v"])
    assert result.exit_code == 0
    assert "1 rule: 1 test passed, 0 failed" in result.output
    path = folder / "network" / "controller-stopped.yaml"
    path.write_text(path.read_text("utf-8").replace("fires: true", "fires: false"), "utf-8")
    result = RUNNER.invoke(app, ["test", str(folder)])
    assert result.exit_code == 1
    assert "FAILED" in result.output
    assert "the rule fires" in result.output


def test_list(folder: Path) -> None:
    result = RUNNER.invoke(app, ["list", str(folder), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["techniques"] == ["T0858"]
    assert "controller-stopped" in RUNNER.invoke(app, ["list", str(folder)]).output


def test_what_is_not_there(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["lint", str(tmp_path / "absent")])
    assert result.exit_code == 1
    assert "no such file or folder" in result.output
    assert "no rules there" in RUNNER.invoke(app, ["lint", str(tmp_path)]).output


def test_schema_and_fields_are_printed() -> None:
    assert json.loads(RUNNER.invoke(app, ["schema"]).output)["title"] == "Fieldwatch rule"
    assert RUNNER.invoke(app, ["fields"]).output.startswith("# Fields\n")
