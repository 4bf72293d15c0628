"""A plant at work for a while, and what happens in it: one capture with its truth, made by `make`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from lab.host import Host
from lab.network import Network, Program
from lab.truth import write_truth

STACKS = ("pymodbus", "python-snap7", "c104", "yadnp3", "cpppo", "pycomm3")


@dataclass(frozen=True)
class Case:
    """One capture: `path` under pcaps/, its plant (HOSTS and PROGRAMS), and what differs from the plant.

    `programs` run besides the plant's; those in `instead` take the place of the plant's program on
    that host. `hosts` come besides the plant's, or take the place of those of the same key. `baseline`
    is the path of the same plant's long quiet capture, beside this one. `site` is the text of a site
    file; {begin} in it is the minute of the recording, {end} an hour later.
    """

    path: str
    text: str
    plant: ModuleType
    quiet_s: float
    seconds: float
    seed: int
    hosts: tuple[Host, ...] = ()
    programs: tuple[tuple[str, Program], ...] = ()
    instead: Mapping[str, Program] = field(default_factory=dict)
    baseline: str = "quiet.pcapng.zst"
    site: str = ""

    def make(self, pcaps: Path) -> None:
        """Record it and write its truth."""
        capture = pcaps / self.path
        capture.parent.mkdir(parents=True, exist_ok=True)
        others = {host.key: host for host in self.hosts}
        hosts = [others.pop(host.key, host) for host in self.plant.HOSTS] + list(others.values())
        programs = [(key, self.instead.get(key, program)) for key, program in self.plant.PROGRAMS]
        with Network(hosts, self.seed) as network:
            began = datetime.now(UTC)
            events = network.run([*programs, *self.programs], self.seconds, capture)
        site = ""
        if self.site:
            site = capture.name.removesuffix(".pcapng.zst") + ".site.yaml"
            (capture.parent / site).write_text(self._site(began), encoding="utf-8")
        made = {"by": "pcaps/make/make.py", "seed": self.seed, "stacks": stacks(), "time": "as recorded"}
        baseline = "" if capture.name == self.baseline else self.baseline
        write_truth(capture, made, self.text, self.quiet_s, hosts, events, baseline, site)
        sys.stderr.write(f"{self.path}: {capture.stat().st_size} octets, {len(events)} events\n")

    def _site(self, began: datetime) -> str:
        minute = began.replace(second=0, microsecond=0)
        times = {"{begin}": minute, "{end}": minute + timedelta(hours=1)}
        text = self.site
        for mark, time in times.items():
            text = text.replace(mark, f"{time:%Y-%m-%dT%H:%M:%SZ}")
        return text


@dataclass(frozen=True)
class Score:
    """Cases of one plant that are recorded alike and scored against one quiet capture, in `folder`.

    `strangers` are hosts beside the plant's, or in place of those of the same key. Each is there only
    in the cases in which it acts.
    """

    folder: str
    plant: ModuleType
    quiet_s: float
    seconds: float
    strangers: tuple[Host, ...]

    def case(
        self,
        name: str,
        text: str,
        seed: int,
        actor: str = "",
        program: Program | None = None,
        instead: Mapping[str, Program] | None = None,
        site: str = "",
    ) -> Case:
        """A case in which `actor` runs `program` besides what the plant does."""
        return Case(
            f"{self.folder}/{name}.pcapng.zst",
            text,
            self.plant,
            self.quiet_s,
            self.seconds,
            seed,
            tuple(host for host in self.strangers if host.key == actor),
            ((actor, program),) if program else (),
            instead or {},
            site=site,
        )


def stacks() -> dict[str, str]:
    """The protocol stacks that are installed, and their versions."""
    found = {}
    for name in STACKS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
