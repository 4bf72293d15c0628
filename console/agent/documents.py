"""Documents on their way out: what they are, what may replace what, and what gives way first."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

DocumentType = Literal["alert", "asset", "behaviour", "summary", "health"]
LEVELS = ("informational", "low", "medium", "high", "critical")
FIRST_ALERT = 10
"""Ranks from here on are alerts, by level."""
_RANKS = {"behaviour": 0, "health": 1, "summary": 2, "asset": 3}
_IDS = {"alert": "event", "asset": "asset", "behaviour": "behaviour"}


class Outgoing(NamedTuple):
    """A document. A later one with the same type and id replaces it; without an id nothing does."""

    type: DocumentType
    body: dict[str, Any]

    @property
    def id(self) -> str | None:
        """`event.id`, `asset.id` or `behaviour.id`."""
        part = _IDS.get(self.type)
        return None if part is None else str(self.body[part]["id"])

    @property
    def rank(self) -> int:
        """What gives way first when room runs out: the lowest rank, there the oldest."""
        if self.type == "alert":
            return FIRST_ALERT + LEVELS.index(self.body["rule"]["level"])
        return _RANKS[self.type]

    @property
    def text(self) -> str:
        """The body as JSON on one line. Lone surrogates are escaped, as names come out of packets."""
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        return text if text.isascii() or _is_utf8(text) else json.dumps(self.body, separators=(",", ":"))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def class_of(rank: int) -> str:
    """The name under which drops of documents of this rank are counted."""
    if rank >= FIRST_ALERT:
        return f"alert.{LEVELS[rank - FIRST_ALERT]}"
    return next(name for name, value in _RANKS.items() if value == rank)
