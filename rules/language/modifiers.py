"""Sigma's value modifiers: from `field|modifier: value` to a predicate."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any, Literal, cast

from rules.expression import (
    Compares,
    Exists,
    Expression,
    Inside,
    Is,
    Matches,
    Not,
    NumberOneOf,
    SameAs,
    Wild,
)
from rules.fields import RuleField
from rules.language.problems import suggestion
from rules.language.regex import UnsafeExpression, compiled
from rules.language.wildcards import joined, pattern_of, text_predicate

MODIFIERS: dict[str, str] = {
    "contains": "the text occurs anywhere in the value",
    "startswith": "the value begins with the text",
    "endswith": "the value ends with the text",
    "all": "every value of the list must match, not just one",
    "cased": "upper and lower case are distinguished",
    "re": "the value is a regular expression",
    "i": "after re: upper and lower case are the same",
    "m": "after re: ^ and $ also stand for the ends of lines",
    "s": "after re: a dot also stands for a line break",
    "cidr": "the address lies in the network, such as 10.0.0.0/8",
    "lt": "the number is less",
    "lte": "the number is less or equal",
    "gt": "the number is greater",
    "gte": "the number is greater or equal",
    "exists": "true: the field is present; false: it is absent",
    "fieldref": "the value is the name of another field, which must be equal",
}
"""Modifier to its meaning, for the schema and the documentation."""

POINTLESS = {
    **dict.fromkeys(
        ("base64", "base64offset", "utf16", "utf16le", "utf16be", "wide"),
        "values are decoded before rules see them, nothing is encoded",
    ),
    "windash": "it is about Windows command lines, which plant protocols do not carry",
    "expand": "there are no placeholders; write the values as a list",
    "neq": "name the value in a search identifier of its own and write `not` in the condition",
    **dict.fromkeys(
        ("minute", "hour", "day", "week", "month", "year"),
        "ask about schedule.working_hours or schedule.maintenance",
    ),
}
"""Modifiers of Sigma that Fieldwatch refuses, and why."""

_COMPARISONS = ("lt", "lte", "gt", "gte")
_PLACES = ("contains", "startswith", "endswith")
_REGEX_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


class Unusable(ValueError):
    """A modifier or value that cannot be used; the text is the whole explanation."""


def check_modifiers(field: RuleField, modifiers: tuple[str, ...]) -> None:
    """Raise Unusable where these modifiers, together and on this field, mean nothing."""
    for modifier in modifiers:
        if modifier in POINTLESS:
            raise Unusable(f"the modifier {modifier!r} is not supported: {POINTLESS[modifier]}")
        if modifier not in MODIFIERS:
            known = ", ".join(MODIFIERS)
            raise Unusable(
                f"unknown modifier {modifier!r}{suggestion(modifier, MODIFIERS)}; supported are {known}"
            )
    if len(set(modifiers)) != len(modifiers):
        raise Unusable("a modifier is written twice")
    operators = [
        name for name in modifiers if name in (*_COMPARISONS, *_PLACES, "re", "cidr", "exists", "fieldref")
    ]
    if len(operators) > 1:
        raise Unusable(f"the modifiers {operators[0]!r} and {operators[1]!r} exclude each other")
    operator = operators[0] if operators else ""
    for flag in _REGEX_FLAGS:
        if flag in modifiers and operator != "re":
            raise Unusable(f"the modifier {flag!r} only stands after re")
    if "all" in modifiers and operator in ("exists", *_COMPARISONS):
        raise Unusable(f"the modifiers {operator!r} and 'all' exclude each other")
    if "cased" in modifiers and operator in ("re", "cidr", "exists", *_COMPARISONS):
        raise Unusable(f"the modifiers {operator!r} and 'cased' exclude each other")
    if (operator in (*_PLACES, "re", "cidr") or "cased" in modifiers) and not field.is_textual:
        raise Unusable(f"{field.name} is {_a(field)}; {operator or 'cased'} is for text")
    if operator == "cidr" and field.type != "ip":
        raise Unusable(f"{field.name} is not an IP address; cidr is for addresses such as source.ip")
    if operator in _COMPARISONS and field.type not in ("integer", "real"):
        raise Unusable(f"{field.name} is {_a(field)}; {operator} is for numbers")


def predicate(
    field: RuleField, modifiers: tuple[str, ...], value: Any, known: dict[str, RuleField]
) -> Expression:
    """What one value means. Raises Unusable where it cannot mean anything."""
    if "exists" in modifiers:
        if not isinstance(value, bool):
            raise Unusable(f"exists takes true or false, not {_shown(value)}")
        return Exists(field.name) if value else Not(Exists(field.name))
    if "fieldref" in modifiers:
        return _same_as(field, value, "cased" in modifiers, known)
    if value is None:
        if modifiers and set(modifiers) != {"all"}:
            raise Unusable("null (the field is absent) goes without modifiers")
        return Not(Exists(field.name))
    for how in _COMPARISONS:
        if how in modifiers:
            bound = _number(field, value)
            return Compares(field.name, cast(Literal["lt", "lte", "gt", "gte"], how), bound)
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise Unusable(f"{field.name} is true or false, not {_shown(value)}")
        return Is(field.name, value)
    if not field.is_textual:
        return NumberOneOf(field.name, frozenset({_number(field, value)}))
    return _textual(field, modifiers, value)


def _textual(field: RuleField, modifiers: tuple[str, ...], value: Any) -> Expression:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unusable(f"{field.name} is text, not {_shown(value)}; put quotes around it")
    text = str(value)
    if not text:
        raise Unusable("an empty text never occurs; write null where the field is to be absent")
    if "cidr" in modifiers:
        try:
            return Inside(field.name, ip_network(text))
        except ValueError as error:
            raise Unusable(
                f"{text!r} is not a network: {error}; write it as 10.0.0.0/8 or fd00::/8"
            ) from None
    if "re" in modifiers:
        flags = re.RegexFlag(0)
        for name in modifiers:
            flags |= _REGEX_FLAGS.get(name, re.RegexFlag(0))
        try:
            return Matches(field.name, compiled(text, flags))
        except UnsafeExpression as error:
            raise Unusable(str(error)) from None
    pattern = pattern_of(text)
    plain = not any(isinstance(part, Wild) for part in pattern)
    if "contains" in modifiers:
        pattern = joined((Wild.ANY,), pattern, (Wild.ANY,))
    elif "startswith" in modifiers:
        pattern = joined(pattern, (Wild.ANY,))
    elif "endswith" in modifiers:
        pattern = joined((Wild.ANY,), pattern)
    elif plain:
        _check_value(field, text)
    return text_predicate(field.name, pattern, "cased" in modifiers)


def _check_value(field: RuleField, text: str) -> None:
    if field.values and text.casefold() not in field.values:
        near = suggestion(text, field.values)
        raise Unusable(f"{field.name} is never {text!r}{near}; it is one of {', '.join(field.values)}")
    if field.type == "mac" and not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", text):
        raise Unusable(f"{text!r} is not a MAC address; write it as 00:1b:1b:aa:bb:cc")
    if field.type == "ip":
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise Unusable(f"{text!r} is not an IP address") from None
        if "/" in text:
            raise Unusable(f"{text!r} is a network; write {field.name}|cidr: {network}")


def _same_as(field: RuleField, value: Any, cased: bool, known: dict[str, RuleField]) -> Expression:
    if not isinstance(value, str) or value not in known:
        raise Unusable(
            f"fieldref takes the name of a field, not {_shown(value)}{suggestion(str(value), known)}"
        )
    other = known[value]
    if field.is_textual != other.is_textual or (field.type == "boolean") != (other.type == "boolean"):
        raise Unusable(f"{field.name} is {_a(field)} and {other.name} is {_a(other)}: they are never equal")
    if field.name == other.name:
        raise Unusable(f"{field.name} is always equal to itself")
    return SameAs(field.name, other.name, cased)


def _number(field: RuleField, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = ""
        if isinstance(value, str) and value.replace(".", "", 1).isdigit():
            hint = "; write it without quotes"
        elif isinstance(value, str) and set(value) & {"*", "?"}:
            hint = "; wildcards are for text, use lt, lte, gt, gte"
        raise Unusable(f"{field.name} is a number, not {_shown(value)}{hint}")
    if field.type == "integer" and not float(value).is_integer():
        raise Unusable(f"{field.name} is a whole number, not {value}")
    return value


def _a(field: RuleField) -> str:
    names = {"integer": "a number", "real": "a number", "boolean": "true or false", "ip": "an IP address"}
    return names.get(field.type, "a MAC address" if field.type == "mac" else "text")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    return (
        {None: "null", True: "true", False: "false"}.get(value, repr(value))
        if not isinstance(value, int | float) or isinstance(value, bool)
        else repr(value)
    )
