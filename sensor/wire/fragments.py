"""IP datagrams put together again (RFC 791 3.2, RFC 8200 4.5) in a bounded number of places.

Of overlapping octets the first that came stay. A place that is needed while all are taken is that
of the oldest datagram.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row

PLACES = 128
LONGEST = 65_536
UNIT = 8
GIVEN_UP = 0
TIMEOUT_NS = 60 * 1_000_000_000
"""RFC 8200 4.5 gives the fragments of a datagram 60 seconds."""

DATAGRAM = np.dtype(
    [
        ("source_high", "i8"),
        ("source_low", "i8"),
        ("target_high", "i8"),
        ("target_low", "i8"),
        ("identifier", "i8"),
        ("transport", "i8"),
        ("time_ns", "i8"),
        ("used", "i8"),
        ("total", "i8"),  # -1 until the last fragment came
        ("covered", "i8"),  # octets
        ("reach", "i8"),  # end of the furthest fragment
    ]
)


class Fragments(NamedTuple):
    """Datagrams in the making: their keys, their octets, and which units of eight are there."""

    datagrams: Rows
    octets: Bytes
    present: Bytes
    used: Ints
    """Datagrams GIVEN_UP: incomplete when their place was needed."""


def new_fragments() -> Fragments:
    """No datagrams. The arrays take memory only as they are touched."""
    return Fragments(
        np.zeros(PLACES, DATAGRAM),
        np.zeros((PLACES, LONGEST), np.uint8),
        np.zeros((PLACES, LONGEST // UNIT), np.uint8),
        np.zeros(1, np.int64),
    )


@kernel
def _place(fragments: Fragments, packet: Row, identifier: Int) -> Int:
    oldest = np.int64(0)
    for index in range(PLACES):
        row = fragments.datagrams[index]
        if (
            row["used"]
            and row["identifier"] == identifier
            and row["source_low"] == packet["source_low"]
            and row["target_low"] == packet["target_low"]
            and row["source_high"] == packet["source_high"]
            and row["target_high"] == packet["target_high"]
            and row["transport"] == packet["transport"]
            and packet["time_ns"] - row["time_ns"] < TIMEOUT_NS
        ):
            return np.int64(index)
        if not row["used"]:
            oldest = np.int64(index)
        elif fragments.datagrams[oldest]["used"]:
            if row["time_ns"] < fragments.datagrams[oldest]["time_ns"]:
                oldest = np.int64(index)
    row = fragments.datagrams[oldest]
    fragments.used[GIVEN_UP] += row["used"]
    row["used"] = 1
    row["identifier"] = identifier
    row["source_high"], row["source_low"] = packet["source_high"], packet["source_low"]
    row["target_high"], row["target_low"] = packet["target_high"], packet["target_low"]
    row["transport"] = packet["transport"]
    row["time_ns"] = packet["time_ns"]
    row["total"] = -1
    row["covered"] = 0
    row["reach"] = 0
    for unit in range(LONGEST // UNIT):
        fragments.present[oldest, unit] = 0
    return oldest


@kernel
def add_fragment(
    fragments: Fragments,
    packet: Row,
    identifier: Int,
    offset: Int,
    more: bool,
    data: Bytes,
    at: Int,
    length: Int,
    assembled: Bytes,
    fill: Ints,
) -> Int:
    """Take in one fragment.

    Gives 0 while the datagram is incomplete, -1 if the fragment cannot be (it is dropped), else the
    datagram's length: its octets were appended to `assembled`, and `fill[0]` moved behind them.
    """
    if length <= 0 or offset + length > LONGEST or (more and length % UNIT):
        return np.int64(-1)
    place = _place(fragments, packet, identifier)
    row = fragments.datagrams[place]
    for unit in range(offset // UNIT, (offset + length + UNIT - 1) // UNIT):
        if fragments.present[place, unit] == 0:
            fragments.present[place, unit] = 1
            start = unit * UNIT
            stop = min(start + UNIT, offset + length)
            row["covered"] += stop - start
            for octet in range(start, stop):
                fragments.octets[place, octet] = data[at + octet - offset]
    row["reach"] = max(row["reach"], offset + length)
    if not more:
        row["total"] = offset + length
    total = row["total"]
    if 0 <= total < row["reach"]:  # fragments behind the last one: nothing here can be trusted
        row["used"] = 0
        return np.int64(-1)
    if total < 0 or row["covered"] < total:
        return np.int64(0)
    row["used"] = 0
    start = fill[0]
    for octet in range(total):
        assembled[start + octet] = fragments.octets[place, octet]
    fill[0] = start + total
    return total
