"""`assets`: the addresses of the machines that belong to the plant."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.learning import MOST_ASSETS
from rules.baseline.model import Baseline, address_order
from rules.baseline.nodes import Reader
from rules.baseline.sections.section import Difference, Section
from rules.baseline.words import quoted


def _lines(baseline: Baseline) -> Iterator[str]:
    yield "assets:" if baseline.assets else "assets: []"
    for asset in sorted(baseline.assets, key=address_order):
        yield f"- {quoted(asset)}"


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    for item in reader.list(node, "assets", MOST_ASSETS):
        baseline.assets.add(reader.text(item, "an asset"))


def _only_in(mine: Baseline, theirs: Baseline) -> Iterator[Difference]:
    for asset in sorted(mine.assets - theirs.assets, key=address_order):
        yield Difference("asset", asset)


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    result.assets |= first.assets | second.assets


ASSETS = Section("assets", True, _lines, _read, _only_in, _merge)
