"""Assets are told when they are new, changed, or due again; never so many at once that packets wait."""

from __future__ import annotations

import json
from collections import Counter

from scapy.layers.l2 import ARP, Ether
from traffic import batch_of

from console.agent.telemetry import AGAIN_S, ASSETS_AT_ONCE, ASSETS_S, MOST_SHARE, Telemetry
from rules.watch import Watch

HOSTS = 1000
LONGEST_S = ASSETS_S / MOST_SHARE
"""After so long the next round begins, whatever the last one took: no round took ASSETS_S."""


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def announcement(number: int) -> bytes:
    """A host says who it is."""
    mac, ip = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", f"10.0.{number >> 8}.{number & 255}"
    arp = ARP(op=1, hwsrc=mac, psrc=ip, pdst=ip)
    return bytes(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / arp)


def told(telemetry: Telemetry, everything: bool = False) -> list[str]:
    """The addresses of the assets that are told."""
    documents = [json.loads(item.text) for item in telemetry.documents(everything) if item.type == "asset"]
    return [document["asset"]["ip"][0] for document in documents]


def watched() -> tuple[Watch, Telemetry, Time]:
    """A watch that has seen the hosts, and what listens to it."""
    clock = Time()
    watch = Watch([])
    telemetry = Telemetry(watch, clock)
    watch.begin("port")
    watch.feed(batch_of([announcement(number) for number in range(1, HOSTS + 1)]))
    watch.flush()
    return watch, telemetry, clock


def test_many_assets_are_told_in_parts_and_each_once() -> None:
    _, telemetry, clock = watched()
    found: Counter[str] = Counter()
    for _ in range(2 * HOSTS // ASSETS_AT_ONCE):
        clock.now += 0.25
        part = told(telemetry)
        assert len(part) <= ASSETS_AT_ONCE
        found.update(part)
    assert len(found) == HOSTS
    assert set(found.values()) == {1}


def test_a_newcomer_is_told_alone_and_all_again_in_time() -> None:
    watch, telemetry, clock = watched()
    while told(telemetry):
        clock.now += 0.25
    watch.feed(batch_of([announcement(HOSTS + 1)], first=HOSTS + 1))
    watch.flush()
    clock.now += LONGEST_S
    news = [address for _ in range(2 * HOSTS // ASSETS_AT_ONCE) for address in told(telemetry)]
    assert news == [f"10.0.{HOSTS + 1 >> 8}.{HOSTS + 1 & 255}"]
    clock.now += AGAIN_S + LONGEST_S
    again = [address for _ in range(2 * HOSTS // ASSETS_AT_ONCE) for address in told(telemetry)]
    assert sorted(again) == sorted(set(again))
    assert len(again) == HOSTS + 1


def test_at_the_end_all_are_told_at_once() -> None:
    _, telemetry, _ = watched()
    told(telemetry)
    assert len(told(telemetry, everything=True)) == HOSTS
