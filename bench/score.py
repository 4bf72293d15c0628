"""How many real incidents are named, how soon, and how often a quiet plant is cried wolf in.

Every capture with a truth file below pcaps/ is analysed as a user would: with a baseline learned from
the long quiet capture of its plant, learning while the capture itself is still quiet, and with nothing
learned at all. Truth comes from the scripts that made the traffic (pcaps/make), and names no rule.

An incident is found when an alert of level high or critical comes up within 60 seconds of its first
act and names its actor or target. The time is that of the packets when the alert is told, as a live
sensor tells it: traffic is handed over second by second. False is every alert of level medium or
higher after learning where nothing had happened: in the last two thirds of quiet captures (the first
third is learned), in harmless stories, and before the first act of the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bench.truth import PCAPS, SECOND, Incident, Truth, truths
from rules.analysis import Analysis
from rules.baseline.document import text_of_baseline
from rules.baseline.model import Baseline
from rules.baseline.reading import baseline_of_text
from rules.baseline.stage import Window
from rules.documents import nanoseconds
from rules.language.loader import load_rules
from rules.rule import AnyRule
from rules.site.model import Site
from rules.site.reading import load_site
from sensor.capture.batch import PacketBatch
from sensor.capture.source import CaptureFile

WITHIN = 60.0
SERIOUS, URGENT = ("medium", "high", "critical"), ("high", "critical")
WAYS = ("baseline", "learn", "bare")
"""With the plant's baseline; learning in the capture's own quiet time; with nothing learned."""
LONG = 600 * SECOND
_T = TypeVar("_T")
_FOREVER = Window(until_ns=(1 << 63) - 1)


@dataclass
class Told:
    """An alert, and the packet time (since 1970) at which it was first told with each level."""

    document: dict[str, Any]
    first_ns: dict[str, int] = field(default_factory=dict)

    def since(self, levels: tuple[str, ...]) -> int | None:
        """When it was first told with one of these levels."""
        return min((time for level, time in self.first_ns.items() if level in levels), default=None)


@dataclass
class Story:
    """What came of one capture analysed in one way.

    `seconds` to the first urgent alert of each incident (None where none came in time), `techniques`
    as acts agreed upon and acts in all, `false` messages and the hours of quiet that they fell in.
    """

    name: str
    way: str
    seconds: dict[str, float | None]
    techniques: tuple[int, int]
    false: list[str]
    hours: float
    assets: Counter[str]
    """`roles`, `vendors` judged, and those that are wrong, each as a line of text."""


@cache
def _rules() -> tuple[AnyRule, ...]:
    return tuple(load_rules())


def _by_second(batch: PacketBatch) -> Iterator[PacketBatch]:
    """The batch in pieces of a second of packet time."""
    times = batch.records["time_ns"]
    cuts = np.flatnonzero(np.diff(times // SECOND)) + 1
    for start, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        if end > start:
            yield batch._replace(records=batch.records[start:end], first=batch.first + int(start))


def watch(analysis: Analysis, capture: Path) -> tuple[list[Told], int, int]:
    """Hand a capture over as it was on the wire; alerts, and the times of its first and last packet."""
    told: dict[str, Told] = {}
    first = last = 0
    analysis.begin(capture.name)

    def note() -> None:
        # An analysis collects for its report now and then, by itself.
        documents = [*analysis.alerts.values(), *analysis.take()]
        analysis.alerts.clear()
        for document in documents:
            alert = told.setdefault(document["event"]["id"], Told(document))
            alert.document = document
            alert.first_ns.setdefault(document["rule"]["level"], last)

    for batch in CaptureFile(str(capture)):
        for piece in _by_second(batch):
            times = piece.records["time_ns"]
            first, last = first or int(times[0]), max(last, int(times.max()))
            analysis.feed(piece)
            note()
    analysis.finish()
    note()
    return list(told.values()), first, last


def learn(capture: Path) -> str:
    """The text of the baseline file of a whole capture."""
    analysis = Analysis(_rules(), window=_FOREVER)
    analysis.begin(capture.name)
    for batch in CaptureFile(str(capture)):
        analysis.feed(batch)
    analysis.finish()
    return text_of_baseline(analysis.stage.baseline)


def _addresses(document: dict[str, Any]) -> Iterator[str]:
    for end in ("source", "destination", "asset"):
        for name in ("ip", "mac"):
            value = document.get(end, {}).get(name, ())
            yield from (value,) if isinstance(value, str) else value
    asset = document.get("asset", {})
    yield from (str(asset[name]) for name in ("old", "new") if name in asset)


def _concerns(alert: Told, incident: Incident) -> bool:
    return any(act.concerns(address) for act in incident.acts for address in _addresses(alert.document))


def _seconds(alerts: list[Told], incident: Incident) -> float | None:
    """From the first act to the first urgent alert that names a party of it, if that came in time."""
    times = [
        since
        for alert in alerts
        if (since := alert.since(URGENT)) is not None
        and nanoseconds(alert.document["event"]["end"]) >= incident.begin_ns
        and since >= incident.begin_ns
        and _concerns(alert, incident)
    ]
    seconds = (min(times) - incident.begin_ns) / SECOND if times else None
    return seconds if seconds is not None and seconds <= WITHIN else None


def _agreed(alerts: list[Told], incident: Incident) -> tuple[int, int]:
    """Acts of which an alert names a technique, and acts that have one."""
    agreed = judged = 0
    for act in incident.acts:
        if not act.techniques:
            continue
        judged += 1
        named = {
            identifier
            for alert in alerts
            if _concerns(alert, Incident(incident.name, (act,)))
            and nanoseconds(alert.document["event"]["start"]) <= act.time_ns + WITHIN * SECOND
            and nanoseconds(alert.document["event"]["end"]) >= act.time_ns - SECOND
            for identifier in alert.document.get("threat", {}).get("technique", {}).get("id", ())
        }
        agreed += bool(named & act.techniques)
    return agreed, judged


def _assets(truth: Truth, analysis: Analysis) -> Counter[str]:
    """What was said of each machine against what it is."""
    found: Counter[str] = Counter()
    assets = [document["asset"] for document in analysis.assets()]
    for host in truth.hosts:
        own = [asset for asset in assets if {host["ip"], host.get("ip6")} & set(asset.get("ip", ()))]
        same = [asset for asset in own if host["mac"] in asset.get("mac", ())]
        asset = (same or own or [{}])[0]
        if "role" in host:
            found["roles"] += 1
            if asset.get("role") != host["role"]:
                found[f"{host['host']}: role {asset.get('role', 'unknown')}, is {host['role']}"] += 1
        vendor = asset.get("vendor", "")
        found["vendors"] += 1
        # Behind a gateway a vendor can be told by words only; it must not be the gateway's.
        if host["vendor"].lower() not in vendor.lower() and (vendor or "behind" not in host):
            found[f"{host['host']}: vendor {vendor or 'unknown'}, is {host['vendor']}"] += 1
    return found


def judge(truth: Truth, way: str, baseline: str = "") -> Story:
    """Analyse one capture in one way; `baseline` is the text of a baseline file."""
    loaded: Baseline | None = None
    if baseline and way == "baseline":
        loaded = baseline_of_text(baseline, truth.capture.parent / "baseline.yaml")
    quiet = not truth.incidents and truth.baseline is None
    learned_ns = truth.quiet_ns // 3 if quiet else truth.quiet_ns
    window = Window(span_ns=learned_ns) if way == "learn" or (quiet and way == "baseline") else None
    site = load_site(truth.site) if truth.site else Site()
    analysis = Analysis(_rules(), site, loaded, window)
    alerts, first, last = watch(analysis, truth.capture)
    begin = first + learned_ns if window else first
    end = min((incident.begin_ns for incident in truth.incidents), default=last + 1)
    false = [
        f"{alert.document['rule']['level']} {alert.document['rule']['name']}: {alert.document['message']}"
        for alert in alerts
        if (since := alert.since(SERIOUS)) is not None and begin <= since < end
    ]
    pairs = [_agreed(alerts, incident) for incident in truth.incidents]
    return Story(
        truth.name,
        way,
        {incident.name: _seconds(alerts, incident) for incident in truth.incidents},
        (sum(agreed for agreed, _ in pairs), sum(judged for _, judged in pairs)),
        false,
        max(0, end - begin) / 3600 / SECOND,
        _assets(truth, analysis),
    )


def _stories(truth: Truth, baseline: str, ways: tuple[str, ...]) -> list[Story]:
    # A quiet capture learns its own first third; one without a quiet twin has no baseline.
    without = "learn" if not truth.incidents and truth.baseline is None else "" if baseline else "baseline"
    return [judge(truth, way, baseline) for way in ways if way != without]


def score(folder: Path = PCAPS, word: str = "", jobs: int = 1, ways: tuple[str, ...] = WAYS) -> list[Story]:
    """Judge every capture below a folder whose name holds the word, each in these ways."""
    chosen = [truth for truth in truths(folder) if word in truth.name and _is_telling(truth)]
    plants = sorted({truth.baseline for truth in chosen if truth.baseline})
    with ProcessPoolExecutor(jobs) if jobs > 1 else _Here() as pool:
        texts = dict(zip(plants, pool.map(learn, plants), strict=True))
        baselines = [texts[truth.baseline] if truth.baseline else "" for truth in chosen]
        found = list(pool.map(_stories, chosen, baselines, repeat(ways)))
    return [story for stories in found for story in stories]


def _is_telling(truth: Truth) -> bool:
    """Whether something happens in it, or it is quiet for long enough to learn and to judge."""
    return bool(truth.incidents or truth.baseline) or truth.quiet_ns >= LONG


class _Here:
    """A pool of no other process."""

    def map(self, function: Callable[..., _T], *rows: Iterable[Any]) -> Iterator[_T]:
        """The built-in."""
        return map(function, *rows)

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to give back."""


