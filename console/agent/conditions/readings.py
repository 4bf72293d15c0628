"""How a sensor was of late, and what is usual."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

USUAL_S = 3600.0
"""How long the usual rate of packets remembers."""
SETTLED_S = 600.0
"""Before so long nothing is usual yet."""


class Interface(NamedTuple):
    """A mirror port: `state` is `up`, `down` or `gone`; packets since the start."""

    name: str
    state: str
    packets: int


class Reading(NamedTuple):
    """How the sensor is at one time, counts since its start. `at_s` comes from a clock that never jumps."""

    at_s: float
    time_ns: int
    packets: int = 0
    dropped: int = 0
    ot_octets: int = 0
    ot_understood: int = 0
    interfaces: tuple[Interface, ...] = ()
    clock_offset_s: float | None = None
    spool_share: float = 0.0
    refused_reason: str = ""


@dataclass(slots=True)
class Past:
    """The latest readings, and what is usual."""

    readings: deque[Reading] = field(default_factory=lambda: deque(maxlen=512))
    usual: float = 0.0
    """Packets a second."""
    watched_s: float = 0.0
    heard: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Packets of each interface, and when that number last grew."""

    def add(self, reading: Reading) -> None:
        """Take in a reading."""
        if self.readings:
            before = self.readings[-1]
            took = max(reading.at_s - before.at_s, 1e-6)
            rate = (reading.packets - before.packets) / took
            # Falling traffic must not become usual before it was told.
            if self.watched_s < SETTLED_S or rate > self.usual * 0.5:
                weight = min(1.0, took / min(USUAL_S, max(self.watched_s, took)))
                self.usual += (rate - self.usual) * weight
            else:
                self.usual += (rate - self.usual) * min(1.0, took / (24 * USUAL_S))
            self.watched_s += took
        for interface in reading.interfaces:
            known = self.heard.get(interface.name)
            if known is None or interface.packets > known[0]:
                self.heard[interface.name] = interface.packets, reading.at_s
        self.readings.append(reading)

    @property
    def now(self) -> Reading:
        """The latest reading."""
        return self.readings[-1]

    def before(self, seconds: float) -> Reading | None:
        """The latest reading that is at least so old; None where there is none."""
        limit = self.now.at_s - seconds
        found = None
        for reading in self.readings:
            if reading.at_s > limit:
                break
            found = reading
        return found
