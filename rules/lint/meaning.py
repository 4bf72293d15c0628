"""Checks of what a rule means: its detection, its tags, its tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from typing_extensions import override

from rules.attack import technique
from rules.documents import table_of
from rules.engine.explanation import holds
from rules.expression import Expression, Not, OneOf, fields_of, predicates
from rules.lint.check import Check, Finding
from rules.rule import AnyRule, Correlation, Rule
from rules.selftest import run_tests


class NotAlwaysTrue(Check):
    """A detection asks for something to be there: one that holds of nothing at all holds nearly always."""

    name = "not-always-true"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if isinstance(rule, Rule) and holds(rule.detection, table_of([{}], rule.category), 0):
            yield Finding(
                rule,
                ("detection", "condition"),
                "the condition holds even of a document without any field; begin it with what must be there",
            )


class KnownNames(Check):
    """Functions, object spaces and answers that the protocol does not have never occur."""

    name = "known-names"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if isinstance(rule, Correlation) or not rule.service:
            return
        known = _names(rule.service)
        for predicate in predicates(rule.detection) if known else ():
            if isinstance(predicate, OneOf) and known and predicate.field in known:
                for value in sorted(predicate.values):
                    # A function without a name is called by its number.
                    numbered = predicate.field == "ics.function" and value.startswith("function ")
                    if value.casefold() not in known[predicate.field] and not numbered:
                        text = f"{rule.service} has no {predicate.field} {value!r}; there are "
                        text += ", ".join(sorted(known[predicate.field])[:40])
                        yield Finding(rule, ("detection",), text)


@cache
def _names(service: str) -> dict[str, frozenset[str]] | None:
    from sensor.protocols.registry import PROTOCOLS

    protocol = next((item for item in PROTOCOLS.values() if item.name == service), None)
    if protocol is None:
        return None
    names = {
        "ics.function": protocol.functions.values(),
        "ics.space": protocol.spaces.values(),
        "ics.status": [*protocol.statuses.values(), "ok"],
    }
    return {field: frozenset(name.casefold() for name in values) for field, values in names.items() if values}


class BaselineRequired(Check):
    """A rule about what is new says so, or it would be silent for no visible reason."""

    name = "baseline-required"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if isinstance(rule, Correlation):
            return
        asked = sorted(name for name in fields_of(rule.detection) if name.startswith("baseline."))
        asked = [name for name in asked if name != "baseline.learned"]
        if asked and "baseline" not in rule.requires and not _only_negated(rule.detection, set(asked)):
            yield Finding(rule, ("fieldwatch",), f"{asked[0]} needs `requires: [baseline]`")


def _only_negated(expression: Expression, names: set[str]) -> bool:
    parts = getattr(expression, "parts", (expression,))
    return all(isinstance(part, Not) or not fields_of(part) & names for part in parts)


class TagsFitLevel(Check):
    """High and critical rules name an ATT&CK technique; a tactic belongs to a technique named."""

    name = "tags-fit-level"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if rule.level in ("high", "critical") and not rule.techniques:
            yield Finding(rule, ("tags",), f"a rule of level {rule.level} names an ATT&CK technique")
        tactics = {tactic for item in rule.techniques for tactic in technique(item).tactics}
        for place, tag in enumerate(rule.tags):
            tactic = tag.removeprefix("attack.")
            if rule.techniques and tactic in rule.tactics and tactic not in tactics:
                text = (
                    f"no technique of this rule belongs to {tactic}; theirs are {', '.join(sorted(tactics))}"
                )
                yield Finding(rule, ("tags", place), text)


class HasTests(Check):
    """At least one test fires and one is silent; drafts (`status: experimental`) may do without."""

    name = "has-tests"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        for fires, what in ((True, "fires"), (False, "is silent")):
            if rule.status != "experimental" and not any(test.fires is fires for test in rule.tests):
                yield Finding(rule, ("fieldwatch",), f"there is no test in which the rule {what}")
        names = [test.name for test in rule.tests]
        for place, name in enumerate(names):
            if name in names[:place]:
                yield Finding(rule, ("fieldwatch", "tests", place, "name"), f"two tests are named {name!r}")


class TestsPass(Check):
    """The rules' tests on documents pass; those on captures are left to `fieldwatch rules test`."""

    name = "tests-pass"

    def __init__(self) -> None:
        self.rules: list[AnyRule] = []

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        self.rules.append(rule)  # correlations are tested together with the rules they name
        yield from ()

    @override
    def finalize(self) -> Iterator[Finding]:
        for result in run_tests(self.rules):
            if not result.passed and result.test.capture is None:
                trail = ("fieldwatch", "tests", result.rule.tests.index(result.test))
                yield Finding(result.rule, trail, f"{result.test.name!r} fails: {result.text}")


class DistinctDetection(Check):
    """Two rules of one set do not look for the same."""

    name = "distinct-detection"

    def __init__(self) -> None:
        self.seen: dict[tuple[str, Expression], Rule] = {}
        self.same: list[Finding] = []

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if isinstance(rule, Rule) and self.seen.setdefault((rule.category, rule.condition), rule) is not rule:
            other = self.seen[rule.category, rule.condition]
            self.same.append(Finding(rule, ("detection",), f"{other.path.name} looks for exactly the same"))
        yield from ()

    @override
    def finalize(self) -> Iterator[Finding]:
        yield from self.same
