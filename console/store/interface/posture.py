"""Scores over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from console.store.records import PosturePoint


class PostureStore(Protocol):
    """Scores over time."""

    def put_posture(self, points: Iterable[PosturePoint]) -> None:
        """Keep samples (bounded in age)."""
        ...

    def posture_series(self, scope: str, since: int, until: int, limit: int = 1000) -> list[PosturePoint]:
        """Samples of one scope, oldest first, thinned evenly to `limit`."""
        ...
