"""Tables from documents: what rule tests write by hand, and what asset changes are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from rules.fields import FIELDS, Category, RuleField
from rules.table import EVIDENCE_FRAMES, Column, Flags, Numbers, Occurrences, Table, texts
from sensor.times import rfc3339


def flatten(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf of a nested or already dotted document."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def table_of(documents: Sequence[Mapping[str, Any]], category: Category = "behaviour") -> Table:
    """A table with one row for each document; fields that rules cannot name are ignored.

    `behaviour.count`, `behaviour.first_seen`, `behaviour.last_seen`, `@timestamp` and
    `evidence.frames` fill the occurrences. A value of the wrong type raises TypeError or ValueError.
    """
    flat = [dict(flatten(document)) for document in documents]
    columns: dict[str, Column] = {}
    for name in sorted({name for document in flat for name in document} & set(FIELDS)):
        columns[name] = _column(FIELDS[name], [document.get(name) for document in flat])
    return Table(category, len(flat), columns, _occurrences(flat))


def _column(field: RuleField, values: list[Any]) -> Column:
    if field.is_textual:
        return texts(tuple(map(str, v)) if isinstance(v, list | tuple) else v and str(v) for v in values)
    present = np.array([value is not None for value in values], np.bool_)
    if field.type == "boolean":
        return Flags(np.array([bool(value) for value in values], np.bool_), present)
    if field.type == "integer":
        return Numbers(np.array([int(value or 0) for value in values], np.int64), present)
    return Numbers(np.array([float(value or 0) for value in values], np.float64), present)


def _occurrences(flat: list[dict[str, Any]]) -> Occurrences:
    first, last, counts = [], [], []
    frames = np.zeros((len(flat), EVIDENCE_FRAMES), np.int64)
    for row, document in enumerate(flat):
        start = document.get("behaviour.first_seen", document.get("@timestamp"))
        first.append(nanoseconds(start))
        last.append(max(first[-1], nanoseconds(document.get("behaviour.last_seen", start))))
        counts.append(int(document.get("behaviour.count", 1)))
        seen = document.get("evidence.frames", document.get("evidence.frame", ()))
        seen = (seen if isinstance(seen, list | tuple) else [seen])[:EVIDENCE_FRAMES]
        frames[row, : len(seen)] = seen
    keys = np.full(len(flat), -1, np.int64)
    return Occurrences(
        keys, np.array(counts, np.int64), np.array(first, np.int64), np.array(last, np.int64), frames
    )


def nanoseconds(time: str | int | None) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time, or the number itself; 0 for None."""
    if time is None or isinstance(time, int):
        return time or 0
    whole, _, rest = time.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if rest else ""
    moment = datetime.fromisoformat(whole + zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9 + int(digits[:9].ljust(9, "0") or 0)


def timestamp(time_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds."""
    return rfc3339(time_ns)
