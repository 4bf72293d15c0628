"""Turns what pydantic says about a key into a sentence for the one who writes the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rules.language.problems import suggestion
from rules.language.source import Trail

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_TYPES = {
    "string_type": "text (put quotes around it)",
    "list_type": "a list (lines that begin with a dash)",
    "dict_type": "a map (`key: value` lines, indented)",
    "model_type": "a map (`key: value` lines, indented)",
    "model_attributes_type": "a map (`key: value` lines, indented)",
    "bool_type": "true or false",
}


def sentence(error: ErrorDetails, model: type[BaseModel]) -> tuple[Trail, str, bool]:
    """Where, what to say, and whether the key rather than its value is meant; `model` is the file's."""
    trail: Trail = tuple(error["loc"])
    key = next((part for part in reversed(trail) if isinstance(part, str)), "")
    context = error.get("ctx", {})
    value = error.get("input")
    description = _description(model, trail)
    meaning = f" ({description})" if description else ""
    kind = error["type"]
    if kind == "missing":
        return trail[:-1], f"the key {key!r} is missing{meaning}", True
    if kind == "extra_forbidden":
        known = _keys(model, trail[:-1])
        return trail, f"unknown key {key!r}{suggestion(key, known)}; known are {', '.join(known)}", True
    if kind == "literal_error":
        allowed = str(context["expected"]).replace(" or ", ", ").split(", ")
        allowed = [item.strip("'") for item in allowed]
        near = suggestion(str(value), allowed)
        return trail, f"{key} cannot be {value!r}{near}; it is one of {', '.join(allowed)}", False
    if kind in _TYPES:
        what = "empty" if value is None else f"{value!r}"[:80]
        return trail, f"{key} must be {_TYPES[kind]}, it is {what}", False
    if kind == "string_pattern_mismatch":
        return trail, f"{key} has the wrong form: {value!r}{meaning}", False
    if kind in ("greater_than_equal", "int_type"):
        return (
            trail,
            f"{key} must be a whole number{', at least ' + str(context['ge']) if context else ''}",
            False,
        )
    if kind in ("too_short", "string_too_short"):
        return trail, f"{key} must not be empty{meaning}", False
    if kind in ("too_long", "string_too_long"):
        return trail, f"{key} is too long, at most {context['max_length']} are allowed", False
    return trail, f"{key}: {error['msg']}{meaning}", False


def _model_at(root: type[BaseModel], trail: Trail) -> type[BaseModel] | None:
    model: type[BaseModel] | None = root
    for part in trail:
        if isinstance(part, int):
            continue
        field = _field(model, part) if model else None
        model = _model_in(field.annotation) if field else None
    return model


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((info for name, info in model.model_fields.items() if (info.alias or name) == key), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := _model_in(item))), None)


def _keys(root: type[BaseModel], trail: Trail) -> list[str]:
    model = _model_at(root, trail)
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _description(root: type[BaseModel], trail: Trail) -> str:
    names = [part for part in trail if isinstance(part, str)]
    if not names:
        return ""
    model = _model_at(root, tuple(names[:-1]))
    field = _field(model, names[-1]) if model else None
    return (field.description or "") if field else ""
