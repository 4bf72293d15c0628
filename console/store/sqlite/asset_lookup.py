"""Which asset stands behind an address."""

from __future__ import annotations

import sqlite3
from typing import Any

ADDRESS, PROTOCOL = 0, 1
"""Kinds of `asset_key`."""
_MOST_CACHED = 50_000


class AssetLookup:
    """Addresses to asset ids, remembered while one transaction lasts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, str | None] = {}

    def at(self, end: dict[str, Any]) -> str | None:
        """The asset at one end of a conversation: by IP, or by MAC where there is no IP.

        A MAC beside an IP may be a router's, so it is not asked.
        """
        address = end.get("ip") or end.get("mac")
        return self.by_address(address) if address else None

    def by_address(self, address: str) -> str | None:
        """The asset last seen with an address."""
        if address not in self._known:
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            row = self._connection.execute(
                "SELECT asset FROM asset_key JOIN asset ON asset.id = asset_key.asset"
                " WHERE kind = 0 AND value = ? ORDER BY last_seen DESC, asset LIMIT 1",
                (address,),
            ).fetchone()
            self._known[address] = row[0] if row else None
        return self._known[address]
