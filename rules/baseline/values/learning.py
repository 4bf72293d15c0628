"""From rows of the table of points to entries of a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite, log2

import numpy as np

from rules.baseline.subjects import Directory
from rules.baseline.values.kinds import Shape, kind_of
from rules.baseline.values.point import Point, Seen, States, ValueKind, joined
from sensor.messages import ValueKind as MessageKind
from sensor.points.table import MOST_STATES, WRITTEN
from sensor.strings import Strings, text_of
from sensor.types import Rows

MOST_POINTS = 1 << 16
"""Points of a baseline."""


def namer(directory: Directory, strings: Strings) -> Callable[[Rows], list[Point]]:
    """Makes the Points of POINT rows."""

    def points(rows: Rows) -> list[Point]:
        endpoints, places = np.unique(rows["server"].astype(np.int64), return_inverse=True)
        addresses = directory.addresses(endpoints)
        columns = zip(
            places.tolist(),
            *(rows[name].tolist() for name in ("protocol", "unit", "space", "name", "address")),
            strict=True,
        )
        return [
            Point(
                addresses[server], protocol, unit, space, text_of(strings, name) if name >= 0 else "", address
            )
            for server, protocol, unit, space, name, address in columns
        ]

    return points


def learned(rows: Rows, points: Callable[[Rows], list[Point]]) -> Iterator[tuple[Point, Seen]]:
    """What POINT rows have learned, one entry for each point whether it is read, written or both."""
    rows = rows[rows["learned"] > 0]
    sides: dict[Point, list[int]] = {}
    for index, point in enumerate(points(rows)):
        sides.setdefault(point, []).append(index)
    for point, places in sides.items():
        seen = _seen([rows[place] for place in places])
        if seen is not None:
            yield point, seen


def add(values: dict[Point, Seen], point: Point, seen: Seen) -> bool:
    """Put an entry into a baseline, beside what is known already; false where there is no room."""
    known = values.get(point)
    if known is None and len(values) >= MOST_POINTS:
        return False
    values[point] = seen if known is None else joined(known, seen)
    return True


def _seen(sides: list[np.void]) -> Seen | None:
    """One entry from the read row, the written row or both; None where values passed all measure."""
    read = next((row for row in sides if row["written"] != WRITTEN), None)
    written = next((row for row in sides if row["written"] == WRITTEN), None)
    least = min(float(row["least"]) for row in sides)
    most = max(float(row["most"]) for row in sides)
    step = max(float(row["step"]) for row in sides)
    rate = max(float(row["rate"]) for row in sides)
    if not all(map(isfinite, (most - least, step, rate))):
        return None
    main = sides[0] if read is None else read
    read_changes = 0 if read is None else int(read["changes"])
    written_changes = 0 if written is None else int(written["changes"])
    states = _states(sides)
    shape = Shape(
        int(main["value_kind"]) == MessageKind.DISCRETE,
        least,
        most,
        0 if read is None else int(read["learned"]),
        0 if written is None else int(written["learned"]),
        read_changes,
        written_changes,
        int(main["rises"]),
        int(main["falls"]),
        int(main["wraps"]),
        step,
        states,
        float(main["quantum"]),
    )
    kind = kind_of(shape)
    moves = kind == ValueKind.MEASUREMENT
    changes = max(read_changes, written_changes)
    return Seen(
        kind,
        least,
        most,
        shape.samples,
        shape.writes,
        changes,
        (int(main["traversals"]) if moves else changes) + 1,
        _growth(main) if moves else 1.0,
        float(main["quantum"]) if moves else 0.0,
        step,
        rate,
        max(int(row["last_ns"]) - int(row["first_ns"]) for row in sides) / 1e9,
        states,
    )


def _states(sides: list[np.void]) -> States:
    visits: dict[float, int] = {}
    for row in sides:
        used = int(row["states_used"])
        if used > MOST_STATES:
            return ()
        for value, times in zip(row["states"][:used].tolist(), row["visits"][:used].tolist(), strict=True):
            visits[value] = max(visits.get(value, 0), times)
    return tuple(sorted(visits.items())) if len(visits) <= MOST_STATES else ()


def _growth(row: np.void) -> float:
    """By what factor the range grew with each doubling of the samples since the earlier checkpoint."""
    early, span = float(row["early_span"]), float(row["most"] - row["least"])
    if early <= 0.0 or row["early_samples"] == 0:
        return 2.0
    doublings = log2(int(row["learned"]) / int(row["early_samples"]))
    return float((span / early) ** (1 / doublings)) if doublings > 0 else 1.0
