"""How a running sensor is, by its parts: for its health document, its heartbeat and its conditions."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from console.agent import health, process
from console.agent.conditions.readings import Interface, Reading
from console.agent.control import Control
from console.agent.evidence.keeper import Keeper
from console.agent.learning import Learning
from console.agent.plan import Plan
from console.agent.sources import Source, plain
from console.agent.spool.writer import Writer
from console.agent.telemetry import Telemetry
from console.agent.uplink.sender import Sender
from console.agent.versions import versions
from rules.rule import digest_of
from rules.watch import Watch
from sensor.times import rfc3339

MOST_UNKNOWN = 64
"""Events without packets that one heartbeat names; the rest wait for the next."""


@dataclass(slots=True)
class Vitals:
    """Asks each part. `heartbeat` may be called from any thread, the rest from the one that captures."""

    run_id: str
    source: Source
    watch: Watch
    telemetry: Telemetry
    learning: Learning
    writer: Writer
    keeper: Keeper | None
    plan: Plan
    """What runs."""
    sender: Sender | None = None
    control: Control | None = None
    lag_s: float | None = None
    """Seconds from a packet to its judgement; None for packets that are not live."""
    late: int = 0
    """Packets of earlier runs that were judged by this one."""
    faults: Counter[str] = field(default_factory=Counter)
    """Defects that were contained, by the part of the work that they were in."""
    begun_s: float = field(default_factory=time.monotonic)
    _used: health.Use = field(default_factory=lambda: health.used_now(0, 0))

    def parts(self, now: float) -> dict[str, Any]:
        """The object `health` of the health document, without `conditions`; rates since it was asked last."""
        used = health.used_now(self.watch.packets - self.late, self.watch.octets)
        interfaces = self.source.health()
        parts: dict[str, Any] = {
            "boot": self.run_id,
            "uptime_s": round(now - self.begun_s, 1),
            **health.usage(self._used, used),
            **health.understanding(self.watch),
            "drops": {
                "ring": sum(item.dropped for item in interfaces),
                "interface": sum(item.nic_dropped for item in interfaces),
                "damaged": sum(item.damaged for item in interfaces),
            },
            "interfaces": [
                {
                    "name": item.name,
                    "state": plain(item.state),
                    "packets": item.packets,
                    "bytes": item.octets,
                    "drops": item.dropped,
                }
                for item in interfaces
            ],
            "spool": {
                **self._waiting(),
                "dropped": self.writer.dropped(),
                "refused": self.sender.refused if self.sender else 0,
                "lost_files": self.writer.disk.lost_files,
                "error": self.writer.error,
            },
            "lag_s": None if self.lag_s is None else round(self.lag_s, 3),
            "clock_synchronised": process.clock_synchronised(),
            "rules_digest": digest_of(self.plan.rules),
            "rules": len(self.plan.rules),
            "configuration": {"version": self.plan.version, "digest": self.plan.digest}
            if self.plan.version
            else {},
        }
        parts["faults"] += sum(self.faults.values())
        self._used = used
        self._add_uplink(parts)
        self._add_learning(parts)
        self._add_evidence(parts)
        return parts

    def _waiting(self) -> dict[str, Any]:
        depth = self.writer.depth
        age = (time.time_ns() - depth.oldest_ns) / 1e9 if depth.oldest_ns else 0.0
        return {
            "documents": depth.documents,
            "alerts": depth.alerts,
            "bytes": depth.bytes,
            "oldest_s": round(max(0.0, age), 1),
        }

    def _add_uplink(self, parts: dict[str, Any]) -> None:
        if self.sender is None or self.control is None:
            return
        way = self.sender.condition
        parts["uplink"] = {
            "state": way.state,
            **({"since": rfc3339(way.since_ns)} if way.since_ns else {}),
            **({"last_ok": rfc3339(way.last_ok_ns)} if way.last_ok_ns else {}),
            **({"error": way.error} if way.error else {}),
        }
        parts["clock_offset_s"] = self.control.clock_offset_s
        if self.control.refused:
            parts["configuration"]["refused"] = self.control.refused

    def _add_learning(self, parts: dict[str, Any]) -> None:
        progress = self.learning.progress(self.telemetry.now_ns)
        if progress is not None and progress < 1:
            parts["learning"] = {"share": round(progress, 4)}
            if self.learning.until_ns:
                parts["learning"]["until"] = rfc3339(self.learning.until_ns)
        has_baseline = self.plan.baseline is not None or self.learning.baseline is not None
        complete = 1.0 if progress is None and has_baseline else progress
        if complete is not None:
            parts["baseline"] = {"completeness": round(complete, 4)}

    def _add_evidence(self, parts: dict[str, Any]) -> None:
        if self.keeper is None:
            return
        oldest = self.keeper.oldest_ns()
        parts["evidence"] = {
            "bytes": self.keeper.segments.octets,
            "not_held": self.keeper.not_kept,
            **({"oldest": rfc3339(oldest)} if oldest else {}),
        }

    def reading(self, now: float, now_ns: int, parts: dict[str, Any]) -> Reading:
        """What conditions are judged by, from these parts."""
        octets, understood = self.watch.watcher.pipeline.understood
        return Reading(
            at_s=now,
            time_ns=now_ns,
            packets=self.watch.packets - self.late,
            dropped=sum(parts["drops"].values()),
            ot_octets=octets,
            ot_understood=understood,
            interfaces=tuple(
                Interface(item["name"], item["state"], item["packets"]) for item in parts["interfaces"]
            ),
            clock_offset_s=parts.get("clock_offset_s"),
            spool_share=parts["spool"]["bytes"] / self.writer.disk.most_bytes,
            refused_reason=(self.control.refused or {}).get("reason", "") if self.control else "",
        )

    def heartbeat(self) -> dict[str, Any]:
        """What the heartbeat says."""
        state: dict[str, Any] = {
            "boot": self.run_id,
            "uptime_s": round(time.monotonic() - self.begun_s, 1),
            "version": versions().get("fieldwatch", ""),
            "spool": self._waiting(),
        }
        unknown = self.keeper.take_unknown(MOST_UNKNOWN) if self.keeper is not None else []
        if unknown:
            state["evidence"] = {"unknown": unknown}
        return state
