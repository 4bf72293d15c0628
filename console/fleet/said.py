"""What sensors say of themselves, read with care: any field may be missing, or be anything."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from console.store.records import SensorRecord

STATES = ("revoked", "file", "never", "silent", "alive")


def state_of(sensor: SensorRecord, silent_after: float) -> str:
    """One of STATES: revoked, a source of file analyses, never heard, silent, or alive."""
    if sensor.revoked:
        return "revoked"
    if not sensor.registered:
        return "file"
    if sensor.silent_seconds is None:
        return "never"
    return "silent" if sensor.silent_seconds > silent_after else "alive"


def inner(document: Mapping[str, Any] | None, *path: str) -> dict[str, Any]:
    """The object at a path; empty where a sensor has put anything else there."""
    found: Any = document or {}
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, dict) else {}


def number(value: Any) -> float | None:
    """A finite number, or None."""
    plain = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if plain else None


def counts_of(document: Mapping[str, Any] | None, *path: str) -> dict[str, float]:
    """The numbers of an object by name, as far as they are numbers."""
    found = {str(name)[:100]: number(value) for name, value in inner(document, *path).items()}
    return {name: value for name, value in found.items() if value is not None}
