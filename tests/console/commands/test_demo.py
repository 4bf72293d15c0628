"""`fieldwatch demo`: the bundled plant is found, analysed, and stored for the console."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.commands.demo import LEARN, bundled_capture
from console.store import open_store


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    path = Path(__file__).parents[3] / "pcaps" / "demo" / "plant.truth.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


def test_it_learns_while_the_plant_is_quiet(truth: dict[str, Any]) -> None:
    assert f"{truth['quiet_s']}s" == LEARN


def test_once_analyses_into_a_store_and_ends(tmp_path: Path, truth: dict[str, Any]) -> None:
    store = tmp_path / "demo.db"
    command = [sys.executable, "-m", "console", "demo", "--once", "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert bundled_capture().name in done.stdout
    opened = open_store(store)
    try:
        counts = opened.counts()
    finally:
        opened.close()
    assert counts["assets"] >= len(truth["plant"])
    assert counts["alerts"] > 0
