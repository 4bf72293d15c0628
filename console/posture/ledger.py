"""The ledger: every open item with its points, adding up to the risk of its asset, zone and site."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from console.posture.constants import PostureConstants
from console.posture.formula import HOUR_NS, aggregate, asset_risk, event_weight, standing_weight
from console.store.asset_merge import UNASSIGNED
from console.store.records import OpenItem

DEFAULT_SITE = "default"
Kind = Literal["alert", "exposure"]


@dataclass(frozen=True, slots=True)
class PostureAsset:
    """An asset as the ledger needs it. `listed` is false for an address that no asset document names."""

    id: str
    label: str
    zone: str
    site: str
    criticality: float
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Exposure:
    """A standing exposure of an asset: it weighs the same until it is removed."""

    id: str
    asset: str
    kind: str
    """unauthorised_device, internet_flow or cleartext_engineering."""
    detail: str
    probability: float


@dataclass(frozen=True, slots=True)
class Row:
    """One open item. `points` are of its asset's risk, `site_points` of its site's."""

    kind: Kind
    id: str
    asset: str
    title: str
    title_zh: str | None
    level: str | None
    weight: float
    points: float
    site_points: float
    last_seen_ns: int | None
    count: int
    rule: str | None


@dataclass(slots=True)
class AssetPosture:
    """An asset's risk and the rows it is made of, heaviest first."""

    asset: PostureAsset
    risk: float = 0.0
    points: float = 0.0
    """What it brings to its zone's risk."""
    site_points: float = 0.0
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class ZonePosture:
    """A zone's risk and its assets, worst first."""

    name: str
    risk: float
    points: float
    """What it brings to its site's risk."""
    weight: float
    assets: list[AssetPosture]

    @property
    def score(self) -> float:
        """100 less the risk."""
        return 100 - self.risk


@dataclass(slots=True)
class SitePosture:
    """A site's risk and its zones, worst first."""

    name: str
    risk: float
    weight: float
    zones: list[ZonePosture]

    @property
    def score(self) -> float:
        """100 less the risk."""
        return 100 - self.risk

    def rows(self) -> list[Row]:
        """Every open item of the site, most points first."""
        rows = [row for zone in self.zones for asset in zone.assets for row in asset.rows]
        return sorted(rows, key=lambda row: (-row.site_points, row.id))


