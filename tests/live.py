"""Live captures on the mirror port of `netns`, for tests: frames that tell their number, and packets kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from netns import PlantLink

from sensor.capture.batch import PacketBatch
from sensor.capture.ring.capture import RingCapture
from sensor.capture.writing import wire_octets

MACS = bytes.fromhex("020000000001 020000000002")
EXPERIMENTAL = b"\x88\xb5"  # EtherType for local experiments


class Packet(NamedTuple):
    """One record of a live batch, copied, its tag put back."""

    time_ns: int
    octets: bytes
    original: int
    tag: int
    interface: int


def frame(number: int, size: int = 60, head: bytes = MACS + EXPERIMENTAL) -> bytes:
    """An Ethernet frame that tells its number."""
    return (head + number.to_bytes(4, "big")).ljust(size, b"\x5a")


def packets_of(batch: PacketBatch) -> list[Packet]:
    """The records of a batch, while it is valid."""
    return [
        Packet(
            int(row["time_ns"]),
            wire_octets(batch.data, row),
            int(row["original"]),
            int(row["tag"]),
            int(row["interface"]),
        )
        for row in batch.records
    ]


@contextmanager
def capturing(link: PlantLink, *arguments: Any, **options: Any) -> Iterator[RingCapture]:
    """A capture of all interfaces on the side "sensor", closed at the end."""
    with link.enter("sensor"):
        capture = RingCapture(link.interfaces, *arguments, **options)
    with capture:
        yield capture


def collect(capture: Any, traffic: Callable[[], object]) -> list[Packet]:
    """All packets from before `traffic` until it has ended."""

    def work() -> None:
        try:
            traffic()
        finally:
            capture.stop()

    thread = threading.Thread(target=work)
    thread.start()
    found: list[Packet] = []
    for batch in capture:
        assert batch.first == len(found) + 1
        found += packets_of(batch)
    thread.join()
    return found
