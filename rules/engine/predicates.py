"""Evaluates one predicate over a whole table: text once for each distinct value, numbers vectorised."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

import numpy as np

from rules.expression import (
    Compares,
    Exists,
    Inside,
    Is,
    Like,
    Matches,
    NumberOneOf,
    OneOf,
    Pattern,
    Predicate,
    SameAs,
    Wild,
)
from rules.language.regex import LONGEST_TEXT
from rules.table import Column, Flags, Mask, Numbers, Table, Texts

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge}


def evaluate(predicate: Predicate, table: Table, within: Mask | None = None) -> Mask:
    """For each row of the table whether the predicate holds; an absent field never does.

    Only rows `within` matter, where that is given.
    """
    column = table.column(predicate.field)
    if column is None:
        return np.zeros(table.rows, np.bool_)
    if isinstance(predicate, Exists):
        return column.present
    if isinstance(predicate, SameAs):
        other = table.column(predicate.other)
        return np.zeros(table.rows, np.bool_) if other is None else _same(column, other, predicate.cased)
    if isinstance(column, Texts):
        if within is not None:
            column = column.within(within)
        return column.rows_with(_hits(predicate, column))
    if isinstance(column, Numbers):
        if isinstance(predicate, NumberOneOf):
            return np.isin(column.values, list(predicate.values)) & column.present
        if isinstance(predicate, Compares):
            return np.asarray(_COMPARE[predicate.how](column.values, predicate.bound)) & column.present
    elif isinstance(predicate, Is):
        return (column.values if predicate.value else ~column.values) & column.present
    raise TypeError(f"{predicate} cannot be asked of a column of {type(column).__name__}")


def cost(predicate: Predicate) -> int:
    """Predicates with a smaller number are evaluated first."""
    if is_dear(predicate):
        return 4
    if isinstance(predicate, Matches | SameAs | Inside):
        return 3
    return 2 if isinstance(predicate, Like) else 1


def is_dear(predicate: Predicate) -> bool:
    """Whether the predicate asks for text that has to be written out for every row."""
    return predicate.field == "ics.object" and not isinstance(predicate, Exists)


def _hits(predicate: Predicate, column: Texts) -> Iterable[int]:
    """Positions in `column.exact` of the texts for which the predicate holds."""
    if isinstance(predicate, OneOf):
        values = predicate.values
        return [
            at for at, text in enumerate(column.exact if predicate.cased else column.folded) if text in values
        ]
    if isinstance(predicate, Like):
        return _like(predicate.pattern, column.exact if predicate.cased else column.folded)
    if isinstance(predicate, Matches):
        search = predicate.expression.search
        return [at for at, text in enumerate(column.exact) if search(text, 0, LONGEST_TEXT)]
    if isinstance(predicate, Inside):
        network = predicate.network
        return [
            at
            for at, address in enumerate(column.addresses)
            if address is not None and address.version == network.version and address in network
        ]
    raise TypeError(f"{predicate} cannot be asked of text")


def _like(pattern: Pattern, texts: Sequence[str]) -> list[int]:
    match pattern:
        case (Wild.ANY, str() as text, Wild.ANY):
            return [at for at, value in enumerate(texts) if text in value]
        case (str() as text, Wild.ANY):
            return [at for at, value in enumerate(texts) if value.startswith(text)]
        case (Wild.ANY, str() as text):
            return [at for at, value in enumerate(texts) if value.endswith(text)]
    runs: list[list[str | Wild]] = [[]]
    for part in pattern:
        if part is Wild.ANY:
            runs.append([])
        else:
            runs[-1].append(part)
    pieces = [_piece(run) for run in runs]
    return [at for at, value in enumerate(texts) if _fits(pieces, value)]


_Piece: TypeAlias = tuple[re.Pattern[str], int]
"""What stands between two `*`, and how many characters it has."""


def _piece(run: list[str | Wild]) -> _Piece:
    expression = "".join("." if isinstance(part, Wild) else re.escape(part) for part in run)
    return re.compile(expression, re.DOTALL), sum(1 if isinstance(part, Wild) else len(part) for part in run)


def _fits(pieces: list[_Piece], text: str) -> bool:
    """Whether the whole text fits the pieces with any text between them.

    Each piece takes the first place where it fits: a later one would only leave less room, so
    nothing is ever retried and hostile text cannot make this slow.
    """
    (first, head), (last, tail) = pieces[0], pieces[-1]
    if first.match(text) is None:
        return False
    if len(pieces) == 1:
        return len(text) == head
    finish = len(text) - tail
    if finish < head or last.match(text, finish) is None:
        return False
    at = head
    for piece, _ in pieces[1:-1]:
        found = piece.search(text, at, finish)
        if found is None:
            return False
        at = found.end()
    return True


def _same(column: Column, other: Column, cased: bool) -> Mask:
    present = column.present & other.present
    if isinstance(column, Texts) and isinstance(other, Texts):
        return _same_text(column, other, cased) & present
    if isinstance(column, Texts) or isinstance(other, Texts):
        raise TypeError("text and numbers are never equal")
    if isinstance(column, Flags) != isinstance(other, Flags):
        raise TypeError("numbers and booleans are never equal")
    return np.asarray(column.values == other.values) & present


def _same_text(column: Texts, other: Texts, cased: bool) -> Mask:
    def sets(texts: Texts) -> list[frozenset[str]]:
        plain = [(value,) if isinstance(value, str) else value for value in texts.values]
        return [frozenset(text if cased else text.casefold() for text in value) for value in plain]

    left, right = sets(column), sets(other)
    pairs = np.stack([column.codes, other.codes], 1)
    distinct, back = np.unique(pairs, axis=0, return_inverse=True)
    hits = [a >= 0 and b >= 0 and not left[a].isdisjoint(right[b]) for a, b in distinct.tolist()]
    return np.array(hits, np.bool_)[back.reshape(-1)]