@dataclass
class Total:
    """The figures of one way over all stories; `late` names incidents that were not found in time."""

    way: str
    incidents: int
    found: int
    late: list[str]
    slowest_s: float
    techniques: float
    false: int
    hours: float
    false_per_hour: float


def total(stories: list[Story], way: str) -> Total:
    """The figures of one way."""
    mine = [story for story in stories if story.way == way]
    times = {f"{story.name} {name}".strip(): s for story in mine for name, s in story.seconds.items()}
    found = [seconds for seconds in times.values() if seconds is not None]
    judged = sum(story.techniques[1] for story in mine)
    false, hours = sum(len(story.false) for story in mine), sum(story.hours for story in mine)
    return Total(
        way,
        len(times),
        len(found),
        [name for name, seconds in times.items() if seconds is None],
        max(found, default=0.0),
        sum(story.techniques[0] for story in mine) / judged if judged else 1.0,
        false,
        hours,
        false / hours if hours else 0.0,
    )


def assets(stories: list[Story]) -> tuple[float, float, Counter[str]]:
    """Share of right roles, share of right vendors, and what is wrong, over the first way of each capture."""
    counted: Counter[str] = Counter()
    done: set[str] = set()
    for story in stories:
        if story.name not in done:
            done.add(story.name)
            plant = story.name.partition("/")[0]
            for text, number in story.assets.items():
                counted[text if text in ("roles", "vendors") else f"{plant}: {text}"] += number
    wrong = Counter({text: number for text, number in counted.items() if text not in ("roles", "vendors")})
    shares = [
        1 - sum(n for text, n in wrong.items() if f": {kind} " in text) / max(1, counted[f"{kind}s"])
        for kind in ("role", "vendor")
    ]
    return shares[0], shares[1], wrong


