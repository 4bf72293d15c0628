"""What makes an alert quiet: announced work that explains it, or a suppression. Neither makes it vanish.

A match is split by what tolerates each of its rows, so that one alert is either tolerated as a whole or
not at all: what goes on after a window has closed, or outside its scope, is an alert of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.documents import table_of, timestamp
from rules.engine.matching import satisfied
from rules.fields import Category
from rules.rule import SEVERITY, AnyRule
from rules.site.maintenance import Maintenance
from rules.site.model import Site
from rules.site.suppression import Suppression
from rules.table import Mask, Table

QUIETER = {
    "critical": "low",
    "high": "low",
    "medium": "informational",
    "low": "informational",
    "informational": "informational",
}
"""What becomes of a level where announced work explains the alert: worth knowing, not worth waking."""
SILENT_LEVEL = "informational"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Why an alert is quiet until `until_ns`. `id` is that of the window or the suppression."""

    id: str
    silent: bool
    until_ns: int
    kind: str
    """`maintenance` or `suppression`: the key under which the document tells `note`."""
    note: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What keeps alerts of one occurrence of a window apart from all others."""
        return f"{self.id}@{self.until_ns}"

    def apply(self, document: dict[str, Any]) -> None:
        """Lower the level of an alert document, say why, and what the level would have been."""
        rule = document["rule"]
        level = SILENT_LEVEL if self.silent else QUIETER[rule["level"]]
        document[self.kind] = {**self.note, "level": rule["level"]}
        rule["level"] = level
        document["event"]["severity"] = SEVERITY[level]
        if self.silent:
            document["event"]["silenced"] = True


class Tolerances:
    """The maintenance windows and suppressions of a site, and how many alerts each made quiet.

    `counts` has the number of alerts by id, zeros included.
    """

    def __init__(self, site: Site | None = None) -> None:
        site = site or Site()
        self._windows = site.maintenance
        self._suppressions = site.suppressions
        ids = [window.id for window in self._windows] + [item.id for item in self._suppressions]
        self.counts: Counter[str] = Counter(dict.fromkeys(ids, 0))

    def __bool__(self) -> bool:
        return bool(self._windows or self._suppressions)

    def split(
        self, table: Table, rule: AnyRule, rows: NDArray[np.intp]
    ) -> Iterator[tuple[Tolerance | None, NDArray[np.intp]]]:
        """The rows of a match by what tolerates them; None for those that nothing does.

        A suppression comes before a window, since it silences; of several the first counts.
        """
        if not self:
            yield None, rows
            return
        first, last = table.occurrences.first_ns[rows], table.occurrences.last_ns[rows]
        left = np.ones(rows.size, np.bool_)
        for item in self._suppressions:
            if item.concerns(rule.id, rule.name):
                mine = left & (last < item.expires_ns)
                mine = self._covered(item.covers, table, rows, mine)
                if mine.any():
                    yield _of_suppression(item), rows[mine]
                    left &= ~mine
        for window in self._windows:
            mine = left & window.contains(first) & window.contains(last)
            mine = self._covered(window.covers, table, rows, mine)
            ends = np.array(
                [window.until(int(time)) if hit else 0 for time, hit in zip(first, mine, strict=True)]
            )
            for end in np.unique(ends[mine]).tolist():
                # What began in one week's window and went on into the next is no single piece of work.
                inside = mine & (ends == end) & (last < end)
                if inside.any():
                    yield _of_window(window, int(end)), rows[inside]
                    left &= ~inside
        if left.any():
            yield None, rows[left]

    def at(self, rule: AnyRule, fields: dict[str, Any], category: Category, time_ns: int) -> Tolerance | None:
        """What tolerates one repeat of an alert with these fields at this time."""
        if not self:
            return None
        table = table_of([fields], category)
        table.occurrences.first_ns[0] = table.occurrences.last_ns[0] = time_ns
        ((found, _),) = self.split(table, rule, np.zeros(1, np.intp))
        return found

    def describe(self) -> list[dict[str, Any]]:
        """What each has made quiet so far, as the summary document tells it; those that did nothing, too."""
        found = []
        for window in self._windows:
            note = dict(_of_window(window, window.end_ns).note)
            note.pop("until")
            found.append(
                {
                    "kind": "maintenance",
                    **note,
                    "silenced": window.effect == "silence",
                    "alerts": self.counts[window.id],
                }
            )
        for item in self._suppressions:
            note = dict(_of_suppression(item).note)
            found.append({"kind": "suppression", **note, "silenced": True, "alerts": self.counts[item.id]})
        return found

    @staticmethod
    def _covered(covers: Mapping[Category, Any], table: Table, rows: NDArray[np.intp], mine: Mask) -> Mask:
        if not mine.any():
            return mine
        expression = covers.get(table.category)
        if expression is None:
            return np.zeros(rows.size, np.bool_)
        return np.asarray(mine & satisfied(expression, table)[rows])


def _of_suppression(item: Suppression) -> Tolerance:
    note = {
        "id": item.id,
        "reason": item.reason,
        "author": item.author,
        "expires": timestamp(item.expires_ns),
    }
    return Tolerance(item.id, True, item.expires_ns, "suppression", note)


def _of_window(window: Maintenance, until_ns: int) -> Tolerance:
    texts = {"work_order": window.work_order, "text": window.name, "who": window.who}
    note = {
        "id": window.id,
        **{key: text for key, text in texts.items() if text},
        "until": timestamp(until_ns),
    }
    return Tolerance(window.id, window.effect == "silence", until_ns, "maintenance", note)
