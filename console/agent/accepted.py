"""Entries of the baseline that analysts accepted in the console: taken on by a sensor, and given up again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from rules.baseline.decisions import Decision, decide
from rules.baseline.model import Baseline
from rules.baseline.nodes import Reader
from rules.baseline.sections.decisions import DECISIONS

KEYS = ("id", "decision", "by", "at", "until", "first", "reason", "entry")
"""What a baseline file knows of a decision; what else a console says is its own affair."""


def decisions_of(accepted: Iterable[Mapping[str, Any]]) -> tuple[Decision, ...]:
    """Decisions as a bundle holds them: those of a baseline file, as JSON. Raises ValueError."""
    baseline = Baseline()
    for number, item in enumerate(accepted, 1):
        plain = {key: item[key] for key in KEYS if key in item}
        node = yaml.compose(json.dumps([plain], ensure_ascii=False), Loader=yaml.SafeLoader)
        assert node is not None
        DECISIONS.read(Reader(Path(f"accepted {number}")), node, baseline)
    return tuple(baseline.decisions.values())


def with_decisions(baseline: Baseline, gone: Iterable[Decision], made: Iterable[Decision]) -> Baseline:
    """A copy of the baseline without these decisions and with those."""
    result = deepcopy(baseline)
    for decision in gone:
        result.decisions.pop(decision.entry.id, None)
    for decision in made:
        decide(result, decision)
    return result
