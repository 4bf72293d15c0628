"""Compiling ahead must leave nothing to compile at work."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live import capturing, frame
from netns import plant_link
from numba.core import event

from sensor.ahead import PARTS
from sensor.capture.source import CaptureFile
from sensor.capture.writing import put_pcap_records
from sensor.kernel import can_compile_ahead
from sensor.observer import Observer
from sensor.protocols.registry import MODULES

CAPTURES = sorted(Path(__file__).parents[2].joinpath("pcaps").glob("*/*.pcap*"))


class Compiled(event.Listener):  # type: ignore[misc]
    """Remembers what Numba compiled, not what it loaded."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_start(self, event: Any) -> None:
        self.names.append(str(event.data["dispatcher"]))

    def on_end(self, event: Any) -> None:
        pass


@pytest.mark.skipif(not can_compile_ahead(), reason="nothing is compiled in plain Python")
def test_nothing_is_left_to_compile_when_all_parts_are_done() -> None:
    for part in PARTS.values():
        part()
    compiled = Compiled()
    event.register("numba:compile", compiled)
    try:
        for path in CAPTURES:
            observer = Observer()
            for batch in CaptureFile(path):
                for _ in observer.feed(batch):
                    pass
            for _ in observer.finish():
                pass
    finally:
        event.unregister("numba:compile", compiled)
    assert CAPTURES
    assert not compiled.names


def test_every_decoder_belongs_to_a_part() -> None:
    named = {module.__name__.rpartition(".")[2] for module in MODULES}
    covered = {name for part in PARTS.values() for name in getattr(part, "modules", ())}
    assert named == covered


@pytest.mark.skipif(not can_compile_ahead(), reason="nothing is compiled in plain Python")
def test_nor_is_anything_live() -> None:
    PARTS["packets"]()
    compiled = Compiled()
    with plant_link() as link, capturing(link) as capture:
        event.register("numba:compile", compiled)
        try:
            link.send([frame(1)])
            batch = next(batch for batch in capture if len(batch.records))
            put_pcap_records(batch.data, batch.records, 0, np.zeros(1000, np.uint8), 0)
            for _ in Observer().feed(batch):
                pass
        finally:
            event.unregister("numba:compile", compiled)
    assert not compiled.names
