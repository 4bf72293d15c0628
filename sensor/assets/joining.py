"""Which endpoints are one machine, kept up to date as packets tell more.

Endpoints of one MAC address are one machine unless the MAC is a router's. Who has an address on the
link says so (ARP, neighbour discovery); what comes from a MAC with an address of another network that
it never claims was routed. Groups are nobody's; hosts of the Internet are assets only where they matter.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

import numpy as np

from sensor.activity import is_group
from sensor.types import Ints
from sensor.wire.endpoints import ENTRIES, Endpoints
from sensor.wire.packet import MAC_SPACE

ROUTER_ADDRESSES = 3
"""A MAC in front of more IPv4 addresses than this is a router's (or a bridge's), not one machine's."""
_ALL = 0xFFFFFFFFFFFFFFFF
FIRST_TTLS = (64, 128, 255)
"""With what nearly all systems begin (64 is what RFC 1340 recommends)."""
MOST_HOPS = 3
MOST_MEMBERS = 32
"""Addresses of one machine; a MAC with more, be it by their own claim, stands before other machines."""


def is_public(high: int, low: int) -> bool:
    """Whether an address is a host's in the public Internet (IANA special-purpose registries)."""
    if high == MAC_SPACE:
        return False
    value = (high & 0xFFFFFFFFFFFFFFFF) << 64 | low & 0xFFFFFFFFFFFFFFFF
    if value >> 32 == 0xFFFF:
        if value >> 24 & 0xFF == 10 or value >> 16 & 0xFFFF == 0xC0A8:
            return False  # the usual networks (RFC 1918), and those of most floods
        return ipaddress.IPv4Address(value & 0xFFFFFFFF).is_global
    return ipaddress.IPv6Address(value).is_global


def was_forwarded(ttl: int) -> bool:
    """Whether a time to live tells that routers forwarded the packet: a few below one of the values that
    systems begin with. 60 and less below 64 is left alone: some systems begin with 60."""
    return any(start - MOST_HOPS <= ttl < start for start in FIRST_TTLS)


