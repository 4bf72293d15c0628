"""Is the mirror really mirroring? What comes in within some seconds tells."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from console.agent.check.finding import Finding, advice, bad, good
from console.agent.check.interface import own_mac
from sensor.capture.batch import PacketBatch
from sensor.capture.errors import CaptureError
from sensor.capture.live import open_live

ETHERNET = 1
ENOUGH = 20
"""Packets between other machines after which there is no doubt."""


class Heard:
    """Ethernet frames by what they say of the mirror."""

    def __init__(self, mac: bytes) -> None:
        self.packets = self.foreign = self.group = self.own = 0
        self.senders: set[bytes] = set()
        self._mac = mac

    def add(self, batch: PacketBatch) -> None:
        """Take in a batch."""
        for record in batch.records[:2000]:
            self.packets += 1
            start = int(record["offset"])
            if int(record["link"]) != ETHERNET or int(record["length"]) < 14:
                continue
            head = np.asarray(batch.data[start : start + 12]).tobytes()
            target, sender = head[:6], head[6:]
            if self._mac in (target, sender):
                self.own += 1
            elif target[0] & 1:
                self.group += 1
            else:
                self.foreign += 1
            if len(self.senders) < 10_000:
                self.senders.add(sender)


def check_mirror(name: str, seconds: float) -> Iterator[Finding]:
    """Listen for so long, less where it is clear sooner."""
    heard = Heard(own_mac(name))
    try:
        with open_live([name], timeout=0.1) as capture:
            end = time.monotonic() + seconds
            for batch in capture:
                heard.add(batch)
                if time.monotonic() > end or heard.foreign >= ENOUGH:
                    break
    except CaptureError as error:
        yield bad(
            f"{name}: cannot be listened at: {error}",
            "run as root, or give the sensor CAP_NET_RAW (the systemd unit does)",
        )
        return
    yield judge(name, seconds, heard)


def judge(name: str, seconds: float, heard: Heard) -> Finding:
    """What was heard, in words."""
    if not heard.packets:
        return bad(
            f"{name}: not one packet in {seconds:g} s",
            "check that the switch mirrors to the port this card is plugged into",
        )
    if not heard.foreign:
        return bad(
            f"{name}: {heard.packets} packets in {seconds:g} s, but only broadcast, multicast and this "
            "machine's own: this is an ordinary switch port",
            "set up a mirror (SPAN) session on the switch with this port as its destination, or use a tap",
        )
    text = f"{name}: hears other machines speak to each other ({len(heard.senders)} of them so far)"
    if heard.own > heard.foreign:
        return advice(
            f"{text}, but mostly this machine itself",
            "use a card of its own for the mirror, not the one this machine is reached by",
        )
    return good(text)
