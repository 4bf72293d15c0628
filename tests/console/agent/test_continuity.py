import json
import struct

import numpy as np
from rule_texts import rule

from console.agent.continuity import packets_since, resume_alerts
from console.agent.evidence.keeper import Keeper
from console.agent.evidence.segments import Segments
from console.agent.settings import EvidenceSettings
from rules.analysis import Analysis
from rules.watch import Watch
from sensor.capture.batch import RECORD, PacketBatch

START = 1_800_000_000 * 10**9
SECOND = 10**9


def tcp(number: int, payload: bytes, from_client: bool, flags: int = 0x18) -> bytes:
    """Ethernet, IPv4, TCP (RFC 9293) between 10.0.0.5 and port 502 of 10.0.0.10, always in sequence."""
    ends = [(bytes([10, 0, 0, 5]), 50_000), (bytes([10, 0, 0, 10]), 502)]
    (source, source_port), (target, target_port) = ends if from_client else ends[::-1]
    head = struct.pack(">HHIIBBHHH", source_port, target_port, number, 1, 5 << 4, flags, 8192, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0) + source + target
    return bytes.fromhex("0200000000100200000000050800") + ip + head + payload


def writes(seconds: int) -> list[tuple[int, bytes]]:
    """Modbus Write Single Register (Modbus Application Protocol 6.6), one a second."""
    frames = []
    for second in range(seconds):
        pdu = struct.pack(">HHHBBHH", second, 0, 6, 1, 6, 100, 7)
        frames.append((START + second * SECOND, tcp(1 + 12 * second, pdu, True)))
    return frames


def batch_of(frames: list[tuple[int, bytes]], first: int) -> PacketBatch:
    records = np.zeros(len(frames), RECORD)
    offset = 0
    for record, (time_ns, octets) in zip(records, frames, strict=True):
        record["time_ns"], record["offset"], record["link"] = time_ns, offset, 1
        record["length"] = record["original"] = len(octets)
        offset += len(octets)
    return PacketBatch(np.frombuffer(b"".join(item for _, item in frames), np.uint8), records, first)


RULES = [rule(detection="selection: {ics.operation: write}\ncondition: selection")]


def test_a_killed_sensors_successor_judges_what_was_kept_and_goes_on_with_its_alerts(tmp_path):
    frames = writes(40)
    whole = Analysis(RULES, observer="line-1")
    whole.begin("whole")
    whole.feed(batch_of(frames, 1))
    whole.finish()
    expected = {key: alert["event"]["count"] for key, alert in whole.alerts.items()}
    assert expected

    killed = Watch(RULES, observer="line-1")
    killed.begin("live/first")
    keeper = Keeper(tmp_path, "first", "live/first", EvidenceSettings())
    keeper.start()
    for place in range(20):
        keeper.feed(batch_of(frames[place : place + 1], place + 1))
        killed.feed(batch_of(frames[place : place + 1], place + 1))
    told = [json.dumps(alert) for alert in killed.take()]
    judged_ns = frames[18][0]  # the last packet began an epoch that was never judged
    keeper.stop(5)

    later = Watch(RULES, observer="line-1")
    assert resume_alerts(later, told) == len(told) > 0
    later.begin("kept")
    kept = list(packets_since(Segments(tmp_path / "packets", "second", 1 << 30, 1 << 60).all, judged_ns))
    again = [int(time) for batch in kept for time in batch.records["time_ns"]]
    assert again == [frames[19][0]]
    for batch in kept:
        later.feed(batch)
    later.flush()
    later.begin("live/second")
    later.feed(batch_of(frames[20:], 1))
    later.finish()
    latest = {alert["event"]["id"]: alert for alert in [*map(json.loads, told), *later.take()]}
    counted = {key: alert["event"]["count"] for key, alert in latest.items()}
    assert counted.keys() == expected.keys()
    # A request waits for its answer for some seconds; those that waited at the kill are not counted.
    assert all(expected[key] - 5 < counted[key] <= expected[key] for key in expected)
