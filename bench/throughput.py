"""How fast packets become messages, behaviours and alerts, beside what other tools make of the same packets.

`python -m bench.throughput` builds the mix (see `bench.mix`) once, pins itself to one core and runs
everything in turn. Times of our own are medians; each peer reads the first packets of the same
file, as many as its speed allows, and the table says how many. CPU seconds are given beside the
clock's, so that a busy machine shows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.mix import PUBLIC_CAPTURES, build
from bench.peers import PEERS, Missing
from sensor.ahead import compile_all
from sensor.behaviours import STAMP, count, new_behaviours
from sensor.capture.source import CaptureFile
from sensor.messages import MESSAGES
from sensor.observer import Observer
from sensor.pipeline import Pipeline

MIX_PACKETS = 1_000_000
COMMAND = "from console.cli import main; main()"


@dataclass(frozen=True)
class Result:
    """One line of the table: packets read, and the median seconds by the clock and of CPU."""

    name: str
    packets: int
    seconds: float
    cpu: float
    note: str = ""

    @property
    def rate(self) -> float:
        """Packets a second by the clock."""
        return self.packets / self.seconds if self.seconds else 0.0


def walk(path: Path) -> str:
    """Read the records and nothing else: the limit to measure against."""
    octets = 0
    for batch in CaptureFile(path):
        octets += int(batch.records["length"].sum())
    return f"{octets / 1e6:.0f} MB"


def decode(path: Path) -> str:
    """Packets to messages."""
    pipeline = Pipeline()
    messages = 0
    for batch in CaptureFile(path):
        for _ in pipeline.feed(batch):
            messages += int(pipeline.out.used[MESSAGES])
    for _ in pipeline.finish():
        messages += int(pipeline.out.used[MESSAGES])
    return f"{messages:,} messages"


def group(path: Path) -> str:
    """Packets to messages to distinct behaviours: all that kernels do, before Python looks at what is new."""
    pipeline, behaviours = Pipeline(), new_behaviours()
    fresh, touched = (np.zeros(len(pipeline.out.messages), np.int64) for _ in range(2))
    found = 0

    def drain() -> int:
        cursor = np.zeros(3, np.int64)
        behaviours.used[STAMP] += 1
        count(behaviours, pipeline.out.messages, int(pipeline.out.used[MESSAGES]), cursor, fresh, touched)
        return int(cursor[1])

    for batch in CaptureFile(path):
        found += sum(drain() for _ in pipeline.feed(batch))
    found += sum(drain() for _ in pipeline.finish())
    return f"{found:,} behaviours"


def observe(path: Path) -> str:
    """Packets to behaviours and assets."""
    watcher = Observer()
    behaviours = 0
    for batch in CaptureFile(path):
        behaviours += sum(len(step.fresh) for step in watcher.feed(batch))
    behaviours += sum(len(step.fresh) for step in watcher.finish())
    return f"{behaviours:,} behaviours, {len(watcher.inventory.machines()):,} assets"


def timed(name: str, packets: int, repeat: int, work: Callable[[], str]) -> Result:
    """Run `work` once to warm up and `repeat` times to measure."""
    note = work()
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Result(name, packets, statistics.median(walls), statistics.median(cpus), note)


def analyze(path: Path, packets: int, repeat: int) -> Result:
    """The whole command in a process of its own: start-up, rules and files included."""
    walls, cpus, resident = [], [], 0
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            wall = time.perf_counter()
            child = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "analyze", str(path), "--out", folder],
                stdout=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(child.pid, 0)
            walls.append(time.perf_counter() - wall)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                raise SystemExit(f"analyze ended with {child.returncode}")
            alerts = sum(1 for _ in (Path(folder) / "alerts.jsonl").open())
        cpus.append(usage.ru_utime + usage.ru_stime)
        resident = max(resident, usage.ru_maxrss)
    note = f"{alerts:,} alerts, {resident / 1024:.0f} MiB resident"
    return Result("fieldwatch analyze", packets, statistics.median(walls), statistics.median(cpus), note)


def prefix(path: Path, packets: int, target: Path) -> int:
    """Write the first `packets` packets of a pcap to `target`; how many there were."""
    written = 0
    with path.open("rb") as source, target.open("wb") as sink:
        sink.write(source.read(24))
        while written < packets and len(header := source.read(16)) == 16:
            sink.write(header + source.read(struct.unpack("<IIII", header)[2]))
            written += 1
    return written


def peer(name: str, path: Path, folder: Path) -> Result:
    """One run of another tool over as many packets as it is given."""
    packets, work = PEERS[name]
    sample = folder / f"{packets}.pcap"
    count = prefix(path, packets, sample)
    wall, before = time.perf_counter(), os.times()
    try:
        note = work(sample)
    except Missing as error:
        return Result(name, 0, 0.0, 0.0, f"not installed: {error}")
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    return Result(name, count, time.perf_counter() - wall, cpu, note)


def table(results: list[Result], base: Result) -> str:
    """The results as a Markdown table, each beside the speed of `base`."""
    lines = [
        f"| tool | packets | seconds | CPU seconds | packets/s | {base.name}: times faster | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for result in results:
        if result.packets:
            slower = base.rate / result.rate
            numbers = f"{result.packets:,} | {result.seconds:.2f} | {result.cpu:.2f} | {result.rate:,.0f} | "
            numbers += f"{slower:,.2f}" if slower < 10 else f"{slower:,.0f}"
        else:
            numbers = "| | | |"
        lines.append(f"| {result.name} | {numbers} | {result.note} |")
    return "\n".join(lines)


def main() -> None:
    """Measure all and print the table, and with --json the figures too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--capture", type=Path, help="a pcap to use instead of the mix")
    parser.add_argument("--captures", type=Path, default=PUBLIC_CAPTURES, help="folder the mix is made of")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--core", type=int, help="core to run on; the last one where not given")
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="only the table")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    path = arguments.capture or Path(tempfile.gettempdir()) / "fieldwatch-mix.pcap"
    if not path.exists():
        if not arguments.captures.is_dir():
            parser.error(f"no captures to build the mix from at {arguments.captures}: give --capture")
        build(arguments.captures, path, MIX_PACKETS)
    compile_all()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {arguments.core if arguments.core is not None else cores[-1]})
    if not arguments.markdown:
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{path.name} on one of {len(cores)} cores, load average {load}\n")
    packets = sum(len(batch.records) for batch in CaptureFile(path))
    full = analyze(path, packets, arguments.repeat)
    results = [
        timed("record walk", packets, arguments.repeat, lambda: walk(path)),
        timed("messages", packets, arguments.repeat, lambda: decode(path)),
        timed("behaviours", packets, arguments.repeat, lambda: group(path)),
        timed("behaviours and assets", packets, arguments.repeat, lambda: observe(path)),
        full,
    ]
    if not arguments.skip_peers:
        with tempfile.TemporaryDirectory() as folder:
            results += [peer(name, path, Path(folder)) for name in PEERS]
    print(table(results, results[1]))
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(result) for result in results], indent=1) + "\n")


if __name__ == "__main__":
    main()
