"""Captures of our own against what their makers say happened in them: alerts, silence, assets.

The long ones, under pcaps/score/, are judged by `test_score`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from rules.analysis import Analysis
from rules.baseline.stage import Window
from rules.documents import nanoseconds
from rules.language.loader import load_rules
from sensor.capture.source import CaptureFile

PCAPS = Path(__file__).parents[1] / "pcaps"
CAPTURES = sorted(PCAPS.glob("*/*.pcapng.zst"))
TRUTHS = sorted(PCAPS.glob("*/*.truth.yaml"))
SERIOUS = ("medium", "high", "critical")
SECONDS = 10**9
LOOKING = ("identify", "read", "browse", "other")
"""What an intruder does before he does harm: told of once, not for each word of it."""
AT_ONCE, SOON = 2 * SECONDS, 10 * SECONDS
ASSETS_RIGHT = 0.95


class Findings(NamedTuple):
    """A capture's truth beside the alerts and assets that were made of its packets."""

    truth: dict[str, Any]
    alerts: list[dict[str, Any]]
    assets: list[dict[str, Any]]


@cache
def findings(path: Path) -> Findings:
    """Learn while the plant is quiet, then watch."""
    truth = yaml.safe_load(path.read_text("utf-8"))
    capture = path.parent / truth["capture"]
    analysis = Analysis(load_rules(), window=Window(span_ns=int(truth["quiet_s"] * SECONDS)))
    analysis.begin(capture.name)
    for batch in CaptureFile(str(capture)):
        analysis.feed(batch)
    analysis.finish()
    machines = analysis.watcher.inventory.machines()
    return Findings(
        truth,
        list(analysis.alerts.values()),
        [machine.document(capture.name)["asset"] for machine in machines],
    )


def serious(alerts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (alert for alert in alerts if alert["rule"]["level"] in SERIOUS)


def tells_of(alert: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether an alert names the actor, the target, the time and, where it is a deed, the deed."""
    happened = nanoseconds(event["time"])
    start, end = (nanoseconds(alert["event"][name]) for name in ("start", "end"))
    to_one = "/" not in event["target"]
    if alert.get("source", {}).get("ip") != event["actor"]:
        return False
    if to_one and alert.get("destination", {}).get("ip") != event["target"]:
        return False
    if event["operation"] in LOOKING:
        return start - SOON <= happened <= end + SOON
    same = event["operation"] in (alert["event"]["action"], alert.get("ics", {}).get("operation"))
    return same and start - AT_ONCE <= happened <= end + SOON


def name(path: Path) -> str:
    return path.name.removesuffix(".truth.yaml")


every_truth: Callable[[Any], Any] = pytest.mark.parametrize("path", TRUTHS, ids=name)


def test_every_capture_has_a_truth_and_is_small() -> None:
    described = {path.parent / yaml.safe_load(path.read_text("utf-8"))["capture"] for path in TRUTHS}
    assert described == set(CAPTURES)
    assert CAPTURES
    assert all(capture.stat().st_size <= 300_000 for capture in CAPTURES)
    assert sum(capture.stat().st_size for capture in CAPTURES) <= 2_500_000


@every_truth
def test_what_happened_is_told(path: Path) -> None:
    found = findings(path)
    untold = [
        event
        for event in found.truth["happened"]
        if not any(tells_of(alert, event) for alert in serious(found.alerts))
    ]
    assert untold == []


@every_truth
def test_nothing_serious_is_told_of_the_quiet_plant(path: Path) -> None:
    found = findings(path)
    times = [nanoseconds(event["time"]) for event in found.truth["happened"]]
    intruders = {host["ip"] for host in found.truth["plant"] if host.get("intruder")}
    false = [
        alert["message"]
        for alert in serious(found.alerts)
        if alert.get("source", {}).get("ip") not in intruders
        and not set(alert.get("asset", {}).get("ip", ())) & intruders
        and (not times or nanoseconds(alert["event"]["start"]) < min(times))
    ]
    assert false == []


@every_truth
def test_the_packets_are_of_their_time(path: Path) -> None:
    """What is said to have happened lies within the capture."""
    found = findings(path)
    seen = [nanoseconds(asset["first_seen"]) for asset in found.assets]
    last = max(nanoseconds(asset["last_seen"]) for asset in found.assets)
    for event in found.truth["happened"]:
        assert min(seen) <= nanoseconds(event["time"]) <= last


def test_assets_are_what_they_are() -> None:
    wrong, claims = [], 0
    for path in TRUTHS:
        found = findings(path)
        for host in found.truth["plant"]:
            asset = next((item for item in found.assets if host["ip"] in item.get("ip", ())), {})
            if "role" in host:
                claims += 1
                if asset.get("role") != host["role"]:
                    wrong.append((name(path), host["host"], host["role"], asset.get("role")))
            claims += 1
            if host["vendor"].lower() not in asset.get("vendor", "").lower():
                wrong.append((name(path), host["host"], host["vendor"], asset.get("vendor")))
    right = 1 - len(wrong) / claims
    assert right >= ASSETS_RIGHT, f"{right:.1%} of {claims} claims are right; wrong: {wrong}"


def test_assets_are_known_by_what_they_told() -> None:
    """Names, models, firmware and serial numbers, as the machines gave them to those who asked."""
    wrong = []
    for path in TRUTHS:
        found = findings(path)
        for host in found.truth["plant"]:
            asset = next((item for item in found.assets if host["ip"] in item.get("ip", ())), {})
            wrong += [
                (name(path), host["host"], field, host[field], asset.get(field))
                for field in ("name", "model", "firmware", "serial")
                if field in host and asset.get(field) != host[field]
            ]
    assert wrong == []
