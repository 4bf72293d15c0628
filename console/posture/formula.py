"""The posture formula: weights of open items, the risk of an asset, and how risk rises to zone and site.

    λ = −ln(1−p) × criticality × confidence × 2^(−age / half-life) × min(cap, 1 + slope·log10(count))
    risk of an asset = 100·(1 − e^(−Σλ)), an item's points = risk × λ/Σλ
    risk of a parent = lead + (100 − lead) × spread × weighted mean of the rest / 100

The lead child is the one that makes the parent's risk largest. Where weights are equal that is the
worst child, as one would expect; where they differ, taking the worst one always would let the parent's
risk fall at the moment a light child overtakes a heavy one. This way a risk that rises anywhere never
lowers any risk above it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from console.posture.constants import PostureConstants

HOUR_NS = 3_600_000_000_000


def event_weight(
    level: str,
    criticality: float,
    confidence: float,
    age_hours: float,
    count: int,
    constants: PostureConstants,
) -> float:
    """λ of one open alert; an age below zero (a clock ahead of ours) counts as zero."""
    p: float = getattr(constants, level)
    decay = 2.0 ** (-max(0.0, age_hours) / constants.half_life_hours)
    repeats = min(constants.count_cap, 1 + constants.count_slope * math.log10(max(1, count)))
    return -math.log1p(-p) * criticality * confidence * decay * repeats


def standing_weight(p: float, criticality: float) -> float:
    """λ of a standing exposure: it does not decay."""
    return -math.log1p(-p) * criticality


def vulnerability(cvss: float, epss: float, kev: bool, reachable: bool, constants: PostureConstants) -> float:
    """p of a vulnerability; `cvss` from 0 to 10, `epss` from 0 to 1, `kev` when known to be exploited."""
    likelihood = 1.0 if kev else constants.epss_floor + (1 - constants.epss_floor) * epss
    reach = 1.0 if reachable else constants.unreachable
    return min(constants.vulnerability_cap, cvss / 10 * likelihood * reach)


def asset_risk(total_weight: float) -> float:
    """Risk from 0 to 100 of an asset whose items' λ add up to `total_weight`."""
    return -100 * math.expm1(-total_weight)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The risk of a parent and how much of it each child brings, in the order given; they add up to it."""

    risk: float
    shares: tuple[float, ...]


def aggregate(risks: Sequence[float], weights: Sequence[float], spread: float) -> Aggregate:
    """Combine children's risks. A child of weight 0 can lead but does not count in the mean."""
    if not risks:
        return Aggregate(0.0, ())
    total_weight = math.fsum(weights)
    total = math.fsum(weight * risk for weight, risk in zip(weights, risks, strict=True))

    def parent(index: int) -> float:
        rest_weight = total_weight - weights[index]
        rest = (total - weights[index] * risks[index]) / rest_weight if rest_weight > 1e-9 else 0.0
        return risks[index] + (100 - risks[index]) * spread * max(0.0, rest) / 100

    lead = max(range(len(risks)), key=lambda index: (parent(index), risks[index], -index))
    rest_weight = total_weight - weights[lead]
    factor = (100 - risks[lead]) * spread / 100 / rest_weight if rest_weight > 1e-9 else 0.0
    shares = tuple(
        risk if index == lead else factor * weight * risk
        for index, (weight, risk) in enumerate(zip(weights, risks, strict=True))
    )
    return Aggregate(math.fsum(shares), shares)


def apportion(points: Sequence[float], total: float, unit: float = 0.01) -> list[float]:
    """Round points to `unit` so that they add up exactly to the rounded total (largest remainder)."""
    if not points:
        return []
    wanted = round(total / unit)
    floors = [math.floor(point / unit) for point in points]
    order = sorted(range(len(points)), key=lambda index: floors[index] - points[index] / unit)
    for index in order[: max(0, wanted - sum(floors))]:
        floors[index] += 1
    digits = max(0, round(-math.log10(unit)))
    return [round(floor * unit, digits) for floor in floors]


def warning(score: float, constants: PostureConstants) -> str:
    """The warning colour of a score: red (I), orange (II), yellow (III), blue (IV) or none."""
    for colour in ("red", "orange", "yellow", "blue"):
        if score < getattr(constants, f"{colour}_below"):
            return colour
    return "none"
