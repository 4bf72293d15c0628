"""When it is said: the interval of a channel.

A channel is timed by its anchor, one of the objects that it names: a loop that reads forty blocks and
then rests has one interval, from a block to the same block, where its messages have forty. An anchor
that does not come any more gives way to another. Intervals across a reconnection, or across a place
where octets were not captured, are not counted.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.rhythm.table import BINS, FIRST_BIN_BITS, INTERVAL, Rhythms, note, pack
from sensor.rhythm.volume import SECOND_NS
from sensor.types import Int, Record

MOST_INTERVALS = 1 << 20
OFF_IN_A_ROW = 8
OFF_NS = 30 * SECOND_NS
"""An interval has changed when so many in a row are off, for so long: programs that start read a lot."""
REPEAT_NS = 50_000
"""The same question sooner than this is a copy that a mirror port made."""


@kernel
def bin_of(interval_ns: Int) -> Int:
    """The bin of an interval, by its highest bit and the one below."""
    rest = interval_ns >> FIRST_BIN_BITS
    if rest == 0:
        return np.int64(0)
    bits = np.int64(0)
    for shift in (32, 16, 8, 4, 2, 1):
        if rest >> shift:
            rest >>= shift
            bits += shift
    half = interval_ns >> (FIRST_BIN_BITS - 1 + bits) & 1
    return min(1 + 2 * bits + half, np.int64(BINS - 1))


@kernel
def _keep(table: Rhythms, place: Int, interval: Int) -> None:
    bins = table.intervals[place]
    row = bins[bin_of(interval)]
    row["count"] += 1
    row["sum"] += interval * 1e-9
    if row["count"] >= MOST_INTERVALS:
        for index in range(BINS):
            bins[index]["count"] //= 2
            bins[index]["sum"] *= 0.5


@kernel
def time_anchor(table: Rhythms, place: Int, message: Record) -> None:
    """The interval of a channel, if this message is about its anchor."""
    row = table.rows[place]
    now = message["time_ns"]
    said = message["address"] ^ pack(message["count"], message["name"]) ^ np.int64(message["space"]) << 48
    if row["messages"] > 1 and now > row["last_ns"]:
        row["longest_ns"] = max(row["longest_ns"], now - row["last_ns"])
    row["last_ns"] = now
    row["since_anchor"] += 1
    if said != row["anchor"]:
        if row["messages"] > 1 and row["since_anchor"] <= 4 * row["cycle"] + 64:
            return
        row["anchor"], row["cycle"] = said, 0
    else:
        interval = now - row["anchor_ns"]
        if 0 <= interval < REPEAT_NS:
            return
        row["cycle"] = row["since_anchor"]
        before = row["interval_ns"]
        # What was not captured makes intervals longer, never shorter.
        whole = row["anchor_gaps"] == message["gaps"] or interval <= before + before // 2
        if interval > 0 and row["anchor_stream"] == message["stream"]:
            row["interval_ns"] = interval
        else:
            whole = False
        if whole:
            _keep(table, place, interval)
            if row["longest_allowed_ns"] > 0:
                if row["shortest_allowed_ns"] <= interval <= row["longest_allowed_ns"]:
                    row["off"] = 0
                    row["next_off"] = OFF_IN_A_ROW
                else:
                    if row["off"] == 0:
                        row["off_ns"] = row["anchor_ns"]
                    row["off"] += 1
                    if row["off"] >= max(row["next_off"], OFF_IN_A_ROW) and now - row["off_ns"] >= OFF_NS:
                        row["next_off"] = row["off"] * 8
                        note(table, place, message, INTERVAL, np.int64(row["off"]), np.int64(-1))
    row["since_anchor"] = 0
    row["anchor_ns"] = now
    row["anchor_stream"] = message["stream"]
    row["anchor_gaps"] = message["gaps"]
