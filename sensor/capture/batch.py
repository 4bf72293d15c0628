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
        ("original", "i8"),  # on the wire, a tag that was taken out included
        ("link", "i4"),  # LINKTYPE_ value of tcpdump.org's registry
        ("tag", "u4"),  # VLAN tag that was taken out of the frame: TPID << 16 | TCI; 0 is none
        ("interface", "i4"),  # of a live capture: place in its list of interfaces
    ]
)
"""One captured packet; what is 0 in all rows of a source need not be written by it.

Linux and network cards take the outermost VLAN tag (IEEE 802.1Q 9.3) out of a frame: the captured
octets are the frame without it, and `sensor.capture.writing` puts it back.
"""


class PacketBatch(NamedTuple):
    """Packets in capture order. `data` is valid until the next batch is asked for."""

    data: Bytes
    records: Rows
    """RECORD, one for each packet."""
    first: int
    """Number of the first packet, counted from 1 over the whole capture."""
