"""Sigma text values: `*` and `?` are wildcards, a backslash makes them plain.

Sigma specification 2.0, "Wildcards" and "Escaping": `\\*`, `\\?` and `\\\\` stand for `*`, `?` and a
backslash; a backslash before anything else is a plain backslash.
"""

from __future__ import annotations

from rules.expression import Exists, Expression, Like, OneOf, Pattern, Wild

_WILD = {"*": Wild.ANY, "?": Wild.ONE}


def pattern_of(text: str) -> Pattern:
    """The pattern that a Sigma text value stands for."""
    parts: list[str | Wild] = []
    place = 0
    while place < len(text):
        letter = text[place]
        if letter == "\\" and text[place + 1 : place + 2] in ("*", "?", "\\"):
            place += 1
            _add(parts, text[place])
        else:
            _add(parts, _WILD.get(letter, letter))
        place += 1
    return tuple(parts)


def _add(parts: list[str | Wild], part: str | Wild) -> None:
    last = parts[-1] if parts else None
    if isinstance(part, str) and isinstance(last, str):
        parts[-1] = last + part
    elif part is not Wild.ANY or last is not Wild.ANY:
        parts.append(part)


def joined(*patterns: Pattern) -> Pattern:
    """These patterns one after the other."""
    parts: list[str | Wild] = []
    for pattern in patterns:
        for part in pattern:
            _add(parts, part)
    return tuple(parts)


def text_predicate(field: str, pattern: Pattern, cased: bool) -> Expression:
    """The simplest predicate that says that the field fits the pattern."""
    if not cased:
        pattern = tuple(part.casefold() if isinstance(part, str) else part for part in pattern)
    if pattern == (Wild.ANY,):
        return Exists(field)
    if all(isinstance(part, str) for part in pattern):
        return OneOf(field, frozenset({"".join(part for part in pattern if isinstance(part, str))}), cased)
    return Like(field, pattern, cased)
