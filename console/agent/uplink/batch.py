"""Batches on the wire, and which documents of one the console would not have."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from typing import Any

from console.agent.spool.spool import Parcel, Waiting

HEADERS = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
_PLACE = re.compile(r"documents\.(\d+)(?:\.|$)")


def wire_form(sensor: str, parcel: Parcel) -> bytes:
    """The batch as gzip NDJSON; the same octets each time."""
    lines = [json.dumps({"sensor": sensor, "sequence": parcel.sequence})]
    lines += [f'{{"type":"{item.type}","body":{item.body}}}' for item in parcel.documents]
    return gzip.compress("\n".join(lines).encode(), compresslevel=5, mtime=0)


def faults_of(content: Any) -> list[tuple[str, str]]:
    """(where, message) of a problem document."""
    errors = content.get("errors") if isinstance(content, dict) else None
    return [
        (str(error.get("where", "")), str(error.get("message", "")))
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, dict)
    ]


def is_about_documents(status: int, content: Any) -> bool:
    """Whether a refusal is about what the batch holds, so that a part of it may pass."""
    faults = faults_of(content)
    # The place may begin with "body." or the like, as frameworks write it.
    return status == 413 or not faults or any(_PLACE.search(where) for where, _ in faults)


def parts_of(documents: Sequence[Waiting], content: Any) -> list[list[Waiting]]:
    """A refused batch in parts: each document that was named alone, the rest together; else halves."""
    named = {int(match[1]) for where, _ in faults_of(content) if (match := _PLACE.search(where))}
    named &= set(range(len(documents)))
    if not named:
        half = len(documents) // 2
        return [list(documents[:half]), list(documents[half:])]
    rest = [item for index, item in enumerate(documents) if index not in named]
    return [rest, *([documents[index]] for index in sorted(named))]
