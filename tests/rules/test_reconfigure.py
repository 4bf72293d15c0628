from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rule_texts import rule

from rules.analysis import Analysis
from rules.baseline.stage import span_window
from rules.language.loader import PACKS, load_rules
from rules.reconfigure import reconfigure
from rules.rule import AnyRule
from rules.site.model import Site
from rules.site.reading import site_of_text
from sensor.capture.batch import PacketBatch
from sensor.capture.source import CaptureFile

CAPTURE = Path(__file__).parents[2] / "pcaps" / "demo" / "plant.pcapng.zst"
READS = rule(detection="selection: {ics.operation: read, ics.kind: request}\ncondition: selection")
SITE = "site: Plant\nzones:\n- {name: everything, networks: [10.0.0.0/8], criticality: 2}\n"


@pytest.fixture(scope="module")
def shipped() -> list[AnyRule]:
    return load_rules((PACKS,))


def batches() -> Iterator[PacketBatch]:
    """The capture in pieces of about a second."""
    for batch in CaptureFile(CAPTURE, block=1 << 16):
        for start in range(0, len(batch.records), 100):
            yield PacketBatch(batch.data, batch.records[start : start + 100], batch.first + start)


def watched(rules: list[AnyRule], at: int = 0, change: Any = None, **options: Any) -> Analysis:
    """The whole capture, with a change before the batch number `at`."""
    analysis = Analysis(rules, **options)
    analysis.begin("plant")
    for number, batch in enumerate(batches()):
        if change is not None and number == at:
            change(analysis)
        analysis.feed(batch)
    analysis.finish()
    return analysis


def counts(analysis: Analysis, rule_id: str) -> list[int]:
    return sorted(
        alert["event"]["count"] for alert in analysis.alerts.values() if alert["rule"]["id"] == rule_id
    )


def test_a_rule_that_comes_later_tells_of_what_was_known_before_and_counts_it_once(
    shipped: list[AnyRule],
) -> None:
    whole = watched([*shipped, READS])
    later = watched(shipped, 60, lambda watch: reconfigure(watch, [*shipped, READS], Site()))
    assert counts(later, READS.id) == counts(whole, READS.id) != []
    # Frames and roles are those that are known when the rule comes.
    assert later.alerts.keys() == whole.alerts.keys()
    others = {key for key, alert in whole.alerts.items() if alert["rule"]["id"] != READS.id}
    assert {key: later.alerts[key] for key in others} == {key: whole.alerts[key] for key in others}


def test_switching_to_the_same_changes_nothing(shipped: list[AnyRule]) -> None:
    before = watched(shipped, window=span_window("1m"))
    after = watched(
        shipped, 70, lambda watch: reconfigure(watch, list(shipped), Site()), window=span_window("1m")
    )
    assert after.alerts == before.alerts


def test_a_rule_that_goes_tells_no_more(shipped: list[AnyRule]) -> None:
    whole = watched([*shipped, READS])
    less = watched([*shipped, READS], 60, lambda watch: reconfigure(watch, shipped, Site()))
    assert sum(counts(less, READS.id)) < sum(counts(whole, READS.id))
    others = {key for key, alert in whole.alerts.items() if alert["rule"]["id"] != READS.id}
    assert {key for key, alert in less.alerts.items() if alert["rule"]["id"] != READS.id} == others


def test_another_site_file_counts_from_then_on(shipped: list[AnyRule]) -> None:
    site = site_of_text(SITE, Path("site"))
    later = watched(shipped, 10, lambda watch: reconfigure(watch, shipped, site))
    zones = {alert["source"].get("zone") for alert in later.alerts.values() if "source" in alert}
    assert "everything" in zones
    assert later.watcher.inventory.belongs == site.is_internal


def test_a_baseline_that_knows_everything_leaves_nothing_new(shipped: list[AnyRule]) -> None:
    learned = watched(shipped, window=span_window("1d")).stage.baseline
    silent = watched(shipped, 1, lambda watch: reconfigure(watch, shipped, Site(), learned))
    loaded = watched(shipped, baseline=learned)
    assert {alert["rule"]["id"] for alert in silent.alerts.values()} == {
        alert["rule"]["id"] for alert in loaded.alerts.values()
    }


def test_what_cannot_be_switched_to_leaves_everything_as_it_was(shipped: list[AnyRule]) -> None:
    def fail(watch: Analysis) -> None:
        with pytest.raises(AttributeError):
            reconfigure(watch, [object()], site_of_text(SITE, Path("site")))  # type: ignore[list-item]

    assert watched(shipped, 60, fail).alerts == watched(shipped).alerts
