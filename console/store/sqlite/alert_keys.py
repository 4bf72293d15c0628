"""What an alert is found, counted and recognised by."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from console.store.records import Document
from console.store.sqlite import tally
from console.store.sqlite.allowance_match import AlertFacts


def fingerprint_of(facts: AlertFacts, body: Document) -> bytes | None:
    """What makes two sensors' alerts the same: rule, ends, protocol, operation, object, changed asset.

    None where an alert names no end and no asset: it is about its sensor, and no other's is the same.
    The zone is compared apart, since one of the sensors may not know it.
    """
    asset = body.get("asset") or {}
    if not (facts.source or facts.destination or asset.get("id")):
        return None
    parts = (
        facts.rule,
        facts.source,
        facts.destination,
        facts.protocol,
        facts.operation,
        facts.object,
        asset.get("id"),
        asset.get("change"),
    )
    return blake2b("\0".join(part or "" for part in parts).encode(), digest_size=12).digest()


def facets_of(
    protocol: str | None, operation: str | None, rule: str, keys: list[list[Any]]
) -> list[tuple[int, str]]:
    """The facets an alert is tallied under."""
    facets = [(tally.ALL, ""), (tally.RULE, rule)]
    if protocol:
        facets.append((tally.PROTOCOL, protocol))
    if operation:
        facets.append((tally.OPERATION, operation))
    facets += [(tally.KEYED + kind, value) for kind, value in keys if kind in tally.TALLIED_KINDS]
    return facets


def keys_of(body: Document, sensor: str, assets: tuple[str | None, ...]) -> list[list[Any]]:
    """The alert's rows of `alert_key`, each once."""
    found: dict[tuple[int, str], None] = {(tally.SENSOR, sensor): None}
    for kind, end in ((tally.SOURCE, body.get("source")), (tally.DESTINATION, body.get("destination"))):
        for name in ("ip", "mac"):
            if end and end.get(name):
                found[kind, end[name]] = None
        if end and end.get("zone"):
            found[tally.ZONE, end["zone"]] = None
    for asset in assets:
        if asset:
            found[tally.ASSET, asset] = None
    threat = body.get("threat") or {}
    for technique in (threat.get("technique") or {}).get("id", ()):
        found[tally.TECHNIQUE, technique] = None
    for tactic in (threat.get("tactic") or {}).get("name", ()):
        found[tally.TACTIC, tactic] = None
    return [list(key) for key in found]


def joined_evidence(old: Document, new: Document, most: int) -> Document:
    """The frames of both where they are of one capture, else the older ones."""
    before, after = old.get("evidence") or {}, new.get("evidence") or {}
    if not before or before.get("capture") != after.get("capture"):
        return before or after
    seen = dict.fromkeys([*before.get("frames", ()), *after.get("frames", ())])
    return {**after, "frames": list(seen)[:most]}
