"""Sentences that were said in English elsewhere, found again with the values they hold."""

from __future__ import annotations

import re
from functools import cache

PLACE = re.compile(r"%\((\w+)\)s")


def found(sentences: tuple[str, ...], message: str) -> tuple[str, dict[str, str]] | None:
    """The first of `sentences` (with `%(name)s` places) that `message` is, and what fills its places."""
    for pattern, sentence in _patterns(sentences):
        match = pattern.fullmatch(message)
        if match:
            return sentence, match.groupdict()
    return None


@cache
def _patterns(sentences: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    made = []
    for sentence in sentences:
        parts = PLACE.split(sentence)
        text = "".join(
            f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
        )
        made.append((re.compile(text, re.DOTALL), sentence))
    return tuple(made)
