"""The JSON Schema of rule files, for editors that complete and check while one types.

Made of the same model, fields and modifiers as the loader, which also checks what a schema cannot.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rules.fields import CORE, RuleField
from rules.language.model import CorrelationModel, RuleModel
from rules.language.modifiers import MODIFIERS
from rules.language.testing import EXTRAS

SCHEMA = Path(__file__).parent.parent / "rule.schema.json"
"""Where the schema is kept; `# yaml-language-server: $schema=` in a rule names it."""

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_TYPES = {"integer": "integer", "real": "number", "boolean": "boolean"}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12)."""
    plain, correlation = RuleModel.model_json_schema(), CorrelationModel.model_json_schema()
    definitions = correlation.pop("$defs") | plain.pop("$defs")
    definitions["Rule"], definitions["Correlation"] = plain, correlation
    definitions["Search"] = _search()
    definitions["Document"] = {
        "type": "object",
        "properties": {field.name: _document_value(field) for field in CORE},
        "description": "a behaviour or asset change: field names with their values",
    }
    for name in EXTRAS:
        definitions["Document"]["properties"][name] = {}
    documents = definitions["TestModel"]["properties"]["documents"]
    for option in documents.get("anyOf", [documents]):
        if option.get("type") == "array":
            option["items"] = {"$ref": "#/$defs/Document"}
    search = {"$ref": "#/$defs/Search"}
    plain["properties"]["detection"] = {
        "type": "object",
        "description": plain["properties"]["detection"]["description"],
        "required": ["condition"],
        "properties": {
            "condition": {
                "description": "search identifiers joined by and, or, not, `1 of x*`, `all of them`",
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            }
        },
        "additionalProperties": {"anyOf": [search, {"type": "array", "items": search, "minItems": 1}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Fieldwatch rule",
        "type": "object",
        "if": {"required": ["correlation"]},
        "then": {"$ref": "#/$defs/Correlation"},
        "else": {"$ref": "#/$defs/Rule"},
        "$defs": definitions,
    }


def _search() -> dict[str, Any]:
    names = "|".join(field.name.replace(".", "\\.") for field in CORE)
    values: dict[str, Any] = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
    return {
        "type": "object",
        "minProperties": 1,
        "description": "all of these must hold; modifiers follow a field after bars: "
        + "; ".join(f"{name}: {meaning}" for name, meaning in MODIFIERS.items()),
        "properties": {field.name: {"description": _meaning(field), **values} for field in CORE},
        "patternProperties": {f"^({names})(\\|({'|'.join(MODIFIERS)}))+$": values},
        "additionalProperties": False,
    }


def _meaning(field: RuleField) -> str:
    return field.doc + (": " + ", ".join(field.values) if field.values else "")


def _document_value(field: RuleField) -> dict[str, Any]:
    one: dict[str, Any] = {"type": _TYPES.get(field.type, "string")}
    if field.values:
        one["enum"] = list(field.values)
    return {"description": field.doc, "anyOf": [one, {"type": "array", "items": one}]}
