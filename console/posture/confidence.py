"""The second dial: how far the score can be trusted, from what the sensors say about themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod
from typing import Any

from console.posture.constants import PostureConstants
from console.store.records import SensorRecord

FACTORS = ("heartbeat", "watching", "kept", "understood", "timely", "clock", "baseline")
NO_TRAFFIC = "no-traffic"
"""The condition by which a sensor says that its interfaces are quiet (with or without `sensor-`)."""
FULL = 0.995
"""From here on a factor needs no reason: it is shown as 100 %."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a factor of a sensor is not full: `kind` is the factor or what is special of it.

    `amount` is in seconds for heartbeat, timely and clock, a share for kept, understood and baseline,
    and for watching the number of interfaces that are not up (0: no traffic).
    """

    factor: str
    amount: float


@dataclass(frozen=True, slots=True)
class SensorConfidence:
    """The factors of one sensor, each from 0 to 1; a factor nobody reports is 1."""

    sensor: str
    site: str
    heartbeat: float
    kept: float
    understood: float
    baseline: float
    watching: float = 1.0
    timely: float = 1.0
    clock: float = 1.0
    reasons: tuple[Reason, ...] = field(default=())

    @property
    def value(self) -> float:
        """The product: heartbeat × watching × (1 − drop) × decode success × timely × clock × baseline."""
        return prod(getattr(self, name) for name in FACTORS)


def sensor_confidence(
    sensor: SensorRecord, constants: PostureConstants, recent: Sequence[Mapping[str, Any]] = ()
) -> SensorConfidence:
    """Weigh one sensor; `recent` are its latest health documents, newest first, for what it drops lately.

    A registered sensor is expected to report; a name that only ever delivered finished captures
    (`fieldwatch analyze`) has no heartbeat to lose. Drops since it started count, or those of late where
    they are worse: months without loss must not hide an hour of it.
    """
    health = _inner(sensor.health, "health")
    late = max(_number(health.get("lag_s")), _number(_inner(health, "spool").get("oldest_s")))
    skew = abs(_number(health.get("clock_offset_s")))
    watching, away = _watching(health)
    factors = {
        "heartbeat": _heartbeat(sensor, constants),
        "watching": watching,
        "kept": 1 - max(_dropped(health), _dropped_lately(recent)),
        "understood": _share(health.get("understood"), _inner(sensor.summary, "understood").get("share")),
        "timely": _within(late, constants.late_seconds),
        "clock": _within(skew, constants.clock_seconds),
        "baseline": _share(_inner(health, "baseline").get("completeness")),
    }
    amounts = {
        "heartbeat": sensor.silent_seconds or 0.0,
        "watching": float(away),
        "kept": 1 - factors["kept"],
        "understood": factors["understood"],
        "timely": late,
        "clock": skew,
        "baseline": factors["baseline"],
    }
    reasons = tuple(Reason(name, amounts[name]) for name in FACTORS if factors[name] < FULL)
    return SensorConfidence(sensor=sensor.name, site=sensor.site, reasons=reasons, **factors)


def overall_confidence(sensors: Iterable[SensorConfidence]) -> float:
    """The mean over sensors; 0 where there is none, since then nothing is known."""
    values = [sensor.value for sensor in sensors]
    return sum(values) / len(values) if values else 0.0


def _inner(document: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """An inner object; empty where a sensor has put anything else in its place."""
    found = (document or {}).get(name)
    return found if isinstance(found, dict) else {}


def _heartbeat(sensor: SensorRecord, constants: PostureConstants) -> float:
    if not sensor.registered:
        return 1.0
    if sensor.silent_seconds is None:
        return 0.0
    return _within(sensor.silent_seconds, constants.heartbeat_seconds)


def _within(amount: float, limit: float) -> float:
    """1 up to the limit, then falling as the limit's share of the amount."""
    return min(1.0, limit / amount) if amount > 0 else 1.0


def _watching(health: Mapping[str, Any]) -> tuple[float, int]:
    """The share of interfaces that are up, and how many are not; nothing where there is no traffic."""
    conditions = health.get("conditions")
    if isinstance(conditions, list) and any(str(name).endswith(NO_TRAFFIC) for name in conditions):
        return 0.0, 0
    listed = health.get("interfaces")
    states = (
        [each.get("state") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    away = sum(state in ("down", "gone") for state in states)
    return (1 - away / len(states), away) if states else (1.0, 0)


def _dropped(health: Mapping[str, Any]) -> float:
    lost, seen = _counts(health)
    return lost / (seen + lost) if lost > 0 else 0.0


def _dropped_lately(recent: Sequence[Mapping[str, Any]]) -> float:
    """The share dropped between the oldest and the newest of these documents of one boot."""
    reports = [_inner(document, "health") for document in recent]
    if len(reports) < 2 or reports[0].get("boot") is None:
        return 0.0
    same = [report for report in reports if report.get("boot") == reports[0]["boot"]]
    lost, seen = (new - old for new, old in zip(_counts(same[0]), _counts(same[-1]), strict=True))
    return lost / (seen + lost) if lost > 0 and seen >= 0 else 0.0


def _counts(health: Mapping[str, Any]) -> tuple[float, float]:
    drops = health.get("drops")
    lost = sum(map(_number, drops.values())) if isinstance(drops, dict) else 0.0
    return lost, _number(health.get("packets"))


def _number(value: Any) -> float:
    plain = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if plain else 0.0


def _share(*candidates: Any) -> float:
    for value in candidates:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return min(1.0, max(0.0, float(value)))
    return 1.0
