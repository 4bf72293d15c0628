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
from rules.table import SHAPED, Flags, Table, Texts

COMMON = frozenset({"read", "report", "session", "other"})
"""Operations that nearly all traffic has: little is told apart by them."""


_FIELDS = frozenset({"network.protocol", "ics.operation", "asset.change", "baseline.novelty"})
"""Text fields whose values a table gives cheaply."""
_NEEDED = _FIELDS | {"ics.kind", "source.role", "destination.role"}
"""What is asked of a table before a rule's rows are looked at."""


class _Anchor(NamedTuple):
    """Values (folded text, or a boolean) of a field, one of which a matching row has."""

    field: str
    values: frozenset[str] | frozenset[bool]


class Index:
    """`expressions` filed by what a row must have to fulfil them."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._always: list[int] = []
        self._needs = [_needs(expression) for expression in expressions]
        self._needs_beyond_shape = [
            [anchor for anchor in needs if anchor.field not in SHAPED] for needs in self._needs
        ]
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
        held: dict[str, frozenset[str | bool]] = {}
        for field, filed in self._by_field.items():
            held[field] = _held(table, field)
            for value in held[field]:
                if value in filed:
                    found.update(filed[value])
        return [number for number in sorted(found) if _is_met(self._needs[number], table, held)]

    def among(self, numbers: Iterable[int], table: Table) -> list[int]:
        """Those of these expressions that rows of this table may fulfil, in their order; where it tells
        the shapes of its rows, what follows from these has been asked before."""
        held: dict[str, frozenset[str | bool]] = {}
        needs = self._needs_beyond_shape if table.shapes else self._needs
        return [number for number in numbers if _is_met(needs[number], table, held)]


def _is_met(needs: Iterable[_Anchor], table: Table, held: dict[str, frozenset[str | bool]]) -> bool:
    """Whether the table has, in some row each, all that is needed."""
    for anchor in needs:
        there = held.get(anchor.field)
        if there is None:
            there = held[anchor.field] = _held(table, anchor.field)
        if there.isdisjoint(anchor.values):
            return False
    return True


def _held(table: Table, field: str) -> frozenset[str | bool]:
    """The values of a field in this table, texts without their case."""
    column = table.column(field)
    if isinstance(column, Texts):
        return frozenset(column.folded)
    if isinstance(column, Flags):
        return frozenset({True}) if (column.values & column.present).any() else frozenset()
    return frozenset()


def _needs(expression: Expression) -> list[_Anchor]:
    """All that a row must have, the rarest first."""
    parts = expression.parts if isinstance(expression, And) else (expression,)
    found = [anchors[0] for part in parts if (anchors := _anchors(part, _NEEDED)) and len(anchors) == 1]
    return sorted(found, key=_kind)


def _anchors(expression: Expression, fields: frozenset[str] = _FIELDS) -> list[_Anchor] | None:
    """The best set of anchors of which a fulfilling row has at least one; None where there is none."""
    if isinstance(expression, And):
        found = [anchors for part in expression.parts if (anchors := _anchors(part, fields)) is not None]
        return min(found, key=_rank, default=None)
    if isinstance(expression, Or):
        parts = [_anchors(part, fields) for part in expression.parts]
        if not parts or any(part is None for part in parts):
            return None
        return [anchor for part in parts for anchor in part or ()]
    if isinstance(expression, OneOf) and expression.field in fields:
        return [_Anchor(expression.field, frozenset(value.casefold() for value in expression.values))]
    if isinstance(expression, Is) and expression.value:
        return [_Anchor(expression.field, frozenset({True}))]
    return None


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
