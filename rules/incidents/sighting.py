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
    event, rule = alert.get("event") or {}, alert.get("rule") or {}
    if event.get("silenced") or rule.get("level") not in LEVELS or not event.get("id"):
        return None
    actor = _machine(alert.get("source"), assets)
    target = _machine(alert.get("destination"), assets)
    change = alert.get("asset") or {}
    if actor is None and target is None and change:
        subject = _subject(change)
        if change.get("change") in OF_THE_ACTOR:
            actor = subject
        else:
            target = subject
    if actor is None and target is None:
        return None
    tactics = tuple(((alert.get("threat") or {}).get("tactic") or {}).get("name") or ())
    observed = actor is not None and phase_of(tactics) == STRIKE and event.get("action") in LOOKING
    start = nanoseconds(event.get("start") or alert.get("@timestamp"))
    return Sighting(
        str(event["id"]),
        start,
        max(start, nanoseconds(event.get("end") or event.get("start") or alert.get("@timestamp"))),
        LEVELS.index(rule["level"]),
        str(rule.get("id") or rule.get("name") or rule.get("title")),
        str(rule.get("title") or rule.get("name") or ""),
        str(rule.get("title_zh") or rule.get("title") or ""),
        OBSERVED if observed else str(event.get("action") or ""),
        None if observed and target is not None else actor,
        target,
        tactics,
        phase_of(tactics),
        "maintenance" in alert,
        int(event.get("count") or 1),
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
    address = str(end.get("ip") or end.get("mac") or "")
    # A group is nobody: two machines that call the same multicast address have nothing to do with each other.
    if not address or kind_of(address) == GROUP:
        return None
    words = (str(end.get(key) or "") for key in ("name", "role", "zone"))
    return Machine(assets.get(address, address), address, *words)


def _subject(asset: Mapping[str, Any]) -> Machine | None:
    addresses = [*(asset.get("ip") or ()), *(asset.get("mac") or ())]
    key = str(asset.get("id") or (addresses[0] if addresses else ""))
    if not key:
        return None
    words = (str(asset.get(name) or "") for name in ("name", "role", "zone"))
    return Machine(key, str(addresses[0] if addresses else key), *words)
