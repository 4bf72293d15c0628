"""What a rule's detection means: a tree of and, or, not over predicates on one field each.

Everything is immutable and compares by value, so that equal predicates of different rules are
found to be the same and are evaluated once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias


class Wild(Enum):
    """Sigma's wildcards: any text, possibly empty, and any one character."""

    ANY = "*"
    ONE = "?"


Pattern: TypeAlias = tuple["str | Wild", ...]
"""Text with wildcards in it; adjacent literals are joined."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field equals one of these texts. Folded texts unless `cased`."""

    field: str
    values: frozenset[str]
    cased: bool = False


@dataclass(frozen=True, slots=True)
class NumberOneOf:
    """The field equals one of these numbers."""

    field: str
    values: frozenset[float]


@dataclass(frozen=True, slots=True)
class Is:
    """The field is present and true, or present and false."""

    field: str
    value: bool


@dataclass(frozen=True, slots=True)
class Like:
    """The whole text fits a pattern. A folded pattern unless `cased`."""

    field: str
    pattern: Pattern
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression is found in the text."""

    field: str
    expression: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Inside:
    """The address lies in this network."""

    field: str
    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Compares:
    """The number is less than, at most, greater than, at least `bound`."""

    field: str
    how: Literal["lt", "lte", "gt", "gte"]
    bound: float


@dataclass(frozen=True, slots=True)
class Exists:
    """The field is present."""

    field: str


@dataclass(frozen=True, slots=True)
class SameAs:
    """Both fields are present and equal. Without regard to case unless `cased`."""

    field: str
    other: str
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (which includes that its field is absent)."""

    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; true when there is none."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; false when there is none."""

    parts: tuple[Expression, ...]


Predicate: TypeAlias = OneOf | NumberOneOf | Is | Like | Matches | Inside | Compares | Exists | SameAs
Expression: TypeAlias = Predicate | Not | And | Or


def both(*parts: Expression) -> Expression:
    """All of these; nested conjunctions are flattened, a single part stands for itself."""
    flat: list[Expression] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, And) else (part,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def either(*parts: Expression) -> Expression:
    """At least one of these; equalities on the same field become one."""
    flat: list[Expression] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Or) else (part,))
    merged: list[Expression] = []
    for part in flat:
        for place, earlier in enumerate(merged):
            joined = _joined(earlier, part)
            if joined is not None:
                merged[place] = joined
                break
        else:
            merged.append(part)
    return merged[0] if len(merged) == 1 else Or(tuple(merged))


def _joined(first: Expression, second: Expression) -> Expression | None:
    if first == second:
        return first
    if isinstance(first, OneOf) and isinstance(second, OneOf):
        if (first.field, first.cased) == (second.field, second.cased):
            return OneOf(first.field, first.values | second.values, first.cased)
    if isinstance(first, NumberOneOf) and isinstance(second, NumberOneOf) and first.field == second.field:
        return NumberOneOf(first.field, first.values | second.values)
    return None


def predicates(expression: Expression) -> Iterator[Predicate]:
    """Every predicate of the tree, left to right, repeats included."""
    if isinstance(expression, And | Or):
        for part in expression.parts:
            yield from predicates(part)
    elif isinstance(expression, Not):
        yield from predicates(expression.part)
    else:
        yield expression


def fields_of(expression: Expression) -> set[str]:
    """The names of all fields that the tree asks about."""
    found = set()
    for predicate in predicates(expression):
        found.add(predicate.field)
        if isinstance(predicate, SameAs):
            found.add(predicate.other)
    return found
