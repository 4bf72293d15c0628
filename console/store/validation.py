"""Is a document what docs/documents.md says? Checked at the store's door, whoever brings it.

Fields named here must have the right type and a sane size; fields of protocols are free, within the
bound on a whole document. Text is cleaned, not refused, where only its characters are bad (control
characters, lone surrogates): names come out of hostile packets and must not block a delivery.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Required

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictStr, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypedDict

from console.store.bounds import MOST_COUNT
from console.store.errors import DocumentsRefused
from console.store.records import Document, Envelope
from console.store.times import to_nanoseconds

DOCUMENT_BYTES = 65_536
DOCUMENT_DEPTH = 12
FAULTS_TOLD = 20
_LOOSE = ConfigDict(extra="allow", allow_inf_nan=False)


def _time(text: str) -> str:
    to_nanoseconds(text)
    return text


Name = Annotated[StrictStr, Field(min_length=1, max_length=256)]
Identity = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:@+=~-]{0,127}$")]
"""Ids stand in addresses of pages and of the API, so they hold nothing that means something there."""
Text = Annotated[StrictStr, Field(min_length=1, max_length=4096)]
Time = Annotated[StrictStr, Field(max_length=40), AfterValidator(_time)]
Address = Annotated[StrictStr, Field(min_length=1, max_length=64)]
Port = Annotated[int, Field(strict=True, ge=0, le=65535)]
Count = Annotated[int, Field(strict=True, ge=0, le=MOST_COUNT)]
Level = Literal["informational", "low", "medium", "high", "critical"]
Purdue = Annotated[float, Field(strict=True, ge=0, le=6, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Criticality = Annotated[float, Field(strict=True, ge=0, le=10, allow_inf_nan=False)]
Frames = Annotated[list[Annotated[int, Field(strict=True, ge=1, le=MOST_COUNT)]], Field(max_length=1024)]


class _Loose(TypedDict):
    """An object that may hold more than is named here."""

    __pydantic_config__ = _LOOSE  # type: ignore[misc]


class _Event(_Loose, total=False):
    id: Required[Identity]
    start: Time
    end: Time
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_COUNT)]
    severity: Annotated[int, Field(strict=True, ge=1, le=100)]
    action: Name
    silenced: StrictBool


class _Rule(_Loose, total=False):
    id: Required[Name]
    name: Name
    title: Required[Annotated[StrictStr, Field(min_length=1, max_length=512)]]
    title_zh: Annotated[StrictStr, Field(min_length=1, max_length=512)]
    level: Required[Level]
    confidence: Share
    advice: Text
    advice_zh: Text


class _Technique(_Loose, total=False):
    id: Annotated[list[Annotated[StrictStr, Field(max_length=32)]], Field(max_length=32)]
    name: Annotated[list[Name], Field(max_length=32)]


class _Tactic(_Loose, total=False):
    name: Annotated[list[Name], Field(max_length=32)]


class _Threat(_Loose, total=False):
    technique: _Technique
    tactic: _Tactic


class _End(_Loose, total=False):
    ip: Address
    mac: Address
    port: Port
    role: Name
    name: Name
    vendor: Name
    zone: Name
    purdue_level: Purdue
    criticality: Criticality


class _Network(_Loose, total=False):
    protocol: Name
    transport: Name


class _Ics(_Loose, total=False):
    operation: Name
    kind: Name
    function: Name
    object: Annotated[StrictStr, Field(min_length=1, max_length=1024)]


class _Evidence(_Loose, total=False):
    capture: Annotated[StrictStr, Field(min_length=1, max_length=1024)]
    frames: Frames


class _Observer(_Loose, total=False):
    name: Name


class _AlertAsset(_Loose, total=False):
    id: Name
    change: Name


class _Maintenance(_Loose, total=False):
    id: Name
    work_order: Name
    text: Name
    who: Name
    until: Required[Time]
    level: Level


class _Suppression(_Loose, total=False):
    id: Name
    reason: Name
    author: Name
    expires: Required[Time]
    level: Level


AlertDocument = TypedDict(
    "AlertDocument",
    {
        "@timestamp": Required[Time],
        "event": Required[_Event],
        "rule": Required[_Rule],
        "threat": _Threat,
        "source": _End,
        "destination": _End,
        "network": _Network,
        "ics": _Ics,
        "asset": _AlertAsset,
        "maintenance": _Maintenance,
        "suppression": _Suppression,
        "evidence": _Evidence,
        "observer": _Observer,
        "message": Required[Text],
        "message_zh": Text,
    },
    total=False,
)
AlertDocument.__pydantic_config__ = _LOOSE  # type: ignore[attr-defined]


class _Service(_Loose, total=False):
    port: Port
    transport: Name
    protocol: Name


class _Asset(_Loose, total=False):
    id: Required[Identity]
    ip: Annotated[list[Address], Field(max_length=256)]
    mac: Annotated[list[Address], Field(max_length=256)]
    name: Name
    vendor: Name
    model: Name
    firmware: Name
    serial: Name
    role: Name
    role_confidence: Share
    purdue_level: Purdue
    criticality: Criticality
    zone: Name
    protocols: Annotated[list[Name], Field(max_length=256)]
    services: Annotated[list[_Service], Field(max_length=1024)]
    authorised: StrictBool
    first_seen: Required[Time]
    last_seen: Required[Time]


class AssetDocument(_Loose, total=False):
    """An asset (docs/documents.md, "Asset")."""

    asset: Required[_Asset]
    evidence: dict[str, Any]


class _Behaviour(_Loose, total=False):
    id: Required[Identity]
    count: Required[Count]
    first_seen: Required[Time]
    last_seen: Required[Time]


class BehaviourDocument(_Loose, total=False):
    """A behaviour (docs/documents.md, "Behaviour")."""

    behaviour: Required[_Behaviour]
    source: Required[_End]
    destination: Required[_End]
    network: Required[_Network]
    ics: Required[_Ics]
    evidence: _Evidence


class _Health(_Loose, total=False):
    packets: Count
    bytes: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]
    drops: dict[Name, Count]
    understood: Share
    malformed: Count
    faults: Count
    rules_digest: Name


HealthDocument = TypedDict(
    "HealthDocument",
    {"@timestamp": Required[Time], "observer": _Observer, "health": Required[_Health]},
    total=False,
)
HealthDocument.__pydantic_config__ = _LOOSE  # type: ignore[attr-defined]


class SummaryDocument(_Loose, total=False):
    """A run's summary (docs/documents.md, "Summary"); shown as it is; its main numbers are checked."""

    packets: Count
    messages: Count
    behaviours: Count
    assets: Count
    alerts: dict[Level, Count]
    protocols: dict[Name, Count]
    operations: dict[Name, Count]
    losses: dict[str, Any]


