"""What a check is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from rules.language.source import Trail
from rules.rule import AnyRule


class Finding(NamedTuple):
    """What a check has to say about a rule, and at which key."""

    rule: AnyRule
    trail: Trail
    text: str


class Check:
    """One thing to look at. An instance sees every rule of a set, then is asked to conclude."""

    name: ClassVar[str]

    def check(self, rule: AnyRule) -> Iterator[Finding]:
        """What is wrong with this rule."""
        yield from ()

    def finalize(self) -> Iterator[Finding]:
        """What is wrong with the set as a whole."""
        yield from ()
