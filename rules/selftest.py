"""Runs the tests that rules carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rules.detector import Detector
from rules.documents import table_of
from rules.engine.explanation import objections
from rules.engine.matching import Engine
from rules.fields import Category
from rules.rule import AnyRule, Correlation, Rule, RuleTest
from rules.table import Table

Reader = Callable[[Path], Iterable[Table]]
"""Decodes and enriches a capture: the tables of its behaviours and asset changes."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one test; `text` says what went wrong."""

    rule: AnyRule
    test: RuleTest
    passed: bool
    text: str = ""


def run_tests(
    rules: Iterable[AnyRule], captures: Path | None = None, read: Reader | None = None
) -> Iterator[Result]:
    """The result of every test of every rule, in their order.

    A firing test passes when every one of its documents matches, a silent one when none does. The
    documents of a correlation are matched in the order of time, together with the rules that it
    names, and a firing test passes when there is an alert. A capture must match somewhere or
    nowhere. Inactive rules are tested as well.
    """
    rules = list(rules)
    known = {rule.id: replace(rule, status="stable") for rule in rules}
    tables: dict[str, list[Table]] = {}
    for rule in rules:
        bases = [known[base] for base in rule.rules] if isinstance(rule, Correlation) else []
        for test in rule.tests:
            if test.capture is None:
                yield (
                    _sequence(rule, bases, test) if isinstance(rule, Correlation) else _documents(rule, test)
                )
            elif captures is None or read is None:
                yield Result(rule, test, False, "there is no folder of captures; pass it with --captures")
            elif not (captures / test.capture).is_file():
                yield Result(rule, test, False, f"there is no capture {test.capture}")
            else:
                if test.capture not in tables:
                    tables[test.capture] = list(read(captures / test.capture))
                matched = _fires(rule, bases, tables[test.capture])
                text = (
                    f"the rule is silent on {test.capture}" if test.fires else f"it fires on {test.capture}"
                )
                yield Result(rule, test, matched == test.fires, "" if matched == test.fires else text)


def _fires(rule: AnyRule, bases: Sequence[AnyRule], tables: Iterable[Table]) -> bool:
    detector = Detector([replace(rule, status="stable"), *bases])
    for table in tables:
        detector.see(table)
    return any(document["rule"]["id"] == rule.id for document in detector.take())


def _sequence(rule: Correlation, bases: Sequence[AnyRule], test: RuleTest) -> Result:
    category: Category = next((base.category for base in bases if isinstance(base, Rule)), "behaviour")
    fires = _fires(rule, bases, [table_of(test.documents, category)])
    text = "" if fires == test.fires else "the correlation fires" if fires else "the correlation is silent"
    if test.fires and not fires:
        table = table_of(test.documents, category)
        rows = {int(row) for match in Engine(bases).match(table) for row in match.rows}
        text += f"; the rules it names match {len(rows)} of {table.rows} documents"
    return Result(rule, test, fires == test.fires, text)


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
