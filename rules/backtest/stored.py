"""Stored behaviours as the tables that rules are matched against.

A store knows each behaviour by its first and last time and its count, not message by message. What is
new is told by comparison with what the store held before: a behaviour that was first seen before
`since` was known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rules.baseline.subjects import GROUP, kind_of
from rules.documents import flatten, nanoseconds, table_of, timestamp
from rules.site.model import Site
from rules.table import Table
from sensor.messages import FLAG_NAMES

AT_ONCE = 2_000
_OF_ASSET = ("name", "vendor", "role", "zone", "purdue_level", "criticality", "authorised")
_NOVEL = ("asset", "conversation", "operation", "function", "object")


class Stored(NamedTuple):
    """Documents as docs/documents.md describes them: behaviours in the order of `first_seen`."""

    behaviours: Iterable[Mapping[str, Any]]
    assets: Mapping[str, Mapping[str, Any]]
    """`asset` of asset documents by address."""


def stored_tables(stored: Stored, site: Site | None = None, since_ns: int | None = None) -> Iterator[Table]:
    """Tables of the behaviours that went on at or after `since_ns`, with all that rules may ask about.

    Without `since_ns` nothing counts as learned: rules that require a baseline stay silent.
    """
    site = site or Site()
    known = _Known()
    waiting: list[dict[str, Any]] = []
    for document in stored.behaviours:
        flat = dict(flatten(document))
        first, last = (nanoseconds(flat[f"behaviour.{key}_seen"]) for key in ("first", "last"))
        if since_ns is not None and first < since_ns:
            known.learn(flat)
            if last < since_ns:
                continue
        flat |= {
            **dict.fromkeys((f"ics.{name}" for name in FLAG_NAMES.values()), False),
            **flat,
            **_end(flat, "source", stored.assets, site),
            **_end(flat, "destination", stored.assets, site),
            "baseline.learned": since_ns is not None,
        }
        if since_ns is not None:
            flat |= known.novelty(flat) if first >= since_ns else _NOTHING_NEW
            flat["behaviour.first_seen"] = timestamp(max(first, since_ns))
        _add_site(flat, site, last)
        waiting.append(flat)
        if len(waiting) >= AT_ONCE:
            yield table_of(waiting)
            waiting = []
    if waiting:
        yield table_of(waiting)


TOLD = frozenset({"baseline.learned", "baseline.novelty", *(f"baseline.new_{name}" for name in _NOVEL)})
"""What of `baseline.*` a store can tell: values and rhythms went by message by message."""
_NOTHING_NEW = {f"baseline.new_{name}": False for name in _NOVEL}


class _Known:
    """What was there before, at the five levels of the baseline."""

    def __init__(self) -> None:
        self._seen: set[tuple[Any, ...]] = set()

    def learn(self, flat: Mapping[str, Any]) -> None:
        self._seen.update(subject for subjects in _subjects(flat) for subject in subjects)

    def novelty(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        new = [any(subject not in self._seen for subject in subjects) for subjects in _subjects(flat)]
        topmost = next((at for at, is_new in enumerate(new) if is_new), None)
        found: dict[str, Any] = {
            f"baseline.new_{name}": topmost is not None and at >= topmost for at, name in enumerate(_NOVEL)
        }
        if topmost is not None:
            found["baseline.novelty"] = _NOVEL[topmost]
        self.learn(flat)
        return found


def _subjects(flat: Mapping[str, Any]) -> list[list[tuple[Any, ...]]]:
    """What a behaviour shows at each level, from asset to object."""
    ends = [str(flat.get(f"{end}.ip") or flat.get(f"{end}.mac") or "") for end in ("source", "destination")]
    conversation = (*ends, flat.get("network.protocol"))
    operation = (*conversation, flat.get("ics.operation"))
    function = (*operation, flat.get("ics.function_code"), flat.get("ics.subfunction_code"))
    thing = (*function, flat.get("ics.unit"), flat.get("ics.object"))
    hosts = [("asset", end) for end in ends if end and kind_of(end) != GROUP]
    return [hosts, [conversation], [operation], [function], [thing]]


def _end(
    flat: Mapping[str, Any], end: str, assets: Mapping[str, Mapping[str, Any]], site: Site
) -> dict[str, Any]:
    """What is known of one end: by the stored asset, and laid over it by the site file."""
    ip, mac = str(flat.get(f"{end}.ip") or ""), str(flat.get(f"{end}.mac") or "")
    asset: Mapping[str, Any] = assets.get(ip) or assets.get(mac) or {}
    found = {name: asset[name] for name in _OF_ASSET if name in asset}
    found.setdefault("criticality", 1.0)
    said, zone = site.asset(ip, mac), site.zone(ip, mac)
    for source in (zone, said):
        for name in ("purdue_level", "criticality"):
            if source is not None and getattr(source, name) is not None:
                found[name] = getattr(source, name)
    if said is not None:
        found |= {name: getattr(said, name) for name in ("name", "role", "vendor") if getattr(said, name)}
        found["authorised"] = said.authorised
    if site.zones:
        found["zone"] = site.zone_name(ip, mac) or None
    found["is_internal"] = site.is_internal(ip or mac) if ip or mac else None
    if said is None and found["is_internal"] and site.names_all(zone) and kind_of(ip or mac) != GROUP:
        # What the sensor said comes first: it may know the machine from its baseline.
        found.setdefault("authorised", False)
    return {f"{end}.{name}": value for name, value in found.items() if value is not None}


def _add_site(flat: dict[str, Any], site: Site, time_ns: int) -> None:
    time = np.array([time_ns], np.int64)
    for name, inside in (
        ("working_hours", site.is_working_time(time)),
        ("maintenance", site.is_maintenance(time)),
    ):
        if inside is not None:
            flat[f"schedule.{name}"] = bool(inside[0])
    ends = [str(flat.get(f"{end}.ip") or "") for end in ("source", "destination")]
    if all(ends) and all(kind_of(end) != GROUP for end in ends):
        client, server = (str(flat.get(f"{end}.zone") or "") for end in ("source", "destination"))
        allowed = site.conduits.allows(client, server, str(flat.get("network.protocol") or ""))
        if allowed is not None:
            flat["conduit.allowed"] = allowed
