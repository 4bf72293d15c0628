"""What a section of the baseline file has to say for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import yaml

from rules.baseline.model import Baseline
from rules.baseline.nodes import Reader


class Difference(NamedTuple):
    """Something that one baseline has and the other has not, told at the topmost level only."""

    what: str
    """`asset`, `conversation`, `operation`, `function`, `object`, `value` …"""
    text: str


class Section(NamedTuple):
    """A top-level key of the file. All functions are pure but for the baseline that they fill."""

    name: str
    required: bool
    lines: Callable[[Baseline], Iterable[str]]
    """The lines of the file, the key's own first; none where a section that may lack is empty."""
    read: Callable[[Reader, yaml.Node, Baseline], None]
    """Put what stands under the key into the baseline. Fails through the Reader."""
    only_in: Callable[[Baseline, Baseline], Iterable[Difference]]
    """What the first knows and the second does not, in the order of the file."""
    merge: Callable[[Baseline, Baseline, Baseline], None]
    """Put into the first, the result, what the other two know; sections before it are merged already."""


def no_difference(_mine: Baseline, _theirs: Baseline) -> Iterable[Difference]:
    """For sections that say where knowledge is from, not what is known."""
    return ()
