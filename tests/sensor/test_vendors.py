"""Vendors behind MAC addresses, as the IEEE registered them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sensor import vendors


def test_registered_prefix_is_named() -> None:
    assert vendors.vendor_of("00:1b:1b:00:00:01").startswith("Siemens AG")


def test_group_and_local_addresses_have_no_vendor() -> None:
    assert vendors.vendor_of("01:00:5e:00:00:01") == ""
    assert vendors.vendor_of("02:1b:1b:00:00:01") == ""


def test_the_registry_loads_inside_a_running_event_loop() -> None:
    async def ask() -> str:
        vendors._registry.cache_clear()
        vendors._vendor_of_prefix.cache_clear()
        return vendors.vendor_of("00:1b:1b:00:00:01")

    # In a thread of its own: another test may have left a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(ask())).result().startswith("Siemens AG")
