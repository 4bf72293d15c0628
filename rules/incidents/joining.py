"""Which alerts belong together: of one actor, passed on from target to actor, or one blow on one zone.

Everything is decided by packet times, in the order of time, so that the same alerts give the same
groups however they were delivered.
"""

from __future__ import annotations

from collections.abc import Sequence

from rules.incidents.sighting import LEVELS, Sighting
from rules.incidents.tactics import FOOTHOLD, STRIKE

WINDOW_NS = 24 * 3600 * 10**9
"""Alerts further apart than this are not joined: ATT&CK cases show hours between phases, not seconds."""
BLOW_NS = 600 * 10**9
"""The same strike on several machines of one zone, by whomever, is one within this time."""
_LOUD = LEVELS.index("medium")


class _Groups:
    """Disjoint sets of positions; the earliest of a set stands for it."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, item: int) -> int:
        while self._parents[item] != item:
            self._parents[item] = self._parents[self._parents[item]]
            item = self._parents[item]
        return item

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self._parents[high] = low


def joined(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Groups of sightings, each in the order of time, groups in the order of their beginnings."""
    ordered = sorted(sightings, key=lambda item: item.order)
    groups = _Groups(len(ordered))
    acted: dict[str, int] = {}
    struck: dict[str, int] = {}
    blows: dict[tuple[str, str], int] = {}
    for at, item in enumerate(ordered):
        actor = item.actor.key if item.actor else None
        target = item.target.key if item.target else None
        if actor:
            _join_near(groups, ordered, acted, actor, at)
            # Who was taken hold of acts on: the target of one is the actor of the next.
            before = struck.get(actor)
            if before is not None and _near(ordered[before], item) and _other_actor(ordered[before], actor):
                groups.join(before, at)
            acted[actor] = _later(ordered, acted.get(actor), at)
        if target and (item.phase >= FOOTHOLD or actor is None):
            before = struck.get(target)
            # A change that shows on a machine belongs to what was done to it.
            if before is not None and actor is None and _near(ordered[before], item):
                groups.join(before, at)
            struck[target] = _later(ordered, before, at)
        zone = item.target.zone if item.target else ""
        if zone and item.phase == STRIKE and item.level >= _LOUD and not item.explained:
            before = blows.get((item.rule, zone))
            if before is not None and item.start_ns - ordered[before].start_ns <= BLOW_NS:
                groups.join(before, at)
            blows[(item.rule, zone)] = at
    found: dict[int, list[Sighting]] = {}
    for at, item in enumerate(ordered):
        found.setdefault(groups.find(at), []).append(item)
    return list(found.values())


def _join_near(groups: _Groups, ordered: Sequence[Sighting], last: dict[str, int], key: str, at: int) -> None:
    before = last.get(key)
    if before is not None and _near(ordered[before], ordered[at]):
        groups.join(before, at)


def _near(before: Sighting, after: Sighting) -> bool:
    return after.start_ns - before.end_ns <= WINDOW_NS


def _later(ordered: Sequence[Sighting], before: int | None, at: int) -> int:
    """The one of two sightings that ends later: a gap is counted from there."""
    if before is None or ordered[at].end_ns >= ordered[before].end_ns:
        return at
    return before


def _other_actor(before: Sighting, actor: str) -> bool:
    return before.actor is None or before.actor.key != actor
