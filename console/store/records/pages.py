"""One page of anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of answers; `total` is a lower bound where `total_exact` is false ("10000+")."""

    items: list[T]
    total: int
    total_exact: bool
    next_cursor: str | None
