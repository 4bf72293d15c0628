"""What is remembered of shapes leaves out only rules that cannot match, however often they come again."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pytest

from rules.engine import shapes
from rules.engine.matching import Engine, satisfied
from rules.engine.shapes import shape_part
from rules.expression import And, Expression, Is, Not, OneOf, Or
from rules.language.loader import PACKS, load
from rules.replay import replay
from rules.rule import Rule
from rules.table import SHAPED

CAPTURES = Path(__file__).parents[3] / "pcaps"
STOP = OneOf("ics.operation", frozenset({"stop"}))
HMI = OneOf("source.role", frozenset({"hmi"}))
MODBUS = OneOf("network.protocol", frozenset({"modbus"}))


@pytest.mark.parametrize("most", [shapes.MOST_SHAPES, 3])
def test_matches_are_those_of_each_rule_asked_alone(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MOST_SHAPES", most)
    rules = [rule for rule in load([PACKS])[0] if isinstance(rule, Rule) and rule.is_active]
    engine = Engine(rules)
    matched = 0
    for name in ("demo/plant.pcapng.zst", "s7comm/packaging-line-stopped.pcapng.zst"):
        for table in replay(CAPTURES / name):
            found = {match.rule.id: match.rows.tolist() for match in engine.match(table)}
            for rule in rules:
                if rule.category == table.category and not table.about:
                    alone = satisfied(rule.condition, table).nonzero()[0].tolist()
                    assert found.get(rule.id, []) == alone, rule.name
                    matched += bool(alone)
    assert matched


def test_rows_of_one_shape_have_the_same_values() -> None:
    known: dict[tuple[Hashable, str], object] = {}
    for table in replay(CAPTURES / "demo/plant.pcapng.zst"):
        for row, shape in enumerate(table.shapes):
            for name in SHAPED:
                value = table.value(name, row)
                assert known.setdefault((shape, name), value) == value, name
    assert known


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        (STOP, STOP),
        (HMI, None),
        (And((STOP, HMI)), And((STOP,))),
        (Or((STOP, HMI)), None),
        (Or((And((STOP, HMI)), MODBUS)), Or((And((STOP,)), MODBUS))),
        (Not(STOP), Not(STOP)),
        (Not(And((STOP, HMI))), None),
        (And((HMI, Is("source.is_internal", True))), None),
    ],
)
def test_what_follows_from_a_shape_is_necessary(expression: Expression, part: Expression | None) -> None:
    assert shape_part(expression) == part
