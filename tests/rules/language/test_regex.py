import re
import time

import pytest

from rules.language.regex import LONGEST_TEXT, UnsafeExpression, compiled

NONE = re.RegexFlag(0)


@pytest.mark.parametrize(
    "expression",
    [
        r"^DB\d+\.DBX\d+$",
        "PLC_[0-9]{1,3}",
        "a.*b.*c",
        "^(stop|start) (all|one)",
        r"(\d{1,3}\.){3}\d{1,3}",
        "(?:ab)+c",
    ],
)
def test_ordinary_expressions_are_accepted(expression: str) -> None:
    assert compiled(expression, NONE).pattern == expression


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("(a+)+b", "repetition inside a repetition"),
        ("(a|b?)*c", "repetition inside a repetition"),
        ("(a|ab)+c", "repetition inside a repetition"),
        ("(.*)*x", "repetition inside a repetition"),
        ("a*b*c*d*x", "could take very long"),
        ("(a*){8}x", "could take very long"),
        (r"(a)\1", "references to groups"),
        ("a(", "not a valid regular expression"),
        ("x" * 300, "at most 256"),
        ("a*", "found in every text"),
        ("", "found in every text"),
        ("(" * 120 + "a" + ")" * 120 + "{99999999999}", "not a valid"),
    ],
)
def test_dangerous_expressions_are_refused(expression: str, words: str) -> None:
    with pytest.raises(UnsafeExpression) as caught:
        compiled(expression, NONE)
    assert words in str(caught.value)


def test_what_is_accepted_stays_fast_on_hostile_text() -> None:
    pattern = compiled("a.*a.*b", NONE)
    start = time.perf_counter()
    assert not pattern.search("a" * 10_000, 0, LONGEST_TEXT)
    assert time.perf_counter() - start < 1.0
