"""The two ends of behaviours: what was observed of them, and what people say, laid over it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rules.baseline.subjects import GROUP, kind_of
from rules.site.model import Site, SiteAsset, Zone
from rules.table import Column, Flags, Numbers, Texts, texts
from sensor.types import Ints, Rows

DEFAULT_CRITICALITY = 1.0
"""Of what the site file does not weigh."""
_NOWHERE = -1


class Assets(Protocol):
    """What is known about endpoints by observation; endpoint 0 is nobody."""

    def texts(self, field: str, endpoints: Ints) -> Sequence[str]:
        """For each endpoint its `ip`, `mac`, `name`, `vendor` or `role`; "" where it is not known.

        An endpoint that is a MAC address has no `ip`. `mac` is the asset's own, never a router's.
        """

    def purdue_levels(self, endpoints: Ints) -> NDArray[np.float64]:
        """For each endpoint its Purdue level as its role tells; NaN where it is not known."""

    def arrivals(self, endpoints: Ints) -> Ints:
        """For each endpoint when it was first heard of (nanoseconds since 1970); 0 where it was there
        from the beginning, as far as is known."""


NEWCOMER_NS = 600 * 10**9
"""How long somebody who has come is a newcomer."""


class Plant(NamedTuple):
    """Everything that is known: by observation, from the site file, and from the baseline."""

    assets: Assets
    site: Site
    learned: Collection[str] = frozenset()
    """Addresses that the baseline knows."""

    def describe(self, ip: str, mac: str, purdue_level: float | None) -> dict[str, Any]:
        """What people say of an asset; None where they say nothing.

        The asset's own entry in the site file comes first, then its zone's, then what was observed.
        """
        site = self.site
        asset = site.asset(ip, mac)
        zone = site.zone(ip, mac)
        level = _first(asset and asset.purdue_level, zone and zone.purdue_level, purdue_level)
        return {
            "name": (asset and asset.name) or None,
            "role": (asset and asset.role) or None,
            "vendor": (asset and asset.vendor) or None,
            "zone": site.zone_name(ip, mac, 0, level) or None,
            "purdue_level": level,
            "criticality": _first(asset and asset.criticality, zone and zone.criticality),
            "is_internal": site.is_internal(ip or mac) if ip or mac else None,
            "authorised": self.is_authorised(ip, mac, asset, zone),
        }

    def is_authorised(self, ip: str, mac: str, asset: SiteAsset | None, zone: Zone | None) -> bool | None:
        """Whether an asset is meant to be there; None where nobody has said so, nor which ones are."""
        if asset is not None:
            return asset.authorised
        address = ip or mac
        if address in self.learned or mac in self.learned:
            return True
        if not self.site.names_all(zone) or kind_of(address) == GROUP or not self.site.is_internal(address):
            return None
        return False


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


class Ends:
    """The distinct endpoints of a batch of BEHAVIOUR rows; fields are looked up when asked for."""

    def __init__(self, rows: Rows, plant: Plant) -> None:
        self._plant = plant
        both = np.concatenate([rows["client"], rows["server"]]).astype(np.int64)
        self._ids, firsts, places = np.unique(both, return_index=True, return_inverse=True)
        self.clients: Ints = places[: rows.shape[0]]
        """For each row its client's place among the distinct endpoints."""
        self.servers: Ints = places[rows.shape[0] :]
        self._vlans = np.concatenate([rows["vlan"], rows["vlan"]])[firsts]
        self._observed: dict[str, Sequence[str]] = {}

    def _texts(self, field: str) -> Sequence[str]:
        if field not in self._observed:
            self._observed[field] = self._plant.assets.texts(field, self._ids)
        return self._observed[field]

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        return list(zip(self._texts("ip"), self._texts("mac"), strict=True))

    @cached_property
    def _assets(self) -> list[SiteAsset | None]:
        if not self._plant.site.assets:
            return [None] * len(self._ids)
        return [self._plant.site.asset(ip, mac) for ip, mac in self._pairs]

    @cached_property
    def _zones(self) -> list[Zone | None]:
        if not self._plant.site.zones:
            return [None] * len(self._ids)
        zone = self._plant.site.zone
        return [zone(*pair, int(vlan)) for pair, vlan in zip(self._pairs, self._vlans, strict=True)]

    @cached_property
    def _levels(self) -> NDArray[np.float64]:
        levels = np.array(self._plant.assets.purdue_levels(self._ids), np.float64)
        for source in (self._zones, self._assets):
            for place, entry in enumerate(source):
                if entry is not None and entry.purdue_level is not None:
                    levels[place] = entry.purdue_level
        return levels

    def text_column(self, field: str, places: Ints) -> Texts:
        """`ip`, `mac`, `name`, `vendor`, `role` or `zone` of the endpoints at these places."""
        if field == "zone":
            values: Sequence[str] = self._named_zones
        else:
            values = self._texts(field)
            if field in ("name", "vendor", "role"):
                said = [getattr(asset, field) if asset else "" for asset in self._assets]
                values = [mine or theirs for mine, theirs in zip(said, values, strict=True)]
        column = texts(values)
        return Texts(column.codes[places], column.values)

    @cached_property
    def _named_zones(self) -> list[str]:
        name = self._plant.site.zone_name
        return [
            name(ip, mac, int(vlan), None if np.isnan(level) else float(level))
            for (ip, mac), vlan, level in zip(self._pairs, self._vlans, self._levels, strict=True)
        ]

    def number_column(self, field: str, places: Ints) -> Numbers:
        """`purdue_level` or `criticality` of the endpoints at these places."""
        if field == "purdue_level":
            return Numbers(self._levels[places])
        weights = np.full(len(self._ids), DEFAULT_CRITICALITY)
        for source in (self._zones, self._assets):
            for place, entry in enumerate(source):
                if entry is not None and entry.criticality is not None:
                    weights[place] = entry.criticality
        return Numbers(weights[places])

    def flag_column(self, field: str, places: Ints) -> Flags:
        """`is_internal` or `authorised` of the endpoints at these places."""
        found: list[bool | None]
        if field == "is_internal":
            inside = self._plant.site.is_internal
            found = [inside(ip or mac) if ip or mac else None for ip, mac in self._pairs]
        else:
            said = self._plant.is_authorised
            # Who is known by a MAC address only may be listed by an IP address that this row does not show.
            found = [
                said(ip, mac, asset, zone) if ip or asset or mac in self._plant.learned else None
                for (ip, mac), asset, zone in zip(self._pairs, self._assets, self._zones, strict=True)
            ]
        values = np.array([bool(value) for value in found], np.bool_)
        present = np.array([value is not None for value in found], np.bool_)
        return Flags(values[places], present[places])

    def newcomer_column(self, places: Ints, times_ns: Ints) -> Flags:
        """Whether these endpoints came after the watch had begun, and not long before these times."""
        arrived = self._arrivals[places]
        return Flags((arrived > 0) & (times_ns - arrived < NEWCOMER_NS))

    @cached_property
    def _arrivals(self) -> Ints:
        return self._plant.assets.arrivals(self._ids)

    def conduit_column(self, protocols: Column | None) -> Flags | None:
        """Whether a conduit lets each row's protocol from zone to zone; None where the site has none.

        Absent inside a zone, and where an end is no host or has no IP address: what has none cannot
        leave its zone. Hosts of no zone are outside all of them.
        """
        conduits = self._plant.site.conduits
        if not conduits or not isinstance(protocols, Texts):
            return None
        zones = np.array([self._wall(place) for place in range(len(self._ids))], np.int64)
        rows = np.stack([zones[self.clients], zones[self.servers], protocols.codes])
        distinct, places = np.unique(rows, axis=1, return_inverse=True)
        names = list(self._walls)
        found: list[bool | None] = []
        for client, server, code in distinct.T.tolist():
            if client == _NOWHERE or server == _NOWHERE:
                found.append(None)
                continue
            protocol = str(protocols.values[code]) if code >= 0 else ""
            found.append(conduits.allows(names[client], names[server], protocol))
        values = np.array([bool(value) for value in found], np.bool_)
        present = np.array([value is not None for value in found], np.bool_)
        places = places.reshape(-1)
        return Flags(values[places], present[places])

    @cached_property
    def _walls(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(dict.fromkeys(self._named_zones))}

    def _wall(self, place: int) -> int:
        """The place of an endpoint's zone among those of the batch; _NOWHERE where it has none to leave."""
        ip = self._pairs[place][0]
        if not ip or kind_of(ip) == GROUP:
            return _NOWHERE
        return self._walls[self._named_zones[place]]
