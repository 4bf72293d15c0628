"""One alert while it may still grow, and the document it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any

from communityid import CommunityID, FlowTuple, FlowTupleError

from rules.alerts.tolerance import Tolerance
from rules.attack import technique
from rules.documents import timestamp
from rules.fields import Category
from rules.rule import AnyRule
from rules.templates import render

MOST_FRAMES = 16
"""Frames of evidence of one alert: the first ones, and the last in the last place."""
_KEPT = ("source.", "destination.", "network.", "ics.", "asset.", "baseline.entry", "baseline.value_")
_PORTS = {"tcp": FlowTuple.make_tcp, "udp": FlowTuple.make_udp, "sctp": FlowTuple.make_sctp}
STAND_INS = {"source.ip": "source.mac", "destination.ip": "destination.mac"}
"""What is grouped by and shown where an end has no IP address."""


def value_of(get: Callable[[str], Any], name: str) -> Any:
    """A field's value; the MAC address where an end that has no IP address is asked for it."""
    found = get(name)
    return get(STAND_INS[name]) if found is None and name in STAND_INS else found


def identifier(rule: AnyRule, group: Iterable[object], start_ns: int) -> str:
    """`event.id`: the same rule, grouping values and time of the first frame give the same id."""
    text = "\0".join([rule.id, *map(str, group), str(start_ns)])
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(slots=True, eq=False)
class Alert:
    """A rule that matched for one set of grouping values, and what tolerates that, if anything does.

    `fields` are those of the first matched row, by dotted name; the message speaks about it.
    """

    rule: AnyRule
    group: tuple[object, ...]
    fields: dict[str, Any]
    start_ns: int
    end_ns: int
    count: int
    frames: list[int]
    capture: str | None = None
    observer: str | None = None
    created_ns: int = 0
    category: Category = "behaviour"
    tolerance: Tolerance | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = identifier(self.rule, (*self.group, *self._mark), self.start_ns)
        self.frames = merged([], self.frames)

    @property
    def key(self) -> tuple[object, ...]:
        """What another match must have in common with this alert to be a repeat of it."""
        return (self.rule.id, *self.group, *self._mark)

    @property
    def _mark(self) -> tuple[str, ...]:
        return (self.tolerance.key,) if self.tolerance else ()

    def extend(
        self, start_ns: int, end_ns: int, count: int, frames: Iterable[int], capture: str | None
    ) -> None:
        """Count `count` more messages from `start_ns` to `end_ns`; the id stays.

        Frames of another capture are no evidence: frame numbers only mean something in their own.
        """
        self.start_ns = min(self.start_ns, start_ns)
        self.end_ns = max(self.end_ns, end_ns)
        self.count += count
        if capture == self.capture:
            self.frames = merged(self.frames, frames)

    def become(self, earlier: Alert) -> None:
        """Go on as an alert that was told already, of which this one is a part or the whole."""
        self.id, self.fields = earlier.id, earlier.fields
        self.start_ns = min(self.start_ns, earlier.start_ns)
        self.end_ns = max(self.end_ns, earlier.end_ns)
        self.count = max(self.count, earlier.count)
        self.frames = []

    def document(self) -> dict[str, Any]:
        """The alert as docs/documents.md describes it."""
        rule, fields = self.rule, self.fields
        result: dict[str, Any] = {"@timestamp": timestamp(self.start_ns)}
        result["event"] = {
            "id": self.id,
            "kind": "alert",
            "start": timestamp(self.start_ns),
            "end": timestamp(self.end_ns),
            "count": self.count,
            "severity": rule.severity,
        }
        action = fields.get("ics.operation") or fields.get("asset.change")
        if action:
            result["event"]["action"] = action
        if self.created_ns:
            result["event"]["created"] = timestamp(self.created_ns)
        result["rule"] = {
            "id": rule.id,
            "name": rule.name,
            "title": rule.title,
            "title_zh": rule.title_zh,
            "level": rule.level,
            **({"advice": rule.advice} if rule.advice else {}),
            **({"advice_zh": rule.advice_zh} if rule.advice_zh else {}),
        }
        if rule.tags:
            result.update(threat(rule.techniques, rule.tactics))
        for name, value in fields.items():
            # Of the many flags only those that are set are worth a line; malformed always is.
            if name.startswith(_KEPT) and (
                value is not False or not name.startswith(("ics.", "baseline.")) or "malf" in name
            ):
                _put(result, name, value)
        community = community_id(fields)
        if community:
            _put(result, "network.community_id", community)
        if self.frames:
            result["evidence"] = {"capture": self.capture} if self.capture else {}
            result["evidence"]["frames"] = list(self.frames)
        if self.observer:
            result["observer"] = {"name": self.observer}
        value = partial(value_of, fields.get)
        result["message"] = render(rule.message, value)
        result["message_zh"] = render(rule.message_zh, value, "zh")
        if self.tolerance:
            self.tolerance.apply(result)
        return result


def merged(frames: list[int], more: Iterable[int]) -> list[int]:
    """The first MOST_FRAMES - 1 of both and the last, ascending, without unused zeros."""
    both = sorted({*frames, *(int(frame) for frame in more)} - {0})
    return both if len(both) <= MOST_FRAMES else [*both[: MOST_FRAMES - 1], both[-1]]


@lru_cache(4096)
def _threat(techniques: tuple[str, ...], tactics: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    entries = [technique(item) for item in techniques]
    ids = tuple(dict.fromkeys(item for entry in entries for item in entry.ids))
    names = tuple(dict.fromkeys(item for entry in entries for item in entry.names))
    found = tactics or tuple(sorted({item for entry in entries for item in entry.tactics}))
    return ids, names, found


def threat(techniques: tuple[str, ...], tactics: tuple[str, ...]) -> dict[str, Any]:
    """`threat` with current and classic technique ids; tactics are the techniques' if none are given."""
    ids, names, found = _threat(techniques, tactics)
    result: dict[str, Any] = {}
    if ids:
        result["technique"] = {"id": list(ids), "name": list(names)}
    if found:
        result["tactic"] = {"name": list(found)}
    return {"threat": result} if result else {}


def community_id(fields: dict[str, Any]) -> str | None:
    """Community ID v1 of the conversation; None where it has no two addresses and ports."""
    make = _PORTS.get(fields.get("network.transport", ""))
    ends = [fields.get(name) for name in ("source.ip", "destination.ip", "source.port", "destination.port")]
    if make is None or any(end is None for end in ends):
        return None
    try:
        found = CommunityID().calc(make(*ends))
    except FlowTupleError:
        return None
    return str(found) if found else None


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        document = document.setdefault(part, {})
    document[last] = value
