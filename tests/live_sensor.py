"""A sensor as it is deployed, at the mirror port of `netns`: its process, what recorded the same packets
beside it, and traffic of a length that is wished for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from live_console import ROOT, LiveConsole, run_sensor
from netns import PlantLink, wait_until

from console.agent.privileges import capabilities
from sensor.capture.source import CaptureFile
from sensor.capture.writing import pcap_header, put_pcap_records

PCAPS = ROOT / "pcaps"
START_S = 120.0
"""A busy machine may take so long to start a process that loads every kernel."""
BETWEEN_NS = 1_000_000_000
"""Between two captures that are chained."""
ETHERNET = 1
SO_TIMESTAMPNS = 35


class LiveSensor:
    """`fieldwatch sensor run -i`, with a folder of its own."""

    def __init__(
        self, link: PlantLink, folder: Path, name: str = "line-1", number: int = 0, *options: str
    ) -> None:
        self.link = link
        self.state = folder / name
        self.name = name
        self.interface = link.interfaces[number]
        self.options = options
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.state.mkdir(parents=True, exist_ok=True)
        self.settings = folder / f"{name}.yaml"
        self.settings.write_text("heartbeat_s: 1\nlog: json\nring_megabytes: 64\n")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until it captures."""
        with self.log.open("ab") as log:
            self.process = run_sensor(
                self.state,
                *("-i", self.interface, "--name", self.name, "--config", str(self.settings)),
                *self.options,
                wrapper=self.link.command([], "sensor"),
                stderr=log,
            )
        wait_until(self.is_capturing, START_S)

    def is_capturing(self) -> bool:
        """Whether its socket is open: privileges are given up right after."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return capabilities(str(self.pid))["NoNewPrivs"] == 1
        return False

    def kill(self) -> None:
        """As by `kill -9`; nothing where it does not run."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def end(self) -> None:
        """End it as systemd does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(90) == 0, self.log.read_text()
        self.process = None

    def spool(self, sql: str) -> list[Any]:
        """Rows of its spool, which must not be in use."""
        with contextlib.closing(sqlite3.connect(self.state / "spool.db")) as spool:
            return spool.execute(sql).fetchall()

    def health(self) -> dict[str, Any]:
        """The last health that it spooled and that was not sent, once it has ended."""
        rows = self.spool("SELECT body FROM document WHERE type = 'health' ORDER BY number DESC LIMIT 1")
        return json.loads(rows[0][0])["health"]

    def spooled(self, kind: str) -> list[dict[str, Any]]:
        """Documents of a type that wait, once it has ended."""
        return [
            json.loads(text) for kept, text in self.spool("SELECT type, body FROM document") if kept == kind
        ]

    def kept_packets(self) -> list[Path]:
        """The files of the packets that it keeps as evidence."""
        return sorted(
            (self.state / "evidence" / "packets").glob("*.pcap"), key=lambda path: path.stat().st_mtime_ns
        )

    def kept_octets(self) -> int:
        """Octets of the kept packets with their record headers, as they are in a file of tcpdump."""
        return sum(path.stat().st_size - len(pcap_header(ETHERNET)) for path in self.kept_packets())

    def resources(self) -> tuple[int, int, int]:
        """Resident octets, open files and threads of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        threads = re.search(r"Threads:\s+(\d+)", status)
        assert resident
        assert threads
        return int(resident[1]) << 10, len(os.listdir(f"/proc/{self.pid}/fd")), int(threads[1])


class Recorder:
    """tcpdump at an interface: what an independent tool saw of the same packets."""

    def __init__(
        self, link: PlantLink, interface: str, path: Path, side: str = "sensor", inbound: bool = False
    ) -> None:
        self.path = path
        self._said = path.with_suffix(".log")
        command = ["tcpdump", "-i", interface, "-U", "--nano", "-s", "0", "-B", "65536", "-w", str(path)]
        command += ["-Q", "in"] if inbound else []
        # Where somebody asks for stamps the kernel puts one on each packet, the same for all who capture.
        self._stamps = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._stamps.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        with self._said.open("wb") as said:
            self._process = link.start(command, side, stderr=said)
        wait_until(lambda: b"listening on" in self._said.read_bytes(), 30)

    def stop(self, octets: int = 0) -> int:
        """End it when its file has so many octets; the packets in it. AssertionError where it lost some."""
        # What is in its ring when it ends is not written.
        wait_until(lambda: self.path.stat().st_size >= octets, 30)
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(30) == 0
        self._stamps.close()
        said = self._said.read_text()
        captured, dropped = re.search(r"(\d+) packets? captured", said), re.search(r"(\d+) packets? dr", said)
        assert captured
        assert dropped
        assert int(dropped[1]) == 0, said
        return int(captured[1])


