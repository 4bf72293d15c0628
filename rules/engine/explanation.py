"""Why a rule did or did not match a row, in the words of the one who wrote it."""

from __future__ import annotations

from rules.engine.predicates import evaluate
from rules.expression import (
    And,
    Compares,
    Exists,
    Expression,
    Inside,
    Is,
    Like,
    Matches,
    Not,
    NumberOneOf,
    OneOf,
    Or,
    Predicate,
    SameAs,
    Wild,
    predicates,
)
from rules.table import Table
from rules.templates import shown

_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def holds(expression: Expression, table: Table, row: int) -> bool:
    """Whether the expression is true of this row."""
    if isinstance(expression, And):
        return all(holds(part, table, row) for part in expression.parts)
    if isinstance(expression, Or):
        return any(holds(part, table, row) for part in expression.parts)
    if isinstance(expression, Not):
        return not holds(expression.part, table, row)
    return bool(evaluate(expression, table)[row])


def objections(expression: Expression, table: Table, row: int) -> list[str]:
    """What stands in the way of a match, one sentence each; empty where the row matches."""
    if holds(expression, table, row):
        return []
    if isinstance(expression, And):
        return [text for part in expression.parts for text in objections(part, table, row)]
    if isinstance(expression, Or):
        if not expression.parts:
            return ["nothing can match"]
        ways = [" and ".join(objections(part, table, row)) for part in expression.parts]
        return [ways[0] if len(ways) == 1 else "none of these holds: " + "; ".join(ways)]
    if isinstance(expression, Not):
        fields = [predicate.field for predicate in predicates(expression.part)]
        values = ", ".join(f"{name} is {_value(table, name, row)}" for name in dict.fromkeys(fields))
        return [f"excluded by a `not`: {values}"]
    return [
        f"{expression.field} is {_value(table, expression.field, row)}, the rule wants {wanted(expression)}"
    ]


def wanted(predicate: Predicate) -> str:
    """The condition on the field, in words."""
    match predicate:
        case OneOf():
            return " or ".join(sorted(predicate.values))
        case NumberOneOf():
            return " or ".join(shown(value) for value in sorted(predicate.values))
        case Is():
            return "true" if predicate.value else "false"
        case Like():
            return "".join(p.value if isinstance(p, Wild) else p for p in predicate.pattern)
        case Matches():
            return f"a match of {predicate.expression.pattern}"
        case Inside():
            return f"an address in {predicate.network}"
        case Compares():
            return f"{_SIGNS[predicate.how]} {shown(predicate.bound)}"
        case SameAs():
            return f"the value of {predicate.other}"
        case Exists():
            return "any value"


def _value(table: Table, name: str, row: int) -> str:
    found = table.value(name, row)
    return "absent" if found is None else shown(found)
