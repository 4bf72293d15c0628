"""Reads lists of suppressions, in a site file or in a file of their own.

suppressions:
- id: weekly-scan
  reason: IT scans for vulnerabilities on Sundays, ticket 4711
  author: Li Wei
  expires: 2027-03-31
  rules: [port-scan]
  where:
    source.ip: 10.0.3.9
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rules.expression import And, Expression, Not, both, fields_of
from rules.fields import FIELDS, Category
from rules.language.detection import read_identifier
from rules.language.problems import Problem, RuleError, suggestion
from rules.language.source import Trail, read_source
from rules.rule import AnyRule
from rules.site.entries import Entries
from rules.site.suppression import Suppression

MOST_BYTES = 1 << 20
MOST_VALUES = 50_000
_KEYS = ("id", "reason", "author", "expires", "rules", "where", "unless")
_CATEGORIES: tuple[Category, ...] = ("behaviour", "asset")


class SuppressionError(RuleError):
    """A list of suppressions cannot be used; `problems` says why, all that was found at once."""


def load_suppressions(path: Path) -> tuple[Suppression, ...]:
    """The suppressions of a file. Raises SuppressionError."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        problem = Problem(path, 0, 0, f"cannot be read: {error.strerror}", "suppressions")
        raise SuppressionError([problem]) from None
    except UnicodeDecodeError:
        problem = Problem(path, 0, 0, "not UTF-8; save the file as UTF-8", "suppressions")
        raise SuppressionError([problem]) from None
    return suppressions_of_text(text, path)


def suppressions_of_text(text: str, path: Path) -> tuple[Suppression, ...]:
    """The suppressions in `text`; `path` names it in errors. Raises SuppressionError."""
    hint = "a list of suppressions begins with `suppressions:`"
    try:
        source = read_source(text, path, hint, MOST_BYTES, MOST_VALUES)
    except RuleError as error:
        raise SuppressionError(_marked(error.problems)) from None
    reader = SuppressionReader(source)
    document = reader.map((), source.value, ("suppressions",), ("suppressions",))
    found = reader.read(("suppressions",), document.get("suppressions"))
    if source.problems:
        raise SuppressionError(_marked(source.problems))
    return found


def expired(suppressions: Iterable[Suppression], path: Path, now_ns: int) -> Iterator[Problem]:
    """Those that have ended: they hide nothing any more and only puzzle the reader."""
    for item in suppressions:
        if item.expires_ns <= now_ns:
            text = (
                f"the suppression {item.id!r} has expired; take it out, or renew it if its reason still holds"
            )
            yield Problem(path, item.line, 1, text, "suppressions")


def unknown_rules(
    suppressions: Iterable[Suppression], path: Path, rules: Iterable[AnyRule]
) -> Iterator[Problem]:
    """Names in the lists that no rule has: nothing would be suppressed."""
    known = {name for rule in rules for name in (rule.id, rule.name)}
    for item in suppressions:
        for name in sorted(item.rules - known):
            text = f"{item.id}: there is no rule {name!r}{suggestion(name, known)}"
            yield Problem(path, item.line, 1, text, "suppressions")


def _marked(problems: Iterable[Problem]) -> Iterator[Problem]:
    return (Problem(item.path, item.line, item.column, item.text, "suppressions") for item in problems)


class SuppressionReader(Entries):
    """Reads a list of suppressions out of a source."""

    def read(self, trail: Trail, value: Any) -> tuple[Suppression, ...]:
        """The suppressions that stand there."""
        found = tuple(self.each(trail, value, self._suppression))
        self.once("suppression", [((*trail, place), item.id) for place, item in enumerate(found)])
        return found

    def _suppression(self, trail: Trail, value: Any) -> Suppression | None:
        entry = self.map(trail, value, _KEYS, ("id", "reason", "author", "expires"))
        texts = {key: self.text((*trail, key), entry.get(key)) for key in ("id", "reason", "author")}
        expires = self.moment((*trail, "expires"), entry.get("expires"))
        rules = frozenset(
            self.each((*trail, "rules"), entry.get("rules"), lambda at, name: self.text(at, name) or None)
        )
        if entry and not rules and not entry.get("where"):
            self.say(trail, "a suppression needs `rules` or `where`: it would silence everything")
        parts: list[Expression] = []
        for key in ("where", "unless"):
            if entry.get(key) is not None:
                part = read_identifier(self.source, (*trail, key), entry[key])
                if part is not None:
                    parts.append(Not(part) if key == "unless" else part)
        if not texts["id"] or expires is None:
            return None
        covers: Expression = both(*parts) if parts else And(())
        asked = fields_of(covers)
        categories = [each for each in _CATEGORIES if all(each in FIELDS[name].categories for name in asked)]
        if asked and not categories:
            self.say(trail, "it asks about traffic and about assets at once: no alert has the fields of both")
        line = self.source.place(trail)[0]
        return Suppression(
            texts["id"],
            texts["reason"],
            texts["author"],
            expires,
            rules,
            dict.fromkeys(categories, covers),
            line,
        )
