"""Runs the tests that rules carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rules.documents import table_of
from rules.engine.explanation import objections
from rules.engine.matching import Engine
from rules.rule import Rule, RuleTest
from rules.table import Table

Reader = Callable[[Path], Iterable[Table]]
"""Decodes and enriches a capture: the tables of its behaviours and asset changes."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one test; `text` says what went wrong."""

    rule: Rule
    test: RuleTest
    passed: bool
    text: str = ""


def run_tests(
    rules: Iterable[Rule], captures: Path | None = None, read: Reader | None = None
) -> Iterator[Result]:
    """The result of every test of every rule, in their order.

    A firing test passes when every one of its documents matches, a silent one when none does; a
    capture must match somewhere or nowhere. Inactive rules are tested as well.
    """
    tables: dict[str, list[Table]] = {}
    for rule in rules:
        for test in rule.tests:
            if test.capture is None:
                yield _documents(rule, test)
            elif captures is None or read is None:
                yield Result(rule, test, False, "there is no folder of captures; pass it with --captures")
            elif not (captures / test.capture).is_file():
                yield Result(rule, test, False, f"there is no capture {test.capture}")
            else:
                if test.capture not in tables:
                    tables[test.capture] = list(read(captures / test.capture))
                matched = any(Engine([rule]).match(table) for table in tables[test.capture])
                text = (
                    f"the rule is silent on {test.capture}" if test.fires else f"it fires on {test.capture}"
                )
                yield Result(rule, test, matched == test.fires, "" if matched == test.fires else text)


def _documents(rule: Rule, test: RuleTest) -> Result:
    table = table_of(test.documents, rule.category)
    complaints = []
    for row in range(table.rows):
        against = objections(rule.condition, table, row)
        which = f"document {row + 1}: " if table.rows > 1 else ""
        if test.fires and against:
            complaints.append(f"{which}the rule is silent; " + "; ".join(against))
        elif not test.fires and not against:
            complaints.append(f"{which}the rule fires")
    return Result(rule, test, not complaints, ". ".join(complaints))
