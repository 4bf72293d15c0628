"""From the sensor's table of rhythms to what a baseline keeps of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rules.baseline.decisions import forgotten
from rules.baseline.model import DANGEROUS, Baseline, Function, Level
from rules.baseline.rhythms.model import Beat, Limits, Rhythm, joined, limits_of
from rules.baseline.subjects import Directory, subjects_of
from sensor.behaviours import BEHAVIOUR
from sensor.messages import NO_CODE, Kind
from sensor.rhythm.measure import FIRST_OT
from sensor.rhythm.table import BINS, CHANNEL, Rhythms, inhabited, unpack
from sensor.types import Ints, Rows

MOST_RHYTHMS = 1 << 15
LEAST_MESSAGES = 3


def behaviours_of(rows: Rows) -> Rows:
    """RHYTHM or FINDING rows as BEHAVIOUR rows, so that all that is known of those is known of these."""
    result = np.zeros(len(rows), BEHAVIOUR)
    kinds = rows["kinds"]
    result["client"], result["server"] = unpack(rows["ends"])
    result["server_port"], result["unit"] = unpack(rows["port_unit"])
    result["function"], result["subfunction"] = unpack(rows["functions"])
    result["protocol"] = kinds >> 32 & 0xFFFF
    result["transport"] = kinds >> 16 & 0xFFFF
    result["kind"] = kinds >> 12 & 0xF
    result["direction"] = kinds >> 8 & 0xF
    result["operation"] = kinds & 0xFF
    for name in ("client_port", "vlan", "first_ns"):
        result[name] = rows[name]
    for name in ("space", "count", "status", "name", "address"):
        result[name] = NO_CODE
    result["last_ns"] = rows["time_ns"] if "time_ns" in (rows.dtype.names or ()) else rows["last_ns"]
    result["frames"][:, 0] = rows["packet"]
    result["messages"] = 1
    return result


def channels(table: Rhythms, places: Ints | None = None) -> Ints:
    """Those of these rows (or of all) that are channels of OT protocols, and more than answers."""
    if places is None:
        places = np.flatnonzero(inhabited(table))
    kinds = table.rows["kinds"][places]
    mine = (kinds >> 48 == CHANNEL) & (kinds >> 32 & 0xFFFF >= FIRST_OT)
    mine &= kinds >> 12 & 0xF != Kind.RESPONSE
    mine &= ~np.isin(kinds & 0xFF, list(DANGEROUS))
    return places[mine & (table.hashes[places] != 0)]


def beats(table: Rhythms, places: Ints, directory: Directory) -> Iterator[tuple[int, Beat]]:
    """The channels at these places in terms that outlive a run."""
    rows = behaviours_of(table.rows[places])
    subjects = subjects_of(rows, directory)
    for index in np.flatnonzero(subjects.depth >= Level.CONVERSATION):
        row = rows[index]
        function = Function(int(row["function"]), int(row["subfunction"]))
        conversation = subjects.conversation(int(index))
        yield (
            int(places[index]),
            Beat(conversation, int(row["kind"]), int(row["operation"]), function, int(row["unit"])),
        )


def rhythm_of(table: Rhythms, place: int, end_ns: int) -> Rhythm:
    """How the channel at this place went until `end_ns`, when learning ended."""
    row = table.rows[place]
    bins = table.intervals[place]
    counts, sums = bins["count"].astype(np.int64), bins["sum"].astype(np.float64)
    total = int(counts.sum())
    every = low = high = 0
    regular = 0.0
    if total:
        cumulated = np.cumsum(counts)
        middle = int(np.searchsorted(cumulated, total / 2))
        core = slice(max(middle - 1, 0), min(middle + 2, BINS))
        every = int(sums[core].sum() / counts[core].sum() * 1e9)
        regular = round(float(counts[core].sum() / total), 3)
        ends = [int(np.searchsorted(cumulated, max(1, total * share))) for share in (0.05, 0.95)]
        low, high = (int(sums[at] / counts[at] * 1e9) for at in ends)
    silence = int(row["longest_ns"])
    first_ns, last_ns = int(row["first_ns"]), int(row["last_ns"])
    minutes = max(0, (last_ns - first_ns) // 60_000_000_000 + 1)
    rhythm = Rhythm(
        total,
        every,
        min(low, every),
        max(high, every),
        regular,
        silence,
        True,
        int(max(row["most_ten"], row["in_ten"])),
        int(max(row["most_minute"], row["last_minute"], row["in_minute"])),
        minutes,
    )
    limit = limits_of(rhythm).silence_ns
    return rhythm._replace(steady=not limit or end_ns - last_ns <= limit)


def learn(baseline: Baseline, table: Rhythms, directory: Directory, end_ns: int) -> int:
    """Put the rhythms of all channels into the baseline; for how many there was no room.

    What people have said is to be forgotten is not learned again.
    """
    places = channels(table)
    places = places[table.rows["messages"][places] >= LEAST_MESSAGES]
    left_out = 0
    if not len(places):
        return 0
    refused = {entry.beat for entry in forgotten(baseline)}
    for place, beat in beats(table, places, directory):
        if beat in refused:
            continue
        rhythm = rhythm_of(table, place, end_ns)
        known = baseline.rhythms.get(beat)
        if known is None and len(baseline.rhythms) >= MOST_RHYTHMS:
            left_out += 1
            continue
        baseline.rhythms[beat] = rhythm if known is None else joined(known, rhythm)
    return left_out


def set_limits(table: Rhythms, place: int, limits: Limits) -> None:
    """Have the sensor compare this channel with what was learned of it."""
    row = table.rows[place]
    row["shortest_allowed_ns"], row["longest_allowed_ns"] = limits.shortest_ns, limits.longest_ns
    row["most_ten_allowed"] = min(limits.per_ten, (1 << 31) - 1)
    row["most_minute_allowed"] = min(limits.per_minute, (1 << 31) - 1)
    row["off"] = row["next_off"] = row["next_volume"] = 0
    row["pinned"] = 1
