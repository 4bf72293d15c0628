"""The health document of docs/documents.md, from what the parts of a sensor count."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from console.agent import process
from console.agent.versions import versions
from rules.watch import Watch
from sensor.messages import MALFORMED
from sensor.protocols.protocol import NAMES
from sensor.times import rfc3339

EVICTIONS = ("evicted", "not_kept", "gave_way", "refused", "evictions", "not_taken")


class Use(NamedTuple):
    """What the process had used at one time."""

    at_s: float
    cpu_s: float
    packets: int
    octets: int


def used_now(packets: int, octets: int) -> Use:
    """What it has used by now."""
    return Use(time.monotonic(), process.cpu_seconds(), packets, octets)


def usage(before: Use, now: Use) -> dict[str, Any]:
    """Rates between two times, and what the process uses now."""
    took = max(now.at_s - before.at_s, 1e-6)
    return {
        "interval_s": round(took, 3),
        "packets": now.packets,
        "bytes": now.octets,
        "packets_per_s": round((now.packets - before.packets) / took, 1),
        "bytes_per_s": round((now.octets - before.octets) / took, 1),
        "cpu_s": round(now.cpu_s, 3),
        "cpu_share": round((now.cpu_s - before.cpu_s) / took, 4),
        "memory_bytes": process.memory_octets(),
        "open_files": process.open_files(),
    }


def understanding(watch: Watch) -> dict[str, Any]:
    """What was recognised, and what was lost on the way."""
    octets, understood = watch.watcher.pipeline.understood
    losses = {name: number for name, number in watch.losses.items() if number}
    counts = watch.watcher.messages
    shares = watch.watcher.pipeline.understood_by_protocol
    return {
        "understood": round(understood / octets, 4) if octets else 1.0,
        "protocols": {
            NAMES[number]: {"messages": int(count), **_share(*shares.get(number, (0, 0)))}
            for number, count in enumerate(counts)
            if count
        },
        "malformed": malformed(watch),
        "faults": watch.watcher.pipeline.faults.total,
        "losses": losses,
        "evictions": {
            name: number for name, number in losses.items() if any(part in name for part in EVICTIONS)
        },
    }


def _share(octets: int, understood: int) -> dict[str, float]:
    """How much of a protocol's conversations is in whole messages; nothing where it has none over TCP."""
    return {"understood": round(min(understood / octets, 1.0), 4)} if octets else {}


def malformed(watch: Watch) -> int:
    """Messages that contradict their specification, of behaviours that are still known."""
    table = watch.watcher.behaviours
    rows = table.rows[np.flatnonzero(table.hashes)]
    return int(rows["messages"][(rows["flags"] & MALFORMED) != 0].sum())


def document(sensor: str, now_ns: int, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document; what is not known is left out."""
    known = {name: value for name, value in parts.items() if value is not None}
    return {
        "@timestamp": rfc3339(now_ns),
        "observer": {"name": sensor, "version": versions().get("fieldwatch", "")},
        "health": {**known, "versions": versions()},
    }
