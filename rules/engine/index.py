"""Finds, among many rules, those that can match a table at all.

Most tables are small and hold little of what rules ask for. Each rule is filed under values of one
field of which a row must have one to match; a table then names the rules that are worth a look by the
values that it holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rules.expression import And, Expression, Is, OneOf, Or
from rules.table import Flags, Table, Texts

COMMON = frozenset({"read", "report", "session", "other"})
"""Operations that nearly all traffic has: little is told apart by them."""


class _Anchor(NamedTuple):
    """Values (folded text, or a boolean) of a field, one of which a matching row has."""

    field: str
    values: frozenset[str] | frozenset[bool]


class Index:
    """`expressions` filed by what a row must have to fulfil them."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._always: list[int] = []
        self._by_field: dict[str, dict[str | bool, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, expression in enumerate(expressions):
            anchors = _anchors(expression)
            if anchors is None:
                self._always.append(number)
                continue
            for anchor in anchors:
                for value in anchor.values:
                    self._by_field[anchor.field][value].append(number)

    def candidates(self, table: Table) -> list[int]:
        """The numbers of the expressions that rows of this table may fulfil, in ascending order."""
        found = set(self._always)
        for field, filed in self._by_field.items():
            column = table.column(field)
            if isinstance(column, Texts):
                for text in column.folded:
                    if text in filed:
                        found.update(filed[text])
            elif isinstance(column, Flags):
                for value in filed:
                    if ((column.values == value) & column.present).any():
                        found.update(filed[value])
        return sorted(found)


def _anchors(expression: Expression) -> list[_Anchor] | None:
    """The best set of anchors of which a fulfilling row has at least one; None where there is none."""
    if isinstance(expression, And):
        found = [anchors for part in expression.parts if (anchors := _anchors(part)) is not None]
        return min(found, key=_rank, default=None)
    if isinstance(expression, Or):
        parts = [_anchors(part) for part in expression.parts]
        if not parts or any(part is None for part in parts):
            return None
        return [anchor for part in parts for anchor in part or ()]
    if isinstance(expression, OneOf) and expression.field in _FIELDS:
        return [_Anchor(expression.field, frozenset(value.casefold() for value in expression.values))]
    if isinstance(expression, Is) and expression.value:
        return [_Anchor(expression.field, frozenset({True}))]
    return None


_FIELDS = frozenset({"network.protocol", "ics.operation", "asset.change", "baseline.novelty"})
"""Text fields whose values a table gives cheaply."""
_USUAL = frozenset({"baseline.learned", "source.is_internal", "destination.is_internal"})
"""Flags that nearly every row has."""


def _rank(anchors: Iterable[_Anchor]) -> tuple[int, int]:
    """How much of traffic has one of these: smaller is rarer."""
    kinds = [_kind(anchor) for anchor in anchors]
    return max(kinds), len(kinds)


def _kind(anchor: _Anchor) -> int:
    if anchor.field in _USUAL:
        return 4
    if anchor.field == "network.protocol":
        return 2
    if anchor.field == "ics.operation" and COMMON & anchor.values:
        return 3
    # What the two ends are is looked up for every endpoint: dearer than what rows hold themselves.
    return 1 if not anchor.field.startswith(("source.", "destination.")) else 4
