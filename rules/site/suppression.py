"""Suppressions: alerts that somebody has looked into and does not want to hear of until a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.expression import Expression
from rules.fields import Category


@dataclass(frozen=True, slots=True)
class Suppression:
    """Alerts of `rules` (ids or names; empty: of any) whose fields are as `covers` says.

    It ends at `expires_ns` (nanoseconds since 1970) of packet time. `line` is where it stands in its
    file, from 1.
    """

    id: str
    reason: str
    author: str
    expires_ns: int
    rules: frozenset[str]
    covers: Mapping[Category, Expression]
    line: int = 0

    def concerns(self, rule_id: str, rule_name: str) -> bool:
        """Whether it is about alerts of this rule at all."""
        return not self.rules or rule_id in self.rules or rule_name in self.rules
