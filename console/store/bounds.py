"""How much a store keeps: everything beyond goes, oldest first, and is counted in `Store.losses`."""

from __future__ import annotations

from dataclasses import dataclass

MOST_COUNT = 2**53
"""Counts stop here: sensors say them, their sums must fit into 64 bits, and JSON knows no larger whole number
that everybody reads alike (RFC 8259 section 6)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest numbers of rows, bytes and days."""

    alerts: int = 5_000_000
    assets: int = 200_000
    behaviours: int = 2_000_000
    batches: int = 1_000_000
    """Remembered (sensor, sequence) pairs."""
    health_per_sensor: int = 6_000
    """A day at one each fifteen seconds."""
    history_per_alert: int = 500
    history_per_asset: int = 500
    evidence_bytes: int = 1 << 30
    evidence_slice: int = 1 << 20
    """Bytes of one alert's pcap slice."""
    frames_per_alert: int = 128
    evidence_requests: int = 256
    """Open ones of one sensor."""
    open_enrolments: int = 200
    enrolments: int = 1_000
    """Used, withdrawn and expired codes that are remembered."""
    configuration_versions: int = 500
    """Of each scope."""
    sessions_per_user: int = 20
    audit_rows: int = 2_000_000
    posture_days: int = 800
    merge_minutes: int = 10
    """The same alert of several sensors of one zone within this time is one alert."""
