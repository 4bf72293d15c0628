"""The same packets live and from a file give the same messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captures import read
from live import capturing
from netns import PlantLink, plant_link
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from traffic import run, write_pcap

from sensor.capture.batch import PacketBatch
from sensor.capture.ring.capture import RingCapture
from sensor.capture.source import CaptureFile
from sensor.capture.writing import pcap_header, put_pcap_records
from sensor.pipeline import Pipeline
from sensor.strings import text_of

PCAPS = Path(__file__).parents[3] / "pcaps"
DEMO = PCAPS / "demo" / "plant.pcapng.zst"
TIMES = ("time_ns", "latency_ns")
PLACES = ("offset", "buffer")


def kept(capture: RingCapture, path: Path) -> Iterator[PacketBatch]:
    """The batches of a live capture, each written to a pcap before it is handed on."""
    buffer = np.zeros(1 << 20, np.uint8)
    with path.open("wb") as stream:
        stream.write(pcap_header(1))
        for batch in capture:
            index = 0
            while index < len(batch.records):
                index, end = put_pcap_records(batch.data, batch.records, index, buffer, 0)
                stream.write(buffer[:end].tobytes())
            yield batch


def replayed(link: PlantLink, path: Path, target: Path) -> tuple[Pipeline, list[dict[str, Any]]]:
    """The messages of a capture that is replayed into the ring at top speed; its packets are kept."""
    with capturing(link) as capture:

        def replay() -> None:
            try:
                link.replay(path, "--topspeed")
            finally:
                capture.stop()

        thread = threading.Thread(target=replay)
        thread.start()
        pipeline, rows = run(kept(capture, target))
        thread.join()
        assert capture.health()[0].dropped == 0
        assert pipeline.faults.total == 0
        return pipeline, rows


def messages(pipeline: Pipeline, rows: list[dict[str, Any]], *names: str) -> list[list[tuple[str, object]]]:
    """The rows without these columns, names as text, in an order that does not hang on batches."""
    found = []
    for row in rows:
        kept = {name: value for name, value in row.items() if name not in names}
        kept["name"] = text_of(pipeline.out.strings, row["name"])
        found.append(sorted(kept.items()))
    return sorted(found, key=lambda items: (dict(items)["packet"], repr(items)))


def as_ethernet_pcap(path: Path, target: Path) -> None:
    """What tcpreplay can read: a pcap, not compressed."""
    buffer = np.zeros(1 << 20, np.uint8)
    with target.open("wb") as stream:
        stream.write(pcap_header(1))
        for batch in CaptureFile(path):
            index = 0
            while index < len(batch.records):
                index, end = put_pcap_records(batch.data, batch.records, index, buffer, 0)
                stream.write(buffer[:end].tobytes())


def compare(source: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """Replay a pcap; its messages live, from what was kept of the live packets, and from the file."""
    target = tmp_path / "kept.pcap"
    with plant_link() as link:
        live = replayed(link, source, target)
    assert [packet.octets for packet in read(target)] == [packet.octets for packet in read(source)]
    again = run(CaptureFile(target))
    assert messages(*live, *PLACES) == messages(*again, *PLACES)
    original = run(CaptureFile(source))
    assert messages(*live, *TIMES, *PLACES) == messages(*original, *TIMES, *PLACES)
    return live[1]


def test_a_plant_live_and_from_a_file(tmp_path: Path) -> None:
    as_ethernet_pcap(DEMO, tmp_path / "plant.pcap")
    assert len(compare(tmp_path / "plant.pcap", tmp_path)) > 1000


@pytest.mark.parametrize("tags", [1, 2], ids=["802.1Q", "QinQ"])
def test_a_tagged_plant_live_and_from_a_file(tags: int, tmp_path: Path) -> None:
    """The outermost tag comes beside the frame, an inner one inside it."""
    path = tmp_path / "tagged.pcap"
    frames = []
    for batch in CaptureFile(DEMO):
        for row in batch.records[: 4000 - len(frames)]:
            frame = Ether(batch.data[row["offset"] : row["offset"] + row["length"]].tobytes())
            outer = Dot1Q(vlan=20, type=frame.type) if tags == 1 else Dot1Q(vlan=21, type=frame.type)
            tagged = Ether(src=frame.src, dst=frame.dst)
            frames.append(tagged / ([outer] if tags == 1 else [Dot1AD(vlan=7) / outer])[0] / frame.payload)
    write_pcap(path, frames)
    rows = compare(path, tmp_path)
    assert {row["vlan"] for row in rows} == {19 + tags}


@pytest.mark.parametrize(
    "name",
    [
        "ITI+ICS-Security-Tools/pcaps/EthernetIP/EthernetIP-CIP.pcap",
        "ITI+ICS-Security-Tools/pcaps/s7/s7comm_varservice_libnodavedemo_bench.pcap",
    ],
)
def test_public_captures_live_and_from_a_file(name: str, public_captures: Path, tmp_path: Path) -> None:
    if not (public_captures / name).exists():
        pytest.skip("this capture is absent")
    assert compare(public_captures / name, tmp_path)
