"""All of it as one."""

from __future__ import annotations

from typing import Protocol

from console.store.interface.alerts import AlertStore, AllowanceStore
from console.store.interface.assets import AssetStore
from console.store.interface.intake import EvidenceStore, IngestStore
from console.store.interface.people import AccountStore, AuditStore
from console.store.interface.posture import PostureStore
from console.store.interface.sensors import ConfigurationStore, SensorStore


class Store(
    IngestStore,
    EvidenceStore,
    AlertStore,
    AllowanceStore,
    AssetStore,
    SensorStore,
    ConfigurationStore,
    AccountStore,
    AuditStore,
    PostureStore,
    Protocol,
):
    """All of it."""

    def revision(self) -> int:
        """Grows with every change by any process: what was computed at one revision holds until the next.

        Heartbeats change nothing in that sense.
        """
        ...

    def last_heard(self) -> int:
        """When any sensor was last heard, nanoseconds; 0 where none ever was."""
        ...

    def losses(self) -> dict[str, int]:
        """What was not kept, by cause, zeros included: evidence refused, history rows evicted …"""
        ...

    def counts(self) -> dict[str, int]:
        """How many alerts (open and all), assets, behaviours, sensors and users there are."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...
