"""Documents on their way in, and what became of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One document on its way in: `type` is alert, asset, behaviour, summary or health."""

    type: Literal["alert", "asset", "behaviour", "summary", "health"]
    body: Document


@dataclass(frozen=True, slots=True)
class IngestReceipt:
    """What became of a batch; a repeat of (sensor, sequence) has `duplicate` set and the first counts."""

    sensor: str
    sequence: str
    duplicate: bool
    accepted: int
    new_alerts: int = 0
    updated_alerts: int = 0
    silenced_alerts: int = 0
    """Matched a learn or mute allowance, or were silenced by the sensor's site file: kept, but closed from
    the start."""
    new_assets: int = 0
    new_behaviours: int = 0
    times_held_back: int = 0
    """Times later than the store was told to believe."""
