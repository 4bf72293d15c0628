"""The vendor behind a MAC address, from the IEEE registry that aiooui ships (offline)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from aiooui import OUIManager

LOCALLY_ADMINISTERED = 0x02
GROUP = 0x01
NOBODY = ("IEEE Registration Authority", "Private")
"""Holders that name no vendor: of prefixes split among many, and of those who would not be named."""


@cache
def _registry() -> OUIManager:
    registry = OUIManager()
    # In a thread of its own: the caller may stand in a running event loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, registry.async_load()).result()
    return registry


@cache
def _vendor_of_prefix(prefix: str) -> str:
    holder = _registry().get_vendor(f"{prefix}:00:00:00") or ""
    # Some entries were cut out of an address: "Siemens AG," stands beside "Siemens AG".
    name = " ".join(holder.split()).rstrip(" ,")
    return "" if name in NOBODY else name


def vendor_of(mac: str) -> str:
    """The registered holder of a MAC's first 24 bits; empty for group and local addresses, and where
    the registry names nobody."""
    if int(mac[:2], 16) & (LOCALLY_ADMINISTERED | GROUP):
        return ""
    return _vendor_of_prefix(mac[:8])
