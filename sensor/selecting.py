"""Commands that skip the first half of select-before-operate.

DNP3's Operate (IEEE 1815, 4.4.4) and IEC 104's execution of an object that is selected by others
(IEC 60870-5-101, 6.8) want a select by the same client shortly before. Decoded requests are looked at
in the order of time and flagged WITHOUT_SELECT where it is missing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.buckets import BUCKET, first_of_bucket, place_to_fill
from sensor.kernel import kernel
from sensor.messages import SELECT, WITHOUT_SELECT, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.types import Int, Ints, Record, Rows

SELECTION = np.dtype(
    [
        ("key", "i8"),  # hash of server, station and object; -1 where the place is free
        ("selected_ns", "i8"),
        ("operated_ns", "i8"),  # of the operation that used the selection; 0 before
        ("client", "i4"),
    ]
)
VALID_NS = 60 * 10**9
"""A select is good for so long; stations are set to some seconds."""
AGAIN_NS = 5 * 10**9
"""A command that was not confirmed is sent again within this time."""
WARM_NS = 10 * 10**9
"""What was selected just before the traffic begins is not known."""
DNP3_OPERATE = 4
IEC104_ACTIVATION = 6

FIRST_NS, EVICTED = 0, 1


class Selections(NamedTuple):
    """Outputs that were selected, and in `used` the time of the first message (-1 before) and how many
    selections gave way to newer ones."""

    rows: Rows
    used: Ints


def new_selections(capacity: int = 1 << 14) -> Selections:
    """An empty table for `capacity` (a power of two) outputs."""
    rows = np.zeros(capacity, SELECTION)
    rows["key"] = -1
    return Selections(rows, np.array([-1, 0], np.int64))


@kernel
def _key(message: Record) -> Int:
    value = np.int64(message["server"]) << 16 ^ np.int64(message["unit"]) ^ np.int64(message["space"]) << 40
    value = (value ^ np.int64(message["address"]) * 0x5EBCA6B) & 0x3FFFFFFFFFFFFFFF
    value = (value & 0x3FFFFFFF) * 0x9E3779B1 ^ value >> 30
    return (value ^ value >> 29) & 0x3FFFFFFFFFFFFFFF


@kernel
def _place(table: Selections, key: Int) -> Int:
    """The place of an output, else a free one, else that of the output selected longest ago."""
    first = first_of_bucket(key >> 8, table.rows.shape[0])
    for place in range(first, first + BUCKET):
        if table.rows[place]["key"] == key:
            return np.int64(place)
    return place_to_fill(table.rows["key"], table.rows["selected_ns"], first)


@kernel
def mark(table: Selections, messages: Rows, limit: Int) -> None:
    """Flag the requests among `messages[:limit]` that operate what was not selected."""
    for index in range(limit):
        message = messages[index]
        if table.used[FIRST_NS] < 0:
            table.used[FIRST_NS] = message["time_ns"]
        if message["operation"] != Operation.OPERATE or message["kind"] != Kind.REQUEST:
            continue
        dnp3 = message["protocol"] == Number.DNP3
        if not dnp3 and message["protocol"] != Number.IEC104:
            continue
        key = _key(message)
        row = table.rows[_place(table, key)]
        if message["flags"] & SELECT:
            if row["key"] >= 0 and row["key"] != key:
                table.used[EVICTED] += 1
            row["key"] = key
            row["client"] = message["client"]
            row["selected_ns"] = message["time_ns"]
            row["operated_ns"] = 0
            continue
        if dnp3 and message["function"] != DNP3_OPERATE:
            continue
        if not dnp3 and (message["subfunction"] != IEC104_ACTIVATION or row["key"] != key):
            continue
        good = (
            row["key"] == key
            and row["client"] == message["client"]
            and message["time_ns"] - row["selected_ns"] <= VALID_NS
            and (row["operated_ns"] == 0 or message["time_ns"] - row["operated_ns"] <= AGAIN_NS)
        )
        if good:
            if row["operated_ns"] == 0:
                row["operated_ns"] = message["time_ns"]
        elif row["key"] != key and table.used[EVICTED] > 0:
            continue  # it may have been selected and forgotten
        elif message["time_ns"] - table.used[FIRST_NS] >= WARM_NS:
            message["flags"] |= WITHOUT_SELECT
