"""A capture as the tables that rules are matched against: what capture tests of rules run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rules.ends import Plant
from rules.enrich import behaviour_table
from rules.observed import Observed
from rules.site.model import Site
from rules.table import Table
from sensor.capture.source import CaptureFile
from sensor.observer import Observer, Step


def replay(path: Path, site: Site | None = None) -> Iterator[Table]:
    """Behaviours and asset changes of a capture, in the order in which they became known.

    Nothing is learned: rules that require a baseline stay silent. Raises CaptureError.
    """
    watcher = Observer()
    observed = Observed(watcher.inventory)
    plant = Plant(observed, site or Site())

    def tables(step: Step) -> Iterator[Table]:
        if step.fresh.size:
            rows = watcher.behaviours.rows[step.fresh]
            yield behaviour_table(rows, watcher.pipeline.out.strings, plant, None, step.fresh)
        if step.changes:
            yield from observed.tables(step.changes, plant, False, path.name)

    for batch in CaptureFile(path):
        for step in watcher.feed(batch):
            yield from tables(step)
    for step in watcher.finish():
        yield from tables(step)
