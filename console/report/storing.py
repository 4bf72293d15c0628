"""Puts an analysis into the store that the console shows, with the packets that prove each alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.commands.output import fail
from console.report.files import alerts_of
from console.store import open_store
from console.store.delivery import deliver
from console.store.errors import StoreError
from console.store.interface import Store
from console.store.records import Envelope
from rules.analysis import LEVELS, Analysis
from sensor.capture.slices import Slice, packets_at, pcap_of

MOST_EVIDENCE = 2_000
"""Alerts whose packets are kept, those of the highest level first."""


def fill_store(analysis: Analysis, summary: dict[str, Any], path: Path, observer: str) -> str:
    """Store everything; one sentence on what was new. The same analysis again changes nothing."""
    try:
        store = open_store(path)
    except StoreError as error:
        fail(f"--store: {error}", 1)
    try:
        receipt = deliver(store, observer, _envelopes(analysis, summary))
        kept = _put_evidence(store, analysis, observer)
    except StoreError as error:
        fail(f"--store: {error}", 1)
    finally:
        store.close()
    if receipt.duplicate:
        return f"{path} (it held all of this already)"
    return (
        f"{path} ({receipt.new_alerts} new alerts, {receipt.new_assets} new assets, "
        f"{receipt.new_behaviours} new behaviours, packets of {kept} alerts)"
    )


def _envelopes(analysis: Analysis, summary: dict[str, Any]) -> Iterator[Envelope]:
    for asset in analysis.assets():
        yield Envelope("asset", asset)
    for behaviour in analysis.behaviours():
        yield Envelope("behaviour", behaviour)
    yield Envelope("summary", summary)
    for alert in alerts_of(analysis):
        yield Envelope("alert", alert)


def _put_evidence(store: Store, analysis: Analysis, observer: str) -> int:
    """Cut the evidence frames out of the captures again; standard input cannot be read twice."""
    alerts = sorted(
        (alert for alert in analysis.alerts.values() if "evidence" in alert),
        key=lambda alert: -LEVELS.index(alert["rule"]["level"]),
    )[:MOST_EVIDENCE]
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    for alert in alerts:
        for capture, frames in _places(alert):
            wanted[capture].update(frames)
    packets: dict[tuple[str, int], Slice] = {}
    for capture, numbers in wanted.items():
        if capture != "-":
            for number, packet in packets_at(capture, numbers).items():
                packets[capture, number] = packet
    kept = 0
    for alert in alerts:
        found = [
            packets[capture, frame]
            for capture, frames in _places(alert)
            for frame in frames
            if (capture, frame) in packets
        ]
        if found:
            kept += store.put_evidence(alert["event"]["id"], pcap_of(found), observer)
    return kept


def _places(alert: dict[str, Any]) -> list[tuple[str, list[int]]]:
    evidence = alert["evidence"]
    return [(item["capture"], item["frames"]) for item in (evidence, *evidence.get("more", ()))]
