"""Forged source addresses from packets that scapy made, and what only looks like them."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from traffic import batch_of

from sensor.assets.changes import Change
from sensor.observer import Observer

OWNER, SPY, ROUTER, PLC = "02:00:00:00:00:02", "02:00:00:00:00:66", "02:00:00:00:00:99", "02:00:00:00:00:01"
HMI_IP, PLC_IP = "10.1.1.5", "10.1.1.10"
SECOND = 10**9
STEADY = 400
"""Seconds for which the owner sends alone."""


def sends(mac: str, ip: str = HMI_IP, ttl: int = 64) -> Ether:
    return (
        Ether(src=mac, dst=PLC) / IP(src=ip, dst=PLC_IP, ttl=ttl) / UDP(sport=50000, dport=9999) / (b"x" * 20)
    )


def told(packets: list[Any]) -> list[tuple[str, str]]:
    """(old, new) of spoofed addresses; packets are a second apart."""
    observer = Observer()
    changes: list[Change] = []
    raw = [bytes(packet) for packet in packets]
    for step in [*observer.feed(batch_of(raw, step_ns=SECOND)), *observer.finish()]:
        changes += step.changes
    return [(change.old, change.new) for change in changes if change.kind == "spoofed"]


def test_packets_with_a_forged_source_are_told() -> None:
    packets = [sends(OWNER)] * STEADY + [sends(SPY), sends(OWNER)] * 5 + [sends(OWNER)] * 20
    assert told(packets) == [(OWNER, SPY)]


@pytest.mark.parametrize(
    "packets",
    [
        [sends(OWNER)] * STEADY + [sends(SPY)] * STEADY,
        [sends(OWNER)] * STEADY + [sends(SPY)] * 120 + [sends(OWNER)] * STEADY,
        [sends(OWNER), sends(SPY)] * STEADY,
        [sends(OWNER)] * STEADY + [sends("00:00:5e:00:01:07"), sends(OWNER)] * 5,
        [sends(ROUTER, f"10.{net}.1.1", 63) for net in range(9, 15)]
        + [sends(OWNER)] * STEADY
        + [sends(ROUTER, ttl=63), sends(OWNER)] * 5,
    ],
    ids=[
        "replaced",
        "failed over and back",
        "two cards from the beginning",
        "VRRP",
        "both sides of a router",
    ],
)
def test_what_only_looks_like_it_is_not(packets: list[Any]) -> None:
    assert told(packets) == []
