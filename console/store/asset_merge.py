"""One asset from what several sensors and people say about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from console.store.records import Document

UNASSIGNED = "unassigned"
"""The zone of assets nobody has placed."""
DECIDABLE = ("name", "zone", "criticality", "authorised")
UNTRACKED = frozenset({"id", "first_seen", "last_seen", "role_confidence"})
_UNIONS = ("ip", "mac", "protocols", "services")
_UNION_LIMIT = 1024


def merge(documents: Iterable[Document]) -> Document:
    """Merge the sensors' documents, given oldest first.

    Lists are united, a role comes from the surest sensor, every other field from the latest one
    that knows it, with its evidence.
    """
    asset: Document = {}
    evidence: Document = {}
    surest = -1.0
    for document in documents:
        said = document["asset"]
        grounds = document.get("evidence") or {}
        for field, value in said.items():
            if field in ("role", "role_confidence", "first_seen", "last_seen"):
                continue
            if field in _UNIONS:
                present = asset.setdefault(field, [])
                present.extend(item for item in value if item not in present)
                del present[_UNION_LIMIT:]
            else:
                asset[field] = value
            if field in grounds:
                evidence[field] = grounds[field]
        confidence = said.get("role_confidence", 0.5)
        better = asset.get("role", "unknown") == "unknown" or confidence >= surest
        if said.get("role", "unknown") != "unknown" and better:
            surest = confidence
            asset["role"] = said["role"]
            asset["role_confidence"] = confidence
            if "role" in grounds:
                evidence["role"] = grounds["role"]
        # RFC 3339 text of one form (UTC, nine decimals) sorts as its time does.
        asset["first_seen"] = min(asset.get("first_seen", said["first_seen"]), said["first_seen"])
        asset["last_seen"] = max(asset.get("last_seen", said["last_seen"]), said["last_seen"])
    asset.setdefault("role", "unknown")
    return {"asset": asset, "evidence": evidence}


def decided(document: Document, decisions: Mapping[str, Any]) -> Document:
    """The document with people's decisions on top; their evidence names the user."""
    if not decisions:
        return document
    asset = {**document["asset"], **{field: item["value"] for field, item in decisions.items()}}
    evidence = {**document.get("evidence", {})}
    for field, item in decisions.items():
        evidence[field] = {"decided_by": item["by"], "time": item["time"]}
    return {**document, "asset": asset, "evidence": evidence}


def changes(old: Document | None, new: Document) -> list[tuple[str, Any, Any]]:
    """(field, old, new) for every tracked field that differs; absent is None."""
    before = old["asset"] if old else {}
    after = new["asset"]
    fields = [field for field in {**before, **after} if field not in UNTRACKED]
    return [
        (field, before.get(field), after.get(field))
        for field in fields
        if before.get(field) != after.get(field)
    ]
