"""Does a learn or a mute cover this alert? One dictionary look-up for each combination of set fields."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import astuple, dataclass, fields

from console.store.filters import CloseReason
from console.store.records import Document, Scope
from console.store.words import address

SCOPE_FIELDS = tuple(field.name for field in fields(Scope))
REASONS: dict[str, CloseReason] = {"learn": "learned", "mute": "muted"}
IN_FORCE = "revoked IS NULL AND (expires IS NULL OR expires > ?)"


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What a scope can name of an alert, in the order of Scope's fields."""

    rule: str
    source: str | None
    destination: str | None
    protocol: str | None
    operation: str | None
    object: str | None
    zone: str | None

    @classmethod
    def of(cls, body: Document) -> AlertFacts:
        """Draw them from an alert document; the zone is the target's, or the source's where it has none."""
        source, destination = body.get("source") or {}, body.get("destination") or {}
        ics = body.get("ics") or {}
        return cls(
            rule=body["rule"]["id"],
            source=address(source),
            destination=address(destination),
            protocol=(body.get("network") or {}).get("protocol"),
            operation=ics.get("operation"),
            object=ics.get("object"),
            zone=destination.get("zone") or source.get("zone"),
        )


@dataclass(frozen=True, slots=True)
class Match:
    """The allowance that covers an alert, and why the alert is closed."""

    id: int
    reason: CloseReason


class AllowanceMatcher:
    """The allowances in force at `now`, ready to match; the oldest matching one counts."""

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._by_mask: dict[tuple[int, ...], dict[tuple[str, ...], Match]] = {}
        self._ids: set[int] = set()
        self._hits: Counter[int] = Counter()
        rows = connection.execute(
            f"SELECT id, kind, scope FROM allowance WHERE {IN_FORCE} ORDER BY id", (now,)
        )
        for allowance_id, kind, scope in rows:
            self._ids.add(allowance_id)
            values = astuple(Scope(**json.loads(scope)))
            mask = tuple(index for index, value in enumerate(values) if value is not None)
            key = tuple(values[index] for index in mask)
            self._by_mask.setdefault(mask, {}).setdefault(key, Match(allowance_id, REASONS[kind]))

    def in_force(self, allowance: int | None) -> bool:
        """Whether this allowance still holds."""
        return allowance in self._ids

    def match(self, facts: AlertFacts) -> Match | None:
        """The allowance that covers these facts; counted as a hit."""
        if not self._by_mask:
            return None
        values = astuple(facts)
        for mask, allowances in self._by_mask.items():
            match = allowances.get(tuple(values[index] for index in mask))
            if match is not None:
                self._hits[match.id] += 1
                return match
        return None

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write how many alerts each allowance has hidden."""
        connection.executemany(
            "UPDATE allowance SET hidden = hidden + ? WHERE id = ?",
            [(count, allowance_id) for allowance_id, count in self._hits.items()],
        )
        self._hits.clear()
