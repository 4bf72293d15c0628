"""A WHERE clause put together from what a filter names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from console.store.words import like_patterns


class Where:
    """Tests that must all hold, and their values. Column names come from code, never from outside."""

    def __init__(self) -> None:
        self._tests: list[str] = []
        self.values: list[Any] = []

    def add(self, test: str, *values: Any) -> None:
        """A test with a question mark for each value."""
        self._tests.append(test)
        self.values += values

    def any_of(self, column: str, wanted: Collection[Any]) -> None:
        """The column is one of these; no test where none is named."""
        if wanted:
            self.add(f"{column} IN ({marks(wanted)})", *wanted)

    def given(self, test: str, value: Any) -> None:
        """A test of one value; none where that is None."""
        if value is not None:
            self.add(test, value)

    def words(self, column: str, text: str | None) -> None:
        """Every word of a text occurs in the column, which is in lower case."""
        for pattern in like_patterns(text or ""):
            self.add(f"{column} LIKE ? ESCAPE '\\'", pattern)

    def __str__(self) -> str:
        return " AND ".join(self._tests) or "1"


def marks(values: Collection[Any]) -> str:
    """A question mark for each value."""
    return ", ".join("?" * len(values))
