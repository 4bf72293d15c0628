"""Whatever a person at a page can be refused is said in Chinese too, with the values it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import console
from console.web.refusals import told
from console.web.role_reasons import reason_told
from console.web.technique_names import TECHNIQUES
from rules.attack import attack_table
from sensor import roles

CONSOLE = Path(console.__file__).parent
PLACES = ("store", "auth", "web/pages", "fleet/teaching.py", "api/session.py")
"""Where what a page shows is refused."""
ERRORS = {"NotFound", "Conflict", "QueryRefused", "Forbidden", "PasswordRefused", "LoginRefused"}
ERRORS |= {"HTTPException", "NotAcceptable"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def sentence_of(node: ast.expr) -> str | None:
    """The text of a message in the source, `x` standing for each value; None for one made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None


def raised(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = getattr(node.exc.func, "id", "")
            texts = [sentence_of(argument) for argument in node.exc.args]
            if name in ERRORS:
                yield from (text for text in texts if text)


def test_every_refusal_of_the_console_is_translated() -> None:
    files = [file for place in PLACES for file in (CONSOLE / place, *(CONSOLE / place).rglob("*.py"))]
    messages = {text for file in files if file.is_file() for text in raised(file)}
    assert len(messages) > 40
    assert {text for text in messages if not CHINESE.search(told("zh", text))} == set()


def test_values_are_kept_and_words_among_them_translated() -> None:
    assert told("zh", "there is a user wang already") == "用户 wang 已存在"
    assert told("zh", "password: shorter than 12 characters") == "密码：少于 12 个字符"
    assert told("zh", "this needs the role admin") == "该操作需要“管理员”角色"
    assert told("en", "this needs the role admin") == "this needs the role Administrator"


def test_an_unknown_message_is_shown_as_it_is() -> None:
    assert told("zh", "rules/x.yaml:3:1: unknown field") == "rules/x.yaml:3:1: unknown field"
    assert told("zh", "there is no alert %(id)s {0}") == "不存在告警 %(id)s {0}"
    assert told("zh", "") == ""


def test_every_reason_of_the_sensor_for_a_role_is_translated() -> None:
    """The last argument of each judgement in the source of `sensor.roles`."""
    reasons = set()
    for node in ast.walk(ast.parse(Path(roles.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Judgement" and len(node.args) == 5:
            reasons.add(sentence_of(node.args[4]))
    reasons |= {name.replace("_", " ") for name in roles.CAPABILITIES}
    reasons.discard(None)
    assert len(reasons) > 15
    assert {text for text in reasons if text and not CHINESE.search(reason_told("zh", text))} == set()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("model says '6ES7 315'", "型号中含有 '6ES7 315'"),
        ("does engineering: program_download, stop", "执行工程操作：程序下载, 停止"),
    ],
)
def test_a_reason_keeps_what_it_names(reason: str, expected: str) -> None:
    assert reason_told("zh", reason) == expected


def test_the_names_of_techniques_are_those_of_the_table() -> None:
    assert set(TECHNIQUES) == {name for entry in attack_table().distinct() for name in entry.names}
