"""The current posture: computed from the store, kept until the store changes or time has moved on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from statistics import fmean, quantiles
from time import monotonic

from console.posture.confidence import SensorConfidence, overall_confidence, sensor_confidence
from console.posture.constants import PostureConstants
from console.posture.exposures import exposures_of
from console.posture.formula import warning
from console.posture.ledger import Ledger, PostureAsset, SitePosture
from console.store.derived import Derived
from console.store.filters import MAX_LIMIT, AssetFilter, BehaviourFilter, PageRequest
from console.store.interface import Store
from console.store.records import AssetRecord, PosturePoint, SensorRecord
from console.store.times import now, to_nanoseconds, to_text

FRESH_S = 5.0
QUICK_S = 0.25
"""Computing it while a page waits may take so long."""
STALE_S = 60.0
"""An older one is computed anew even if nothing changed: weights decay."""
RECENT_REPORTS = 20
"""Health reports of a sensor that say what it drops of late: five minutes at one each fifteen seconds."""
SAMPLE_EVERY_S = 15 * 60.0
ALL = "all"


@dataclass(frozen=True, slots=True)
class Posture:
    """The posture at one moment. `score` is None where confidence is too low to say: grey, never green."""

    time_ns: int
    ledger: Ledger
    sites: list[SitePosture]
    risk: float
    confidence: float
    sensors: list[SensorConfidence]
    constants: PostureConstants

    @property
    def known(self) -> bool:
        """Whether confidence allows a score to be shown."""
        return self.confidence >= self.constants.unknown_below

    @property
    def score(self) -> float:
        """100 less the risk, whatever the confidence."""
        return 100 - self.risk

    @property
    def colour(self) -> str:
        """The warning colour: red, orange, yellow, blue, none or unknown."""
        return warning(self.score, self.constants) if self.known else "unknown"

    def colours(self) -> dict[str, int]:
        """Sites per warning colour."""
        counts = dict.fromkeys(("red", "orange", "yellow", "blue", "none", "unknown"), 0)
        for site in self.sites:
            counts[self.colour_of(site)] += 1
        return counts

    def confidence_of(self, site: str) -> float:
        """Mean confidence of a site's sensors."""
        return overall_confidence(sensor for sensor in self.sensors if sensor.site == site)

    def colour_of(self, site: SitePosture) -> str:
        """A site's warning colour."""
        if self.confidence_of(site.name) < self.constants.unknown_below:
            return "unknown"
        return warning(site.score, self.constants)

    def tenth_percentile(self) -> float:
        """The score that nine tenths of the sites exceed."""
        return tenth_percentile([site.score for site in self.sites])


class PostureService:
    """Answers from a posture at most a minute old, as `Derived` says."""

    def __init__(self, store: Store, constants: PostureConstants) -> None:
        self.store = store
        self.constants = constants
        self._posture = Derived(
            store,
            lambda: compute(store, constants, now()),
            "posture not renewed",
            fresh_s=FRESH_S,
            quick_s=QUICK_S,
            stale_s=STALE_S,
        )
        self._sampled_s = -math.inf

    def current(self, exact: bool = False) -> Posture:
        """The posture now; `exact` insists on the store's present revision."""
        return self._posture.current(exact)

    def what_if(self, closed: Collection[str]) -> Posture:
        """The posture if these open items were gone."""
        present = self.current()
        sites = present.ledger.without(closed)
        return Posture(
            present.time_ns,
            present.ledger,
            sites,
            combine(sites),
            present.confidence,
            present.sensors,
            present.constants,
        )

    def sample(self) -> bool:
        """Store the scores for trends, at most every quarter of an hour; whether it was time."""
        if monotonic() - self._sampled_s < SAMPLE_EVERY_S:
            return False
        self._sampled_s, time = monotonic(), now()
        posture = self.current()
        points = [PosturePoint(to_text(time), time, ALL, posture.score, posture.risk, posture.confidence)]
        for site in posture.sites:
            trust = posture.confidence_of(site.name)
            points.append(
                PosturePoint(to_text(time), time, f"site/{site.name}", site.score, site.risk, trust)
            )
            points += [
                PosturePoint(
                    to_text(time), time, f"zone/{site.name}/{zone.name}", zone.score, zone.risk, trust
                )
                for zone in site.zones
            ]
        self.store.put_posture(points)
        return True


def compute(store: Store, constants: PostureConstants, time_ns: int) -> Posture:
    """Weigh everything that is open in the store."""
    assets = all_assets(store)
    flows = store.flows(BehaviourFilter(), limit=100_000)
    known = [sensor for sensor in store.sensors() if not sensor.revoked]
    sensors = [
        sensor_confidence(
            sensor, constants, store.health(sensor.name, RECENT_REPORTS) if sensor.registered else ()
        )
        for sensor in known
    ]
    ledger = Ledger(
        store.open_items(),
        exposures_of(assets, flows, constants),
        [posture_asset(asset) for asset in assets],
        constants,
        time_ns,
        as_of=ends_of_captures(known),
        sites={sensor.name: sensor.site for sensor in known},
    )
    return Posture(
        time_ns, ledger, ledger.sites, combine(ledger.sites), overall_confidence(sensors), sensors, constants
    )


def ends_of_captures(sensors: Iterable[SensorRecord]) -> dict[str, int]:
    """For names that only ever delivered finished captures: when the last one ended.

    What happened in a capture is judged as of its end; by the clock, last year's would weigh nothing.
    """
    ends: dict[str, int] = {}
    for sensor in sensors:
        if not sensor.registered and sensor.summary:
            times = [item["last"] for item in sensor.summary.get("captures", ()) if "last" in item]
            if times:
                ends[sensor.name] = max(to_nanoseconds(text) for text in times)
    return ends


def combine(sites: list[SitePosture]) -> float:
    """The risk over several sites: their weighted mean, since a maximum would say nothing of a region."""
    if len(sites) <= 1:
        return sites[0].risk if sites else 0.0
    weights = [site.weight for site in sites]
    return fmean((site.risk for site in sites), weights) if sum(weights) else fmean(s.risk for s in sites)


def tenth_percentile(scores: list[float]) -> float:
    """The tenth percentile by linear interpolation; 100 of nothing."""
    if len(scores) < 2:
        return scores[0] if scores else 100.0
    return quantiles(scores, n=10, method="inclusive")[0]


def posture_asset(asset: AssetRecord) -> PostureAsset:
    """An asset as the ledger needs it."""
    fields = asset.document["asset"]
    label = fields.get("name") or next(iter(fields.get("ip", ())), None) or asset.id
    return PostureAsset(
        asset.id, label, fields.get("zone", "unassigned"), asset.site, float(fields.get("criticality", 1.0))
    )


def all_assets(store: Store) -> list[AssetRecord]:
    """Every asset, page by page."""
    found: list[AssetRecord] = []
    cursor: str | None = None
    while True:
        page = store.assets(AssetFilter(), PageRequest(limit=MAX_LIMIT, cursor=cursor, sort="first_seen"))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
