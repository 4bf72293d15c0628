"""One alert as incidents see it: who did what to whom, when, and how far it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rules.baseline.subjects import GROUP, LINK, kind_of
from rules.documents import nanoseconds
from rules.incidents.tactics import STRIKE, phase_of
from rules.rule import SEVERITY

LEVELS = tuple(SEVERITY)
"""From informational to critical."""
LOOKING = frozenset({"read", "subscribe", "report", "alarm", "identify", "browse", "diagnose", "session"})
"""Operations that change nothing: harm that shows in them was not done by whoever asked."""
OBSERVED = "observed"
"""The action of alerts that tell how a machine is, not what was done to it."""
OF_THE_ACTOR = ("new_asset", "new_mac", "mac_conflict", "role", "name", "service")
"""Asset changes that tell something of a machine's own doing; others are done to it."""


_WORDS = ("name", "role", "zone")


@dataclass(frozen=True, slots=True)
class Machine:
    """One end of an alert; `key` is its asset's id where that is known, else its address."""

    key: str
    address: str
    name: str = ""
    role: str = ""
    zone: str = ""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.address

    def document(self) -> dict[str, str]:
        """As incident documents tell it."""
        found = {"address": self.address, "name": self.name, "role": self.role, "zone": self.zone}
        found["asset"] = self.key if self.key != self.address else ""
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert; times in nanoseconds since 1970, `level` is the place in LEVELS."""

    id: str
    start_ns: int
    end_ns: int
    level: int
    rule: str
    title: str
    title_zh: str
    action: str
    actor: Machine | None
    target: Machine | None
    tactics: tuple[str, ...]
    phase: int
    explained: bool
    """Announced work accounts for it."""
    count: int

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands in time; the id decides between alerts of one packet."""
        return self.start_ns, self.id


def sighting(alert: Mapping[str, Any], assets: Mapping[str, str]) -> Sighting | None:
    """An alert document as a sighting; None for what is silenced or names no machine.

    `assets` has the asset ids of addresses. Fields may be missing: documents come from many sensors.
    """
    event, rule = _map(alert, "event"), _map(alert, "rule")
    level, action = rule.get("level"), _text(event, "action")
    if event.get("silenced") or level not in LEVELS or not event.get("id"):
        return None
    actor = _machine(alert.get("source"), assets)
    target = _machine(alert.get("destination"), assets)
    change = _map(alert, "asset")
    if actor is None and target is None and change:
        subject = _subject(change)
        if _text(change, "change") in OF_THE_ACTOR:
            actor = subject
        else:
            target = subject
    if actor is None and target is None:
        return None
    tactics = tuple(_texts(_map(_map(alert, "threat"), "tactic"), "name"))
    observed = actor is not None and phase_of(tactics) == STRIKE and action in LOOKING
    start = nanoseconds(event.get("start") or alert.get("@timestamp"))
    end = nanoseconds(event.get("end") or event.get("start") or alert.get("@timestamp"))
    title = _text(rule, "title") or _text(rule, "name")
    return Sighting(
        str(event["id"]),
        start,
        max(start, end),
        LEVELS.index(level),
        _text(rule, "id") or title,
        title,
        _text(rule, "title_zh") or title,
        OBSERVED if observed else action,
        None if observed and target is not None else actor,
        target,
        tactics,
        phase_of(tactics),
        "maintenance" in alert,
        _count(event.get("count")),
    )


def named_alike(group: Sequence[Sighting]) -> list[Sighting]:
    """The same alerts with all that is known of each machine: an ARP scan knows a MAC address, a write
    from the same machine its IP address."""
    known: dict[str, Machine] = {}
    for item in group:
        for end in (item.actor, item.target):
            if end is not None:
                known[end.key] = _merged(known.get(end.key, end), end)
    return [
        replace(
            item,
            actor=known[item.actor.key] if item.actor else None,
            target=known[item.target.key] if item.target else None,
        )
        for item in group
    ]


def _merged(one: Machine, other: Machine) -> Machine:
    """Of two accounts of a machine the IP address and whatever either knows, the earlier one first."""
    first, second = (other, one) if kind_of(one.address) == LINK else (one, other)
    return Machine(
        one.key,
        first.address,
        first.name or second.name,
        first.role or second.role,
        first.zone or second.zone,
    )


def _machine(end: Any, assets: Mapping[str, str]) -> Machine | None:
    if not isinstance(end, Mapping):
        return None
    address = _text(end, "ip") or _text(end, "mac")
    # A group is nobody: two machines that call the same multicast address have nothing to do with each other.
    if not address or kind_of(address) == GROUP:
        return None
    return Machine(assets.get(address, address), address, *(_text(end, key) for key in _WORDS))


def _subject(asset: Mapping[str, Any]) -> Machine | None:
    addresses = [*_texts(asset, "ip"), *_texts(asset, "mac")]
    key = _text(asset, "id") or (addresses[0] if addresses else "")
    if not key:
        return None
    address = addresses[0] if addresses else key
    return Machine(key, address, *(_text(asset, name) for name in _WORDS))


def _map(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(document: Mapping[str, Any], key: str) -> str:
    found = document.get(key)
    return found if isinstance(found, str) else ""


def _texts(document: Mapping[str, Any], key: str) -> list[str]:
    found = document.get(key)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list | tuple) else []


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1
