"""Addresses that two machines send from in turn without a word in ARP: packets with a forged source.

Who only wants to be believed needs no answers: commands and reports with another's address need no ARP
claim, only its owner's place in the network. The owner goes on sending, so that the MAC address behind
the IP address changes to and fro. A machine that was replaced, and a partner that takes over, change it
once. What changes from the beginning is how a plant is built (bundled network cards, both sides of a
router on one mirror port) and is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sensor.activity import is_group
from sensor.assets.takeover import VIRTUAL
from sensor.types import Ints
from sensor.wire.endpoints import ENTRIES, Endpoints
from sensor.wire.packet import MAC_SPACE

STEADY_NS = 300 * 10**9
"""Who sent from one MAC address for so long has one."""
WITHIN_NS = 60 * 10**9
"""To and fro within this time."""
MOST_LOOKED_AT = 256
"""Addresses looked at in one epoch; the rest wait for the next."""
MOST_REMEMBERED = 1 << 12


class Alternation(NamedTuple):
    """The endpoint of an IP address; the MAC address it always had, and that which sends from it as well."""

    endpoint: int
    owner: int
    other: int
    frame: int


class _Changes:
    __slots__ = ("begun_ns", "count", "last_ns", "other", "owner", "was_steady")

    def __init__(self, now_ns: int, owner: int, other: int, was_steady: bool) -> None:
        self.begun_ns = self.last_ns = now_ns
        self.count = 0
        self.owner, self.other = owner, other
        self.was_steady = was_steady


class Alternations:
    """Watches the MAC addresses behind IP addresses; `is_router` tells of MACs that hand on what others
    sent. `forgotten` counts addresses that were given up for room."""

    def __init__(self, endpoints: Endpoints, is_router: Callable[[int], bool]) -> None:
        self._endpoints = endpoints
        self._is_router = is_router
        self._known: Ints = np.zeros(len(endpoints.rows), np.int64)
        self._changes: dict[int, _Changes] = {}
        self.forgotten = 0

    def look(self, now_ns: int) -> list[Alternation]:
        """What is news at this time (of packets)."""
        entries = int(self._endpoints.used[ENTRIES])
        changes = self._endpoints.rows["macs"][1:entries]
        places = np.flatnonzero(changes != self._known[1:entries])[:MOST_LOOKED_AT] + 1
        return [found for place in places.tolist() if (found := self._take(place, now_ns))]

    def _take(self, endpoint: int, now_ns: int) -> Alternation | None:
        row = self._endpoints.rows[endpoint]
        added = int(row["macs"]) - int(self._known[endpoint])
        self._known[endpoint] = row["macs"]
        high, low = int(row["high"]), int(row["low"])
        if high == MAC_SPACE or is_group(high, low):
            return None
        latest, before = int(row["mac"]), int(row["mac_before"])
        changes = self._changes.get(endpoint)
        if changes is None or now_ns - changes.last_ns > STEADY_NS:
            since = changes.last_ns if changes else int(row["first_ns"])
            owner, other = (before, latest) if added % 2 else (latest, before)
            changes = self._remember(endpoint, _Changes(now_ns, owner, other, now_ns - since >= STEADY_NS))
        changes.count += added
        changes.last_ns = now_ns
        in_turn = changes.count >= 2 and now_ns - changes.begun_ns <= WITHIN_NS
        if not (changes.was_steady and in_turn and {latest, before} == {changes.owner, changes.other}):
            return None
        changes.was_steady = False
        if any(map(self._is_nobodys, (changes.owner, changes.other))):
            return None
        return Alternation(endpoint, changes.owner, changes.other, int(row["mac_packet"]))

    def _remember(self, endpoint: int, changes: _Changes) -> _Changes:
        self._changes.pop(endpoint, None)
        if len(self._changes) >= MOST_REMEMBERED:
            del self._changes[next(iter(self._changes))]
            self.forgotten += 1
        self._changes[endpoint] = changes
        return changes

    def _is_nobodys(self, mac: int) -> bool:
        """Whether a MAC address stands for others: a router's, or one that routers share."""
        return self._is_router(mac) or any(mac & mask == value for value, mask in VIRTUAL)
