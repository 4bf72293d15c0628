"""Makes packets for tests with scapy, an implementation that is not ours, and runs them through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

from sensor.capacity import STANDARD, Capacity
from sensor.capture.batch import RECORD, PacketBatch
from sensor.messages import MESSAGES
from sensor.pipeline import Pipeline

CLIENT, SERVER = "10.1.1.5", "10.1.1.10"
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


def batch_of(
    packets: Sequence[bytes], link: int = 1, first: int = 1, step_ns: int = 1_000_000
) -> PacketBatch:
    """Packets as one batch, `step_ns` apart."""
    records = np.zeros(len(packets), RECORD)
    data = bytearray()
    for index, packet in enumerate(packets):
        records[index] = ((first + index) * step_ns, len(data), len(packet), len(packet), link, 0, 0)
        data += packet
    return PacketBatch(np.frombuffer(data + b"\0", np.uint8).copy(), records, first)


def run(
    batches: Iterable[PacketBatch], capacity: Capacity = STANDARD
) -> tuple[Pipeline, list[dict[str, Any]]]:
    """The pipeline behind the batches and all its message rows, in the order of frames."""
    pipeline = Pipeline(capacity=capacity)
    rows: list[dict[str, Any]] = []

    def drain() -> None:
        names = pipeline.out.messages.dtype.names or ()
        for row in pipeline.out.messages[: pipeline.out.used[MESSAGES]]:
            rows.append({name: row[name].item() for name in names})

    for batch in batches:
        for _ in pipeline.feed(batch):
            drain()
    for _ in pipeline.finish():
        drain()
    return pipeline, sorted(rows, key=lambda row: row["packet"])


def segment(
    payload: bytes, seq: int, *, ack: int = 1, from_server: bool = False, flags: str = "PA", port: int = 502
) -> bytes:
    """One TCP segment between CLIENT:50000 and SERVER:port, on Ethernet."""
    ends = {"src": SERVER, "dst": CLIENT} if from_server else {"src": CLIENT, "dst": SERVER}
    ports = {"sport": port, "dport": 50000} if from_server else {"sport": 50000, "dport": port}
    return bytes(
        Ether(src=MACS[from_server], dst=MACS[not from_server])
        / IP(**ends)
        / TCP(seq=seq & 0xFFFFFFFF, ack=ack & 0xFFFFFFFF, flags=flags, **ports)
        / payload
    )


def write_pcap(path: Path, packets: Iterable[Any], **options: Any) -> None:
    """A capture file written by scapy."""
    with PcapWriter(str(path), **options) as writer:
        for packet in packets:
            writer.write(packet)
