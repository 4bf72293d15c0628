"""The tests that a rule carries: every field of their documents is checked like the rule's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.fields import FIELDS, Category, RuleField, fields_of
from rules.language.detection import unknown_field
from rules.language.model import TestModel
from rules.language.source import Source, Trail
from rules.rule import RuleTest

EXTRAS = ("@timestamp", "behaviour.count", "behaviour.first_seen", "behaviour.last_seen", "evidence.frames")
"""Fields of test documents that rules cannot ask about; they shape the alert."""


def read_tests(
    source: Source, models: Sequence[TestModel], category: Category | None, defaults: Mapping[str, Any]
) -> tuple[RuleTest, ...]:
    """The tests of a rule, after complaining to `source` about what is wrong with them.

    `category` is None for correlations, whose rules decide. `defaults` are fields that every
    document has unless it says otherwise.
    """
    known = fields_of(category) if category else FIELDS
    tests = []
    for place, test in enumerate(models):
        trail: Trail = ("fieldwatch", "tests", place)
        if (test.documents is None) == (test.capture is None):
            source.complain(trail, "a test has either documents or a capture")
        documents = []
        for number, document in enumerate(test.documents or ()):
            found: dict[str, Any] = {}
            below = (*trail, "documents", number)
            _read(source, below, document, "", found, known, category or "behaviour")
            documents.append({**defaults, **found})
        tests.append(RuleTest(test.name, test.fires, tuple(documents), test.capture))
    return tuple(tests)


def _read(
    source: Source,
    trail: Trail,
    document: dict[str, Any],
    prefix: str,
    found: dict[str, Any],
    known: dict[str, RuleField],
    category: Category,
) -> None:
    for key, value in document.items():
        below, name = (*trail, key), prefix + key
        if isinstance(value, dict):
            _read(source, below, value, f"{name}.", found, known, category)
        elif name in EXTRAS:
            found[name] = value
        elif name not in known:
            source.complain(below, unknown_field(name, category), True)
        else:
            complaint = wrong_value(known[name], value)
            if complaint:
                source.complain(below, complaint)
            found[name] = value


def wrong_value(field: RuleField, value: Any) -> str:
    """What is wrong with a document's value of this field; empty if nothing is."""
    if isinstance(value, list):
        return next(filter(None, (wrong_value(field, item) for item in value)), "")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.type == "boolean":
        good, kind = isinstance(value, bool), "true or false"
    elif field.type == "integer":
        good, kind = number and float(value).is_integer(), "a whole number"
    elif field.type == "real":
        good, kind = number, "a number"
    else:
        good, kind = isinstance(value, str) and bool(value), "text (put quotes around it)"
    if not good:
        return f"{field.name} is {kind}, not {value!r}; leave the field out where it is absent"
    if field.values and value not in field.values:
        return f"{field.name} is never {value!r}; it is one of {', '.join(field.values)}"
    return ""
