"""Truth files: what is in a capture and what happened, as the script that made it wrote them down."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from rules.attack import technique
from rules.documents import nanoseconds

PCAPS = Path(__file__).parents[1] / "pcaps"
SECOND = 10**9


@dataclass(frozen=True)
class Act:
    """Something that was done, by whom to whom: every address of theirs, or a network."""

    time_ns: int
    parties: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    techniques: frozenset[str]
    """Current and classic ids."""

    def concerns(self, address: str) -> bool:
        """Whether this IP or MAC address is the actor's or the target's."""
        if address in self.parties:
            return True
        if not self.networks:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.networks if network.version == parsed.version)


@dataclass(frozen=True)
class Incident:
    """Acts that belong together, the first one first."""

    name: str
    acts: tuple[Act, ...]

    @property
    def begin_ns(self) -> int:
        """The time of the first act, since 1970."""
        return self.acts[0].time_ns


@dataclass(frozen=True)
class Truth:
    """One truth file."""

    path: Path
    document: dict[str, Any]

    @property
    def capture(self) -> Path:
        """The capture it tells of."""
        return self.path.parent / str(self.document["capture"])

    @property
    def name(self) -> str:
        """Plant or protocol, and story."""
        return f"{self.path.parent.name}/{self.path.name.removesuffix('.truth.yaml')}"

    @property
    def quiet_ns(self) -> int:
        """For so long after its start nothing happens but ordinary work."""
        return int(self.document["quiet_s"] * SECOND)

    @property
    def baseline(self) -> Path | None:
        """The long quiet capture of the same plant, where there is one."""
        named = self.document.get("baseline")
        return self.path.parent / named if named else None

    @property
    def site(self) -> Path | None:
        """The site file of this plant, where there is one."""
        named = self.document.get("site")
        return self.path.parent / named if named else None

    @property
    def hosts(self) -> list[dict[str, Any]]:
        """The machines, intruders' too."""
        return list(self.document["plant"])

    @cached_property
    def incidents(self) -> tuple[Incident, ...]:
        """What happened, grouped; acts of no group are one incident."""
        groups: dict[str, list[Act]] = {}
        for entry in self.document["happened"]:
            groups.setdefault(entry.get("group", ""), []).append(self._act(entry))
        return tuple(
            Incident(name, tuple(sorted(acts, key=lambda act: act.time_ns))) for name, acts in groups.items()
        )

    def _act(self, entry: dict[str, Any]) -> Act:
        parties, networks = set(), []
        for end in (entry["actor"], entry["target"]):
            if "/" in end:
                networks.append(ipaddress.ip_network(end))
            else:
                parties |= self._addresses(end)
        techniques = {
            identifier for named in entry.get("techniques", ()) for identifier in technique(named).ids
        }
        return Act(nanoseconds(entry["time"]), frozenset(parties), tuple(networks), frozenset(techniques))

    def _addresses(self, address: str) -> set[str]:
        found = {address}
        for host in self.hosts:
            own = {host["ip"], host.get("ip6", host["ip"])}
            if address in own:
                # A machine behind another is seen with that one's MAC address, which is not its own.
                found |= own if "behind" in host else own | {host["mac"]}
        return found


def truths(folder: Path = PCAPS) -> Iterator[Truth]:
    """All truth files below a folder, by path."""
    for path in sorted(folder.rglob("*.truth.yaml")):
        yield Truth(path, yaml.safe_load(path.read_text("utf-8")))
