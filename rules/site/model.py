"""A site: which zone an address belongs to, what people call an asset, when they work.

Without a site file zones are inferred: the subnet (/24, or /64 of IPv6), preceded by what its
Purdue level means where the asset's role gives one. A supervision level in 10.0.1.0/24 is thus
`supervision 10.0.1.0/24`. Whether an asset is authorised stays unknown, and the plant's networks
are the private, link-local and shared ranges of the IANA registries.

A site file lists the assets that somebody had something to say about. What a machine that is not
listed means, only the file can tell: nothing, unless `assets_complete` says that the list is whole.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cached_property, lru_cache
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.site.conduits import Conduits
from rules.site.hours import Hours, minutes_of_week
from rules.site.maintenance import Maintenance
from rules.site.suppression import Suppression

Network: TypeAlias = IPv4Network | IPv6Network

INTERNET_ZONE = "internet"
CRITICALITIES = (0.5, 1.0, 1.5, 2.0)
"""Weights of zones and assets, from "nice to have" to "the plant stands still without it"."""
PURDUE_NAMES = {
    0.0: "process",
    1.0: "control",
    2.0: "supervision",
    3.0: "operations",
    3.5: "dmz",
    4.0: "business",
    5.0: "enterprise",
}
"""What a Purdue level is called in an inferred zone."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the plant; an address belongs to the narrowest network that holds it."""

    name: str
    networks: tuple[Network, ...] = ()
    vlans: frozenset[int] = frozenset()
    macs: frozenset[str] = frozenset()
    purdue_level: float | None = None
    criticality: float | None = None
    assets_complete: bool | None = None
    """Whether every machine of the zone is listed; None where the site's own word counts."""


@dataclass(frozen=True, slots=True)
class SiteAsset:
    """What people say about an asset; None and the empty text where they say nothing."""

    ip: str = ""
    mac: str = ""
    name: str = ""
    role: str = ""
    vendor: str = ""
    criticality: float | None = None
    purdue_level: float | None = None
    authorised: bool = True


@dataclass(frozen=True, slots=True)
class _Ranked:
    network: Network
    zone: Zone


@dataclass(frozen=True)
class Site:
    """Everything the site file says. `Site()` is a site that nobody has described."""

    name: str = ""
    zones: tuple[Zone, ...] = ()
    assets: tuple[SiteAsset, ...] = ()
    time_zone: tzinfo = UTC
    working_hours: tuple[Hours, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    conduits: Conduits = field(default_factory=Conduits)
    suppressions: tuple[Suppression, ...] = ()
    assets_complete: bool = False
    """Whether every machine of the plant is listed, but for zones that say otherwise."""
    _cache: dict[str, Zone | None] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _networks(self) -> dict[int, list[_Ranked]]:
        ranked = [_Ranked(network, zone) for zone in self.zones for network in zone.networks]
        ranked.sort(key=lambda entry: -entry.network.prefixlen)
        return {
            version: [entry for entry in ranked if entry.network.version == version] for version in (4, 6)
        }

    @cached_property
    def _by_address(self) -> Mapping[str, SiteAsset]:
        found = {asset.ip: asset for asset in self.assets if asset.ip}
        found |= {asset.mac: asset for asset in self.assets if asset.mac}
        return MappingProxyType(found)

    def asset(self, ip: str, mac: str = "") -> SiteAsset | None:
        """What is said about the asset with this IP address, else with this MAC address.

        An asset that was described with both is not found where only its MAC address fits: that is
        how a router's MAC address shows up in front of every host behind it.
        """
        found = self._by_address.get(ip)
        if found is None and mac:
            found = self._by_address.get(mac)
            if found is not None and found.ip and ip and ip != mac:
                return None
        return found

    def zone(self, ip: str, mac: str = "", vlan: int = 0) -> Zone | None:
        """The described zone by network, else by MAC address, else by VLAN; None where there is none."""
        found = self._zone_of_network(ip) if ip else None
        if found is None and (mac or vlan):
            for zone in self.zones:
                if mac in zone.macs:
                    return zone
                if found is None and vlan in zone.vlans:
                    found = zone
        return found

    def _zone_of_network(self, ip: str) -> Zone | None:
        if not self.zones:
            return None
        if ip in self._cache:
            return self._cache[ip]
        if len(self._cache) >= 1 << 16:
            self._cache.clear()
        found: Zone | None = None
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return None
        for entry in self._networks[address.version]:
            if address in entry.network:
                found = entry.zone
                break
        self._cache[ip] = found
        return found

    def is_internal(self, address: str) -> bool:
        """Whether an IP or MAC address belongs to the plant: a described one, or not a public one."""
        if address in self._by_address or self._zone_of_network(address) is not None:
            return True
        return not is_public(address)

    def zone_name(self, ip: str, mac: str = "", vlan: int = 0, purdue_level: float | None = None) -> str:
        """The described zone's name; inferred where no zone is described at all; "" if unknown."""
        found = self.zone(ip, mac, vlan)
        if found is not None:
            return found.name
        if ip and is_public(ip):
            return INTERNET_ZONE
        return "" if self.zones else inferred_zone(ip, purdue_level)

    def names_all(self, zone: Zone | None) -> bool:
        """Whether every machine that is meant to be in this zone, or in none, is listed as an asset."""
        if zone is not None and zone.assets_complete is not None:
            return zone.assets_complete
        return self.assets_complete

    def is_working_time(self, times_ns: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """For each time in nanoseconds since 1970; None where no hours are given."""
        if not self.working_hours:
            return None
        minutes = minutes_of_week(times_ns, self.time_zone)
        working = np.zeros(times_ns.shape, np.bool_)
        for hours in self.working_hours:
            working |= (minutes >= hours.begin) & (minutes < hours.end)
        return working

    def is_maintenance(self, times_ns: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """For each time in nanoseconds since 1970; None where no maintenance is planned."""
        if not self.maintenance:
            return None
        inside = np.zeros(times_ns.shape, np.bool_)
        for window in self.maintenance:
            inside |= window.contains(times_ns)
        return inside


@lru_cache(maxsize=1 << 16)
def is_public(address: str) -> bool:
    """Whether an address is a host's in the public Internet (IANA special-purpose registries)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not parsed.is_multicast


@lru_cache(maxsize=1 << 16)
def inferred_zone(ip: str, purdue_level: float | None) -> str:
    """The name of the zone that is assumed where nobody describes zones; "" without an IP address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    subnet = ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False)
    level = PURDUE_NAMES.get(purdue_level) if purdue_level is not None else None
    return f"{level} {subnet}" if level else str(subnet)
