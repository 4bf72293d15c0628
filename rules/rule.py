"""A rule, checked and ready to be matched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rules.expression import Expression
from rules.fields import Category

Kind: TypeAlias = Literal["event_count", "value_count", "temporal", "temporal_ordered"]

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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Heading:
    """What every rule has; fields as in the file. `name` is the file's stem."""

    id: str
    name: str
    path: Path
    title: str
    title_zh: str
    description: str
    status: str
    level: str
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
    tests: tuple[RuleTest, ...]
    digest: str
    """SHA-256 of the file's text, in hexadecimal."""

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
        return tuple(tag.removeprefix("attack.").upper() for tag in self.tags if _is_technique(tag))

    @property
    def tactics(self) -> tuple[str, ...]:
        """ATT&CK tactics of the tags."""
        mine = (tag for tag in self.tags if tag.startswith("attack.") and not _is_technique(tag))
        return tuple(tag.removeprefix("attack.") for tag in mine)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule(Heading):
    """A Sigma rule with Fieldwatch's own key.

    `condition` is the detection together with what `logsource` and `requires` ask for.
    """

    category: Category
    service: str | None
    detection: Expression
    condition: Expression
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Correlation(Heading):
    """A Sigma 2 correlation: how often, how many different, or in which order other rules match.

    `rules` are the ids of those rules. They make alerts of their own only if `generate`.
    """

    kind: Kind
    rules: tuple[str, ...]
    generate: bool
    timespan_ns: int
    threshold: int
    """At least so many messages or values; 0 for temporal kinds."""
    field: str
    """Whose distinct values are counted; empty but for value_count."""
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    """Names for fields that differ from rule to rule: alias, then pairs of rule id and field."""

    def field_of(self, name: str, rule: str) -> str:
        """The field that a name in `group_by` or `field` stands for where this rule (an id) matched."""
        for alias, fields in self.aliases:
            if alias == name:
                return dict(fields).get(rule, "")
        return name


AnyRule: TypeAlias = Rule | Correlation


def digest_of(rules: Iterable[AnyRule]) -> str:
    """`sha256:…` of a set of rules, the same in whatever order and wherever they lie."""
    text = "\n".join(sorted(f"{rule.id} {rule.digest}" for rule in rules))
    return "sha256:" + sha256(text.encode()).hexdigest()


def _is_technique(tag: str) -> bool:
    return tag.startswith("attack.t") and tag[8:9].isdigit()
