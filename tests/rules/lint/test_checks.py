# ruff: noqa: E501  a table of findings reads best with one finding a line
from pathlib import Path

import pytest
from rule_texts import RULE, rule_text

from rules.language.loader import load_file
from rules.lint.checks import CHECKS, lint

GOOD = (
    rule_text(
        fieldwatch="""
        advice: Find out who did it.
        advice_zh: 查明是谁操作的。
        tests:
          - {name: a stop, fires: true, documents: [{ics.operation: stop}]}
          - {name: a read, fires: false, documents: [{ics.operation: read}]}
        """
    )
    .replace("description: A client stopped a controller.", "description: A client sent a stop to a controller, which halts it.")
    .replace("{source.ip}", "{source.ip}")
)  # fmt: skip


def findings(
    folder: Path, text: str = GOOD, name: str = "controller-stopped.yaml", place: str = "network"
) -> list[str]:
    path = folder / place / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return [str(problem).replace(f"{folder}/", "") for problem in lint([load_file(path)])]


def test_a_good_rule_passes(tmp_path: Path) -> None:
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("title: Controller", "title: controller", "network/controller-stopped.yaml:1:1: a title begins with a capital letter [title-form]"),
        ("over the network\n", "over the network.\n", "1:1: a title has no full stop"),
        ("title: Controller stopped over the network", "title: Bad weather in the north", "no word in common [file-name]"),
        ("3f6c1f0e-6c1b-4a44", "3f6c1f0e-6c1b-1a44", "2:1: the id is not a random UUID (version 4)"),
        ("A client sent a stop to a controller, which halts it.", "Stop.", "4:1: say in a sentence or two"),
        ("控制器被远程停止", "Controller stopped", "18:3: title_zh holds no Chinese"),
        ("Find out who did it.", "查明", "advice holds Chinese"),
        ('"{source.ip} stopped {destination.ip}"', "It stopped", "names no machine"),
        ("停止了 {destination.ip}", "停止了", "message_zh lacks destination.ip"),
        ("  advice_zh: 查明是谁操作的。\n", "", "17:1: a rule of level high needs the key advice_zh"),
        ("[Maintenance]", "[Unknown]", "15:18: 'Unknown' helps nobody"),
        ("condition: selection", "condition: not selection", "holds even of a document without any field"),
        ("ics.operation: stop", "baseline.new_asset: true", "needs `requires: [baseline]`"),
        ("tags: [attack.t0858, attack.execution]", "tags: []", "names an ATT&CK technique"),
        ("attack.execution", "attack.discovery", "7:22: no technique of this rule belongs to discovery; theirs are evasion, execution"),
        ("fires: false", "fires: true", "no test in which the rule is silent"),
        ("{ics.operation: read}", "{ics.operation: stop}", "'a read' fails: the rule fires [tests-pass]"),
        ("documents: [{ics.operation: stop}]", "documents: [{ics.operation: read}]", "ics.operation is read, the rule wants stop"),
        ("a read", "a stop", "two tests are named 'a stop'"),
    ],
)  # fmt: skip
def test_each_finding(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in GOOD
    found = findings(tmp_path, GOOD.replace(before, after, 1))
    assert any(expected in text for text in found), found


def test_names_that_the_protocol_does_not_have(tmp_path: Path) -> None:
    text = GOOD.replace("category: behaviour", "category: behaviour\n  service: modbus")
    text = text.replace(
        "ics.operation: stop\n", "ics.function: [Write Single Coil, Write Single Coal, Function 99]\n", 1
    )
    found = findings(tmp_path, text, place="modbus")
    assert any("modbus has no ics.function 'write single coal'" in item for item in found)
    assert not any("'write single coil'" in item or "'function 99'" in item for item in found)


def test_drafts_may_do_without_tests(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("  tests:")]
    assert len(findings(tmp_path, text)) == 2
    assert findings(tmp_path, text.replace("stable", "experimental")) == []


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("ControllerStopped.yaml", "network", "[file-name]"),
        ("controller-stopped.yml", "network", "ends with .yaml"),
        ("controller-stopped.yaml", "modbus", "belongs into the folder 'network'"),
    ],
)
def test_names_of_files_and_folders(tmp_path: Path, name: str, place: str, expected: str) -> None:
    assert any(expected in text for text in findings(tmp_path, name=name, place=place))


def test_a_set_has_distinct_names_and_detections(tmp_path: Path) -> None:
    paths = [
        tmp_path / "network" / "controller-stopped.yaml",
        tmp_path / "network" / "controller-was-stopped.yaml",
    ]
    paths[0].parent.mkdir()
    paths[0].write_text(GOOD, "utf-8")
    paths[1].write_text(GOOD.replace("3f6c1f0e", "3f6c1f0f"), "utf-8")
    found = "\n".join(map(str, lint([load_file(path) for path in paths])))
    assert "has the same title [distinct-names]" in found
    assert "has the same title_zh" in found
    assert "looks for exactly the same [distinct-detection]" in found


def test_check_names_are_distinct_and_explained() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.__doc__ for check in CHECKS)


def test_minimal_rule_lacks_what_only_lint_asks_for(tmp_path: Path) -> None:
    assert {text.rpartition("[")[2] for text in findings(tmp_path, RULE)} == {
        "advice]",
        "description]",
        "has-tests]",
    }
