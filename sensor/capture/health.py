"""How live capture fares, interface by interface."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Of an interface."""

    CAPTURING = "capturing"
    NO_CARRIER = "no_carrier"  # switched on, but nothing is plugged in at the other end
    DOWN = "down"  # switched off
    GONE = "gone"  # there is no such interface any more


class InterfaceEvent(NamedTuple):
    """Something that happened to an interface."""

    time_ns: int
    """Since 1970, UTC."""
    interface: str
    """As it was called when capture began."""
    state: State
    """From now on."""
    text: str
    """In words."""


@dataclass
class InterfaceHealth:
    """One interface as it is now; all counts are since capture began, and only grow."""

    interface: str
    """As it was called when capture began."""
    name: str
    """As it is called now, or was last."""
    state: State
    since_ns: int
    """When it came to be in this state, since 1970, UTC."""
    packets: int = 0
    """That were handed out in batches."""
    octets: int = 0
    """Captured octets of these."""
    passed: int = 0
    """That passed the filter, as the kernel counts: those handed out, still in the ring, and dropped.

    What the filter refuses is counted nowhere, and takes no room: `dropped` is about the rest."""
    dropped: int = 0
    """That passed the filter and found the ring full: lost."""
    freezes: int = 0
    """How often the ring was full."""
    outgoing: int = 0
    """That this host sent itself and were passed over, where the kernel leaves that to us."""
    damaged: int = 0
    """That did not lie in their block of the ring: a defect of the kernel or of ours."""
    nic_dropped: int = 0
    """That the network card or its driver dropped before anybody saw them, filter or not."""
    nic_errors: int = 0
    """Frames that the network card received damaged."""
    reopened: int = 0
    """How often the interface was gone, and back."""
