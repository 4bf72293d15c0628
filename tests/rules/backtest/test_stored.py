"""Stored behaviours as tables: enriched as live ones are, and new only against what came before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rules.backtest.stored import Stored, stored_tables
from rules.site.reading import site_of_text

T = "2026-11-22T{:02}:00:00.000000000Z"
SITE = site_of_text(
    """\
site: x
zones:
- {name: control, networks: [10.0.1.0/24], purdue_level: 1}
- {name: supervision, networks: [10.0.2.0/24]}
conduits: [{from: supervision, to: control, protocols: [modbus]}]
assets: [{ip: 10.0.1.10, name: Pump PLC, criticality: 2}]
schedule:
  working_hours: [{from: "08:00", to: "18:00"}]
""",
    Path("site.yaml"),
)
ASSETS: dict[str, dict[str, Any]] = {
    "10.0.1.10": {
        "id": "a-1",
        "role": "plc",
        "vendor": "V",
        "zone": "seen",
        "name": "PLC",
        "criticality": 1.0,
    }
}


def behaviour(
    first: int, last: int, source: str = "10.0.2.5", operation: str = "read", **more: Any
) -> dict[str, Any]:
    return {
        "behaviour": {"id": "b", "count": 5, "first_seen": T.format(first), "last_seen": T.format(last)},
        "source": {"ip": source},
        "destination": {"ip": "10.0.1.10", "port": 502},
        "network": {"protocol": "modbus", "transport": "tcp"},
        "ics": {"operation": operation, "kind": "request", "function_code": 3, "object": "r 1", **more},
        "evidence": {"capture": "a.pcap", "frames": [3, 9]},
    }


def ns(hour: int) -> int:
    return int(datetime.fromisoformat(T.format(hour)[:19] + "+00:00").timestamp()) * 10**9


def rows(since: int | None, *behaviours: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    tables = stored_tables(Stored(behaviours, ASSETS), since_ns=ns(since) if since else None, **options)
    return [table.document(row) for table in tables for row in range(table.rows)]


def test_a_stored_behaviour_is_enriched_by_asset_and_site() -> None:
    (plain,) = rows(None, behaviour(1, 9))
    assert (plain["destination.role"], plain["destination.name"], plain["destination.zone"]) == (
        "plc",
        "PLC",
        "seen",
    )
    assert plain["baseline.learned"] is False
    assert (plain["ics.select"], plain["source.is_internal"], plain["source.criticality"]) == (
        False,
        True,
        1.0,
    )
    assert "conduit.allowed" not in plain
    (known,) = rows(None, behaviour(1, 9), site=SITE)
    assert (known["destination.name"], known["destination.zone"], known["destination.criticality"]) == (
        "Pump PLC",
        "control",
        2.0,
    )
    assert (known["schedule.working_hours"], known["conduit.allowed"]) == (True, True)


def test_a_machine_that_a_complete_list_leaves_out_is_not_authorised() -> None:
    complete = replace(SITE, assets_complete=True)
    (known,) = rows(None, behaviour(1, 9), site=complete)
    assert (known["source.authorised"], known["destination.authorised"]) == (False, True)
    (partial,) = rows(None, behaviour(1, 9), site=SITE)
    assert "source.authorised" not in partial
    (outside,) = rows(None, behaviour(1, 9, source="8.8.8.8"), site=complete)
    assert "source.authorised" not in outside
    (stranger,) = rows(None, behaviour(1, 5, "10.9.9.9"), site=SITE)
    assert (stranger["schedule.working_hours"], stranger["conduit.allowed"]) == (False, False)


def test_what_is_new_is_told_against_what_was_there_before() -> None:
    old = behaviour(1, 2)
    lasting = behaviour(1, 12, operation="write")
    novel = {
        "asset": behaviour(11, 12, "10.0.2.6"),
        "operation": behaviour(11, 12, operation="stop"),
        "function": behaviour(11, 12, function_code=4),
        "object": behaviour(11, 12, object="r 2"),
    }
    found = rows(10, old, lasting, *novel.values())
    assert [document.get("baseline.novelty") for document in found] == [None, *novel]
    assert found[0]["baseline.new_object"] is False
    assert [
        found[2][f"baseline.new_{name}"] for name in ("asset", "conversation", "operation", "object")
    ] == [
        False,
        False,
        True,
        True,
    ]
    assert all(document["baseline.learned"] for document in found)


def test_counts_and_frames_are_those_of_the_store_and_times_begin_at_since() -> None:
    (table,) = stored_tables(Stored([behaviour(1, 12)], {}), since_ns=ns(10))
    assert table.occurrences.counts.tolist() == [5]
    assert (table.occurrences.first_ns[0], table.occurrences.last_ns[0]) == (ns(10), ns(12))
    assert sorted(table.occurrences.frames[0].tolist())[-2:] == [3, 9]
