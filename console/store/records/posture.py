"""Scores over time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PosturePoint:
    """One stored sample of a score, for trends. `scope` is `site/<name>`, `zone/<site>/<name>` or `all`."""

    time: str
    time_ns: int
    scope: str
    score: float
    risk: float
    confidence: float
