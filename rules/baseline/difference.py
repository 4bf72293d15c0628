"""How two baselines differ, and what both know together."""

from __future__ import annotations

from rules.baseline.model import Baseline
from rules.baseline.sections.registry import SECTIONS
from rules.baseline.sections.section import Difference


def only_in(baseline: Baseline, other: Baseline) -> list[Difference]:
    """What `baseline` knows and `other` does not, in the order of the file."""
    return [found for section in SECTIONS for found in section.only_in(baseline, other)]


def merged(first: Baseline, second: Baseline) -> Baseline:
    """A new baseline that knows what either knows.

    An operation that one withheld and the other learned counts as accepted.
    """
    result = Baseline()
    for section in SECTIONS:
        section.merge(result, first, second)
    return result
