"""Who is on the network: addresses as small integers, with what the wire shows of each.

Endpoint 0 stands for "none, or more than the table holds": an attacker who invents addresses can fill
the table, after which the messages of new ones are still read, and the look-ups counted.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.types import Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.packet import MAC_SPACE

NOBODY = 0

ENDPOINT = np.dtype(
    [
        ("high", "i8"),
        ("low", "i8"),
        ("mac", "i8"),  # of its last packet; -1 where the link has none
        ("mac_before", "i8"),  # the one it had before that; -1 where it had one only
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("first_packet", "i8"),
        ("mac_packet", "i8"),  # the packet that showed the MAC first
        ("sent", "i8"),  # packets
        ("received", "i8"),
        ("macs", "i4"),  # how often the MAC changed
        ("vlan", "i4"),
        ("ttl", "i4"),  # the greatest time to live that it sent with over TCP or UDP; 0 where none was seen
    ]
)
"""One address. Counts and times move when a stream of it begins, not with every packet."""

ENTRIES, OVERFLOWED = 0, 1


class Endpoints(NamedTuple):
    """The table: rows, the hash slots that find them, and ENTRIES in use and OVERFLOWED look-ups."""

    rows: Rows
    slots: Ints
    used: Ints


def new_endpoints(capacity: int = 1 << 17) -> Endpoints:
    """An empty table for `capacity` (a power of two) addresses."""
    used = np.zeros(2, np.int64)
    used[ENTRIES] = 1
    return Endpoints(np.zeros(capacity, ENDPOINT), np.zeros(capacity * 2, np.int64), used)


@kernel
def mix(high: Int, low: Int) -> Int:
    """A hash of 128 bits, non-negative and below 2**62; the multiplications stay below 2**63."""
    value = (low & 0x7FFFFFFF) * 0x9E3779B1 ^ (low >> 31 & 0x7FFFFFFF) * 0x5EBCA6B
    value ^= (high & 0x7FFFFFFF) * 0x42B2AE35 ^ (high >> 31 & 0x7FFFFFFF) * 0x27D4EB2F
    return (value ^ value >> 29 ^ value >> 15) & 0x3FFFFFFFFFFFFFFF


@kernel
def endpoint_of(endpoints: Endpoints, high: Int, low: Int, mac: Int, packet: Row) -> Int:
    """The id of an address, new or known; NOBODY where the table is full."""
    mask = endpoints.slots.shape[0] - 1
    slot = mix(high, low) & mask
    while endpoints.slots[slot] != 0:
        row = endpoints.rows[endpoints.slots[slot]]
        if row["low"] == low and row["high"] == high:
            return endpoints.slots[slot]
        slot = (slot + 1) & mask
    entry = endpoints.used[ENTRIES]
    if entry >= endpoints.rows.shape[0]:
        endpoints.used[OVERFLOWED] += 1
        return np.int64(NOBODY)
    endpoints.used[ENTRIES] = entry + 1
    endpoints.slots[slot] = entry
    row = endpoints.rows[entry]
    row["high"] = high
    row["low"] = low
    row["mac"] = mac
    row["mac_before"] = -1
    row["first_ns"] = packet["time_ns"]
    row["last_ns"] = packet["time_ns"]
    row["first_packet"] = packet["number"]
    row["mac_packet"] = packet["number"]
    row["sent"] = 0
    row["received"] = 0
    row["macs"] = 0
    row["ttl"] = 0
    row["vlan"] = packet["vlan"]
    return entry


def address_text(high: int, low: int) -> str:
    """An address as a person writes it: `10.0.0.1`, `fe80::1`, `00:1b:1b:aa:bb:cc`."""
    if high == MAC_SPACE:
        return mac_text(low)
    value = (high & 0xFFFFFFFFFFFFFFFF) << 64 | low & 0xFFFFFFFFFFFFFFFF
    if value >> 32 == 0xFFFF:
        return str(ipaddress.IPv4Address(value & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(value))


def mac_text(mac: int) -> str:
    """48 bits as `00:1b:1b:aa:bb:cc`; empty where there is none (-1)."""
    return "" if mac < 0 else mac.to_bytes(6).hex(":")
