"""Matches many rules against a table, each distinct predicate once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.engine.index import Index
from rules.engine.predicates import cost, evaluate, is_dear
from rules.expression import And, Expression, Not, Or, Predicate, predicates
from rules.fields import Category
from rules.rule import AnyRule, Rule
from rules.table import Mask, Table

Rows: TypeAlias = NDArray[np.intp]
_Compiled: TypeAlias = tuple[Rule, Expression, frozenset[str]]
"""A rule, its condition, and the fields that it names."""
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
        self._compiled = [
            (rule, _ordered(rule.condition), frozenset(item.field for item in predicates(rule.condition)))
            for rule in self.rules
        ]
        self._filed = {category: _filed(self._compiled, category) for category in CATEGORIES}
        self._shared = {
            category: {
                predicate
                for predicate, uses in Counter(
                    predicate
                    for rule, condition, _ in self._compiled
                    if rule.category == category
                    for predicate in set(predicates(condition))
                ).items()
                if uses > 1
            }
            for category in CATEGORIES
        }

    def match(self, table: Table) -> list[Match]:
        """What each rule of the table's category matched; rules that matched nothing are left out."""
        if table.rows == 0:
            return []
        evaluation = _Evaluation(table, self._shared[table.category])
        matches = []
        rules, index = self._filed[table.category]
        for number in index.candidates(table):
            rule, condition, fields = rules[number]
            if not table.about or fields & table.about:
                rows = np.flatnonzero(evaluation.mask(condition))
                if rows.size:
                    matches.append(Match(rule, rows))
        return matches


def satisfied(expression: Expression, table: Table) -> Mask:
    """For each row of the table whether the expression holds."""
    return _Evaluation(table, set()).mask(expression)


def _filed(compiled: list[_Compiled], category: Category) -> tuple[list[_Compiled], Index]:
    mine = [item for item in compiled if item[0].category == category]
    return mine, Index([condition for _, condition, _ in mine])


class _Evaluation:
    """One table and the results of the predicates that several rules share."""

    def __init__(self, table: Table, shared: set[Predicate]) -> None:
        self.table = table
        self.shared = shared
        self.known: dict[Predicate, Mask] = {}
        self.nothing = np.zeros(table.rows, np.bool_)

    def mask(self, expression: Expression) -> Mask:
        if isinstance(expression, And):
            result = np.ones(self.table.rows, np.bool_) if not expression.parts else None
            for part in expression.parts:
                if result is not None and not isinstance(part, And | Or | Not) and is_dear(part):
                    mask = evaluate(part, self.table, result)
                else:
                    mask = self.mask(part)
                result = mask if result is None else result & mask
                if not result.any():
                    return self.nothing
            assert result is not None
            return result
        if isinstance(expression, Or):
            result = self.nothing
            for part in expression.parts:
                result = result | self.mask(part)
            return result
        if isinstance(expression, Not):
            return ~self.mask(expression.part)
        known = self.known.get(expression)
        if known is None:
            known = evaluate(expression, self.table)
            if expression in self.shared:
                self.known[expression] = known
        return known


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
