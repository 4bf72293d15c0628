"""How a ring is laid out and what it takes in."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

from sensor.capture.errors import CaptureError

LARGEST_RING = 1 << 30
"""Octets of one interface's ring: the kernel's memory, which nothing can page out."""
LARGEST_FRAME = 1 << 16
"""Octets of a segment that a network card has put together, the longest frame there is."""
MOST_FANOUT = 1 << 16


@dataclass(frozen=True)
class Fanout:
    """One of `workers` processes that share an interface's packets, known by the same group number."""

    group: int
    workers: int


@dataclass(frozen=True)
class Settings:
    """Of one ring; CaptureError where they cannot be.

    A block goes to the reader when it is full, or `retire_ms` after its first packet: with the
    default of 256 blocks a reader may stop for 12 seconds on a quiet line before a packet is lost,
    and for as long as 64 MiB take on a busy one.
    """

    block_octets: int = 1 << 18
    blocks: int = 256
    retire_ms: int = 50
    promiscuous: bool = True
    outgoing: bool = False
    """Whether frames that this host itself sends are taken in."""
    fanout: Fanout | None = None

    def __post_init__(self) -> None:
        if self.block_octets % mmap.PAGESIZE or not 2 * LARGEST_FRAME <= self.block_octets <= 1 << 24:
            raise CaptureError(
                f"a ring's block of {self.block_octets} bytes: 131072 to 16777216 in steps of {mmap.PAGESIZE}"
            )
        if not 4 <= self.blocks <= 4096 or self.octets > LARGEST_RING:
            raise CaptureError(f"a ring of {self.blocks} blocks: 4 to 4096, and 1 GiB in all")
        if not 1 <= self.retire_ms <= 1000:
            raise CaptureError(f"blocks that retire after {self.retire_ms} ms: 1 to 1000")
        if self.fanout is not None:
            if not 0 <= self.fanout.group < MOST_FANOUT:
                raise CaptureError(f"fanout group {self.fanout.group}: 0 to 65535")
            if not 1 <= self.fanout.workers <= 256:
                raise CaptureError(f"fanout over {self.fanout.workers} workers: 1 to 256")

    @property
    def octets(self) -> int:
        """Of the whole ring."""
        return self.block_octets * self.blocks
