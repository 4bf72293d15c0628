"""The rules that ship: they read well, pass their own tests, and leave an ordinary plant alone."""

from __future__ import annotations

from itertools import product

import pytest

from rules.documents import table_of
from rules.engine.correlation import Correlator
from rules.engine.matching import Engine, Match
from rules.language.loader import load_rules
from rules.lint.checks import lint
from rules.rule import SEVERITY, AnyRule, Rule
from rules.selftest import run_tests

PROTOCOLS = ("modbus", "s7comm", "s7comm-plus", "enip", "cip", "cip-io", "pccc", "dnp3", "iec104")
ENDS = {
    "source.ip": "10.0.0.5",
    "source.role": "hmi",
    "source.purdue_level": 2.0,
    "source.is_internal": True,
    "destination.ip": "10.0.0.10",
    "destination.role": "plc",
    "destination.purdue_level": 1.0,
    "destination.is_internal": True,
    "ics.malformed": False,
    "ics.broadcast": False,
    "ics.negative": False,
}


@pytest.fixture(scope="module")
def rules() -> list[AnyRule]:
    return load_rules()


def alerting(rules: list[AnyRule], documents: list[dict[str, object]]) -> list[Match]:
    """What alerts are made of: not the matches that are only there to be counted."""
    table = table_of(documents, "behaviour")
    return Correlator(rules).add(table, Engine(rules).match(table))


def test_nothing_is_to_be_said_against_them(rules: list[AnyRule]) -> None:
    assert lint(rules) == []


def test_they_pass_their_own_tests(rules: list[AnyRule]) -> None:
    assert [result for result in run_tests(rules) if not result.passed] == []


def test_every_anchor_protocol_has_rules_of_its_own(rules: list[AnyRule]) -> None:
    plain = [rule for rule in rules if isinstance(rule, Rule)]
    own = {rule.service for rule in plain}
    assert {"modbus", "s7comm", "enip", "cip", "pccc", "dnp3", "iec104"} <= own
    assert any(rule.category == "asset" for rule in plain)


def test_levels_are_spent_with_care(rules: list[AnyRule]) -> None:
    counts = {level: sum(rule.level == level for rule in rules) for level in SEVERITY}
    assert counts["critical"] <= 6
    assert counts["high"] < counts["medium"] + counts["low"]


def test_what_is_merely_new_is_no_emergency(rules: list[AnyRule]) -> None:
    read = ENDS | {"ics.operation": "read", "ics.kind": "request", "baseline.learned": True}
    documents = [
        read | {"network.protocol": protocol, "baseline.novelty": novelty, "source.authorised": known}
        for protocol, novelty, known in product(
            (*PROTOCOLS, "tcp", "udp"),
            ("asset", "conversation", "operation", "function", "object"),
            (True, False),
        )
    ]
    levels = {match.rule.level for match in alerting(rules, documents)}
    assert levels <= {"informational", "low", "medium"}


def ordinary(learned: bool) -> list[dict[str, object]]:
    """Polling, set points, outputs, reports, sessions, time: what plants do all day."""
    operations = ("read", "write", "operate", "report", "session", "subscribe", "browse", "identify", "alarm")
    return [
        ENDS
        | {"network.protocol": protocol, "ics.operation": operation, "ics.kind": kind}
        | ({"ics.status": "ok", "ics.status_code": 0} if kind == "response" else {})
        | {"baseline.learned": learned}
        for protocol, operation, kind in product(PROTOCOLS, operations, ("request", "response", "event"))
    ]


@pytest.mark.parametrize("learned", [False, True])
def test_an_ordinary_plant_raises_nothing(rules: list[AnyRule], learned: bool) -> None:
    routine = [
        {"network.protocol": "dnp3", "ics.operation": "time", "ics.function": "Write", "ics.broadcast": True},
        {"network.protocol": "dnp3", "ics.operation": "configure", "ics.function": "Assign Class"},
        {
            "network.protocol": "dnp3",
            "ics.operation": "subscribe",
            "ics.function": "Enable Unsolicited Responses",
        },
        {"network.protocol": "iec104", "ics.operation": "time", "ics.function": "C_CS_NA_1"},
        {"network.protocol": "iec104", "ics.operation": "read", "ics.function": "C_IC_NA_1"},
        {"network.protocol": "cip", "ics.operation": "session", "ics.function": "Forward Open"},
        {"network.protocol": "s7comm", "ics.operation": "session", "ics.function": "Setup Communication"},
        {"network.protocol": "s7comm", "ics.operation": "time", "ics.function": "Read Clock"},
        {"network.protocol": "modbus", "ics.operation": "diagnose", "ics.function": "Return Query Data"},
    ]
    documents = ordinary(learned) + [ENDS | {"ics.kind": "request"} | item for item in routine]
    matches = alerting(rules, documents)
    assert [(match.rule.name, documents[match.rows[0]]) for match in matches] == []


def test_reading_never_alarms_however_new_it_is(rules: list[AnyRule]) -> None:
    documents = [
        ENDS
        | {
            "network.protocol": protocol,
            "ics.operation": "read",
            "ics.kind": "request",
            "baseline.learned": True,
            "baseline.novelty": novelty,
        }
        for protocol, novelty in product(PROTOCOLS, ("operation", "function", "object"))
    ]
    assert alerting(rules, documents) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("operation", ["stop", "start", "reset", "program_download", "firmware"])
def test_dangerous_operations_alarm_in_every_protocol_without_a_baseline(
    rules: list[AnyRule], protocol: str, operation: str
) -> None:
    document = ENDS | {"network.protocol": protocol, "ics.operation": operation, "ics.kind": "request"}
    if (protocol, operation) == ("modbus", "reset"):
        document["ics.function"] = "Restart Communications Option"
    matches = alerting(rules, [document])
    assert [match for match in matches if match.rule.level in ("medium", "high")]
