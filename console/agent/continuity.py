"""What a killed sensor's successor makes of what was left: alerts to go on with, packets not judged yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from console.agent.evidence.segments import Segment, read_pieces
from rules.alerts.resuming import resumed
from rules.watch import Watch
from sensor.capture.batch import PacketBatch

MOST_PACKETS = 2_000_000
"""Packets that are judged late; a start must not take for ever."""
LATEST_NS = 1 << 62


def resume_alerts(watch: Watch, told: Iterable[str]) -> int:
    """Go on with the alerts that were told, given as JSON, the one that grew last at the end; how many."""
    rules = {rule.id: rule for rule in watch.rules}
    count = 0
    for text in told:
        alert = resumed(json.loads(text), rules)
        if alert is not None:
            watch.detector.alerts.resume(alert)
            count += 1
    return count


def packets_since(segments: Iterable[Segment], judged_ns: int) -> Iterator[PacketBatch]:
    """Kept packets of earlier runs that are younger than the last one that was judged."""
    packets = 0
    for segment in segments:
        if segment.mine:
            continue
        for data, rows, _ in read_pieces(segment, judged_ns + 1, LATEST_NS):
            late = rows[rows["time_ns"] > judged_ns]
            if len(late) and packets < MOST_PACKETS:
                yield PacketBatch(data, late, packets + 1)
                packets += len(late)
