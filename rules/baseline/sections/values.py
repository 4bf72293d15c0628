"""`values`: what was seen of the values of each point, one line each.

    - {server: 10.0.0.10, protocol: modbus, unit: 1, space: holding_register, at: 100,
       kind: measurement, least: 12, most: 85, samples: 300, changes: 250, looks: 14, …}

The order of keys is fixed; what is 0, or 1 for `looks` and `growth`, is left out, and so are `least`
and `most` where all `values` are listed: `values: {0: 12, 1: 11}`, each with how often it was
entered. `low` and `high` may be added by hand: they count instead of what was learned. Where an
entry's `kind` is wrong for the plant, it may be changed by hand, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.model import Baseline, Place, address_order
from rules.baseline.nodes import Reader
from rules.baseline.sections.section import Difference, Section
from rules.baseline.values.bands import bounds_of
from rules.baseline.values.learning import MOST_POINTS, add
from rules.baseline.values.point import Point, Seen, States, ValueKind
from rules.baseline.words import place_parts, quoted
from sensor.messages import NO_CODE
from sensor.points.table import MOST_STATES
from sensor.protocols.protocol import NAMES

_KINDS = {kind.value: place for place, kind in enumerate(ValueKind)}
_ALL = list(ValueKind)
_COUNTS = ("samples", "writes", "changes")
_REALS = ("growth", "quantum", "step", "rate", "seconds")
_POINT = ("unit", "space", "name", "at")
_SEEN = ("least", "most", "values", *_COUNTS, "looks", *_REALS, "low", "high")
_MOST_COUNT = 1 << 62
_DEFAULTS = {"growth": 1.0}


def number_text(value: float) -> str:
    """A number as short as it can be written without losing anything."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def order(point: Point) -> tuple[object, ...]:
    """The order of points in the file: by server, then as an engineer counts them."""
    return (address_order(point.server), *point[1:])


def point_parts(point: Point) -> list[str]:
    """What names a point, inside of a flow map."""
    parts = [f"server: {quoted(point.server)}", f"protocol: {NAMES.get(point.protocol, point.protocol)}"]
    parts += place_parts(point.protocol, Place(point.unit, point.space, point.name))
    if point.address != NO_CODE:
        parts.append(f"at: {point.address}")
    return parts


def seen_parts(seen: Seen) -> list[str]:
    """What was seen of a point, inside of a flow map."""
    parts = [f"kind: {seen.kind.value}"]
    if seen.states:
        states = ", ".join(f"{number_text(value)}: {times}" for value, times in seen.states)
        parts.append(f"values: {{{states}}}")
    else:
        parts += [f"least: {number_text(seen.least)}", f"most: {number_text(seen.most)}"]
    parts += [f"{name}: {getattr(seen, name)}" for name in _COUNTS if getattr(seen, name)]
    if seen.looks != 1:
        parts.append(f"looks: {seen.looks}")
    for name in _REALS:
        value = getattr(seen, name)
        if value != _DEFAULTS.get(name, 0.0):
            parts.append(f"{name}: {number_text(value)}")
    for name in ("low", "high"):
        if getattr(seen, name) is not None:
            parts.append(f"{name}: {number_text(getattr(seen, name))}")
    return parts


def line_of(point: Point, seen: Seen) -> str:
    """The flow map of one point."""
    return "{" + ", ".join([*point_parts(point), *seen_parts(seen)]) + "}"


def band_text(seen: Seen) -> str:
    """What values are held against, for people: `measurement 8.2 to 91`, `state 0, 1`, or why not."""
    bounds = bounds_of(seen)
    if bounds is None:
        return f"{seen.kind.value}, {'no band' if seen.kind == ValueKind.COUNTER else 'too little seen'}"
    if bounds.states:
        return f"{seen.kind.value} {', '.join(map(number_text, bounds.states))}"
    return f"{seen.kind.value} {bounds.low:.6g} to {bounds.high:.6g}"


def _lines(baseline: Baseline) -> Iterator[str]:
    if baseline.values:
        yield "values:"
    for point in sorted(baseline.values, key=order):
        yield f"- {line_of(point, baseline.values[point])}"


def read_point(reader: Reader, parts: dict[str, yaml.Node]) -> Point:
    """A point from its parts: server, protocol, and of unit, space, name and at what is there."""
    protocol = reader.protocol(parts["protocol"])
    place = reader.place(parts, protocol)
    address = reader.integer(parts["at"], "at", (1 << 63) - 1) if "at" in parts else NO_CODE
    return Point(reader.text(parts["server"], "server"), protocol, *place, address)


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    for item in reader.list(node, "values", MOST_POINTS):
        parts = reader.record(item, "a point", ("server", "protocol", "kind"), (*_POINT, *_SEEN))
        point = read_point(reader, parts)
        if point in baseline.values:
            reader.fail(item, "this point stands twice")
        baseline.values[point] = _read_seen(reader, item, parts)


def _read_seen(reader: Reader, item: yaml.Node, parts: dict[str, yaml.Node]) -> Seen:
    kind = _ALL[reader.word(parts["kind"], "kind", _KINDS)]
    states = _read_states(reader, parts["values"]) if "values" in parts else ()
    ends = {}
    for name, known in zip(("least", "most"), (states[:1], states[-1:]), strict=True):
        if known:
            ends[name] = known[0][0]
        elif name in parts:
            ends[name] = reader.real(parts[name], name)
        else:
            reader.fail(item, f"a point needs {name!r}, or all its `values`")
    if ends["least"] > ends["most"]:
        reader.fail(item, "`least` is more than `most`")

    def count(name: str, default: int = 0) -> int:
        known = parts.get(name)
        return default if known is None else max(default, reader.integer(known, name, _MOST_COUNT))

    def real(name: str) -> float:
        return abs(reader.real(parts[name], name)) if name in parts else _DEFAULTS.get(name, 0.0)

    low, high = (reader.real(parts[name], name) if name in parts else None for name in ("low", "high"))
    if low is not None and high is not None and low > high:
        reader.fail(item, "`low` is more than `high`")
    return Seen(
        kind,
        ends["least"],
        ends["most"],
        samples=count("samples"),
        writes=count("writes"),
        changes=count("changes"),
        looks=count("looks", 1),
        growth=real("growth"),
        quantum=real("quantum"),
        step=real("step"),
        rate=real("rate"),
        seconds=real("seconds"),
        states=states,
        low=low,
        high=high,
    )


def _read_states(reader: Reader, node: yaml.Node) -> States:
    found: dict[float, int] = {}
    for key, value in reader.map(node, "values").values():
        found[reader.real(key, "a value")] = max(1, reader.integer(value, "how often", _MOST_COUNT))
    if not 1 <= len(found) <= MOST_STATES:
        reader.fail(node, f"`values` lists 1 to {MOST_STATES} values; of more give `least` and `most`")
    return tuple(sorted(found.items()))


def _only_in(mine: Baseline, theirs: Baseline) -> Iterator[Difference]:
    for point in sorted(mine.values, key=order):
        seen, other = mine.values[point], theirs.values.get(point)
        if bounds_of(seen) is None:
            continue
        text = "{" + ", ".join(point_parts(point)) + "}"
        if other is None or band_text(seen) != band_text(other):
            yield Difference("value", f"{text}: {band_text(seen)}")


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    for baseline in (first, second):
        for point, seen in baseline.values.items():
            add(result.values, point, seen)


VALUES = Section("values", False, _lines, _read, _only_in, _merge)
