import pytest

from rules.expression import And, Exists, Not, Or
from rules.language.condition import ConditionError, parse_condition

A, B, C, D, HIDDEN = (Exists(name) for name in "abcdh")
IDENTIFIERS = {"sel_a": A, "sel_b": B, "filter": C, "d": D, "_hidden": HIDDEN}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sel_a", A),
        ("sel_a and sel_b", And((A, B))),
        ("sel_a or sel_b and filter", Or((A, And((B, C))))),
        ("(sel_a or sel_b) and filter", And((Or((A, B)), C))),
        ("not sel_a and sel_b", And((Not(A), B))),
        ("not (sel_a and sel_b)", Not(And((A, B)))),
        ("not not sel_a", Not(Not(A))),
        ("1 of sel_*", Or((A, B))),
        ("any of sel_*", Or((A, B))),
        ("all of sel_* and not filter", And((A, B, Not(C)))),
        ("1 of them", Or((A, B, C, D))),
        ("all of them", And((A, B, C, D))),
        ("1 of _*", HIDDEN),
        ("not 1 of sel_*", Not(Or((A, B)))),
        ("sel_a AND NOT filter", And((A, Not(C)))),
        ("sel_a\n  and sel_b", And((A, B))),
    ],
)
def test_grammar(text: str, expected: object) -> None:
    assert parse_condition(text, IDENTIFIERS)[0] == expected


@pytest.mark.parametrize(
    ("text", "words", "offset"),
    [
        ("", "ends where a search identifier", 0),
        ("sel_a and", "ends where a search identifier", 9),
        ("sel_a sel_b", "'and' or 'or' is missing before 'sel_b'", 6),
        ("(sel_a", "never closed", 0),
        ("sel_a)", "without a (", 5),
        ("and sel_a", "not 'and'", 0),
        ("sel_x", "no search identifier 'sel_x'; did you mean 'sel_", 0),
        ("sel_*", "write '1 of sel_*'", 0),
        ("1 of other*", "no search identifier fits 'other*'", 5),
        ("2 of sel_*", "'2 of' is not supported", 0),
        ("all of", "after 'of'", 6),
        ("sel_a | count() > 5", "old Sigma syntax", 6),
        ("not " * 50 + "sel_a", "deeper than 20", 80),
        ("sel_a or " * 400 + "sel_b", "more than 500 words", 2250),
    ],
)
def test_errors_say_what_and_where(text: str, words: str, offset: int) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text, IDENTIFIERS)
    assert words in str(caught.value)
    assert caught.value.offset == offset


def test_used_identifiers() -> None:
    assert parse_condition("sel_a and 1 of sel_*", IDENTIFIERS)[1] == {"sel_a", "sel_b"}
