import pytest

from rules.expression import Exists, Like, OneOf, Wild
from rules.language.wildcards import joined, pattern_of, text_predicate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ("plain",)),
        ("a*b?c", ("a", Wild.ANY, "b", Wild.ONE, "c")),
        ("a**b", ("a", Wild.ANY, "b")),
        # The table of Sigma specification 2.0, "Escaping".
        (r"\*", ("*",)),
        (r"\?", ("?",)),
        (r"\\", ("\\",)),
        (r"\\*", ("\\", Wild.ANY)),
        (r"\\\*", (r"\*",)),
        (r"C:\Windows", (r"C:\Windows",)),
        (r"end\\", ("end\\",)),
        ("end\\", ("end\\",)),
    ],
)
def test_pattern_of_sigma_text(text: str, expected: tuple[object, ...]) -> None:
    assert pattern_of(text) == expected


def test_joined_patterns_have_no_double_wildcards() -> None:
    assert joined((Wild.ANY,), pattern_of("*a*"), (Wild.ANY,)) == (Wild.ANY, "a", Wild.ANY)


def test_simplest_predicate_is_chosen() -> None:
    assert text_predicate("f", ("ABC",), False) == OneOf("f", frozenset({"abc"}))
    assert text_predicate("f", ("ABC",), True) == OneOf("f", frozenset({"ABC"}), True)
    assert text_predicate("f", (Wild.ANY,), False) == Exists("f")
    assert text_predicate("f", (Wild.ONE,), False) == Like("f", (Wild.ONE,))
