import random
import time
from pathlib import Path

import numpy as np
import pytest
from rule_texts import rule, rule_text

from rules.documents import table_of
from rules.engine import matching
from rules.engine.matching import Engine
from rules.language.loader import read_rule
from rules.table import Numbers, Table, texts

DOCUMENTS = [
    {"source.ip": "10.0.0.5", "source.name": "ES01", "destination.port": 502, "ics.object": "DB1.DBX0.0"},
    {"source.ip": "10.0.1.5", "source.name": "es02", "destination.port": 102, "ics.malformed": True},
    {"source.ip": "fd00::5", "source.name": "HMI*1", "ics.value": -1.5, "ics.malformed": False},
    {"destination.name": "es01", "source.name": "ES01", "ics.object": "holding_register 100-109"},
]


def matched(selection: str) -> list[int]:
    found = rule(f"selection:\n  {selection}\ncondition: selection")
    matches = Engine([found]).match(table_of(DOCUMENTS))
    return matches[0].rows.tolist() if matches else []


def test_rows_about_something_meet_only_rules_that_ask_about_it() -> None:
    rules = [
        rule(f"selection:\n  {selection}\ncondition: selection")
        for selection in ("ics.operation: write", "baseline.value_outside: true")
    ]
    known = table_of([{"ics.operation": "write", "baseline.value_outside": True}])
    about = Table("behaviour", 1, known.columns, about=frozenset({"baseline.value_outside"}))
    assert len(Engine(rules).match(known)) == 2
    assert [match.rule for match in Engine(rules).match(about)] == rules[1:]


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        ("source.name: ES01", [0, 3]),
        ("source.name: eS*", [0, 1, 3]),
        ("source.name|cased: es*", [1]),
        ("source.name: es0?", [0, 1, 3]),
        ("source.name: 'hmi\\*1'", [2]),
        ("source.name|contains: S0", [0, 1, 3]),
        ("source.name|startswith: hm", [2]),
        ("source.name|endswith: ['1', '2']", [0, 1, 2, 3]),
        ("source.name|contains|all: [E, '2']", [1]),
        ("source.name|re: '^es\\d'", [1]),
        ("source.name|re|i: '^es\\d'", [0, 1, 3]),
        ("source.name: [es02, 'hmi?1']", [1, 2]),
        ("source.name: '*'", [0, 1, 2, 3]),
        ("source.name: 'e*0*1'", [0, 3]),
        ("ics.object: 'db*.dbx*.?'", [0]),
        ("ics.object: '*1*0*9'", [3]),
        ("ics.object: '?*1.*0*0'", [0]),
        ("ics.object: 'd*d*x0.0?'", []),
        ("source.ip: 10.0.0.5", [0]),
        ("source.ip: 10.0.*", [0, 1]),
        ("source.ip|cidr: 10.0.0.0/23", [0, 1]),
        ("source.ip|cidr: [10.0.1.0/24, 'fd00::/8']", [1, 2]),
        ("source.ip: null", [3]),
        ("source.ip: [null, 10.0.0.5]", [0, 3]),
        ("source.ip|exists: true", [0, 1, 2]),
        ("source.ip|exists: false", [3]),
        ("destination.port: 502", [0]),
        ("destination.port: [102, 502]", [0, 1]),
        ("destination.port|gt: 102", [0]),
        ("destination.port|gte: 102", [0, 1]),
        ("ics.value|lt: 0", [2]),
        ("ics.value|lte: -1.5", [2]),
        ("ics.value: 0", []),
        ("ics.malformed: true", [1]),
        ("ics.malformed: false", [2]),
        ("ics.malformed: null", [0, 3]),
        ("source.name|fieldref: destination.name", [3]),
        ("source.name|fieldref|cased: destination.name", []),
        ("source.zone: x", []),
        ("source.zone: null", [0, 1, 2, 3]),
    ],
)
def test_predicates(selection: str, rows: list[int]) -> None:
    assert matched(selection) == rows


def test_map_is_and_list_of_maps_is_or() -> None:
    found = rule(
        """
        selection:
          - source.name: ES01
            destination.port: 502
          - ics.malformed: true
        filter:
          source.ip: 10.0.1.5
        condition: selection and not filter
        """
    )
    assert Engine([found]).match(table_of(DOCUMENTS))[0].rows.tolist() == [0]


def test_a_list_value_matches_by_any_member() -> None:
    text = rule_text("selection: {asset.ip|cidr: 192.168.0.0/16}\ncondition: selection")
    text = text.replace("category: behaviour", "category: asset").replace("{source.ip}", "{asset.ip}")
    text = text.replace("{destination.ip}", "{asset.id}") + "  group_by: [asset.id]\n"
    engine = Engine([read_rule(text, Path("a.yaml"))])
    changes = [
        {"asset.ip": ["10.0.0.1", "192.168.1.1"]},
        {"asset.ip": ["10.0.0.1"]},
        {"asset.ip": "192.168.7.7"},
        {},
    ]
    assert engine.match(table_of(changes, "asset"))[0].rows.tolist() == [0, 2]


def test_service_category_requirement_and_status() -> None:
    text = "selection: {ics.operation: stop}\ncondition: selection"
    row = {"ics.operation": "stop", "network.protocol": "s7comm"}
    needs = rule(text, "requires: [baseline]")
    assert not Engine([needs]).match(table_of([row, {**row, "baseline.learned": False}]))
    assert Engine([needs]).match(table_of([{**row, "baseline.learned": True}]))
    assert not Engine([rule(text)]).match(table_of([row], "asset"))
    assert not Engine([rule(text, status="deprecated")]).rules


def test_equal_predicates_are_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = matching.evaluate

    def counted(predicate: object, table: Table) -> object:
        asked.append(predicate)
        return original(predicate, table)  # type: ignore[arg-type]

    monkeypatch.setattr(matching, "evaluate", counted)
    rules = [
        rule(f"a: {{source.name: es01}}\nb: {{destination.port: {n}}}\ncondition: a and b") for n in range(50)
    ]
    Engine(rules).match(table_of(DOCUMENTS))
    assert len(asked) == 51


def test_a_hundred_thousand_rows_a_second_with_500_rules() -> None:
    random.seed(1)
    rows = 100_000
    objects = texts(f"holding_register {random.randrange(10**6)}" for _ in range(rows))
    columns = {
        "ics.object": objects,
        "ics.operation": texts(random.choice(["read", "write", "stop", "operate"]) for _ in range(rows)),
        "source.ip": texts(f"10.0.{random.randrange(20)}.{random.randrange(250)}" for _ in range(rows)),
        "network.protocol": texts(random.choice(["modbus", "s7comm"]) for _ in range(rows)),
        "ics.address": Numbers(np.random.default_rng(1).integers(0, 65536, rows)),
    }
    rules = [
        rule(
            f"""
            selection:
              ics.operation: [{"write, operate" if n % 2 else "stop"}]
              ics.address|gte: {n * 10}
            filter:
              source.ip|cidr: 10.0.{n % 50}.0/24
            named:
              ics.object|contains: '{n % 40}'
            condition: selection and named and not filter
            """
        )
        for n in range(500)
    ]
    engine = Engine(rules)
    start = time.process_time()
    matches = engine.match(Table("behaviour", rows, columns))
    seconds = time.process_time() - start
    assert len(matches) > 400
    assert seconds < 5.0, f"{rows / seconds:,.0f} rows a second"  # ten times slower machines pass as well
