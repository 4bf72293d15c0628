"""How much is said: messages in a second, ten seconds and a minute, and when that is more than ever."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.rhythm.table import FINDINGS, RATE, SINCE_NS, TARGET, VOLUME, Rhythms, note, pack
from sensor.types import Int, Record

SECOND_NS = 1_000_000_000
FIRST_RATE = 50
"""So many messages in a minute are the first that a rule may ask for."""
USUAL_NS = 60 * SECOND_NS
"""After watching for so long, what did not happen was not usual."""


@kernel
def count(table: Rhythms, place: Int, message: Record) -> None:
    """Count a message in its second, ten seconds and minute; whatever is late counts now."""
    row = table.rows[place]
    second = message["time_ns"] // SECOND_NS
    before = row["second"]
    if second > before:
        row["most_second"] = max(row["most_second"], row["in_second"])
        row["in_second"] = 0
        if second // 10 > before // 10:
            row["most_ten"] = max(row["most_ten"], row["in_ten"])
            row["in_ten"] = 0
            if second // 60 > before // 60:
                if row["in_minute"] <= row["most_minute_allowed"]:
                    row["next_volume"] = 0
                if row["in_minute"] * 4 < row["next_rate"]:
                    row["next_rate"] //= 2
                row["most_minute"] = max(row["most_minute"], row["last_minute"])
                if second // 60 - before // 60 == 1:
                    row["last_minute"] = row["in_minute"]
                else:
                    row["most_minute"] = max(row["most_minute"], row["in_minute"])
                    row["last_minute"] = 0
                row["in_minute"] = row["votes"] = 0
        row["second"] = second
    elif second < before - 3600:
        row["second"] = second  # the clock was set back
        row["in_second"] = row["in_ten"] = row["in_minute"] = row["last_minute"] = row["votes"] = 0
    row["messages"] += 1
    row["packet"] = message["packet"]
    row["octets"] += message["length"]
    row["in_second"] += 1
    row["in_ten"] += 1
    row["in_minute"] += 1


@kernel
def check_volume(table: Rhythms, place: Int, message: Record) -> None:
    """Note each doubling of the messages in ten seconds or a minute beyond what was learned."""
    row = table.rows[place]
    if row["most_ten_allowed"] <= 0:
        return
    if row["in_ten"] > row["most_ten_allowed"] and row["in_ten"] >= row["next_volume"]:
        row["next_volume"] = 2 * row["in_ten"]
        note(table, place, message, VOLUME, np.int64(row["in_ten"]), np.int64(10))
    elif row["in_minute"] > row["most_minute_allowed"] and row["in_minute"] >= row["next_volume"]:
        row["next_volume"] = 2 * row["in_minute"]
        note(table, place, message, VOLUME, np.int64(row["in_minute"]), np.int64(60))


@kernel
def check_rate(table: Rhythms, place: Int, message: Record) -> None:
    """Note each doubling of the messages in the last minute, and who sent most of them.

    The minute before this one counts as spread evenly, so that no flood hides between two minutes.
    """
    row = table.rows[place]
    if message["client"] == row["majority"]:
        row["votes"] += 1
    elif row["votes"] <= 0:
        row["majority"], row["votes"] = message["client"], 1
    else:
        row["votes"] -= 1
    rate = row["in_minute"] + row["last_minute"] * (60 - row["second"] % 60) // 60
    if rate >= max(row["next_rate"], FIRST_RATE):
        row["next_rate"] = 2 * rate
        usual = np.int64(row["most_minute"])
        if message["time_ns"] - table.used[SINCE_NS] < USUAL_NS:
            usual = np.int64(-1)
        index = table.used[FINDINGS]
        note(table, place, message, RATE, np.int64(rate), usual)
        if row["kinds"] >> 48 == TARGET and index < table.used[FINDINGS]:
            if row["votes"] * 2 >= row["in_minute"]:
                table.findings[index]["ends"] = pack(row["majority"], row["ends"])
