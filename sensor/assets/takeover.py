"""Addresses that a machine claims while their owner goes on using them: spoofing, or a mistake.

A device that was replaced, and a partner that takes over, claim an address whose owner is gone. A man
in the middle claims the address of somebody who is still there, again and again, since the owner's
packets undo what he told the others (RFC 826, RFC 5227 2.4). Only what lies side by side in time
counts: B claims, A still sends or claims, B claims or sends again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sensor.messages import FAULT, MALFORMED, Kind
from sensor.protocols.protocol import Number
from sensor.types import Rows
from sensor.wire.endpoints import Endpoints

MOST_ADDRESSES = 1 << 15
"""IPv4 addresses whose holders are remembered."""
MOST_WATCHED = 1 << 12
"""Claims watched at a time; of more, the oldest is given up."""
GRACE_NS = 10**9
"""What was on its way when an address was handed over may arrive this much later."""
WATCH_NS = 60 * 10**9
"""An owner who was not heard for so long after the claim is gone: the address is the claimant's."""
AGAIN_NS = 3600 * 10**9
"""The same takeover is told again after this time."""
VIRTUAL = (
    (0x00005E000100, 0xFFFFFFFFFF00),  # VRRP for IPv4 (RFC 5798 7.3)
    (0x00005E000200, 0xFFFFFFFFFF00),  # VRRP for IPv6
    (0x00000C07AC00, 0xFFFFFFFFFF00),  # HSRP
    (0x00000C9FF000, 0xFFFFFFFFF000),  # HSRP version 2
    (0x0007B4000000, 0xFFFFFF000000),  # GLBP
)
"""MAC addresses that routers share (value, mask): handing them over is what they are for."""


class Takeover(NamedTuple):
    """`later` (endpoint of a MAC address) claims an IPv4 address (32 bits) that `earlier` goes on using.

    `spoofs` says that the claimant has addresses of its own: it is no newcomer set up wrongly.
    """

    address: int
    earlier: int
    later: int
    frame: int
    time_ns: int
    spoofs: bool


class _Watch:
    __slots__ = ("changes", "claimed_ns", "first_ns", "frame", "frame_ns", "used_ns")

    def __init__(self, first_ns: int, claimed_ns: int, frame: int, changes: int) -> None:
        self.first_ns = first_ns
        self.claimed_ns = self.frame_ns = claimed_ns
        self.used_ns = 0
        self.frame = frame
        self.changes = changes


class Takeovers:
    """Watches claims to IPv4 addresses. `endpoint_of` gives the endpoint of an address, 0 where it never
    sent; `has_others` whether a MAC address (endpoint) has addresses besides this one. `refused` counts
    what was given up for room."""

    def __init__(
        self,
        endpoints: Endpoints,
        endpoint_of: Callable[[int], int],
        has_others: Callable[[int, int], bool],
    ) -> None:
        self._rows = endpoints.rows
        self._endpoint_of = endpoint_of
        self._has_others = has_others
        self._holders: dict[int, int] = {}
        self._watched: dict[int, dict[tuple[int, int], _Watch]] = {}  # by address, then (owner, claimant)
        self._size = 0
        self._told: dict[tuple[int, int, int], int] = {}
        self._before_ns = 0
        self.refused = 0

    def add(self, rows: Rows, now_ns: int) -> list[Takeover]:
        """Take in ARP behaviours that were seen (BEHAVIOUR rows); what is news at `now_ns`."""
        if not rows.size and not self._watched:
            self._before_ns = now_ns
            return []
        rows = rows[(rows["protocol"] == Number.ARP) & (rows["address"] > 0)]
        rows = rows[(rows["kind"] != Kind.REQUEST) & (rows["flags"] & (MALFORMED | FAULT) == 0)]
        rows = rows[np.argsort(rows["first_ns"], kind="stable")]
        senders = np.where(rows["kind"] == Kind.RESPONSE, rows["server"], rows["client"]).tolist()
        claims = [
            pair for pair in zip(senders, rows, strict=True) if pair[0] and not self._is_virtual(pair[0])
        ]
        for _ in range(2):  # an owner's claim may be older than the one that it answers to is known for
            for sender, row in claims:
                self._claim(sender, row)
        self._before_ns = now_ns
        return [
            found
            for address in list(self._watched)
            for pair in list(self._watched[address])
            if (found := self._judge(address, *pair, now_ns))
        ]

    def _is_virtual(self, sender: int) -> bool:
        mac = int(self._rows[sender]["low"])
        return any(mac & mask == value for value, mask in VIRTUAL)

    def _claim(self, sender: int, row: Any) -> None:
        address, last_ns = int(row["address"]), int(row["last_ns"])
        holder = self._holders.get(address)
        if holder is None:
            if len(self._holders) >= MOST_ADDRESSES:
                self.refused += 1
                return
            self._holders[address] = sender
            return
        if holder == sender:
            self._owner_claims(address, sender, last_ns)
            return
        watch = self._watched.get(address, {}).get((holder, sender))
        if watch is not None:
            watch.claimed_ns = max(watch.claimed_ns, last_ns)
            return
        if self._size >= MOST_WATCHED:
            oldest = next(iter(self._watched))
            self._drop(oldest, next(iter(self._watched[oldest])))
            self.refused += 1
        owner = self._endpoint_of(address)
        changes = int(self._rows[owner]["macs"]) if owner else 0
        # Of a behaviour that was seen before only the last time is known for certain.
        first_ns = int(row["first_ns"])
        if first_ns <= self._before_ns:
            first_ns = last_ns
        watch = _Watch(first_ns, last_ns, int(row["frames"].max()), changes)
        self._watched.setdefault(address, {})[holder, sender] = watch
        self._size += 1

    def _drop(self, address: int, pair: tuple[int, int]) -> None:
        del self._watched[address][pair]
        self._size -= 1
        if not self._watched[address]:
            del self._watched[address]

    def _owner_claims(self, address: int, holder: int, last_ns: int) -> None:
        for pair, watch in self._watched.get(address, {}).items():
            if pair[0] == holder and last_ns >= watch.first_ns + GRACE_NS:
                watch.used_ns = watch.used_ns or last_ns

    def _judge(self, address: int, holder: int, sender: int, now_ns: int) -> Takeover | None:
        watch = self._watched[address][holder, sender]
        interleaved = self._look(address, holder, watch)
        others = self._has_others(sender, address)
        goes_on = watch.claimed_ns > watch.used_ns or interleaved
        if watch.used_ns and (goes_on or not others):
            self._drop(address, (holder, sender))
            key = (address, holder, sender)
            if now_ns - self._told.get(key, -AGAIN_NS) < AGAIN_NS:
                return None
            if len(self._told) >= MOST_WATCHED:
                self._told.pop(next(iter(self._told)))
            self._told[key] = now_ns
            return Takeover(address, holder, sender, watch.frame, watch.frame_ns, others)
        if now_ns - (watch.used_ns or watch.first_ns) > WATCH_NS:
            self._drop(address, (holder, sender))
            if not watch.used_ns:
                self._holders[address] = sender
        return None

    def _look(self, address: int, holder: int, watch: _Watch) -> bool:
        """Note whether the owner still sends from the address; whether both do, in turn."""
        owner = self._endpoint_of(address)
        if not owner:
            return False
        row = self._rows[owner]
        last_ns, changes = int(row["last_ns"]), int(row["macs"]) - watch.changes
        if last_ns < watch.first_ns + GRACE_NS:
            return False
        if row["mac"] == self._rows[holder]["low"] or changes >= 2:
            watch.used_ns = watch.used_ns or last_ns
        return changes >= 2