def _cell(story: Story | None) -> str:
    if story is None:
        return "-"
    times = [f"{seconds:.0f} s" if seconds is not None else "MISSED" for seconds in story.seconds.values()]
    return " ".join(times) + (f" ({len(story.false)} false)" if story.false else "") or "quiet"


def show(stories: list[Story]) -> None:
    """Print the table, what is missed, false and wrong, and the totals."""
    by_name: dict[str, dict[str, Story]] = {}
    for story in stories:
        by_name.setdefault(story.name, {})[story.way] = story
    width = max(len(name) for name in by_name)
    print(f"{'capture':{width}}  {'baseline':<18} {'learn':<18} {'bare':<18} techniques")
    for name, ways in by_name.items():
        cells = "".join(f"{_cell(ways.get(way)):<19}" for way in WAYS)
        agreed, judged = (ways.get("baseline") or ways["learn"]).techniques
        print(f"{name:{width}}  {cells}{f'{agreed}/{judged}' if judged else ''}")
    for way in WAYS[:2]:
        for story in stories:
            for text in story.false if story.way == way else ():
                print(f"false ({way}) {story.name}: {text}")
    roles, vendors, wrong = assets(stories)
    for text, number in wrong.items():
        print(f"wrong ({number}x) {text}")
    for way in WAYS:
        sums = total(stories, way)
        print(
            f"{way}: {sums.found} of {sums.incidents} incidents within {WITHIN:.0f} s, slowest"
            f" {sums.slowest_s:.1f} s; techniques {sums.techniques:.0%}; {sums.false} false alerts in"
            f" {sums.hours:.2f} h: {sums.false_per_hour:.2f}/h"
        )
    print(f"roles {roles:.1%}, vendors {vendors:.1%}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Score alerts and assets against labelled traffic.")
    parser.add_argument("word", nargs="?", default="", help="only captures with this in their name")
    parser.add_argument("--folder", type=Path, default=PCAPS, help="where captures and truth files lie")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    stories = score(options.folder, options.word, options.jobs)
    if options.json:
        roles, vendors, wrong = assets(stories)
        document = {
            "stories": [asdict(story) for story in stories],
            "total": {way: asdict(total(stories, way)) for way in WAYS},
            "assets": {"roles": roles, "vendors": vendors, "wrong": wrong},
        }
        json.dump(document, sys.stdout, indent=1, default=str)
    else:
        show(stories)


if __name__ == "__main__":
    main()
