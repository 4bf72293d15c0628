"""Makes the captures of this folder's parent and their truth files: `make.py [-j JOBS] [NAME ...]`.

Needs root, iproute2 and the extra `lab` (pip install -e ".[lab]"). Each capture takes as long as it
lasts: times are those of the packets. The same seed gives the same plant, values and story; what
the stacks decide by themselves (session ids, ports, timing) differs from run to run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import quiet
from devices import names
from lab.case import Case, stacks
from lab.host import Host
from lab.network import Context, Network, Program
from lab.truth import write_truth
from plants import packaging, process_cell, substation, water
from scenarios import batch, bottling, grid, heating, waterworks

PCAPS = Path(__file__).resolve().parents[1]
PORTS = (102, 502, 2404, 20000, 44818)
LAPTOP = Host("laptop", "10.77.9.66", "3c:f0:11:5d:77:42", "Intel")


@dataclass(frozen=True)
class Story:
    """One capture: its path under pcaps/, the plants in it, how long they are quiet, and what happens."""

    path: str
    text: str
    plants: tuple[Any, ...]
    quiet_s: float
    seconds: float
    seed: int
    incidents: tuple[Callable[[Context], None], ...] = ()
    sweeps: bool = False

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The machines of the plants, and the intruder's where something happens."""
        known = tuple(host for plant in self.plants for host in plant.HOSTS)
        return (*known, LAPTOP) if self.incidents else known


def _laptop(story: Story, context: Context) -> None:
    """The intruder: comes after the quiet time, looks around, and does one thing after another."""
    context.wait_until(story.quiet_s + 2)
    if story.sweeps:
        targets = [host.ip for host in story.hosts if host.role in ("plc", "rtu", "field_device")]
        spare = [f"10.77.{net}.{last}" for net in range(1, 5) for last in range(12, 16)]
        context.happened("10.77.0.0/16", "other", "Sweeps the plant for industrial ports", ["T0846"])
        names.sweep(context, targets + spare, PORTS)
        context.wait_until(story.quiet_s + 30)
    for incident in story.incidents:
        incident(context)


STORIES = (
    Story("modbus/water-works-quiet.pcapng.zst", "A water works at work.", (water,), 75, 75, 11),
    Story("s7comm/packaging-line-quiet.pcapng.zst", "A packaging line at work.", (packaging,), 75, 75, 12),
    Story("iec104/substation-quiet.pcapng.zst", "A substation at work.", (substation,), 75, 75, 13),
    Story("cip/process-cell-quiet.pcapng.zst", "A process cell at work.", (process_cell,), 75, 75, 14),
    Story(
        "modbus/water-works-overdose.pcapng.zst",
        "A laptop appears in a water works, maps a controller and overdoses chlorine.",
        (water,), 35, 52, 21, (water.incident,),
    ),
    Story(
        "s7comm/packaging-line-stopped.pcapng.zst",
        "A laptop takes a controller's program, loads another, forces an output and stops the CPU.",
        (packaging,), 40, 60, 22, (packaging.incident,),
    ),
    Story(
        "iec104/substation-breaker-opened.pcapng.zst",
        "A second control centre interrogates a bay and opens its breaker.",
        (substation,), 35, 52, 23, (substation.open_breaker,),
    ),
    Story(
        "dnp3/substation-relay-restarted.pcapng.zst",
        "A second master trips a feeder and cold-restarts its relay.",
        (substation,), 40, 58, 24, (substation.restart_relay,),
    ),
    Story(
        "cip/process-cell-reset.pcapng.zst",
        "A laptop overheats a reactor, changes an adapter's address and resets it.",
        (process_cell,), 35, 52, 25, (process_cell.incident,),
    ),
    Story(
        "demo/plant.pcapng.zst",
        "A site with a water works, a packaging line, a substation and a process cell; then a laptop "
        "appears, sweeps the network and interferes with one after the other.",
        (water, packaging, substation, process_cell), 90, 185, 42,
        (water.incident, packaging.incident, substation.open_breaker, substation.restart_relay,
         process_cell.incident),
        sweeps=True,
    ),
)  # fmt: skip


def make(story: Story) -> None:
    """Record one story and write its truth."""
    capture = PCAPS / story.path
    capture.parent.mkdir(parents=True, exist_ok=True)
    programs: list[tuple[str, Program]] = [pair for plant in story.plants for pair in plant.PROGRAMS]
    if story.incidents:
        programs.append((LAPTOP.key, partial(_laptop, story)))
    with Network(story.hosts, story.seed) as network:
        events = network.run(programs, story.seconds, capture)
    made = {"by": "pcaps/make/make.py", "seed": story.seed, "stacks": stacks(), "time": "as recorded"}
    write_truth(capture, made, story.text, story.quiet_s, story.hosts, events)
    sys.stderr.write(f"{story.path}: {capture.stat().st_size} octets, {len(events)} events\n")


CASES: tuple[Case, ...] = (
    *quiet.cases(),
    *(case for plant in (waterworks, heating, bottling, grid, batch) for case in plant.CASES),
)


def _make(number: int) -> None:
    every = (*STORIES, *CASES)
    story = every[number]
    if isinstance(story, Case):
        story.make(PCAPS)
    else:
        make(story)


def main() -> None:
    """Make the captures whose paths contain one of the arguments, or all."""
    parser = argparse.ArgumentParser(description="Make captures and their truth files.")
    parser.add_argument("words", nargs="*", help="only captures whose paths contain one of these")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="captures made at the same time")
    options = parser.parse_args()
    chosen = [
        number
        for number, story in enumerate((*STORIES, *CASES))
        if not options.words or any(word in story.path for word in options.words)
    ]
    # A process for each capture: protocol stacks keep what they once had in global places.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        for _ in pool.map(_make, chosen):
            continue


if __name__ == "__main__":
    main()