class Joining:
    """Endpoints by machine. A machine's key is its own MAC address, else the negated endpoint id.

    `mac_of` tells the MAC address that somebody claims an endpoint has, -1 if nobody does;
    `claimed_by` the addresses (text) that a MAC address claims;
    `device_of` the MAC address of the device that a port's MAC address is part of, itself if unknown;
    `is_known` whether an endpoint is known to exist though it never sent; `matters` whether a host
    of the Internet is to be an asset.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        mac_of: Callable[[int], int],
        claimed_by: Callable[[int], Iterable[str]],
        device_of: Callable[[int], int],
        is_known: Callable[[int], bool],
        matters: Callable[[int], bool],
    ) -> None:
        self._endpoints = endpoints
        self._mac_of = mac_of
        self._claimed_by = claimed_by
        self._device_of = device_of
        self._is_known = is_known
        self._matters = matters
        self._keys: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        self._behind: dict[int, set[tuple[int, int]]] = {}
        self.routers: set[int] = set()
        """MACs in front of many addresses, or of addresses of several networks."""
        self._crowded: set[int] = set()
        capacity = len(endpoints.rows)
        self._macs = np.full(capacity, -2, np.int64)
        self._spoke = np.zeros(capacity, np.bool_)

    def changed(self, most: int) -> Ints:
        """Endpoints that spoke for the first time or from another MAC since they were last given out:
        at most so many, those known longest first."""
        entries = int(self._endpoints.used[ENTRIES])
        rows = self._endpoints.rows[1:entries]
        macs, spoke = rows["mac"], rows["sent"] > 0
        found = np.flatnonzero((macs != self._macs[1:entries]) | (spoke != self._spoke[1:entries]))[:most]
        self._macs[1:entries][found] = macs[found]
        self._spoke[1:entries][found] = spoke[found]
        return found + 1

    def place(self, endpoints: Iterable[int]) -> set[int]:
        """Join these endpoints anew; the keys of the machines that are not as they were."""
        waiting = dict.fromkeys(endpoints)
        for endpoint in list(waiting):
            waiting |= dict.fromkeys(self._note_router(endpoint))
        keys: set[int] = set()
        while waiting:
            endpoint = next(iter(waiting))
            del waiting[endpoint]
            key = self._key(endpoint)
            before = self._keys.get(endpoint, 0)
            keys |= {key, before}
            if key == before:
                continue
            if before:
                self._leave(endpoint, before)
            if key:
                self._keys[endpoint] = key
                members = self._members.setdefault(key, [])
                members.append(endpoint)
                if key > 0 and len(members) > MOST_MEMBERS:
                    self._crowded.add(key)
                    waiting |= dict.fromkeys(members)
        keys.discard(0)
        return keys

    def key(self, endpoint: int) -> int:
        """The machine that an endpoint belongs to; 0 where it is none."""
        return self._keys.get(endpoint, 0)

    def members(self, key: int) -> list[int]:
        """The endpoints of a machine, in the order in which they appeared."""
        return sorted(self._members.get(key, ()))

    @property
    def keys(self) -> list[int]:
        """All machines, in the order in which their first endpoints appeared."""
        return sorted(self._members, key=lambda key: min(self._members[key]))

    def _leave(self, endpoint: int, key: int) -> None:
        del self._keys[endpoint]
        self._members[key].remove(endpoint)
        if not self._members[key]:
            del self._members[key]

    def _key(self, endpoint: int) -> int:
        row = self._endpoints.rows[endpoint]
        high, low = int(row["high"]), int(row["low"])
        if is_group(high, low) or not (row["sent"] or self._is_known(endpoint)):
            return 0
        claimed = self._mac_of(endpoint)
        if is_public(high, low) and claimed < 0 and not self._matters(endpoint):
            return 0
        if high == MAC_SPACE:
            return claimed if claimed > 0 and claimed not in self._crowded else low
        if claimed > 0:
            mac = self._device_of(claimed)
            return -endpoint if mac in self._crowded else mac
        seen = int(row["mac"])
        if is_group(MAC_SPACE, seen) or seen in self.routers:
            return -endpoint
        mac = self._device_of(seen)
        return -endpoint if mac in self._crowded else mac

    def _note_router(self, endpoint: int) -> list[int]:
        """Learn from an endpoint's address whether its MAC is a router's; who is concerned if so."""
        row = self._endpoints.rows[endpoint]
        high, low, mac = int(row["high"]), int(row["low"]), int(row["mac"])
        if high == MAC_SPACE:  # whose claims may be new
            mac = low
        elif not row["sent"]:
            mac = self._mac_of(endpoint)
        if mac <= 0 or is_group(MAC_SPACE, mac) or mac in self.routers:
            return []
        if row["sent"] and was_forwarded(int(row["ttl"])) and self._mac_of(endpoint) != mac:
            self.routers.add(mac)
            self._behind.pop(mac, None)
            return [*self.members(mac), endpoint]
        behind = self._behind.setdefault(mac, set())
        speaks = high != MAC_SPACE and row["sent"] and not is_group(high, low)
        if speaks and not _is_link_local(high, low) and len(behind) < MOST_MEMBERS:
            behind.add((high & _ALL, low & _ALL))
        if len(behind) < 2 or not self._routes(mac, behind):
            return []
        self.routers.add(mac)
        del self._behind[mac]
        return self.members(mac)

    def _routes(self, mac: int, behind: set[tuple[int, int]]) -> bool:
        """Whether a MAC that sends from these addresses hands on what others sent."""
        fourth = {low & 0xFFFFFFFF for high, low in behind if high == 0}
        if len(fourth) > ROUTER_ADDRESSES or len({item >> 16 for item in fourth}) > 1:
            return True
        claimed = {_address(text) for text in self._claimed_by(mac)}
        networks = {network for network in map(_network, claimed) if network}
        of_kind = {network[0] for network in networks}
        strange = {_network(address) for address in behind - claimed} - networks
        return any(network[0] in of_kind for network in strange if network)


def _is_link_local(high: int, low: int) -> bool:
    """Whether an address stands beside others and says nothing about networks (RFC 3927, RFC 4291)."""
    if high == 0 and low >> 32 == 0xFFFF:
        return low >> 16 & 0xFFFF == 0xA9FE
    return high >> 54 & 0x3FF == 0x3FA


def _address(text: str) -> tuple[int, int]:
    """`high` and `low` of an address; (0, 0) where it is none."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return 0, 0
    if parsed.version == 4:
        return 0, 0xFFFF << 32 | int(parsed)
    return int(parsed) >> 64, int(parsed) & 0xFFFFFFFFFFFFFFFF


def _network(address: tuple[int, int]) -> tuple[str, int] | None:
    """The network that an address most likely belongs to: a /24, or a /64 of IPv6."""
    high, low = address
    if (high, low) == (0, 0) or _is_link_local(high, low):
        return None
    return ("ipv4", (low & 0xFFFFFFFF) >> 8) if high == 0 else ("ipv6", high & 0xFFFFFFFFFFFFFFFF)
