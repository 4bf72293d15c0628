"""What live capture takes and loses, beside tcpdump and dumpcap on the same replay.

`make bench-live` (as root: it makes network namespaces) replays the throughput mix (see
`bench.mix`) with `tcpreplay --topspeed` into one end of a veth pair, from one core, and captures at
the other end on another: with our ring alone, with all that kernels and inventory make of the
packets, with the whole sensor as it is deployed (rules, spool, packets kept on disk), and with other
tools, whose packets go to /dev/null. Buffers are 64 MiB for each, 256 MiB for the whole sensor, as it has
by default. What the kernel does for a packet until it lies in a buffer is done on the sender's core, and
not in these figures; nor is what a whole sensor takes to start.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from netns import PlantLink, plant_link, why_not

from bench.mix import PUBLIC_CAPTURES, build
from sensor.ahead import compile_all, load_all
from sensor.capture.live import open_live
from sensor.capture.source import CaptureFile
from sensor.observer import Observer

MIX_PACKETS = 1_000_000
BUFFER_MIB = "64"
SETTLE_SECONDS = 1.5
"""Longer than any of the tools keeps a packet in its buffer."""


@dataclass(frozen=True)
class Result:
    """One capture of one replay."""

    name: str
    received: int
    dropped: int
    cpu: float
    replay: float
    """Seconds that the replay took."""
    note: str = ""


def receive(interface: str, observe: bool) -> None:
    """Capture until SIGTERM and print what that took; runs in a process of its own."""
    load_all()
    watcher = Observer()
    capture = open_live([interface])
    signal.signal(signal.SIGTERM, lambda *_: capture.stop())
    print("ready", file=sys.stderr, flush=True)
    before = time.process_time()
    behaviours = 0
    for batch in capture:
        if observe and len(batch.records):
            behaviours += sum(len(step.fresh) for step in watcher.feed(batch))
    if observe:
        behaviours += sum(len(step.fresh) for step in watcher.finish())
    cpu = time.process_time() - before
    health = capture.health()[0]
    note = f"{behaviours:,} behaviours" if observe else ""
    print(json.dumps([health.packets, health.dropped, cpu, note]))


def own(observe: bool) -> list[str]:
    """The command that captures with our ring."""
    return [sys.executable, "-m", "bench.ring", "--receive", "cap0", *(["--observe"] if observe else [])]


def deployed(state: Path, *options: str) -> list[str]:
    """The command that runs a whole sensor."""
    state.mkdir()
    settings = state / "settings.yaml"
    settings.write_text("log: json\n")
    command = [sys.executable, "-m", "console", "sensor", "run", "-i", "cap0", "--metrics", "none"]
    return [*command, "--state", str(state), "--config", str(settings), *options]


SENSOR = {
    "fieldwatch sensor run": (),
    "fieldwatch sensor run --no-evidence": ("--no-evidence",),
}
TOOLS = {
    "fieldwatch: ring": own(False),
    "fieldwatch: ring to behaviours and assets": own(True),
    "tcpdump -w /dev/null": ["tcpdump", "-i", "cap0", "-B", str(int(BUFFER_MIB) << 10), "-w", "/dev/null"],
    "dumpcap -w /dev/null": ["dumpcap", "-i", "cap0", "-B", BUFFER_MIB, "-w", "/dev/null"],
}


def counted(text: str, *patterns: str) -> int:
    """The first number that one of the patterns finds in what a tool said."""
    for pattern in patterns:
        found = re.search(pattern, text)
        if found:
            return int(found[1])
    raise SystemExit(f"not understood: {text}")


def measure(name: str, path: Path, link: PlantLink, cores: list[int]) -> Result:
    """One tool on one replay."""
    with (
        tempfile.TemporaryFile() as output,
        tempfile.NamedTemporaryFile() as errors,
        tempfile.TemporaryDirectory() as folder,
    ):
        return _measure(name, path, link, cores, output, Path(errors.name), Path(folder) / "state")


def _measure(
    name: str, path: Path, link: PlantLink, cores: list[int], output: IO[bytes], said: Path, state: Path
) -> Result:
    pin = ["taskset", "-c", str(cores[-1])]
    command = deployed(state, *SENSOR[name]) if name in SENSOR else TOOLS[name]
    process = link.start([*pin, *command], "sensor", stdout=output, stderr=said.open("w"))
    while not re.search(r"ready|listening on|File:|sensor\.runs", said.read_text()):
        if process.poll() is not None:
            raise SystemExit(f"{name}: {said.read_text()}")
        time.sleep(0.05)
    time.sleep(SETTLE_SECONDS)
    started = cpu_so_far(process.pid)
    replay = ["taskset", "-c", str(cores[0]), "tcpreplay", "-i", "wire0", "--preload-pcap", "--topspeed"]
    printed = link.run([*replay, str(path)], "wire", 600)
    sending = re.search(r"sent in ([0-9.]+) seconds", printed)
    if sending is None:
        raise SystemExit(f"not understood: {printed}")
    time.sleep(SETTLE_SECONDS)
    process.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if name in SENSOR:
        used = usage.ru_utime + usage.ru_stime - started
        return Result(name, *told(state), used, float(sending[1]))
    output.seek(0)
    text = said.read_text()
    if name.startswith("fieldwatch"):
        received, dropped, cpu, note = json.loads(output.read())
        return Result(name, received, dropped, cpu, float(sending[1]), note)
    received = counted(text, r"(\d+) packets? captured", r"Packets captured: (\d+)")
    dropped = counted(
        text, r"(\d+) packets? dropped by kernel", r"received/dropped on interface.*: \d+/(\d+)"
    )
    return Result(name, received, dropped, usage.ru_utime + usage.ru_stime, float(sending[1]))


def cpu_so_far(pid: int) -> float:
    """Processor seconds of a process by now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(state: Path) -> tuple[int, int]:
    """What a sensor that has ended says of itself: packets, and packets that were dropped."""
    with sqlite3.connect(state / "spool.db") as spool:
        (text,) = spool.execute(
            "SELECT body FROM document WHERE type = 'health' ORDER BY number DESC LIMIT 1"
        ).fetchone()
    health = json.loads(text)["health"]
    return health["packets"], sum(health["drops"].values())


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--capture", type=Path, help="a pcap to use instead of the mix")
    parser.add_argument("--captures", type=Path, default=PUBLIC_CAPTURES, help="folder the mix is made of")
    parser.add_argument("--receive", help=argparse.SUPPRESS)
    parser.add_argument("--observe", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.receive:
        receive(arguments.receive, arguments.observe)
        return
    if why_not():
        parser.error(why_not())
    path = arguments.capture or Path(tempfile.gettempdir()) / "fieldwatch-mix.pcap"
    if not path.exists():
        if not arguments.captures.is_dir():
            parser.error(f"no captures to build the mix from at {arguments.captures}: give --capture")
        build(arguments.captures, path, MIX_PACKETS)
    compile_all()
    packets = sum(len(batch.records) for batch in CaptureFile(path))
    cores = sorted(os.sched_getaffinity(0))
    print(f"{packets:,} packets, sent on one of {len(cores)} cores and captured on another\n")
    print("| tool | received | dropped | sent a second | CPU s per million packets | |")
    print("|---|---:|---:|---:|---:|---|")
    for name in [*SENSOR, *TOOLS]:
        with plant_link() as link:
            result = measure(name, path, link, cores)
        per_million = result.cpu / max(1, result.received) * 1e6
        lost = packets - result.received - result.dropped
        note = result.note + (f" {lost:,} not accounted for" if lost else "")
        figures = (
            f"{result.received:,} | {result.dropped:,} | {packets / result.replay:,.0f} | {per_million:.3f}"
        )
        print(f"| {result.name} | {figures} | {note} |", flush=True)


if __name__ == "__main__":
    main()
