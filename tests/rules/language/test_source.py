from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.language.problems import RuleError
from rules.language.source import read_source

PATH = Path("x.yaml")


def value_of(text: str) -> object:
    return read_source(text, PATH).value


def test_scalars_follow_yaml_1_2() -> None:
    text = "a: yes\nb: 00:11:22\nc: 0x1F\nd: 1e3\ne: ~\nf: true\ng: 010\nh: 2026-11-22\ni: '5'\nj: -7\nk: 1.5"
    assert value_of(text) == {
        "a": "yes", "b": "00:11:22", "c": 31, "d": 1000.0, "e": None, "f": True,
        "g": "010", "h": "2026-11-22", "i": "5", "j": -7, "k": 1.5,
    }  # fmt: skip


def test_places_of_keys_and_values() -> None:
    source = read_source("a:\n  b:\n    - x\n    - y\n", PATH)
    assert source.place(("a", "b", 1)) == (4, 7)
    assert source.place(("a", "b"), at_key=True) == (2, 3)
    assert source.place(("a", "missing", "deeper")) == (2, 3)


def test_duplicate_key() -> None:
    source = read_source("a: 1\nb: 2\na: 3\n", PATH)
    assert str(source.problems[0]).startswith(
        "x.yaml:3:1: the key 'a' stands here a second time (first in line 1)"
    )


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", ":1:1:", "empty"),
        ("a: &x 1\nb: *x\n", ":1:4:", "anchors and aliases"),
        ("a: *stop\n", ":1:4:", "anchors and aliases"),
        ("a: !!python/object:os.system x\n", ":1:4:", "tag"),
        ("a: 1\n---\nb: 2\n", ":2:1:", "second document"),
        ("[" * 10_000, ":1:25:", "deeper than 24"),
        ("{a: " * 10_000, ":", "deeper than 24"),
        ("- 1\n" * 30_000, ":", "more than 20000"),
        ("#" * 300_000, "", "larger than 256 KiB"),
        ("a: b: c\n", ":1:5:", "not valid YAML"),
        ("a:\n\tb: 1\n", ":2:1:", "tabs are not allowed"),
        ("a: \x00", "", "not valid YAML"),
        ("? [a]\n: 1\n", None, ""),
    ],
)
def test_hostile_yaml_is_refused_with_a_place(text: str, place: str | None, words: str) -> None:
    if place is None:
        assert "a key must be plain text" in str(read_source(text, PATH).problems[0])
        return
    with pytest.raises(RuleError) as caught:
        read_source(text, PATH)
    assert place in str(caught.value)
    assert words in str(caught.value)


@given(st.text(max_size=200))
def test_arbitrary_text_is_a_value_or_a_rule_error(text: str) -> None:
    with suppress(RuleError):
        read_source(text, PATH)