class Ledger:
    """Open items weighed at one moment; `sites` gives the result, `without` what it would be."""

    def __init__(
        self,
        items: Iterable[OpenItem],
        exposures: Iterable[Exposure],
        assets: Iterable[PostureAsset],
        constants: PostureConstants,
        time_ns: int,
        default_site: str = DEFAULT_SITE,
        as_of: Mapping[str, int] | None = None,
        sites: Mapping[str, str] | None = None,
    ) -> None:
        """`as_of` gives the moment (nanoseconds) at which a sensor's items are weighed, if not `time_ns`.

        `sites` gives the site of a sensor, for items about no listed asset.
        """
        self.constants = constants
        self.assets = {asset.id: asset for asset in assets}
        self._entries: dict[str, list[tuple[float, OpenItem | Exposure]]] = defaultdict(list)
        for item in items:
            asset = self._asset_of(item, (sites or {}).get(item.sensor, default_site))
            age_ns = max(0, (as_of or {}).get(item.sensor, time_ns) - item.last_seen_ns)
            weight = event_weight(
                item.level,
                asset.criticality,
                item.confidence,
                0 if item.rule_name in constants.standing_rules else age_ns / HOUR_NS,
                item.count,
                constants,
            )
            self._entries[asset.id].append((weight, item))
        for exposure in exposures:
            weight = standing_weight(exposure.probability, self.assets[exposure.asset].criticality)
            self._entries[exposure.asset].append((weight, exposure))
        self.sites = self._settle(frozenset())

    def _asset_of(self, item: OpenItem, site: str) -> PostureAsset:
        if item.asset is not None and item.asset in self.assets:
            return self.assets[item.asset]
        # It may lead its zone, but has no weight in the mean: an unknown address must not thin out
        # the risk of the known ones.
        name = f"address:{item.asset_label}" if site == DEFAULT_SITE else f"address:{site}:{item.asset_label}"
        if name not in self.assets:
            self.assets[name] = PostureAsset(
                name, item.asset_label, item.zone or UNASSIGNED, site, 1.0, listed=False
            )
        return self.assets[name]

    def without(self, closed: Collection[str]) -> list[SitePosture]:
        """The posture if these alerts (by id) or exposures were gone."""
        return self._settle(frozenset(closed))

    def row_of(self, item_id: str) -> Row | None:
        """One open item, or None."""
        for site in self.sites:
            for zone in site.zones:
                for asset in zone.assets:
                    for row in asset.rows:
                        if row.id == item_id:
                            return row
        return None

    def _settle(self, closed: frozenset[str]) -> list[SitePosture]:
        places: dict[str, dict[str, list[AssetPosture]]] = defaultdict(lambda: defaultdict(list))
        for asset in self.assets.values():
            places[asset.site][asset.zone].append(self._asset_posture(asset, closed))
        sites = [self._site(name, zones) for name, zones in places.items()]
        return sorted(sites, key=lambda site: (-site.risk, site.name))

    def _asset_posture(self, asset: PostureAsset, closed: frozenset[str]) -> AssetPosture:
        entries = [
            (weight, item)
            for weight, item in self._entries.get(asset.id, ())
            if not closed or _id(item) not in closed
        ]
        if not entries:
            return AssetPosture(asset)
        total = math.fsum(weight for weight, _ in entries)
        risk = asset_risk(total)
        entries.sort(key=lambda entry: (-entry[0], _id(entry[1])))
        rows = [
            _row(item, asset.id, weight, risk * weight / total if total else 0.0) for weight, item in entries
        ]
        return AssetPosture(asset, risk, rows=rows)

    def _site(self, name: str, places: dict[str, list[AssetPosture]]) -> SitePosture:
        zones = []
        for zone_name, assets in places.items():
            weights = [item.asset.criticality if item.asset.listed else 0.0 for item in assets]
            whole = aggregate([item.risk for item in assets], weights, self.constants.spread)
            for item, share in zip(assets, whole.shares, strict=True):
                item.points = share
            assets.sort(key=lambda item: (-item.risk, item.asset.id))
            zones.append(ZonePosture(zone_name, whole.risk, 0.0, math.fsum(weights), assets))
        whole = aggregate(
            [zone.risk for zone in zones], [zone.weight for zone in zones], self.constants.spread
        )
        for zone, share in zip(zones, whole.shares, strict=True):
            zone.points = share
            factor = share / zone.risk if zone.risk else 0.0
            for item in zone.assets:
                item.site_points = item.points * factor
                of_asset = item.site_points / item.risk if item.risk else 0.0
                item.rows = [_with_site_points(row, row.points * of_asset) for row in item.rows]
        zones.sort(key=lambda zone: (-zone.risk, zone.name))
        return SitePosture(name, whole.risk, math.fsum(zone.weight for zone in zones), zones)


def _id(item: OpenItem | Exposure) -> str:
    return item.alert if isinstance(item, OpenItem) else item.id


def _row(item: OpenItem | Exposure, asset: str, weight: float, points: float) -> Row:
    if isinstance(item, OpenItem):
        return Row(
            "alert",
            item.alert,
            asset,
            item.title,
            item.title_zh,
            item.level,
            weight,
            points,
            0.0,
            item.last_seen_ns,
            item.count,
            item.rule,
        )
    return Row(
        "exposure",
        item.id,
        asset,
        f"{item.kind}: {item.detail}",
        None,
        None,
        weight,
        points,
        0.0,
        None,
        1,
        None,
    )


def _with_site_points(row: Row, site_points: float) -> Row:
    return Row(
        row.kind,
        row.id,
        row.asset,
        row.title,
        row.title_zh,
        row.level,
        row.weight,
        row.points,
        site_points,
        row.last_seen_ns,
        row.count,
        row.rule,
    )
