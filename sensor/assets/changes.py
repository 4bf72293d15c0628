"""Changes of assets, and addresses that two machines claim in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sensor.messages import FAULT, MALFORMED, Kind
from sensor.protocols.protocol import Number
from sensor.types import Rows

MOST_ADDRESSES = 1 << 15
"""IPv4 addresses whose claimants are remembered."""
MOST_CLAIMANTS = 8
"""MAC addresses remembered for one IPv4 address."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something about an asset that was otherwise before; `old` is empty for what is new.

    `kind` is one of `asset.change` in docs/documents.md. `frame` proves it and `time_ns` (since
    1970) is that frame's.
    """

    kind: str
    endpoint: int
    old: str
    new: str
    protocol: str
    frame: int
    time_ns: int


class Dispute(NamedTuple):
    """Two MAC addresses (endpoints) that claim the IPv4 address (32 bits) in turn."""

    address: int
    earlier: int
    later: int
    frame: int
    time_ns: int


class _Claim:
    __slots__ = ("first_ns", "last_ns")

    def __init__(self, first_ns: int, last_ns: int) -> None:
        self.first_ns = first_ns
        self.last_ns = last_ns


class Claimants:
    """Who says in ARP (RFC 826 replies, RFC 5227 announcements) to have which IPv4 address.

    A machine that was exchanged claims the address of another once for all; where the one before
    claims it again, two machines have it. `refused` counts claims for which there was no room.
    """

    def __init__(self) -> None:
        self._claims: dict[int, dict[int, _Claim]] = {}
        self._told: set[tuple[int, int, int]] = set()
        self.refused = 0

    def add(self, rows: Rows) -> list[Dispute]:
        """Take in behaviours (BEHAVIOUR rows) that are new or go on; the disputes not told before."""
        rows = rows[(rows["protocol"] == Number.ARP) & (rows["address"] > 0)]
        rows = rows[(rows["kind"] != Kind.REQUEST) & (rows["flags"] & (MALFORMED | FAULT) == 0)]
        found: list[Dispute] = []
        for row in rows[np.argsort(rows["last_ns"], kind="stable")]:
            sender = int(row["server"] if row["kind"] == Kind.RESPONSE else row["client"])
            if sender:
                found.extend(self._take(sender, row))
        return found

    def _take(self, sender: int, row: np.void) -> list[Dispute]:
        address, last_ns = int(row["address"]), int(row["last_ns"])
        claims = self._claims.get(address)
        if claims is None:
            if len(self._claims) >= MOST_ADDRESSES:
                self.refused += 1
                return []
            claims = self._claims[address] = {}
        claim = claims.get(sender)
        if claim is None:
            if len(claims) >= MOST_CLAIMANTS:
                self.refused += 1
                return []
            claim = claims[sender] = _Claim(int(row["first_ns"]), last_ns)
        claim.last_ns = max(claim.last_ns, last_ns)
        frame = int(row["frames"].max())
        return [
            Dispute(address, earlier, later, frame, last_ns)
            for earlier, later in self._in_turn(claims, sender)
            if self._is_news((address, earlier, later))
        ]

    @staticmethod
    def _in_turn(claims: dict[int, _Claim], sender: int) -> list[tuple[int, int]]:
        """Pairs of which the earlier claimant came back after the later one."""
        mine = claims[sender]
        pairs = []
        for other, claim in claims.items():
            if other == sender:
                continue
            first, second = (mine, claim) if mine.first_ns < claim.first_ns else (claim, mine)
            if first.last_ns > second.first_ns:
                pairs.append((sender, other) if first is mine else (other, sender))
        return pairs

    def settle(self, address: int, earlier: int, later: int) -> None:
        """This dispute was told of otherwise."""
        self._told |= {(address, earlier, later), (address, later, earlier)}

    def _is_news(self, dispute: tuple[int, int, int]) -> bool:
        if dispute in self._told:
            return False
        self._told.add(dispute)
        return True
