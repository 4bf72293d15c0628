"""How much the sensor keeps at a time. Whatever is full makes room by giving up what is oldest."""

from __future__ import annotations

from typing import NamedTuple

from sensor.wire.streams import BLOCKS


class Capacity(NamedTuple):
    """Rows of the bounded tables; all but `blocks` are powers of two."""

    streams: int = 1 << 16
    """Conversations that are followed at a time."""
    endpoints: int = 1 << 17
    """Addresses."""
    blocks: int = BLOCKS
    """Blocks of 2 KiB for unfinished PDUs and early segments; more than follow.BLOCK_ROOM."""
    behaviours: int = 1 << 18
    points: int = 1 << 17
    """Process variables, read and written ones apart."""


STANDARD = Capacity()
"""What fits the memory budget of one sensor."""
