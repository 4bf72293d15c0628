"""From alerts to incidents: which belong together, how far it has gone, what typically comes next.

A pure function of alert documents, the same whether they came live or from a file, all at once or bit
by bit. An alert by which an attack advances to a later phase counts one level more: that is the early
warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from rules.documents import timestamp
from rules.incidents.joining import joined
from rules.incidents.outlook import confidence_of, explanation, outlook
from rules.incidents.phrases import LANGUAGES
from rules.incidents.sighting import LEVELS, Machine, Sighting, named_alike, sighting
from rules.incidents.story import Step, headline, steps_of
from rules.incidents.tactics import advances, following

MOST_ALERTS = 5_000
"""Alerts looked at: the highest levels, of one level the newest; the rest is counted."""
MOST_INCIDENTS = 500
MOST_IDS = 1_000
MOST_MACHINES = 50
_MEDIUM, _HIGH = LEVELS.index("medium"), LEVELS.index("high")


class Incidents(NamedTuple):
    """Incident documents, the worst first, of one level the latest first; and what did not fit."""

    documents: list[dict[str, Any]]
    alerts_left_out: int
    incidents_left_out: int


def incidents_of(
    alerts: Iterable[Mapping[str, Any]],
    assets: Mapping[str, str] | None = None,
    most_alerts: int = MOST_ALERTS,
) -> Incidents:
    """The incidents among these alert documents; `assets` has the asset ids of addresses."""
    assets = assets or {}
    found = [item for alert in alerts if (item := sighting(alert, assets)) is not None]
    found.sort(key=lambda item: (-item.level, -item.end_ns, item.id))
    groups = [group for group in joined(found[:most_alerts]) if _is_incident(group)]
    documents = [_document(group) for group in groups]
    documents.sort(key=lambda document: document["incident"]["id"])
    documents.sort(key=lambda document: document["incident"]["end"], reverse=True)
    documents.sort(key=lambda document: -LEVELS.index(document["incident"]["level"]))
    return Incidents(documents[:MOST_INCIDENTS], len(found[most_alerts:]), len(documents[MOST_INCIDENTS:]))


def _is_incident(group: Sequence[Sighting]) -> bool:
    """Whether alerts make a story: several deeds at several times, that matter and nobody announced."""
    own = [item for item in group if not item.explained]
    if len({item.start_ns for item in own}) < 2:
        return False
    level = _level(group)
    return level >= _MEDIUM if len({item.rule for item in own}) > 1 else level >= _HIGH


def _level(group: Sequence[Sighting]) -> int:
    """The highest alert's, or one above the alert by which the attack advances, whichever is more."""
    highest = max(item.level for item in group)
    advance = _advance(group)
    return min(max(highest, advance[1].level + 1), len(LEVELS) - 1) if advance else highest


def _advance(group: Sequence[Sighting]) -> tuple[Sighting, Sighting] | None:
    """The worst alert by which the attack went on to a later phase, behind one of an earlier phase.

    Announced work advances nothing, and one packet that raises two alerts is one deed.
    """
    best: tuple[Sighting, Sighting] | None = None
    first: dict[int, Sighting] = {}
    for item in group:
        if item.explained or not item.phase:
            continue
        for phase, earlier in first.items():
            if advances(phase, item.phase) and item.start_ns > earlier.start_ns:
                rank = (item.level, item.phase, -phase)
                if best is None or rank > (best[1].level, best[1].phase, -best[0].phase):
                    best = earlier, item
        first.setdefault(item.phase, item)
    return best


def _document(group: Sequence[Sighting]) -> dict[str, Any]:
    group = named_alike(group)
    start, end = group[0].start_ns, max(item.end_ns for item in group)
    steps = steps_of(group)
    advance = _advance(group)
    tactics = _tactics(group)
    next_tactics = following(entry["name"] for entry in tactics)
    levels = Counter(LEVELS[item.level] for item in group)
    incident: dict[str, Any] = {
        "id": "i-" + blake2b(group[0].id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(),
        "start": timestamp(start),
        "end": timestamp(end),
        "level": LEVELS[_level(group)],
        "raised": _level(group) > max(item.level for item in group),
        "confidence": confidence_of(group, advance),
        "title": headline(steps, "en"),
        "title_zh": headline(steps, "zh"),
        "tactics": tactics,
        "next": next_tactics,
        "sources": _machines([item.actor for item in group]),
        "targets": _machines([item.target for item in group]),
        "zones": sorted({item.target.zone for item in group if item.target and item.target.zone}),
        "steps": [_step(step) for step in steps],
        "alerts": {
            "count": len(group),
            "levels": {level: levels[level] for level in reversed(LEVELS) if levels[level]},
            "ids": [item.id for item in sorted(group, key=lambda item: (-item.level, item.order))][:MOST_IDS],
        },
    }
    for language in LANGUAGES:
        suffix = "" if language == "en" else f"_{language}"
        incident["explanation" + suffix] = explanation(group, advance, language)
        incident["outlook" + suffix] = outlook(next_tactics, language)
    return {"@timestamp": timestamp(start), "event": {"kind": "incident"}, "incident": incident}


def _tactics(group: Sequence[Sighting]) -> list[dict[str, Any]]:
    """Each tactic with its first and last time and number of alerts, in the order of first times."""
    found: dict[str, list[Sighting]] = {}
    for item in group:
        for tactic in item.tactics:
            found.setdefault(tactic, []).append(item)
    return [
        {
            "name": tactic,
            "first": timestamp(mine[0].start_ns),
            "last": timestamp(max(item.end_ns for item in mine)),
            "alerts": len(mine),
        }
        for tactic, mine in found.items()
    ]


def _machines(ends: Iterable[Machine | None]) -> list[dict[str, str]]:
    found = {end.key: end for end in ends if end is not None}
    return [machine.document() for machine in list(found.values())[:MOST_MACHINES]]


def _step(step: Step) -> dict[str, Any]:
    result: dict[str, Any] = {
        "start": timestamp(step.sightings[0].start_ns),
        "end": timestamp(max(item.end_ns for item in step.sightings)),
        "level": LEVELS[step.level],
        "text": step.sentence("en"),
        "text_zh": step.sentence("zh"),
        "titles": step.titles("en"),
        "titles_zh": step.titles("zh"),
        "tactics": list(dict.fromkeys(tactic for item in step.sightings for tactic in item.tactics)),
        "count": sum(item.count for item in step.sightings),
        "alerts": [item.id for item in step.sightings][:MOST_MACHINES],
    }
    if step.actor is not None:
        result["source"] = step.actor.document()
    targets = _machines(step.targets)
    if targets:
        result["targets"] = targets
    if all(item.explained for item in step.sightings):
        result["announced"] = True
    return result
