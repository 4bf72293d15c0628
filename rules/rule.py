"""A rule, checked and ready to be matched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rules.expression import Expression
from rules.fields import Category

SEVERITY = {"informational": 2, "low": 21, "medium": 47, "high": 73, "critical": 99}
"""Sigma's level to `event.severity`."""
ACTIVE = frozenset({"stable", "test", "experimental"})
"""Statuses of rules that are matched; `deprecated` and `unsupported` ones are only kept."""


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A test that lives in its rule: either documents, matched as one table, or a capture."""

    name: str
    fires: bool
    documents: tuple[dict[str, Any], ...] = ()
    capture: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A Sigma rule with Fieldwatch's own key; fields as in the file. `name` is the file's stem.

    `condition` is the detection together with what `logsource` and `requires` ask for.
    """

    id: str
    name: str
    path: Path
    title: str
    title_zh: str
    description: str
    status: str
    level: str
    category: Category
    service: str | None
    detection: Expression
    condition: Expression
    tags: tuple[str, ...]
    falsepositives: tuple[str, ...]
    references: tuple[str, ...]
    author: str
    date: str
    message: str
    message_zh: str
    group_by: tuple[str, ...]
    quiet_ns: int
    advice: str
    advice_zh: str
    requires: tuple[str, ...]
    tests: tuple[RuleTest, ...]

    @property
    def severity(self) -> int:
        """1 to 100."""
        return SEVERITY[self.level]

    @property
    def is_active(self) -> bool:
        """Whether the rule is to be matched."""
        return self.status in ACTIVE

    @property
    def techniques(self) -> tuple[str, ...]:
        """ATT&CK technique ids of the tags, as written there, in capitals."""
        return tuple(
            tag.removeprefix("attack.").upper()
            for tag in self.tags
            if tag.startswith("attack.t") and tag[8:9].isdigit()
        )

    @property
    def tactics(self) -> tuple[str, ...]:
        """ATT&CK tactics of the tags."""
        return tuple(
            tag.removeprefix("attack.")
            for tag in self.tags
            if tag.startswith("attack.") and not (tag.startswith("attack.t") and tag[8:9].isdigit())
        )
