"""Every check, in one place, and how they are run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rules.language.loader import source_of
from rules.language.problems import Problem
from rules.language.source import Source
from rules.lint.check import Check, Finding
from rules.lint.meaning import (
    BaselineRequired,
    DistinctDetection,
    HasTests,
    KnownNames,
    NotAlwaysTrue,
    TagsFitLevel,
    TestsPass,
)
from rules.lint.naming import DistinctNames, FileName, FolderName, RandomId
from rules.lint.texts import Advice, ChineseTexts, Description, FalsePositives, MessageFields, TitleForm
from rules.rule import AnyRule

CHECKS: tuple[type[Check], ...] = (
    FileName,
    FolderName,
    RandomId,
    DistinctNames,
    TitleForm,
    Description,
    ChineseTexts,
    MessageFields,
    Advice,
    FalsePositives,
    NotAlwaysTrue,
    KnownNames,
    BaselineRequired,
    TagsFitLevel,
    HasTests,
    TestsPass,
    DistinctDetection,
)


def lint(rules: Sequence[AnyRule], checks: Iterable[type[Check]] = CHECKS) -> list[Problem]:
    """What the checks find in these rules, by file and line."""
    found: list[tuple[str, Finding]] = []
    for check in [kind() for kind in checks]:
        for rule in rules:
            found.extend((check.name, finding) for finding in check.check(rule))
        found.extend((check.name, finding) for finding in check.finalize())
    sources: dict[str, Source | None] = {}
    problems = []
    for name, (rule, trail, text) in found:
        if rule.id not in sources:
            sources[rule.id] = source_of(rule)
        source = sources[rule.id]
        line, column = source.place(trail, at_key=True) if source and trail else (0, 0)
        problems.append(Problem(rule.path, line, column, text, name))
    return sorted(problems)
