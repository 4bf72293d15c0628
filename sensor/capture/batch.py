"""The packets that one step of the pipeline works on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.types import Bytes, Rows

RECORD = np.dtype(
    [
        ("time_ns", "i8"),  # since 1970, UTC
        ("offset", "i8"),  # of the captured octets in the batch's data
        ("length", "i8"),  # captured
        ("original", "i8"),  # on the wire
        ("link", "i4"),  # LINKTYPE_ value of tcpdump.org's registry
    ]
)
"""One captured packet."""


class PacketBatch(NamedTuple):
    """Packets in capture order. `data` is valid until the next batch is asked for."""

    data: Bytes
    records: Rows
    """RECORD, one for each packet."""
    first: int
    """Number of the first packet, counted from 1 over the whole capture."""
