"""A console that is killed, and a disk that is full, leave a whole store that goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from plant_documents import HOUR, NOON, alert, asset, behaviour

from console.store import open_store
from console.store.errors import StoreFull
from console.store.filters import AlertFilter, PageRequest
from console.store.sqlite.store import SqliteStore

BATCH = 400
WRITER = f"""
import sys
from pathlib import Path
from plant_documents import alert
from console.store import open_store

store = open_store(Path(sys.argv[1]))
for sequence in range(10**6):
    documents = [alert(f"e{{sequence}}-{{n}}", destination=f"10.{{sequence % 250}}.{{n // 250}}.{{n % 250}}")
                 for n in range({BATCH})]
    store.ingest("s1", sequence, documents)
    print(sequence, flush=True)
"""


def whole(path: Path) -> int:
    """The number of alerts, after proving that every count in the store says the same."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    batches = connection.execute("SELECT count(*) FROM batch").fetchone()[0]
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("alert", "alert_event", "alert_document")
    }
    tally = "SELECT ifnull(sum(count), 0) FROM alert_tally WHERE facet = 0"
    assert counts["alert"] == connection.execute(tally).fetchone()[0]
    assert counts["alert"] == counts["alert_event"] == counts["alert_document"] == batches * BATCH
    connection.close()
    return counts["alert"]


@pytest.mark.parametrize("moment", [0.0, 0.03, 0.08, 0.15])
def test_killed_in_the_middle_of_a_batch(tmp_path: Path, moment: float) -> None:
    path = tmp_path / "console.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(3)][-1]
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
    assert whole(path) >= (acknowledged + 1) * BATCH, "what was acknowledged is there"
    store = open_store(path)
    again = store.ingest("s1", acknowledged, [alert("other")])
    assert again.duplicate, "a sensor that asks again hears that it was stored"
    store.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store on a file that cannot grow: to SQLite the same as a full disk."""
    store = SqliteStore(tmp_path / "console.db")
    store.ingest("s1", 1, [asset(), behaviour(), alert("first")])
    pages = store.connections._writer.execute("PRAGMA page_count").fetchone()[0]
    store.connections._writer.execute(f"PRAGMA max_page_count = {pages + 8}")
    yield store
    store.close()


def test_a_full_disk_takes_nothing_and_keeps_everything(small: SqliteStore) -> None:
    many = [alert(f"e{n}", destination=f"10.0.1.{n % 250}", start=NOON + n * HOUR) for n in range(500)]
    for _ in range(3):
        with pytest.raises(StoreFull):
            small.ingest("s1", 2, many)
    with pytest.raises(StoreFull):
        small.put_evidence("first", b"\xd4\xc3\xb2\xa1" + bytes(500_000), "s1")
    assert small.counts()["alerts"] == 1
    assert [found.id for found in small.alerts(AlertFilter(), PageRequest()).items] == ["first"]
    small.connections._writer.execute("PRAGMA max_page_count = 1000000")
    assert small.ingest("s1", 2, many).new_alerts == 500, "the same batch goes in once there is room"


def fill(store: SqliteStore) -> None:
    for sequence in range(50):
        store.ingest("s1", sequence, [alert(f"e{sequence}-{n}") for n in range(BATCH)])


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system of its own may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        store = SqliteStore(folder / "console.db")
        with pytest.raises(StoreFull):
            fill(store)
        stored = store.counts()["alerts"]
        assert stored % BATCH == 0
        store.close()
        assert whole(folder / "console.db") == stored
    finally:
        subprocess.run(["umount", str(folder)], check=True)
