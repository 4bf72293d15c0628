"""Matches many rules against a table, each distinct predicate once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.engine.index import Index
from rules.engine.predicates import cost, evaluate, is_dear
from rules.engine.shapes import Shapes, shape_part
from rules.expression import And, Expression, Not, Or, Predicate, predicates
from rules.fields import Category
from rules.rule import AnyRule, Rule
from rules.table import Mask, Table

Rows: TypeAlias = NDArray[np.intp]
CATEGORIES: tuple[Category, ...] = ("behaviour", "asset")


@dataclass(frozen=True, slots=True)
class Match:
    """The rows of a table that a rule matched, in ascending order; at least one.

    `group` are the grouping values that the rows have in common, where they were grouped already.
    """

    rule: AnyRule
    rows: Rows
    group: tuple[object, ...] | None = None


class Engine:
    """Rules, compiled. Holds no state between tables and may be used from several threads.

    Correlations among `rules` are left to `rules.engine.correlation`.
    """

    def __init__(self, rules: Iterable[AnyRule]) -> None:
        self.rules = tuple(rule for rule in rules if isinstance(rule, Rule) and rule.is_active)
        self._filed = {
            category: _Filed([rule for rule in self.rules if rule.category == category])
            for category in CATEGORIES
        }

    def match(self, table: Table) -> list[Match]:
        """What each rule of the table's category matched; rules that matched nothing are left out."""
        if table.rows == 0:
            return []
        filed = self._filed[table.category]
        evaluation = _Evaluation(table, filed.slots)
        matches = []
        for number in filed.candidates(table, evaluation):
            rows = filed.tests[number](evaluation).nonzero()[0]
            if rows.size:
                matches.append(Match(filed.rules[number], rows))
        return matches


def satisfied(expression: Expression, table: Table) -> Mask:
    """For each row of the table whether the expression holds."""
    return _compiled(expression, {})(_Evaluation(table, 0))


class _Filed:
    """The rules of one category: what they ask, as functions, and by what they are found."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        conditions = [_ordered(rule.condition) for rule in rules]
        uses = Counter(item for condition in conditions for item in set(predicates(condition)))
        # What several rules ask is asked of a table once, and kept in a slot of its own.
        slots = {item: slot for slot, item in enumerate(item for item, count in uses.items() if count > 1)}
        self.slots = len(slots)
        self.tests = [_compiled(condition, slots) for condition in conditions]
        self.fields = [frozenset(item.field for item in predicates(condition)) for condition in conditions]
        """The fields that each rule names."""
        self.index = Index(conditions)
        self.shapes = Shapes(
            [_compiled(part, slots) if part else None for part in map(shape_part, conditions)]
        )
        self._about: dict[frozenset[str], list[int]] = {}

    def candidates(self, table: Table, evaluation: _Evaluation) -> list[int]:
        """The numbers of the rules that rows of this table may match, in ascending order."""
        if table.shapes:
            numbers = self.shapes.candidates(table, evaluation)
            if table.about:
                numbers = [number for number in numbers if self.fields[number] & table.about]
            return self.index.among(numbers, table)
        if not table.about:
            return self.index.candidates(table)
        about = self._about.get(table.about)
        if about is None:
            about = [number for number, fields in enumerate(self.fields) if fields & table.about]
            self._about[table.about] = about
        return self.index.among(about, table)


class _Evaluation:
    """One table and the results of the predicates that several rules share."""

    __slots__ = ("known", "nothing", "table")

    def __init__(self, table: Table, slots: int) -> None:
        self.table = table
        self.known: list[Mask | None] = [None] * slots
        self.nothing = np.zeros(table.rows, np.bool_)


_Test: TypeAlias = Callable[[_Evaluation], Mask]


def _compiled(expression: Expression, slots: Mapping[Predicate, int]) -> _Test:
    """The expression as a function; `slots` says where results of shared predicates are kept."""
    if isinstance(expression, And):
        return _all_of(expression.parts, slots)
    if isinstance(expression, Or):
        tests = [_compiled(part, slots) for part in expression.parts]
        return lambda evaluation: reduce(or_, (test(evaluation) for test in tests), evaluation.nothing)
    if isinstance(expression, Not):
        inner = _compiled(expression.part, slots)
        return lambda evaluation: ~inner(evaluation)
    predicate = expression
    slot = slots.get(predicate)
    if slot is None:
        return lambda evaluation: evaluate(predicate, evaluation.table)

    def shared(evaluation: _Evaluation) -> Mask:
        known = evaluation.known[slot]
        if known is None:
            known = evaluation.known[slot] = evaluate(predicate, evaluation.table)
        return known

    return shared


def _all_of(parts: Sequence[Expression], slots: Mapping[Predicate, int]) -> _Test:
    if not parts:
        return lambda evaluation: ~evaluation.nothing
    dear = [None if isinstance(part, And | Or | Not) or not is_dear(part) else part for part in parts]
    first, *others = [_compiled(part, slots) for part in parts]
    rest = list(zip(others, dear[1:], strict=True))

    def all_of(evaluation: _Evaluation) -> Mask:
        result = first(evaluation)
        for test, predicate in rest:
            if not np.count_nonzero(result):
                return evaluation.nothing
            if predicate is None:
                result = result & test(evaluation)
            else:  # asked only of the rows that are left
                result = result & evaluate(predicate, evaluation.table, result)
        return result

    return all_of


def _ordered(expression: Expression) -> Expression:
    """The same expression with the cheap parts of every conjunction first."""
    if isinstance(expression, And | Or):
        parts = sorted((_ordered(part) for part in expression.parts), key=_weight)
        return type(expression)(tuple(parts))
    return Not(_ordered(expression.part)) if isinstance(expression, Not) else expression


def _weight(expression: Expression) -> int:
    return max((cost(predicate) for predicate in predicates(expression)), default=0) + (
        0 if not isinstance(expression, And | Or | Not) else 1
    )
