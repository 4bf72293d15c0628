"""Which entry of a baseline a behaviour would make, or takes part in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from rules.baseline.entries import Entry
from rules.baseline.model import Function, Level, Place
from rules.baseline.ranges import span
from rules.baseline.subjects import Subjects
from rules.table import Texts, texts
from sensor.strings import Strings, text_of
from sensor.types import Ints, Rows


def entry_at(
    subjects: Subjects, index: int, rows: Rows, level: int, strings: Strings, assets: Collection[str]
) -> Entry:
    """The entry of row `index` at this level; of two ends the one that is not among `assets`."""
    row = rows[index]
    if level == Level.ASSET:
        names = [subjects.names[end[index]] for end in (subjects.client, subjects.server)]
        places = (int(subjects.client[index]), int(subjects.server[index]))
        strange = [
            name for name, place in zip(names, places, strict=True)
            if subjects.is_host[place] and name not in assets
        ]  # fmt: skip
        return Entry(asset=(strange or names)[0])
    talk = subjects.conversation(index)
    if level == Level.CONVERSATION:
        return Entry(conversation=talk)
    operation = int(row["operation"])
    if level == Level.OPERATION:
        return Entry(conversation=talk, operation=operation)
    function = Function(int(row["function"]), int(row["subfunction"]))
    if level == Level.FUNCTION:
        return Entry(conversation=talk, operation=operation, function=function)
    place = Place(int(row["unit"]), int(row["space"]), text_of(strings, int(row["name"])))
    return Entry(None, talk, operation, function, place, span(int(row["address"]), int(row["count"])))


class EntryTexts(Texts):
    """A text of each row's entry, worked out row by row, so that an alert costs one and not all."""

    def __init__(self, levels: Ints, entry_of: Callable[[int], str]) -> None:
        self._levels = levels
        self._entry_of = entry_of

    @cached_property
    def _coded(self) -> Texts:
        return texts(self.value(row) for row in range(len(self._levels)))

    @property
    def codes(self) -> NDArray[Any]:  # type: ignore[override]
        """One for each row, ABSENT where nothing is new."""
        return self._coded.codes

    @property
    def values(self) -> Sequence[str | tuple[str, ...]]:  # type: ignore[override]
        """The distinct texts."""
        return self._coded.values

    def value(self, row: int) -> str | None:
        """The text of a row's entry."""
        return self._entry_of(row) if self._levels[row] else None


def refused_level(
    subjects: Subjects, index: int, rows: Rows, strings: Strings, refused: Sequence[Entry]
) -> int:
    """The topmost level at which a row is, or lies below, an entry that must not be learned; else 0."""
    for level in range(Level.ASSET, int(subjects.depth[index]) + 1):
        if level == Level.ASSET:
            ends = {subjects.names[subjects.client[index]], subjects.names[subjects.server[index]]}
            if any(entry.asset in ends for entry in refused if entry.asset is not None):
                return level
            continue
        entry = entry_at(subjects, index, rows, level, strings, ())
        if any(item.asset is None and item.point is None and item.covers(entry) for item in refused):
            return level
    return 0
