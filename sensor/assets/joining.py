"""Which endpoints are one machine, kept up to date as packets tell more.

Endpoints of one MAC address are one machine unless the MAC is a router's, behind which many
addresses stand. Groups are nobody's; hosts of the Internet are assets only where they matter.
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


class Joining:
    """Endpoints by machine. A machine's key is its own MAC address, else the negated endpoint id.

    `mac_of` tells the MAC address that somebody claims an endpoint has, -1 if nobody does;
    `device_of` the MAC address of the device that a port's MAC address is part of, itself if unknown;
    `is_known` whether an endpoint is known to exist though it never sent; `matters` whether a host
    of the Internet is to be an asset.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        mac_of: Callable[[int], int],
        device_of: Callable[[int], int],
        is_known: Callable[[int], bool],
        matters: Callable[[int], bool],
    ) -> None:
        self._endpoints = endpoints
        self._mac_of = mac_of
        self._device_of = device_of
        self._is_known = is_known
        self._matters = matters
        self._keys: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        self._behind: dict[int, set[int]] = {}
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
        if is_group(MAC_SPACE, mac) or mac in self.routers or not row["sent"]:
            return []
        # A link-local address (RFC 3927) stands beside another one and says nothing about networks.
        if high != 0 or low >> 32 != 0xFFFF or low >> 16 & 0xFFFF == 0xA9FE or is_group(high, low):
            return []
        behind = self._behind.setdefault(mac, set())
        behind.add(low & 0xFFFFFFFF)
        if len(behind) <= ROUTER_ADDRESSES and len({item >> 16 for item in behind}) == 1:
            return []
        self.routers.add(mac)
        del self._behind[mac]
        return self.members(mac)
