"""Remembers which rules behaviours of a shape can match at all.

Much of what rules ask of a behaviour - its protocol, its function, how it was answered - follows from
a few codes, and traffic has few combinations of them: its shapes. What a rule asks of these alone is
worked out once for each shape, so that a table is only compared with rules that one of its rows may
match, and is usually done with at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from rules.expression import And, Expression, Not, Or, predicates
from rules.table import SHAPED, Mask, Table

MOST_SHAPES = 1 << 16
"""Shapes that are remembered. Where there are more, as in a flood of invented codes, all are forgotten."""


def shape_part(expression: Expression) -> Expression | None:
    """What a row must fulfil by its shape if it fulfils the expression; None where that is nothing."""
    if isinstance(expression, And):
        parts = [part for part in map(shape_part, expression.parts) if part is not None]
        return And(tuple(parts)) if parts else None
    if isinstance(expression, Or):
        weaker = [shape_part(part) for part in expression.parts]
        return None if None in weaker else Or(tuple(part for part in weaker if part is not None))
    if isinstance(expression, Not):
        return expression if all(item.field in SHAPED for item in predicates(expression)) else None
    return expression if expression.field in SHAPED else None


class Shapes:
    """The rules of one category, numbered, by the shapes of rows that they can match.

    `tests` are functions of a table's evaluation for the rules' shape parts, None where a rule has none.
    """

    def __init__(self, tests: Sequence[Callable[[Any], Mask] | None]) -> None:
        self._tests = [(number, test) for number, test in enumerate(tests) if test is not None]
        self._always = frozenset(number for number, test in enumerate(tests) if test is None)
        self._known: dict[Hashable, frozenset[int]] = {}

    def candidates(self, table: Table, evaluation: Any) -> list[int]:
        """The numbers of the rules that rows of this table may match, in ascending order."""
        shapes = table.shapes
        known = self._known
        new = {shape: row for row, shape in enumerate(shapes) if shape not in known}
        if new:
            if len(known) + len(new) > MOST_SHAPES:
                known.clear()
                new = {shape: row for row, shape in enumerate(shapes)}
            self._learn(new, evaluation)
        return sorted(self._always.union(*(known[shape] for shape in set(shapes))))

    def _learn(self, new: dict[Hashable, int], evaluation: Any) -> None:
        rows = np.array(list(new.values()), np.intp)
        found: list[list[int]] = [[] for _ in new]
        for number, test in self._tests:
            for place in test(evaluation)[rows].nonzero()[0].tolist():
                found[place].append(number)
        self._known.update(zip(new, map(frozenset, found), strict=True))
