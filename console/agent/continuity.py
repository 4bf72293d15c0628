"""What a killed sensor's successor makes of what was left.

The packets that were kept and judged already tell it again which machines there are, what they do and
what was under way; the alerts that were told go on; the packets not judged yet are judged late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from console.agent.evidence.segments import Segment, read_pieces
from rules.alerts.resuming import resumed
from rules.watch import Watch
from sensor.capture.batch import PacketBatch

MOST_PACKETS = 2_000_000
"""Packets that are judged late; a start must not take for ever."""
MOST_KNOWN_OCTETS = 256 << 20
"""Of kept packets that are looked at again, the latest: some seconds' work."""
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
    for batch in _packets(segments, judged_ns + 1, LATEST_NS):
        if packets < MOST_PACKETS:
            yield batch
            packets += len(batch.records)


def packets_known(segments: Iterable[Segment], from_ns: int, judged_ns: int) -> Iterator[PacketBatch]:
    """Kept packets of earlier runs from a time to the last one that was judged, the latest files of them."""
    chosen: list[Segment] = []
    octets = 0
    for segment in reversed(list(segments)):
        octets += segment.octets
        if octets > MOST_KNOWN_OCTETS:
            break
        chosen.insert(0, segment)
    return _packets(chosen, from_ns, judged_ns)


def _packets(segments: Iterable[Segment], first_ns: int, last_ns: int) -> Iterator[PacketBatch]:
    packets = 0
    for segment in segments:
        if segment.mine:
            continue
        for data, rows, _ in read_pieces(segment, first_ns, last_ns):
            wanted = rows[(rows["time_ns"] >= first_ns) & (rows["time_ns"] <= last_ns)]
            if len(wanted):
                yield PacketBatch(data, wanted, packets + 1)
                packets += len(wanted)
