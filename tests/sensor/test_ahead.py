"""Compiling ahead must leave nothing to compile at work."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live import capturing, frame
from netns import plant_link
from numba.core import event

from sensor import ahead
from sensor.ahead import PARTS
from sensor.capture.source import CaptureFile
from sensor.capture.writing import put_pcap_records
from sensor.kernel import SOURCES, can_compile_ahead
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


def run_here(cache: Path, source: Path, text: str) -> str:
    """Run Python with Fieldwatch's sources in one folder and its cache in another; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=source,
        env={**os.environ, "FIELDWATCH_CACHE": str(cache), "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not can_compile_ahead(), reason="nothing is compiled in plain Python")
def test_what_is_compiled_counts_for_sources_at_their_place_and_of_their_age(tmp_path: Path) -> None:
    """Numba looks for both, so that a second copy, or one checked out anew, compiles again."""
    for name in ("one", "two"):
        shutil.copytree(SOURCES, tmp_path / name / "sensor", ignore=shutil.ignore_patterns("__pycache__"))
    mark = "from sensor import ahead; ahead.cache_home().mkdir(exist_ok=True); ahead._marker().touch()"
    ask = "from sensor import ahead; print(ahead.is_compiled())"
    run_here(tmp_path / "cache", tmp_path / "one", mark)
    assert run_here(tmp_path / "cache", tmp_path / "one", ask) == "True"
    assert run_here(tmp_path / "cache", tmp_path / "two", ask) == "False"
    os.utime(tmp_path / "one" / "sensor" / "octets.py", (1, 1))
    assert run_here(tmp_path / "cache", tmp_path / "one", ask) == "False"


def test_kernels_in_use_are_kept_however_old_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDWATCH_CACHE", str(tmp_path))
    used = ahead.cache_folder("sensor.protocols.modbus")
    others = [tmp_path / f"kernels-{number:016}" for number in range(ahead.CACHES_KEPT + 2)]
    for age, folder in enumerate((used, *others)):
        folder.mkdir()
        os.utime(folder, (age, age))
    ahead._prune()
    assert used.exists()
    assert [folder.exists() for folder in others] == [False] * 2 + [True] * ahead.CACHES_KEPT


def test_of_several_that_ask_one_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDWATCH_CACHE", str(tmp_path))
    compiled: list[int] = []

    def compile_slowly(report: object) -> None:
        compiled.append(1)
        time.sleep(0.2)
        ahead._marker().touch()

    monkeypatch.setattr(ahead, "_compile_all", compile_slowly)
    askers = [threading.Thread(target=ahead.compile_all) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)
    assert compiled == [1]
