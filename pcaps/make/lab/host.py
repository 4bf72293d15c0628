"""A machine of the lab and what it really is: the plant half of a truth file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

PLANT = "plant"
"""The segment that is recorded."""


class Cable(NamedTuple):
    """A bad cable: share of frames lost, delay and its greatest variation in seconds.

    Frames overtake one another where the variation is greater than the time between them.
    """

    loss: float = 0.0
    delay: float = 0.0
    variation: float = 0.0


class Leg(NamedTuple):
    """A further card of a machine that forwards between segments."""

    segment: str
    ip: str
    mac: str
    ip6: str = ""


@dataclass(frozen=True)
class Host:
    """One machine. `role` is left empty for an intruder's machine, which has none in the plant.

    `told` says of itself, over the network, in this capture: name, model, firmware, serial.
    `via` is the address of its default gateway. A machine with `legs` forwards packets. `ip6` is an
    IPv6 address in a /64. Where `behind` names a machine, this one is seen with that one's MAC address.
    """

    key: str
    ip: str
    mac: str
    vendor: str
    role: str = ""
    told: dict[str, str] = field(default_factory=dict)
    prefix: int = 16
    via: str = ""
    ip6: str = ""
    segment: str = PLANT
    legs: tuple[Leg, ...] = ()
    cable: Cable | None = None
    behind: str = ""

    def document(self) -> dict[str, Any]:
        """As it stands in a truth file."""
        role = {"role": self.role} if self.role else {"intruder": True}
        entry: dict[str, Any] = {"host": self.key, "ip": self.ip}
        if self.ip6:
            entry["ip6"] = self.ip6
        entry["mac"] = self.mac
        if self.behind:
            entry["behind"] = self.behind
        return entry | {"vendor": self.vendor} | role | self.told
