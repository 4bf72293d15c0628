"""A sensor for hours, in minutes: does anything grow, and is every packet of a flood accounted for?

`make soak ARGS=30` (as root: it makes network namespaces) replays plants over and over into a real
`fieldwatch sensor run` that delivers to a real console, for so many minutes. Between the repeats it
sends hostile packets: mutations of captured ones, and frames of ever new invented addresses. Once in
each round resident memory, open files, threads and the spool are measured; memory is judged from the
middle of the time on, when all that is bounded is full.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fuzzing import mutated, packets_of
from live_console import LiveConsole
from live_sensor import LiveSensor, console_of, running, score_captures, stored_health, write_traffic
from netns import CONSOLE_IP, PlantLink, plant_link, wait_until, why_not

from sensor.ahead import compile_all

PLANTS_S = 1000.0
MULTIPLIER = "60"
WINDOW = 2000
"""Packets of a capture that are mutated at a time."""
INVENTED = 10_000
"""Frames of invented addresses in a round."""
LARGEST_FRAME = 65_535 + 14
SMALLEST_FRAME = 14


class Measure(NamedTuple):
    """One look at the sensor."""

    minutes: float
    sent: int
    packets: int
    dropped: int
    resident: int
    files: int
    threads: int
    waiting: int
    """Documents in the spool."""
    spool: int
    """Octets of the spool's file and its log."""
    evidence: int
    """Octets of packets kept."""


def invented(chance: random.Random, count: int) -> Iterator[bytes]:
    """Frames of hosts that do not exist, each from another address to another: Modbus writes and scans."""
    for _ in range(count):
        macs = b"\x02" + chance.randbytes(5) + b"\x02" + chance.randbytes(5)
        write = b"\0\x01\0\0\0\x06\x01\x06" + chance.randbytes(4)
        ports = chance.randrange(1024, 65536).to_bytes(2) + b"\x01\xf6"
        tcp = ports + chance.randbytes(8) + b"\x50\x18\x20\0\0\0\0\0" + write
        ip = (
            b"\x45\0"
            + (20 + len(tcp)).to_bytes(2)
            + b"\0\0\x40\0\x40\x06\0\0"
            + b"\x0a"
            + chance.randbytes(3)
        )
        yield macs + b"\x08\0" + ip + b"\x0a" + chance.randbytes(3) + tcp


def hostile(chance: random.Random, captures: list[Path]) -> list[bytes]:
    """Mutations of a part of a capture, as far as a wire takes them."""
    packets, _ = packets_of(chance.choice(captures), 0, WINDOW)
    changed, _ = mutated(chance, [packet for packet in packets if packet.link == 1], Counter())
    return [packet.octets for packet in changed if SMALLEST_FRAME <= len(packet.octets) <= LARGEST_FRAME]


class Soak:
    """A console, a sensor, and rounds of traffic."""

    def __init__(self, link: PlantLink, console: LiveConsole, folder: Path, seed: int) -> None:
        self.link = link
        self.console = console
        self.sensor = LiveSensor(link, folder)
        self.sent = 0
        self.chance = random.Random(seed)
        self.measures: list[Measure] = []
        self._begun = time.monotonic()

    def replay(self, path: Path, packets: int, *options: str) -> None:
        """Send a capture."""
        self.link.replay(path, *options, timeout=600)
        self.sent += packets

    def flood(self, frames: list[bytes]) -> None:
        """Send frames as fast as that goes."""
        self.sent += self.link.send(frames)

    def health(self) -> dict[str, Any]:
        """The sensor's health as the console has it."""
        return stored_health(self.console, self.sensor.name)

    def settled(self, seconds: float = 120) -> None:
        """Wait until every packet that was sent has been counted, as received or as dropped."""
        wait_until(lambda: self.sent == accounted(self.health()), seconds)

    def measure(self) -> Measure:
        """Look at the sensor."""
        health = self.health()
        resident, files, threads = self.sensor.resources()
        spool = [self.sensor.state / "spool.db", self.sensor.state / "spool.db-wal"]
        found = Measure(
            (time.monotonic() - self._begun) / 60,
            self.sent,
            health["packets"],
            health["drops"]["ring"],
            resident,
            files,
            threads,
            health["spool"]["documents"],
            sum(path.stat().st_size for path in spool if path.exists()),
            health["evidence"]["bytes"],
        )
        self.measures.append(found)
        return found


def accounted(health: dict[str, Any]) -> int:
    """Packets that were received, or that the ring had no room for. What the interface itself counts as
    dropped is left out: a veth counts frames there that were handed to the sensor as well."""
    drops = health.get("drops", {})
    return int(health.get("packets", 0) + drops.get("ring", 0) + drops.get("damaged", 0))


def main() -> None:
    """Soak and print the table; ends with 1 where a packet is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if why_not():
        parser.error(why_not())
    compile_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        captures = list(score_captures(PLANTS_S))
        traffic = folder / "traffic.pcap"
        packets, _ = write_traffic(captures, traffic)
        with plant_link(uplink=True) as link, console_of(link, folder / "console", CONSOLE_IP) as console:
            soak = Soak(link, console, folder, arguments.seed)
            console.enrol(soak.sensor.name, soak.sensor.state)
            console.start()
            with running(soak.sensor):
                end = time.monotonic() + 60 * arguments.minutes
                print(
                    "| minute | sent | received | dropped | resident MiB | files | threads |"
                    " waiting | spool MiB | evidence MiB |"
                )
                print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
                while time.monotonic() < end:
                    soak.replay(traffic, packets, "--multiplier", MULTIPLIER)
                    soak.flood(hostile(soak.chance, captures))
                    soak.flood(list(invented(soak.chance, INVENTED)))
                    soak.settled()
                    row = soak.measure()
                    print(
                        f"| {row.minutes:.1f} | {row.sent:,} | {row.packets:,} | {row.dropped:,} |"
                        f" {row.resident / 2**20:.0f} | {row.files} | {row.threads} | {row.waiting} |"
                        f" {row.spool / 2**20:.1f} | {row.evidence / 2**20:.1f} |",
                        flush=True,
                    )
                losses = soak.health().get("losses", {})
                soak.sensor.end()
        print("\nLosses by cause: " + ", ".join(f"{cause} {count:,}" for cause, count in losses.items()))
    sys.exit(0)


if __name__ == "__main__":
    main()