def write_traffic(
    captures: Iterable[Path],
    path: Path,
    first_s: float = 0.0,
    seconds: float = float("inf"),
) -> tuple[int, float]:
    """One plain pcap, as tcpreplay reads it, of captures one after the other, of which the part of
    `seconds` from `first_s` on; (packets, seconds) in it."""
    clock_ns, packets, latest_ns, earliest_ns = 0, 0, 0, -1
    low, high = int(first_s * 1e9), min(int((first_s + seconds) * 1e9), 1 << 60) if seconds < 1e9 else 1 << 60
    with path.open("wb") as out:
        out.write(pcap_header(ETHERNET))
        for capture in captures:
            begun_ns = -1
            end_ns = clock_ns
            for batch in CaptureFile(capture):
                rows = batch.records.copy()
                assert (rows["link"] == ETHERNET).all()
                if begun_ns < 0:
                    begun_ns = int(rows["time_ns"][0])
                rows["time_ns"] += clock_ns - begun_ns
                end_ns = max(end_ns, int(rows["time_ns"].max()))
                rows = rows[(rows["time_ns"] >= low) & (rows["time_ns"] < high)]
                if not len(rows):
                    continue
                into = np.zeros(int((rows["length"] + 20).sum()) + 1000, np.uint8)
                done, octets = put_pcap_records(batch.data, rows, 0, into, 0)
                assert done == len(rows)
                out.write(into[:octets].tobytes())
                packets += done
                earliest_ns = int(rows["time_ns"][0]) if earliest_ns < 0 else earliest_ns
                latest_ns = max(latest_ns, int(rows["time_ns"].max()))
            clock_ns = end_ns + BETWEEN_NS
    return packets, (latest_ns - max(earliest_ns, 0)) / 1e9


def analyze(path: Path, out: Path, *options: str) -> dict[str, list[dict[str, Any]]]:
    """What `fieldwatch analyze` writes of a capture: alerts, assets, behaviours."""
    fieldwatch("analyze", str(path), "--out", str(out), *options)
    return {
        noun: [json.loads(line) for line in (out / f"{noun}.jsonl").read_text().splitlines()]
        for noun in ("alerts", "assets", "behaviours")
    }


def fieldwatch(*words: str) -> str:
    """Run `fieldwatch WORDS`; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "console", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_of_plant(alert: dict[str, Any]) -> bool:
    """Whether an alert is about the plant, and not about the sensor itself."""
    return not str(alert["rule"].get("name", "")).startswith("sensor-")


@contextmanager
def console_of(link: PlantLink, folder: Path, host: str) -> Iterator[LiveConsole]:
    """A console in the namespace "console", killed at the end."""
    console = LiveConsole(folder, host)
    console.wrapper = link.command([], "console")
    try:
        yield console
    finally:
        console.kill()


@contextmanager
def running(*sensors: LiveSensor) -> Iterator[None]:
    """Start sensors; they are killed at the end, unless they have ended by then."""
    try:
        for sensor in sensors:
            sensor.start()
        yield
    finally:
        for sensor in sensors:
            sensor.kill()


def stored_health(console: LiveConsole, sensor: str) -> dict[str, Any]:
    """The newest health that the console holds of a sensor; empty where there is none."""
    rows: list[tuple[str]] = []
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(f"file:{console.store_path}?mode=ro", uri=True)) as store,
    ):
        rows = store.execute(
            "SELECT document FROM health WHERE sensor = ? ORDER BY number DESC LIMIT 1", (sensor,)
        ).fetchall()
    return json.loads(rows[0][0])["health"] if rows else {}


def integrity(path: Path) -> str:
    """What SQLite says of a database file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])


def score_captures(seconds: float, without: Sequence[str] = ()) -> Sequence[Path]:
    """Captures of plants with what happened there, plant by plant in turn, for so much packet time."""
    plants = [
        [path for path in sorted(folder.glob("*.pcapng.zst")) if path.name.split(".")[0] not in without]
        for folder in sorted((PCAPS / "score").iterdir())
    ]
    turns = [plant[turn] for turn in range(max(map(len, plants))) for plant in plants if turn < len(plant)]
    chosen, total = [], 0.0
    for capture in turns:
        times = [batch.records["time_ns"][[0, -1]] for batch in CaptureFile(capture)]
        chosen.append(capture)
        total += float(times[-1][1] - times[0][0] + BETWEEN_NS) / 1e9
        if total >= seconds:
            break
    return chosen
