"""The posture as its page shows it: rounded so that points add up, named in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from statistics import fmean

from console.posture.confidence import Reason, SensorConfidence
from console.posture.constants import PostureConstants
from console.posture.formula import apportion, warning
from console.posture.ledger import Ledger, Row, SitePosture
from console.posture.service import Posture, PostureService
from console.store.times import to_text
from console.web.i18n import N_, NC_, translations
from console.web.vocabulary import word
from console.web.wording import span

FIRST_ROWS = 15
MOST_ROWS = 300
MOST_ASSETS = 12
OVERSHADOWED = 0.05
"""Points below which a line reads 0.0."""
TONES = {"none": "good"}

FACTORS = (
    ("heartbeat", NC_("confidence", "Sensors report")),
    ("watching", NC_("confidence", "Interfaces see traffic")),
    ("kept", NC_("confidence", "Packets not dropped")),
    ("understood", NC_("confidence", "OT bytes understood")),
    ("timely", NC_("confidence", "Judged in time")),
    ("clock", NC_("confidence", "Clocks right")),
    ("baseline", NC_("confidence", "Baseline learned")),
)
REASONS = {
    "heartbeat": N_("nothing heard for %(span)s"),
    "never": N_("never heard"),
    "watching": N_("interfaces not up: %(count)s"),
    "quiet": N_("no traffic"),
    "kept": N_("%(percent)s %% of packets dropped"),
    "understood": N_("%(percent)s %% understood"),
    "timely": N_("%(span)s late"),
    "clock": N_("clock off by %(span)s"),
    "baseline": N_("%(percent)s %% learned"),
}
"""Why a factor of a sensor is not full."""
MOST_REASONS = 3
OCCASIONAL = ("watching", "timely", "clock")
"""Factors that are shown only where they lower the confidence."""
EXPOSURES = {
    "unauthorised_device": NC_("exposure", "Device that nobody authorised"),
    "internet_flow": NC_("exposure", "Talks with the internet"),
    "cleartext_engineering": NC_("exposure", "Engineering in cleartext"),
}

OPERATIONS = re.compile(r"\b[a-z_]+\b(?=,| \()")


@dataclass(frozen=True, slots=True)
class Scored:
    """A score with its warning; `known` is false where confidence is too low to show it."""

    key: str
    label: str
    score: float
    risk: float
    colour: str
    items: int
    known: bool = True
    confidence: float = 1.0

    @property
    def tone(self) -> str:
        """The class that colours it."""
        return TONES.get(self.colour, self.colour)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One open item. `points` (one decimal) of all lines add up to the risk shown."""

    id: str
    kind: str
    title: str
    detail: str
    level: str | None
    points: float
    share: float
    """Of the whole risk, 0 to 1."""
    asset: str | None
    asset_label: str
    zone: str
    last_seen: str | None


@dataclass(frozen=True, slots=True)
class Factor:
    """One part of the confidence, 0 to 1; `note` says of the worst sensors why it is not full."""

    label: str
    value: float
    note: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The score without the chosen items."""

    chosen: int
    after: Scored
    gain: float


@dataclass(frozen=True, slots=True)
class PostureView:
    """Everything the page shows. `site` is None where it shows several sites together."""

    time: str
    site: str | None
    overall: Scored
    factors: list[Factor]
    sites: list[Scored]
    tenth_percentile: float
    ledger: list[LedgerLine]
    ledger_left: int
    ledger_left_points: float
    overshadowed: bool
    """Whether an alert that is high or worse reads 0.0 points, because the worst asset takes them all."""
    items: int
    zones: list[Scored]
    assets: list[Scored]
    chosen: frozenset[str]
    what_if: WhatIf | None


def view_of(
    service: PostureService,
    language: str,
    site: str | None,
    chosen: Collection[str],
    most_rows: int = FIRST_ROWS,
) -> PostureView:
    """The page's view of the present posture, of one site where it is named or the only one."""
    posture = service.current()
    shown = next((each for each in posture.sites if each.name == site), None)
    if shown is None and len(posture.sites) == 1:
        shown = posture.sites[0]
    lines = ledger_lines(posture.ledger, shown, language) if shown else []
    items = sum(len(each.rows()) for each in posture.sites) if shown is None else len(lines)
    overall = of_site(posture, shown, items) if shown else of_all(posture, items)
    present = {line.id for line in lines}
    picked = [item for item in chosen if item in present] if shown else []
    return PostureView(
        time=to_text(posture.time_ns),
        site=shown.name if shown else None,
        overall=overall,
        factors=factors(posture.sensors, shown.name if shown else None, language),
        sites=[of_site(posture, each, len(each.rows())) for each in posture.sites],
        tenth_percentile=posture.tenth_percentile(),
        ledger=lines[:most_rows],
        ledger_left=len(lines[most_rows:]),
        ledger_left_points=sum(line.points for line in lines[most_rows:]),
        overshadowed=any(line.level in ("high", "critical") and line.points < OVERSHADOWED for line in lines),
        items=items,
        zones=zones(shown, posture.constants, overall.confidence) if shown else [],
        assets=assets(shown, posture.constants, overall.confidence) if shown else [],
        chosen=frozenset(picked),
        what_if=what_if(service, shown, overall, picked) if shown and picked else None,
    )


