"""Scores over time."""

from __future__ import annotations

from collections.abc import Iterable

from console.store.bounds import Bounds
from console.store.records import PosturePoint
from console.store.sqlite.connection import Connections
from console.store.times import DAY, now, to_text


class PostureSamples:
    """`PostureStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def put_posture(self, points: Iterable[PosturePoint]) -> None:
        """See PostureStore."""
        with self.connections.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO posture VALUES (?, ?, ?, ?, ?)",
                [(p.scope, p.time_ns, p.score, p.risk, p.confidence) for p in points],
            )
            # An age, not a number, bounds the samples: dropping them is no loss anybody must be told of.
            connection.execute(
                "DELETE FROM posture WHERE time < ?", (now() - self.bounds.posture_days * DAY,)
            )

    def posture_series(self, scope: str, since: int, until: int, limit: int = 1000) -> list[PosturePoint]:
        """See PostureStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT time, score, risk, confidence FROM posture WHERE scope = ? AND time >= ? AND time < ?"
                " ORDER BY time",
                (scope, since, until),
            ).fetchall()
        if len(rows) > limit:
            step = (len(rows) - 1) / max(1, limit - 1)
            rows = [rows[round(index * step)] for index in range(limit)]
        return [PosturePoint(to_text(row[0]), row[0], scope, *row[1:]) for row in rows]
