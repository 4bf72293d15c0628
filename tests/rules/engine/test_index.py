"""The index leaves out only rules that cannot match: with it and without it the same is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.engine.index import Index
from rules.engine.matching import satisfied
from rules.expression import And, Expression, Is, Not, OneOf, Or
from rules.language.loader import PACKS, load
from rules.replay import replay
from rules.rule import Rule

CAPTURES = Path(__file__).parents[3] / "pcaps"
STOP = OneOf("ics.operation", frozenset({"stop"}))
MODBUS = OneOf("network.protocol", frozenset({"modbus"}))


@pytest.mark.parametrize(
    "name",
    [
        "demo/plant.pcapng.zst",
        "s7comm/packaging-line-stopped.pcapng.zst",
        "cip/process-cell-reset.pcapng.zst",
    ],
)
def test_every_rule_that_matches_a_table_is_a_candidate(name: str) -> None:
    rules = [rule for rule in load([PACKS])[0] if isinstance(rule, Rule)]
    tables = 0
    for table in replay(CAPTURES / name):
        mine = [rule for rule in rules if rule.category == table.category]
        found = set(Index([rule.condition for rule in mine]).candidates(table))
        for number, rule in enumerate(mine):
            assert number in found or not satisfied(rule.condition, table).any(), rule.name
        tables += 1
    assert tables


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (STOP, {"stop"}),
        (And((MODBUS, STOP)), {"stop"}),
        (Or((MODBUS, STOP)), {"modbus", "stop"}),
        (And((MODBUS, Is("ics.broadcast", True))), {True}),
    ],
)
def test_rules_are_filed_by_what_is_rarest(expression: Expression, wanted: set[object]) -> None:
    index = Index([expression])
    assert {value for filed in index._by_field.values() for value in filed} == wanted


@pytest.mark.parametrize("expression", [Not(STOP), Or((STOP, Not(MODBUS))), Is("ics.broadcast", False)])
def test_what_no_value_is_needed_for_is_always_a_candidate(expression: Expression) -> None:
    assert Index([expression])._always == [0]