_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "alert": TypeAdapter(AlertDocument),
    "asset": TypeAdapter(AssetDocument),
    "behaviour": TypeAdapter(BehaviourDocument),
    "health": TypeAdapter(HealthDocument),
    "summary": TypeAdapter(SummaryDocument),
}
DOCUMENT_TYPES = tuple(_ADAPTERS)

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_STRICT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_SUSPECT = ("\\u00", "null", "NaN", "Infinity")
_BAD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(value: Any, depth: int = 0) -> Any:
    """The value with unprintable and direction-changing characters replaced by U+FFFD, nulls left out."""
    if depth > DOCUMENT_DEPTH:
        raise ValueError(f"nested deeper than {DOCUMENT_DEPTH}")
    if isinstance(value, str):
        return _BAD.sub("\ufffd", value)
    if isinstance(value, dict):
        return {clean(key, depth): clean(item, depth + 1) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value if item is not None]
    return value


class Checked(NamedTuple):
    """A document that passed: its type, the cleaned body and that body as JSON text."""

    type: str
    body: Document
    text: str


def checked(documents: Iterable[Envelope]) -> list[Checked]:
    """The documents, cleaned; DocumentsRefused names the index and field of each fault (the first twenty)."""
    accepted: list[Checked] = []
    faults: list[tuple[str, str]] = []
    for index, envelope in enumerate(documents):
        adapter = _ADAPTERS.get(envelope.type)
        if adapter is None:
            faults.append((f"documents.{index}.type", f"not one of {', '.join(DOCUMENT_TYPES)}"))
        else:
            try:
                body, text = _tidy(envelope.body)
                adapter.validate_python(body)
                accepted.append(Checked(envelope.type, body, text))
            except ValidationError as error:
                faults.extend(
                    (_place(index, item["loc"]), item["msg"]) for item in error.errors(include_input=False)
                )
            except (ValueError, RecursionError, TypeError) as error:
                faults.append((f"documents.{index}.body", str(error) or type(error).__name__))
        if len(faults) >= FAULTS_TOLD:
            break
    if faults:
        raise DocumentsRefused(faults[:FAULTS_TOLD])
    return accepted


def _place(index: int, location: Sequence[int | str]) -> str:
    # pydantic writes "[key]" for a bad dictionary key; the rest are field names and list indices.
    return ".".join(str(part)[:80] for part in (f"documents.{index}.body", *location))


def json_text(value: Any) -> str:
    """`value` as compact JSON, not escaped beyond need; NaN and infinities by their names."""
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except (PydanticSerializationError, ValueError):
        # Lone surrogates, or nested deeper than the fast encoder goes.
        return _ENCODER.encode(value)


def _tidy(body: Document) -> tuple[Document, str]:
    """The body, cleaned if its text needs it, and that text; ValueError where too large, too deep or NaN."""
    text = json_text(body)
    if len(text) > DOCUMENT_BYTES:
        raise ValueError(f"the document is larger than {DOCUMENT_BYTES} characters")
    # A few brackets cannot nest deep enough to harm, and nearly all documents have only a few.
    deep = text.count("{") + text.count("[") > 40 and _depth(body) > DOCUMENT_DEPTH
    if not deep and text.isprintable() and not any(mark in text for mark in _SUSPECT):
        return body, text
    tidied = clean(body)
    return tidied, _STRICT.encode(tidied)


def _depth(value: Any) -> int:
    deepest, pending = 0, [(value, 1)]
    while pending:
        item, depth = pending.pop()
        deepest = max(deepest, depth)
        if depth > DOCUMENT_DEPTH:
            return depth
        if isinstance(item, dict):
            pending.extend((child, depth + 1) for child in item.values() if isinstance(child, dict | list))
        elif isinstance(item, list):
            pending.extend((child, depth + 1) for child in item if isinstance(child, dict | list))
    return deepest
