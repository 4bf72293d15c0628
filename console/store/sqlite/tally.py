"""Counts per facet, kept current in the transaction that changes what they count."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from console.store.times import HOUR

ALL, PROTOCOL, OPERATION, RULE = 0, 1, 2, 3
KEYED = 10
"""Facets of `alert_key` are its kind plus this."""
SOURCE, DESTINATION, ZONE, ASSET, TECHNIQUE, SENSOR, TACTIC = range(7)
TALLIED_KINDS = (ZONE, ASSET, TECHNIQUE, SENSOR, TACTIC)

_UPSERT = """
INSERT INTO alert_tally VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count
"""

_CHOSEN = f"""
SELECT {ALL}, '', status, level, count(*) FROM alert WHERE number IN chosen GROUP BY 3, 4
UNION ALL SELECT {PROTOCOL}, protocol, status, level, count(*) FROM alert
  WHERE number IN chosen AND protocol IS NOT NULL GROUP BY 2, 3, 4
UNION ALL SELECT {OPERATION}, operation, status, level, count(*) FROM alert
  WHERE number IN chosen AND operation IS NOT NULL GROUP BY 2, 3, 4
UNION ALL SELECT {RULE}, rule, status, level, count(*) FROM alert WHERE number IN chosen GROUP BY 2, 3, 4
"""
_CHOSEN_KEYS = f"""
SELECT {KEYED} + key.value ->> 0, key.value ->> 1, alert.status, alert.level, count(*)
FROM chosen JOIN alert USING (number) JOIN alert_document USING (number), json_each(keys) AS key
WHERE key.value ->> 0 IN ({", ".join(str(kind) for kind in TALLIED_KINDS)})
GROUP BY 1, 2, 3, 4
"""


class Tallies:
    """Differences gathered over a batch and written at its end."""

    def __init__(self) -> None:
        self._facets: Counter[tuple[int, str, int, int]] = Counter()
        self._hours: Counter[tuple[int, int]] = Counter()

    def add(
        self,
        facets: Iterable[tuple[int, str]],
        status: int,
        level: int,
        first_seen: int,
    ) -> None:
        """Count one new alert."""
        for facet, value in facets:
            self._facets[facet, value, status, level] += 1
        self._hours[first_seen // HOUR, level] += 1

    def add_facets(self, facets: Iterable[tuple[int, str]], status: int, level: int) -> None:
        """Count an alert under facets it newly has."""
        for facet, value in facets:
            self._facets[facet, value, status, level] += 1

    def move(
        self,
        facets: Iterable[tuple[int, str]],
        old: tuple[int, int, int],
        new: tuple[int, int, int],
    ) -> None:
        """Recount an alert whose (status, level, first_seen) changed."""
        if old == new:
            return
        for facet, value in facets:
            self._facets[facet, value, old[0], old[1]] -= 1
            self._facets[facet, value, new[0], new[1]] += 1
        self._hours[old[2] // HOUR, old[1]] -= 1
        self._hours[new[2] // HOUR, new[1]] += 1

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write the differences."""
        connection.executemany(_UPSERT, [(*key, count) for key, count in self._facets.items() if count])
        connection.executemany(
            "INSERT INTO alert_hour VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(*key, count) for key, count in self._hours.items() if count],
        )
        self._facets.clear()
        self._hours.clear()


def move_chosen(connection: sqlite3.Connection, status: int | None) -> None:
    """Recount all alerts of the temporary table `chosen` as having this status; None takes them out."""
    rows = connection.execute(_CHOSEN).fetchall() + connection.execute(_CHOSEN_KEYS).fetchall()
    connection.executemany(_UPSERT, [(*row[:4], -row[4]) for row in rows])
    if status is not None:
        connection.executemany(_UPSERT, [(*row[:2], status, *row[3:]) for row in rows])
