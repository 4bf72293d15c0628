"""The values of a plant under watch: learns them, then tells of those outside their bounds.

Nothing here runs for a value inside its bounds: they stand in the table of points, and a kernel
compares. Deviations are told at the end of an epoch, in the order of packets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rules.baseline.decisions import accepted, ends, forgotten
from rules.baseline.entries import Entry
from rules.baseline.stage import BaselineStage
from rules.baseline.subjects import Directory
from rules.baseline.values.bands import Bounds, bounds_of, including, is_lower_half
from rules.baseline.values.clocks import tell_time
from rules.baseline.values.learning import add, learned, namer
from rules.baseline.values.point import Point, Seen, joined
from rules.ends import Plant
from rules.enrich import behaviour_table
from rules.table import Column, Flags, Numbers, Table, texts
from sensor.behaviours import BEHAVIOUR
from sensor.capacity import STANDARD, Capacity
from sensor.hashtable import EVICTED, FREE
from sensor.messages import MESSAGE, MESSAGES, NO_CODE, VALUES, Buffers, Out, ValueKind
from sensor.observer import Step
from sensor.points import taking
from sensor.points.table import (
    BAND,
    DEVIATIONS,
    FRESH,
    JUMP,
    NEXT_MESSAGE,
    NEXT_VALUE,
    POINT,
    SET,
    UNTOLD,
    WRITTEN,
    make_room,
    new_points,
)
from sensor.protocols.protocol import Number
from sensor.strings import Strings
from sensor.types import Ints, Rows

MOST_TOLD = 1024
"""Deviations told of in one epoch."""
FOREVER = (1 << 63) - 1
WORDS: dict[int, int] = {Number.MODBUS: 1, Number.S7COMM: 16}
"""Protocols that carry real numbers in pairs of words, and by how much their addresses differ."""
ABOUT = frozenset({"baseline.value_outside", "baseline.value_jump"})

_COPIED = [name for name in BEHAVIOUR.names or () if name in (MESSAGE.names or ()) and name != "value"]


class ValueWatch:
    """A listener of the observer and a source of tables: to be made where anything is learned."""

    def __init__(
        self,
        stage: BaselineStage,
        directory: Directory,
        strings: Strings,
        plant: Plant | None = None,
        capacity: Capacity = STANDARD,
    ) -> None:
        self.points = new_points(capacity.points)
        self._stage = stage
        self._strings = strings
        self._plant = plant
        self._names = namer(directory, strings)
        self._addresses = directory.addresses
        self._servers: set[str] = set()
        self._known: dict[Point, Seen] = {}
        self._accepted: dict[Point, list[float]] = {}
        self._ends = ends(stage.baseline)
        self._digests: Ints = np.zeros(1, np.int64)
        self._bounds: dict[int, Bounds] = {}
        """By place in the table."""
        self._learns = stage.learns
        self._messages: list[Rows] = []
        self._deviations: list[Rows] = []
        self._found: list[tuple[Bounds, Point]] = []
        self._not_told = 0
        if not self._learns:
            self._know(0)

    def take(self, out: Out, buffers: Buffers) -> None:
        """Look at the values of a drain."""
        count = int(out.used[MESSAGES])
        if not count:
            return
        latest = int(out.messages["time_ns"][:count].max())
        if not self._learns:
            self._judge(out, 0, latest)
            return
        until = self._stage.learns_until_ns
        self._pass(out, 0, until)
        if latest >= until:
            self._close(until)
            self._judge(out, until, latest)

    def finish(self) -> None:
        """The traffic has ended; what is known by now is learned, if learning had not ended before."""
        if self._learns:
            self._close(0)

    def _judge(self, out: Out, first_ns: int, latest_ns: int) -> None:
        """Hold values against bounds, which change where something that was accepted has expired."""
        while self._ends and self._ends[0] <= latest_ns:
            end = self._ends.pop(0)
            self._pass(out, first_ns, end)
            self._know(end)
            self._bind(np.flatnonzero(self.points.hashes))
            first_ns = end
        self._pass(out, first_ns, FOREVER)

    def _pass(self, out: Out, first_ns: int, end_ns: int) -> None:
        """Look at the values of messages from `first_ns` on and before `end_ns`."""
        points = self.points
        points.used[NEXT_MESSAGE] = points.used[NEXT_VALUE] = 0
        while True:
            done = taking.gather(points, out)
            if points.used[FRESH] and not self._learns:
                self._bind(points.fresh[: points.used[FRESH]])
            taking.take(points, out.messages, first_ns, end_ns, self._learns)
            if points.used[DEVIATIONS]:
                self._fetch(out)
            if done:
                return
            if points.used[FREE] == 0:
                make_room(points)

    def _close(self, now_ns: int) -> None:
        """Learning is over: what was seen becomes entries of the baseline, and bounds."""
        self._learns = False
        inhabited = np.flatnonzero(self.points.hashes)
        values = self._stage.baseline.values
        refused = {entry.point for entry in forgotten(self._stage.baseline)}
        for point, seen in learned(self.points.rows[inhabited], self._names):
            if point not in refused and not add(values, point, seen):
                self._stage.leave_out(1)
        self._know(now_ns)
        self._bind(inhabited)

    def _know(self, now_ns: int) -> None:
        """Make the baseline's points, and what is accepted of them at this time, ready to be found.

        A tag is the same whether it is asked for through a connection or by its route: the unit of
        points with names is not looked at.
        """
        values = self._stage.baseline.values
        self._servers = {point.server for point in values}
        self._known = {}
        for point, seen in values.items():
            key = _key(point)
            other = self._known.get(key)
            self._known[key] = seen if other is None else joined(seen, other)
        packed = np.zeros(len(self._known), POINT)
        for name in ("unit", "space", "address"):
            packed[name] = [getattr(point, name) for point in self._known]
        packed["name"] = NO_CODE
        self._digests = np.unique(np.append(_digest(packed), 0))
        self._accepted = {}
        for entry in accepted(self._stage.baseline, now_ns):
            if entry.point is not None and entry.value is not None:
                self._accepted.setdefault(_key(entry.point), []).append(entry.value)

    def _bind(self, places: Ints) -> None:
        """Put the bounds of points into their rows."""
        rows = self.points.rows
        endpoints, servers = np.unique(rows["server"][places].astype(np.int64), return_inverse=True)
        known = np.array([name in self._servers for name in self._addresses(endpoints)], np.bool_)
        # Floods bring points that nobody knows: most are told apart without being named.
        chosen = places[known[servers]]
        digests = _digest(rows[chosen])
        chosen = chosen[
            self._digests[np.searchsorted(self._digests, digests).clip(max=len(self._digests) - 1)] == digests
        ]
        for place, point in zip(chosen.tolist(), self._names(rows[chosen]), strict=True):
            bounds = self._bounds_of(point)
            if bounds is not None:
                self._bounds[place] = bounds
                _write(bounds, rows[place])

    def _bounds_of(self, point: Point) -> Bounds | None:
        seen = self._known.get(_key(point))
        word = WORDS.get(point.protocol, 0)
        if word and seen is not None:
            beside = (point._replace(address=point.address + away) for away in (-word, word))
            if is_lower_half(seen, *(self._known.get(other) for other in beside)):
                return None
        bounds = bounds_of(seen, word > 0) if seen is not None else None
        if bounds is not None:
            for value in self._accepted.get(_key(point), ()):
                bounds = including(bounds, value)
        return bounds

    def _fetch(self, out: Out) -> None:
        """Take the deviations that the kernel found away from it."""
        points = self.points
        found = points.deviations[: points.used[DEVIATIONS]].copy()
        points.used[DEVIATIONS] = 0
        written = found["written"] == WRITTEN
        if written.any():
            clocks = tell_time(out.messages, found["message"], out.values[: out.used[VALUES]])
            found = found[~(written & clocks)]
        room = 16 * MOST_TOLD - len(self._found)
        self._not_told += max(0, len(found) - room)
        found = found[:room]
        self._deviations.append(found)
        self._messages.append(out.messages[found["message"]].copy())
        places = found["place"]
        bounds = [self._bounds[place] for place in places.tolist()]
        self._found += zip(bounds, self._names(points.rows[places]), strict=True)

    def tables(self, step: Step) -> Iterator[Table]:
        """The deviations of an epoch, as behaviours with what the baseline says of their values."""
        if not self._found:
            return
        messages, deviations = np.concatenate(self._messages), np.concatenate(self._deviations)
        order = np.lexsort((deviations["address"], messages["part"], messages["packet"]))
        self._not_told += max(0, len(order) - MOST_TOLD)
        order = order[:MOST_TOLD]
        found = [self._found[index] for index in order.tolist()]
        self._messages, self._deviations, self._found = [], [], []
        assert self._plant is not None
        yield deviation_table(messages[order], deviations[order], found, self._strings, self._plant)

    @property
    def losses(self) -> dict[str, int]:
        """What was given up for room, zeros included."""
        return {
            "points_evicted": int(self.points.used[EVICTED]),
            "deviations_not_told": int(self.points.used[UNTOLD]) + self._not_told,
        }


def _digest(rows: Rows) -> Ints:
    """A number that is the same for POINT rows of the same place, whatever the server."""
    unit = np.where(rows["name"] >= 0, NO_CODE, rows["unit"]).astype(np.int64)
    return (rows["address"] * 1_000_003 + rows["space"]) * 1_000_003 + unit


def _key(point: Point) -> Point:
    return point._replace(unit=NO_CODE) if point.name else point


def _write(bounds: Bounds, row: np.void) -> None:
    row["bound"] = SET if bounds.states else BAND
    row["allowed_used"] = len(bounds.states)
    row["allowed"][: len(bounds.states)] = bounds.states
    row["low"], row["high"], row["margin"] = bounds.low, bounds.high, bounds.margin
    row["follow"] = bounds.follow
    row["low_ns"] = row["high_ns"] = row["last_ns"]
    row["limit_step"], row["limit_rate"] = bounds.step, bounds.rate
    row["outside"] = row["jumped"] = 0


def deviation_table(
    messages: Rows, deviations: Rows, found: list[tuple[Bounds, Point]], strings: Strings, plant: Plant
) -> Table:
    """DEVIATION rows with their MESSAGE rows as behaviours of one message each."""
    rows = np.zeros(len(messages), BEHAVIOUR)
    for name in _COPIED:
        rows[name] = messages[name]
    rows["address"], rows["count"] = deviations["address"], 1
    rows["address"][messages["address"] < 0] = messages["address"][messages["address"] < 0]
    rows["value_kind"] = deviations["kind"]
    rows["value"] = rows["least"] = rows["most"] = deviations["value"]
    rows["state"] = np.where(deviations["kind"] == ValueKind.DISCRETE, deviations["value"], 0.0)
    rows["messages"] = rows["frames_used"] = 1
    rows["first_ns"] = rows["last_ns"] = messages["time_ns"]
    rows["frames"][:, 0] = messages["packet"]
    known = behaviour_table(rows, strings, plant)
    columns = {**known.columns, **_columns(deviations, found)}
    return Table("behaviour", len(rows), columns, known.occurrences, ABOUT)


def _columns(deviations: Rows, found: list[tuple[Bounds, Point]]) -> dict[str, Column]:
    bounds = [bound for bound, _ in found]
    values = deviations["value"].tolist()
    jumps = deviations["reason"] == JUMP
    moved = np.array([bound.moved for bound in bounds], np.float64)
    leaps = (deviations["written"] == WRITTEN) & (deviations["step"] > moved)
    # An edge that was set by hand on one side only leaves the other open.
    lows, highs = _finite(deviations["low"]), _finite(deviations["high"])
    edges = zip(bounds, values, deviations["low"].tolist(), deviations["high"].tolist(), strict=True)
    away = np.array([bound.distance(value, low, high) for bound, value, low, high in edges], np.float64)
    entries = [Entry(point=point, value=value) for (_, point), value in zip(found, values, strict=True)]
    return {
        "baseline.entry": texts(entry.id for entry in entries),
        "baseline.entry_text": texts(entry.text for entry in entries),
        "baseline.learned": Flags(np.ones(len(values), np.bool_)),
        "baseline.value_outside": Flags(~jumps),
        "baseline.value_jump": Flags(jumps | leaps),
        "baseline.value_kind": texts(bound.kind.value for bound in bounds),
        "baseline.value_low": lows,
        "baseline.value_high": highs,
        "baseline.value_excess": Numbers(away[:, 0].round(3), ~jumps),
        "baseline.value_share": Numbers(away[:, 1].round(3), ~jumps),
        "baseline.value_seconds": Numbers(np.array([int(bound.seconds) for bound in bounds], np.int64)),
        "baseline.value_looks": Numbers(np.array([bound.looks for bound in bounds], np.int64)),
    }


def _finite(values: NDArray[np.float64]) -> Numbers:
    # Edges are estimates: six digits say all that they know.
    return Numbers(np.array([float(f"{value:.6g}") for value in values.tolist()]), np.isfinite(values))
