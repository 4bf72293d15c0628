"""A capture as the tables that rules are matched against: what capture tests of rules run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rules.site.model import Site
from rules.table import Table
from rules.watch import Watch
from sensor.capture.source import CaptureFile


def replay(path: Path, site: Site | None = None) -> Iterator[Table]:
    """Behaviours and asset changes of a capture, in the order in which they became known.

    Nothing is learned: rules that require a baseline stay silent. Raises CaptureError.
    """
    watch = Watch((), site)
    watch.begin(path.name)
    for batch in CaptureFile(path):
        for step in watch.watcher.feed(batch):
            yield from watch.tables(step)
    for step in watch.watcher.finish():
        yield from watch.tables(step)