def scored(
    key: str, label: str, risk: float, items: int, constants: PostureConstants, confidence: float = 1.0
) -> Scored:
    """A score with the warning its confidence allows."""
    known = confidence >= constants.unknown_below
    colour = warning(100 - risk, constants) if known else "unknown"
    return Scored(key, label, 100 - risk, risk, colour, items, known, confidence)


def of_all(posture: Posture, items: int) -> Scored:
    """All sites together."""
    return scored("", "", posture.risk, items, posture.constants, posture.confidence)


def of_site(posture: Posture, site: SitePosture, items: int) -> Scored:
    """One site."""
    confidence = posture.confidence_of(site.name)
    return scored(site.name, site.name, site.risk, items, posture.constants, confidence)


def ledger_lines(ledger: Ledger, site: SitePosture, language: str) -> list[LedgerLine]:
    """Every open item of a site, most points first."""
    rows = site.rows()
    points = apportion([row.site_points for row in rows], site.risk, 0.1)
    return [line(ledger, row, share, site.risk, language) for row, share in zip(rows, points, strict=True)]


def line(ledger: Ledger, row: Row, points: float, risk: float, language: str) -> LedgerLine:
    """One row of the ledger, named."""
    asset = ledger.assets[row.asset]
    title = row.title_zh if language == "zh" and row.title_zh else row.title
    detail = ""
    if row.kind == "exposure":
        kind, _, detail = row.title.partition(": ")
        label = EXPOSURES.get(kind)
        title = translations(language).pgettext("exposure", label) if label else kind
        detail = "" if detail == asset.id else _spoken(detail, language)
    return LedgerLine(
        row.id,
        row.kind,
        title,
        detail,
        row.level,
        points,
        row.site_points / risk if risk else 0.0,
        asset.id if asset.listed else None,
        asset.label,
        asset.zone,
        to_text(row.last_seen_ns) if row.last_seen_ns is not None else None,
    )


def _spoken(detail: str, language: str) -> str:
    """An exposure's detail with the operations it lists in the reader's language."""
    return OPERATIONS.sub(lambda found: word(language, "operation", found[0]), detail)


def factors(sensors: Iterable[SensorConfidence], site: str | None, language: str) -> list[Factor]:
    """The parts of the confidence, each the mean over the sensors, with the worst sensors' reasons."""
    say = translations(language).pgettext
    own = [sensor for sensor in sensors if site is None or sensor.site == site]
    found = []
    for name, label in FACTORS:
        reasons = [
            (getattr(sensor, name), f"{sensor.sensor} – {reason_text(reason, language)}")
            for sensor in own
            for reason in sensor.reasons
            if reason.factor == name
        ]
        if name in OCCASIONAL and not reasons:
            continue
        worst = [text for _, text in sorted(reasons)]
        note = " · ".join(worst[:MOST_REASONS]) + (" …" if len(worst) > MOST_REASONS else "")
        mean = fmean(getattr(sensor, name) for sensor in own) if own else 0.0
        found.append(Factor(say("confidence", label), mean, note))
    return found


def reason_text(reason: Reason, language: str) -> str:
    """Why a factor of a sensor is not full, in a few words."""
    kind = reason.factor
    if not reason.amount:
        kind = {"watching": "quiet", "heartbeat": "never"}.get(kind, kind)
    values = {
        "count": int(reason.amount),
        "percent": f"{reason.amount * 100:.1f}",
        "span": span(language, reason.amount),
    }
    return translations(language).gettext(REASONS[kind]) % values


def zones(site: SitePosture, constants: PostureConstants, confidence: float) -> list[Scored]:
    """The zones of a site, worst first."""
    return [
        scored(
            zone.name,
            zone.name,
            zone.risk,
            sum(len(asset.rows) for asset in zone.assets),
            constants,
            confidence,
        )
        for zone in site.zones
    ]


def assets(site: SitePosture, constants: PostureConstants, confidence: float) -> list[Scored]:
    """The assets that carry risk, worst first."""
    burdened = [asset for zone in site.zones for asset in zone.assets if asset.rows]
    burdened.sort(key=lambda each: (-each.risk, each.asset.label))
    return [
        scored(
            each.asset.id if each.asset.listed else "",
            each.asset.label,
            each.risk,
            len(each.rows),
            constants,
            confidence,
        )
        for each in burdened[:MOST_ASSETS]
    ]


def what_if(service: PostureService, site: SitePosture, overall: Scored, picked: list[str]) -> WhatIf:
    """The site's score if the picked items were closed."""
    after = service.what_if(picked)
    changed = next((each for each in after.sites if each.name == site.name), site)
    result = scored(
        site.name,
        site.name,
        changed.risk,
        overall.items - len(picked),
        service.constants,
        overall.confidence,
    )
    return WhatIf(len(picked), result, result.score - overall.score)


def score_of(service: PostureService, asset_id: str) -> Scored | None:
    """The present score of one asset; None where the posture does not know it yet."""
    posture = service.current()
    known = posture.ledger.assets.get(asset_id)
    if known is None:
        return None
    confidence = posture.confidence_of(known.site)
    for site in posture.sites:
        for zone in site.zones if site.name == known.site else ():
            for each in zone.assets if zone.name == known.zone else ():
                if each.asset.id == asset_id:
                    return scored(
                        asset_id, known.label, each.risk, len(each.rows), service.constants, confidence
                    )
    return None
