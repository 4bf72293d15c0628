"""Spoofed addresses from packets that scapy made, and what only looks like them."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from traffic import batch_of

from sensor.assets.changes import Change
from sensor.assets.takeover import WATCH_NS
from sensor.observer import Observer

PLC, HMI, SPY = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
PLC_IP, HMI_IP, SPY_IP = "10.1.1.10", "10.1.1.5", "10.1.1.66"
SECOND = 10**9


def claim(mac: str, ip: str, to: str = HMI) -> Ether:
    """An ARP reply that nobody asked for."""
    return Ether(src=mac, dst=to) / ARP(op=2, hwsrc=mac, psrc=ip, hwdst=to, pdst=HMI_IP)


def asks(mac: str, ip: str) -> Ether:
    return Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=mac, psrc=ip, pdst="10.1.1.1")


def sends(mac: str, ip: str = PLC_IP) -> Ether:
    return Ether(src=mac, dst=HMI) / IP(src=ip, dst=HMI_IP) / UDP(sport=9999, dport=50000) / (b"x" * 20)


def told(packets: list[Any], step_ns: int = SECOND) -> list[tuple[str, str, str, int]]:
    """(kind, old, new, time in seconds) of changes that say who has an address."""
    observer = Observer()
    changes: list[Change] = []
    raw = [bytes(packet) for packet in packets]
    for step in [*observer.feed(batch_of(raw, step_ns=step_ns)), *observer.finish()]:
        changes += step.changes
    return [
        (change.kind, change.old, change.new, change.time_ns // SECOND)
        for change in changes
        if change.kind in ("spoofed", "mac_conflict")
    ]


def attack(length: int) -> list[Any]:
    """The spy tells the HMI every second that it is the PLC, and passes on what the PLC sends."""
    return [packet for _ in range(length) for packet in (claim(SPY, PLC_IP), sends(PLC), sends(SPY))]


def test_a_man_in_the_middle_is_told_within_seconds() -> None:
    ((kind, old, new, when),) = told([claim(PLC, PLC_IP), asks(SPY, SPY_IP), sends(PLC), *attack(6)])
    assert (kind, old, new) == ("spoofed", PLC, SPY)
    assert when <= 4 + 5, "the attack begins in second 4"


def test_it_is_told_where_the_owner_is_only_seen_to_claim() -> None:
    packets = [claim(PLC, PLC_IP), asks(SPY, SPY_IP), *[claim(SPY, PLC_IP), claim(PLC, PLC_IP)] * 4]
    assert [item[:3] for item in told(packets)] == [("spoofed", PLC, SPY)]


def test_a_newcomer_with_an_address_in_use_is_a_conflict_and_no_attack() -> None:
    packets = [claim(PLC, PLC_IP), sends(PLC), claim(SPY, PLC_IP), *[sends(PLC)] * 5]
    assert [item[:3] for item in told(packets)] == [("mac_conflict", PLC, SPY)]


@pytest.mark.parametrize("other", [[], [asks(SPY, SPY_IP)]], ids=["spare part", "partner"])
def test_an_owner_who_is_gone_was_replaced(other: list[Any]) -> None:
    packets = [claim(PLC, PLC_IP), *other, sends(PLC), *[claim(SPY, PLC_IP), sends(SPY)] * 10]
    assert told(packets) == []


def test_a_partner_that_takes_over_and_gives_back_is_no_attack() -> None:
    away = [claim(SPY, PLC_IP), sends(SPY)] * (WATCH_NS // SECOND)
    back = [claim(PLC, PLC_IP), sends(PLC)] * 5
    packets = [claim(PLC, PLC_IP), asks(PLC, "10.1.1.11"), asks(SPY, SPY_IP), sends(PLC), *away, *back]
    assert "spoofed" not in {item[0] for item in told(packets)}


def test_routers_may_share_a_virtual_address() -> None:
    virtual = "00:00:5e:00:01:07"
    packets = [claim(PLC, PLC_IP), sends(PLC), asks(virtual, "10.1.1.1")]
    assert told([*packets, *[claim(virtual, PLC_IP), sends(PLC)] * 5]) == []


def test_the_same_attack_is_told_once_an_hour() -> None:
    start = [claim(PLC, PLC_IP), asks(SPY, SPY_IP), sends(PLC)]
    assert len(told([*start, *attack(100)])) == 1
    assert len(told([*start, *attack(30)], step_ns=60 * SECOND)) <= 2


def test_the_owner_keeps_its_address_while_another_spoofs_it() -> None:
    observer = Observer()
    packets = [claim(PLC, PLC_IP), asks(SPY, SPY_IP), sends(PLC), *attack(20)]
    for _ in observer.feed(batch_of([bytes(packet) for packet in packets], step_ns=SECOND)):
        pass
    for _ in observer.finish():
        pass
    owners = {
        address: machine.mac for machine in observer.inventory.machines() for address in machine.addresses
    }
    assert (owners[PLC_IP], owners[SPY_IP]) == (PLC, SPY)
