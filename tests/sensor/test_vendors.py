"""Vendors behind MAC addresses, as the IEEE registered them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from sensor import vendors


def test_registered_prefix_is_named() -> None:
    assert vendors.vendor_of("00:1b:1b:00:00:01").startswith("Siemens AG")


def test_one_vendor_has_one_name() -> None:
    """Both prefixes are Siemens AG's; the registry wrote one of them with the comma of an address."""
    assert vendors.vendor_of("00:1b:1b:00:00:01") == vendors.vendor_of("00:0e:8c:00:00:01") == "Siemens AG"


@pytest.mark.parametrize("mac", ["00:50:c2:78:b5:30", "70:b3:d5:00:00:01"])
def test_prefixes_that_the_registry_splits_are_nobodys(mac: str) -> None:
    """IAB and MA-S: the vendor is told by more than 24 bits."""
    assert vendors.vendor_of(mac) == ""


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
