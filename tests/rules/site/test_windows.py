"""What maintenance windows, conduits and suppressions say, and what is said of mistakes in them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from rules.site.maintenance import Maintenance
from rules.site.reading import SiteError, site_of_text
from rules.site.suppressions import SuppressionError, expired, suppressions_of_text

FILE = Path("site.yaml")
M = "schedule: {maintenance: ["
HEAD = """\
site: x
zones:
- {name: control, networks: [10.0.1.0/24]}
- {name: supervision, networks: [10.0.2.0/24]}
assets:
- {ip: 10.0.1.10, mac: "28:63:36:00:00:01", name: Pump PLC}
"""
SUPPRESSION = """\
suppressions:
- id: scan
  reason: Weekly scan
  author: Li Wei
  expires: 2027-01-01
"""


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def window(lines: str, schedule: str = "") -> Maintenance:
    (found,) = site_of_text(f"{HEAD}schedule:\n{schedule}  maintenance:\n  - {lines}\n", FILE).maintenance
    return found


def inside(found: Maintenance, *times: str) -> list[bool]:
    return found.contains(np.array([at(time) for time in times], np.int64)).tolist()


def test_a_window_says_who_does_what_when() -> None:
    found = window(
        '{from: "2026-12-01T08:00:00Z", to: "2026-12-01T12:00:00Z", name: Overhaul, work_order: WO-7,'
        " who: Wang Fang, effect: silence, assets: [Pump PLC], operations: [stop]}"
    )
    assert (found.name, found.work_order, found.who, found.effect) == (
        "Overhaul",
        "WO-7",
        "Wang Fang",
        "silence",
    )
    assert found.until(found.begin_ns) == found.end_ns == at("2026-12-01T12:00:00+00:00")
    assert inside(found, "2026-12-01T07:59:59+00:00", "2026-12-01T08:00:00+00:00") == [False, True]


def test_a_weekly_window_follows_the_local_clock() -> None:
    # 2026-03-24 is a Tuesday; Berlin's clocks go forward on 2026-03-29 and back on 2026-10-25.
    found = window(
        '{from: "2026-03-24T22:00", to: "2026-03-25T02:00", every: week, ends: 2026-12-01}',
        "  time_zone: Europe/Berlin\n",
    )
    times = {
        "2026-03-17T22:30:00+01:00": False,
        "2026-03-24T21:59:59+01:00": False,
        "2026-03-24T22:00:00+01:00": True,
        "2026-03-25T01:59:59+01:00": True,
        "2026-03-25T02:00:00+01:00": False,
        "2026-03-31T22:00:00+02:00": True,
        "2026-03-31T21:30:00+02:00": False,
        "2026-11-24T22:00:00+01:00": True,
        "2026-12-01T22:00:00+01:00": False,
    }
    assert inside(found, *times) == list(times.values())
    assert found.until(at("2026-03-31T23:10:30+02:00")) == at("2026-04-01T02:00:00+02:00")


def test_conduits_let_named_protocols_through() -> None:
    conduits = site_of_text(
        HEAD
        + "conduits:\n- {from: supervision, to: control, protocols: [modbus]}\n"
        + "- {from: control, to: internet, both: true}\n",
        FILE,
    ).conduits
    assert conduits.allows("supervision", "control", "modbus") is True
    assert conduits.allows("supervision", "control", "s7comm") is False
    assert conduits.allows("control", "supervision", "modbus") is False
    assert conduits.allows("internet", "control", "dns") is True
    assert conduits.allows("", "control", "modbus") is False
    assert conduits.allows("control", "control", "s7comm") is None
    assert site_of_text(HEAD, FILE).conduits.allows("a", "b", "modbus") is None


def test_suppressions_stand_alone_or_in_the_site_file() -> None:
    text = f"{SUPPRESSION}  rules: [port-scan]\n  where: {{source.ip|cidr: 10.0.3.0/24}}\n"
    (alone,) = suppressions_of_text(text, FILE)
    (within,) = site_of_text(HEAD + text, FILE).suppressions
    assert (alone.id, alone.reason, alone.author) == (within.id, within.reason, within.author)
    assert alone.expires_ns == at("2027-01-01T00:00:00+00:00")
    assert alone.concerns("some-id", "port-scan")
    assert not alone.concerns("some-id", "arp-scan")
    assert set(alone.covers) == {"behaviour"}
    assert [str(item) for item in expired([alone], FILE, alone.expires_ns - 1)] == []
    (problem,) = expired([alone], FILE, alone.expires_ns)
    assert (problem.line, "expired" in problem.text) == (2, True)


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (M + "{from: 2026-12-02, to: 2026-12-01}]}", 7, "ends before it begins"),
        (M + "{from: 2026-12-01}]}", 7, "'to' is missing"),
        (M + "{from: 2026-12-01, to: 2026-12-02, effect: hide}]}", 7, "annotate, silence"),
        (M + "{from: 2026-12-01, to: 2026-12-02, effect: silence}]}", 7, "work_order"),
        (M + "{from: 2026-12-01, to: 2026-12-09, every: week}]}", 7, "shorter than a week"),
        (M + "{from: 2026-12-01, to: 2026-12-02, every: day}]}", 7, "none of week"),
        (M + "{from: 2026-12-01, to: 2026-12-02, ends: 2027-01-01}]}", 7, "every: week"),
        (M + "{from: 2026-12-01, to: 2026-12-02, assets: [Pump]}]}", 7, "Pump PLC"),
        (M + "{from: 2026-12-01, to: 2026-12-02, zones: [contrl]}]}", 7, "'control'"),
        (M + "{from: 2026-12-01, to: 2026-12-02, operations: [stopp]}]}", 7, "'stop'"),
        (M + "{from: 2026-12-01, to: 2026-12-02, addresses: [ten]}]}", 7, "10.0.1.10"),
        ("conduits: [{from: control}]", 7, "'to' is missing"),
        ("conduits: [{from: control, to: contrl}]", 7, "did you mean 'control'"),
        ("conduits: [{from: control, to: control}]", 7, "joins two zones"),
        ("conduits: [{from: control, to: internet, protocols: [modbu]}]", 7, "did you mean 'modbus'"),
        ("suppressions: [{id: a, reason: b, author: c, rules: [x]}]", 7, "'expires' is missing"),
        ("suppressions: [{id: a, reason: b, author: c, expires: 2027-01-01}]", 7, "silence everything"),
        ("suppressions: [{id: a, reason: b, author: c, expires: soon, rules: [x]}]", 7, "no time"),
        (
            "suppressions:\n- id: a\n  reason: b\n  author: c\n  expires: 2027-01-01\n"
            "  where: {sorce.ip: 1.1.1.1}",
            12,
            "did you mean 'source.ip'",
        ),
        (
            "suppressions:\n- id: a\n  reason: b\n  author: c\n  expires: 2027-01-01\n"
            "  where: {source.ip: 1.1.1.1, asset.ip: 1.1.1.1}",
            8,
            "at once",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(lines: str, line: int, says: str) -> None:
    with pytest.raises(SiteError) as raised:
        site_of_text(f"{HEAD}{lines}\n", FILE)
    (problem,) = raised.value.problems
    assert problem.line == line
    assert says in problem.text


def test_ids_of_suppressions_are_used_once() -> None:
    text = SUPPRESSION + "  rules: [a]\n"
    with pytest.raises(SuppressionError, match="second time"):
        suppressions_of_text(text + text.partition("\n")[2], FILE)


@pytest.mark.parametrize("text", ["", "- a", "suppressions: 5", "suppressions: [x]", "suppressions: ]"])
def test_what_is_no_list_of_suppressions_is_refused(text: str) -> None:
    with pytest.raises(SuppressionError) as raised:
        suppressions_of_text(text, FILE)
    assert raised.value.problems[0].line == 1
