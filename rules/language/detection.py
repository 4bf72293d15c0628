"""The `detection` of a rule: search identifiers, and the condition that joins them."""

from __future__ import annotations

from typing import Any

from rules.expression import And, Expression, Or, both, either
from rules.fields import FIELDS, Category, fields_of
from rules.language.condition import ConditionError, parse_condition
from rules.language.modifiers import Unusable, check_modifiers, predicate
from rules.language.problems import suggestion
from rules.language.source import Source, Trail

TRAIL: Trail = ("detection",)
_OLD = {"timeframe": "counting over time needs a Sigma correlation"}


def read_detection(source: Source, category: Category) -> Expression | None:
    """The expression of the document's detection; None after complaining to `source`."""
    detection = source.value["detection"]
    before = len(source.problems)
    identifiers: dict[str, Expression] = {}
    for name, value in detection.items():
        if name == "condition":
            continue
        if name in _OLD:
            source.complain((*TRAIL, name), f"{name!r} is not supported: {_OLD[name]}", True)
            continue
        # A broken identifier still has its name, so that the condition is not blamed as well.
        identifiers[name] = _identifier(source, (*TRAIL, name), value, category) or And(())
    conditions = detection.get("condition")
    if conditions is None:
        source.complain(TRAIL, "the detection has no condition, such as `condition: selection`", True)
        return None
    if not identifiers:
        source.complain(TRAIL, "the detection has no search identifier, such as `selection:`", True)
        return None
    expression = _condition(source, conditions, identifiers)
    return expression if len(source.problems) == before else None


def _condition(source: Source, conditions: Any, identifiers: dict[str, Expression]) -> Expression | None:
    several = isinstance(conditions, list)
    parts: list[Expression] = []
    used: set[str] = set()
    for place, text in enumerate(conditions if several else [conditions]):
        trail = (*TRAIL, "condition", place) if several else (*TRAIL, "condition")
        if not isinstance(text, str):
            source.complain(trail, "the condition is a text such as `selection and not filter`")
            return None
        try:
            part, names = parse_condition(text, identifiers)
        except ConditionError as error:
            source.complain(trail, f"in the condition, before {text[error.offset :]!r}: {error}")
            return None
        parts.append(part)
        used |= names
    for name in identifiers:
        if name not in used:
            source.complain(
                (*TRAIL, name), f"the search identifier {name!r} is not used in the condition", True
            )
    if not parts:
        source.complain((*TRAIL, "condition"), "the list of conditions is empty")
        return None
    return either(*parts)


def _identifier(source: Source, trail: Trail, value: Any, category: Category | None) -> Expression | None:
    if isinstance(value, dict):
        return _map(source, trail, value, category)
    if not isinstance(value, list):
        source.complain(trail, "a search identifier is a map of `field: value`, or a list of such maps")
        return None
    parts = []
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            text = "keywords (values without a field) are not supported; write `field: value`"
            source.complain((*trail, place), text)
            return None
        parts.append(_map(source, (*trail, place), item, category))
    if not parts:
        source.complain(trail, "the list is empty: it would match nothing")
    found = [part for part in parts if part is not None]
    return either(*found) if found and len(found) == len(parts) else None


def _map(source: Source, trail: Trail, items: dict[str, Any], category: Category | None) -> Expression | None:
    if not items:
        source.complain(trail, "the map is empty: it would match everything")
        return None
    parts = [_item(source, (*trail, key), key, value, category) for key, value in items.items()]
    found = [part for part in parts if part is not None]
    return both(*found) if len(found) == len(parts) else None


def _item(source: Source, trail: Trail, key: str, value: Any, category: Category | None) -> Expression | None:
    name, *rest = key.split("|")
    modifiers = tuple(rest)
    known = FIELDS if category is None else fields_of(category)
    field = known.get(name)
    if field is None:
        source.complain(trail, unknown_field(name, category), True)
        return None
    values = value if isinstance(value, list) else [value]
    try:
        check_modifiers(field, modifiers)
        if "all" in modifiers and len(values) < 2:
            raise Unusable("'all' needs a list of at least two values")
        if not values:
            raise Unusable("the list of values is empty: it would match nothing")
        if isinstance(value, list) and "exists" in modifiers:
            raise Unusable("exists takes true or false, not a list")
    except Unusable as error:
        source.complain(trail, str(error), True)
        return None
    parts: list[Expression] = []
    for place, item in enumerate(values):
        try:
            parts.append(predicate(field, modifiers, item, known))
        except Unusable as error:
            source.complain((*trail, place) if isinstance(value, list) else trail, str(error))
    if len(parts) < len(values):
        return None
    if "all" in modifiers:
        return both(*parts)
    return either(*parts) if len(parts) > 1 else parts[0]


def read_identifier(source: Source, trail: Trail, value: Any) -> Expression | None:
    """A search identifier that stands alone, of whatever category; None after complaining to `source`."""
    return _identifier(source, trail, value, None)


def unknown_field(name: str, category: Category | None) -> str:
    """The sentence about a field that rules of this category (None: any rules) cannot name."""
    if category is not None and name in FIELDS:
        other = " or ".join(sorted(FIELDS[name].categories))
        return f"the field {name!r} exists only with `category: {other}`, this rule's category is {category}"
    known = FIELDS if category is None else fields_of(category)
    return f"unknown field {name!r}{suggestion(name, known)} (docs/fields.md lists them all)"


def is_constant(expression: Expression) -> bool:
    """Whether the expression has no predicate at all."""
    return isinstance(expression, And | Or) and not expression.parts
