from pathlib import Path

from rule_texts import rule

from rules.documents import table_of
from rules.selftest import run_tests
from rules.table import Table

DETECTION = """
selection: {ics.operation: [stop, reset], ics.kind: request}
inside: {source.ip|cidr: 10.0.0.0/8}
filter: {source.role: engineering_workstation}
condition: selection and 1 of inside* and not filter
"""


def outcome(tests: str) -> list[tuple[bool, str]]:
    return [(result.passed, result.text) for result in run_tests([rule(DETECTION, f"tests: {tests}")])]


def test_firing_and_silent_tests() -> None:
    fires = "{ics.operation: stop, ics.kind: request, source.ip: 10.1.1.1}"
    assert outcome(f"[{{name: a, fires: true, documents: [{fires}]}}]") == [(True, "")]
    assert outcome(f"[{{name: a, fires: false, documents: [{fires}]}}]") == [(False, "the rule fires")]
    assert outcome(f"[{{name: a, fires: true, documents: [{fires}, {{ics.kind: event}}]}}]") == [
        (
            False,
            "document 2: the rule is silent; ics.operation is absent, the rule wants reset or stop; "
            "ics.kind is event, the rule wants request; "
            "source.ip is absent, the rule wants an address in 10.0.0.0/8",
        )
    ]


def test_an_excluded_document_says_by_what() -> None:
    document = (
        "{ics.operation: stop, ics.kind: request, source.ip: 10.1.1.1, source.role: engineering_workstation}"
    )
    ((passed, text),) = outcome(f"[{{name: a, fires: true, documents: [{document}]}}]")
    assert not passed
    assert text == "the rule is silent; excluded by a `not`: source.role is engineering_workstation"


def test_captures(tmp_path: Path) -> None:
    (tmp_path / "stop.pcap").touch()
    (tmp_path / "quiet.pcap").touch()

    def read(path: Path) -> list[Table]:
        stop = [{"ics.operation": "stop"}] if path.name == "stop.pcap" else []
        return [table_of([{"ics.operation": "read"}, *stop]), table_of([{}], "asset")]

    tests = """tests:
      - {name: fires, fires: true, capture: stop.pcap}
      - {name: silent, fires: false, capture: quiet.pcap}
      - {name: wrongly silent, fires: true, capture: quiet.pcap}
      - {name: wrongly fires, fires: false, capture: stop.pcap}
      - {name: missing, fires: true, capture: absent.pcap}
    """
    results = list(run_tests([rule(fieldwatch=tests)], tmp_path, read))
    assert [result.passed for result in results] == [True, True, False, False, False]
    assert results[2].text == "the rule is silent on quiet.pcap"
    assert results[3].text == "it fires on stop.pcap"
    assert "no capture absent.pcap" in results[4].text
    (unread,) = list(run_tests([rule(fieldwatch="tests: [{name: a, fires: true, capture: stop.pcap}]")]))
    assert not unread.passed
