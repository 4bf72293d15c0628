"""The same traffic is judged in the same slices, however it is batched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rules.analysis import Analysis
from rules.baseline.stage import Window
from rules.language.loader import PACKS, load
from sensor.capture.batch import RECORD, PacketBatch
from sensor.capture.source import CaptureFile
from sensor.epochs import BUSY_NS, BUSY_PACKETS, EPOCH_NS, EPOCH_PACKETS, Epochs

SMALL = 1 << 19
CAPTURES = [
    path
    for path in sorted(Path(__file__).parents[2].joinpath("pcaps").glob("*/*.pcapng.zst"))
    if path.stat().st_size < SMALL
]


def batches(times: list[int], size: int) -> Iterator[PacketBatch]:
    records = np.zeros(len(times), RECORD)
    records["time_ns"] = times
    for start in range(0, len(times), size):
        yield PacketBatch(np.zeros(1, np.uint8), records[start : start + size], start + 1)


def ends(times: list[int], size: int) -> list[int]:
    """The numbers of the packets before which an epoch ends."""
    epochs = Epochs()
    return [
        part.first
        for batch in batches(times, size)
        for part, ends_before in epochs.parts(batch)
        if ends_before
    ]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_epoch_ends_where_packet_time_says_so(size: int) -> None:
    times = [0, EPOCH_NS - 1, EPOCH_NS, 2 * EPOCH_NS - 1, 2 * EPOCH_NS, 9 * EPOCH_NS, 1 * EPOCH_NS]
    assert ends(times, size) == [3, 5, 6, 7]


@pytest.mark.parametrize("size", [7, BUSY_PACKETS + 1, 100_000])
def test_a_busy_epoch_ends_sooner(size: int) -> None:
    times = [number * BUSY_NS // BUSY_PACKETS for number in range(2 * BUSY_PACKETS + 2)]
    assert ends(times, size) == [BUSY_PACKETS + 1, 2 * BUSY_PACKETS + 1]


@pytest.mark.parametrize("size", [1000, EPOCH_PACKETS + 1])
def test_an_epoch_ends_when_it_is_full(size: int) -> None:
    assert ends([5] * (2 * EPOCH_PACKETS + 7), size) == [EPOCH_PACKETS + 1, 2 * EPOCH_PACKETS + 1]


def documents(path: Path, block: int) -> list[str]:
    analysis = Analysis(load([PACKS])[0], window=Window(span_ns=30 * 10**9))
    analysis.begin(path.name)
    for batch in CaptureFile(path, block):
        analysis.feed(batch)
    analysis.finish()
    found = [*analysis.alerts.values(), *analysis.assets(), *analysis.behaviours()]
    return [json.dumps(document, sort_keys=True) for document in found]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_alerts_assets_and_behaviours_do_not_depend_on_batches(path: Path) -> None:
    assert documents(path, 1 << 21) == documents(path, 70_000)
