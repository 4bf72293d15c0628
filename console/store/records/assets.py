"""Assets, zones, and who talks to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from console.store.records.documents import Document


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """An asset as last seen, with what people decided about it on top.

    `document.asset` already shows the decisions; `decided` holds them by field.
    """

    id: str
    document: Document
    sensors: list[str]
    first_seen: str
    last_seen: str
    decided: dict[str, Any]
    open_alerts: int
    site: str


@dataclass(frozen=True, slots=True)
class AssetChange:
    """One attribute of an asset that changed; `old` is absent for the first value."""

    time: str
    field: str
    old: Any
    new: Any
    source: str
    """The sensor or the user that said so."""
    evidence: Document | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and what is in it; assets without one are in the zone named `unassigned`."""

    name: str
    assets: int
    open_alerts: int
    purdue_levels: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BehaviourRecord:
    """A behaviour; `count` is the sum over the sensors' own totals of it."""

    id: str
    document: Document
    sensors: list[str]
    count: int
    first_seen: str
    last_seen: str
    source_asset: str | None
    destination_asset: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """All behaviours between two addresses in one protocol, for maps; `operations` counts behaviours."""

    source: str
    destination: str
    source_asset: str | None
    destination_asset: str | None
    protocol: str
    operations: dict[str, int]
    behaviours: int
    messages: int
    last_seen: str
