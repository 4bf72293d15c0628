"""Assets, zones, behaviours and flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from console.store.filters import AssetFilter, BehaviourFilter, PageRequest
from console.store.records import AssetChange, AssetRecord, BehaviourRecord, Flow, Page, Tally, Zone


class AssetStore(Protocol):
    """Assets, zones and who talks to whom."""

    def assets(self, query: AssetFilter, page: PageRequest) -> Page[AssetRecord]:
        """One page of assets; sort keys are `ASSET_SORTS`."""
        ...

    def asset(self, asset_id: str) -> AssetRecord:
        """One asset; NotFound when there is none."""
        ...

    def asset_history(self, asset_id: str, limit: int = 200) -> list[AssetChange]:
        """Attribute changes, newest first."""
        ...

    def decide_asset(self, asset_id: str, decisions: Mapping[str, Any], actor: str) -> AssetRecord:
        """Let a person's word win for name, zone, criticality, authorised; None: back to the sensor's."""
        ...

    def tally_assets(self, field: str, limit: int = 50) -> list[Tally]:
        """How many assets per role, vendor, zone, protocol, purdue_level or sensor, most first."""
        ...

    def zones(self) -> list[Zone]:
        """Every zone with its counts."""
        ...

    def behaviours(self, query: BehaviourFilter, page: PageRequest) -> Page[BehaviourRecord]:
        """One page of behaviours; sort keys are `BEHAVIOUR_SORTS`."""
        ...

    def behaviour(self, behaviour_id: str) -> BehaviourRecord:
        """One behaviour; NotFound when there is none."""
        ...

    def flows(self, query: BehaviourFilter, limit: int = 5000) -> list[Flow]:
        """Behaviours summed per (source, destination, protocol), busiest first."""
        ...
