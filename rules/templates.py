"""Message templates: text with fields in braces, such as `{source.name|source.ip} stopped it`.

Of several fields with bars between them the first that is present is shown; where none is, a word
for "unknown" in the template's language. Parentheses hold what is good to know: in them, fields that
are absent are left out, and parentheses about nothing else with them. Doubled braces stand for
themselves. A blank beside a field sets off Latin letters and digits in Chinese; between two Chinese
words it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rules.words import spoken

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SPACED = re.compile(r"\{\{|\}\}|(?P<before> ?)\{(?P<names>[^{}]*)\}(?P<after> ?)|[{}]")
_IDEOGRAPH = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
_ASIDE = re.compile(r" ?(?:\([^()]*\)|（[^（）]*）)")
_FIELD = re.compile(r" ?(?<!\{)\{([^{}]+)\}(?!\})")
UNKNOWN = {"en": "unknown", "zh": "未知"}
LONGEST_VALUE = 200


def placeholders(template: str) -> list[str]:
    """The fields that a template names, in order. Raises ValueError on unpaired or empty braces."""
    found: list[str] = []
    for match in _PART.finditer(template):
        if match.group() in ("{{", "}}"):
            continue
        inside = match.group(1)
        if inside is None:
            raise ValueError(f"unpaired {match.group()!r}; write {match.group() * 2!r} for the brace itself")
        names = [name.strip() for name in inside.split("|")]
        if not all(names):
            raise ValueError("empty braces; a field name such as {source.ip} belongs inside")
        found.extend(names)
    return found


def render(template: str, value: Callable[[str], Any], language: str = "en") -> str:
    """The template with the value of each field; `value` gives None where a field is absent.

    Long values are cut, line breaks and control characters become blanks: a message is one line,
    whatever came from the network.
    """

    def first(names: str) -> Any:
        for name in map(str.strip, names.split("|")):
            found = value(name)
            if found is not None:
                return spoken(name, found, language, value("asset.change"))
        return None

    def replace(match: re.Match[str]) -> str:
        if match.group() in ("{{", "}}"):
            return match.group()[0]
        if match["names"] is None:
            return match.group()
        found = first(match["names"])
        text = UNKNOWN[language] if found is None else shown(found)
        before, after = match["before"], match["after"]
        if language == "zh" and text:
            outside = match.string[max(0, match.start() - 1) : match.start()], match.string[match.end() :][:1]
            before = "" if _are_chinese(outside[0], text[0]) else before
            after = "" if _are_chinese(text[-1], outside[1]) else after
        return f"{before}{text}{after}"

    def shorten(match: re.Match[str]) -> str:
        fields = [first(names) for names in _FIELD.findall(match.group())]
        if fields and all(found is None for found in fields):
            return ""
        return _FIELD.sub(
            lambda field: "" if field.group()[0] == " " and first(field[1]) is None else field.group(),
            match.group(),
        )

    return _SPACED.sub(replace, _ASIDE.sub(shorten, template))


def _are_chinese(*letters: str) -> bool:
    return all(_IDEOGRAPH.fullmatch(letter) for letter in letters)


def shown(value: Any) -> str:
    """A field's value as people read it: whole numbers without a point, lists with commas."""
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
