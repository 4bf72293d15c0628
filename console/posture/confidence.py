"""The second dial: how far the score can be trusted, from what the sensors say about themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from console.posture.constants import PostureConstants
from console.store.records import SensorRecord


@dataclass(frozen=True, slots=True)
class SensorConfidence:
    """The four factors of one sensor, each from 0 to 1, and their product."""

    sensor: str
    site: str
    heartbeat: float
    kept: float
    understood: float
    baseline: float

    @property
    def value(self) -> float:
        """heartbeat × (1 − drop) × decode success × baseline completeness."""
        return self.heartbeat * self.kept * self.understood * self.baseline


def sensor_confidence(sensor: SensorRecord, constants: PostureConstants) -> SensorConfidence:
    """Weigh one sensor.

    A registered sensor is expected to report; a name that only ever delivered finished captures
    (`fieldwatch analyze`) has no heartbeat to lose. A factor nobody reports counts as 1.
    """
    health = _inner(sensor.health, "health")
    return SensorConfidence(
        sensor=sensor.name,
        site=sensor.site,
        heartbeat=_heartbeat(sensor, constants),
        kept=1 - _dropped(health),
        understood=_share(health.get("understood"), _inner(sensor.summary, "understood").get("share")),
        baseline=_share(_inner(health, "baseline").get("completeness")),
    )


def overall_confidence(sensors: Iterable[SensorConfidence]) -> float:
    """The mean over sensors; 0 where there is none, since then nothing is known."""
    values = [sensor.value for sensor in sensors]
    return sum(values) / len(values) if values else 0.0


def _inner(document: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """An inner object; empty where a sensor has put anything else in its place."""
    found = (document or {}).get(name)
    return found if isinstance(found, dict) else {}


def _heartbeat(sensor: SensorRecord, constants: PostureConstants) -> float:
    if not sensor.registered:
        return 1.0
    if sensor.silent_seconds is None:
        return 0.0
    return min(1.0, constants.heartbeat_seconds / max(sensor.silent_seconds, 1e-9))


def _dropped(health: dict[str, Any]) -> float:
    drops = health.get("drops")
    lost = sum(drops.values()) if isinstance(drops, dict) else 0
    seen = health.get("packets", 0)
    return lost / (seen + lost) if lost else 0.0


def _share(*candidates: Any) -> float:
    for value in candidates:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return min(1.0, max(0.0, float(value)))
    return 1.0
