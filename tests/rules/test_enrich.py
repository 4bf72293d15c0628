from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from plant_rows import START
from plant_rows import Plant as Rows

from rules.baseline.learning import Learner
from rules.baseline.model import Baseline
from rules.baseline.novelty import Lookup
from rules.ends import Plant
from rules.enrich import asset_table, behaviour_table
from rules.fields import FIELDS, fields_of
from rules.site.model import Site
from rules.site.reading import site_of_text
from rules.table import ABSENT, Table, codes_of
from sensor.messages import BROADCAST, MALFORMED, SELECT, Kind, Operation, ValueKind
from sensor.protocols.protocol import Number
from sensor.types import Ints

SITE = site_of_text(
    """\
site: Pumping station 7
zones:
- {name: control, networks: [10.0.1.0/24], purdue_level: 1, criticality: 1.5}
- {name: business, vlans: [30], purdue_level: 4}
assets:
- {ip: 10.0.1.10, name: Pump PLC, role: plc, criticality: 2}
- {ip: 10.0.1.11, authorised: false}
schedule: {working_hours: [{from: "08:00", to: "18:00"}]}
""",
    Path("site.yaml"),
)


class Observed:
    """What an asset inventory would say: vendors and roles by address."""

    def __init__(self, rows: Rows, **known: dict[str, str]) -> None:
        self.rows = rows
        self.known = known

    def texts(self, field: str, endpoints: Ints) -> Sequence[str]:
        addresses = [self.rows.addresses[endpoint] for endpoint in endpoints]
        if field == "ip":
            return ["" if address.count(":") == 5 else address for address in addresses]
        if field == "mac":
            return [address if address.count(":") == 5 else "" for address in addresses]
        return [self.known.get(field, {}).get(address, "") for address in addresses]

    def purdue_levels(self, endpoints: Ints) -> NDArray[np.float64]:
        levels = self.known.get("level", {})
        return np.array([float(levels.get(self.rows.addresses[entry], "nan")) for entry in endpoints])

    def arrivals(self, endpoints: Ints) -> Ints:
        known = self.known.get("arrived", {})
        return np.array([int(known.get(self.rows.addresses[entry], 0)) for entry in endpoints], np.int64)


def table(rows: Rows, *behaviours: object, site: Site | None = None, **known: dict[str, str]) -> Table:
    plant = Plant(Observed(rows, **known), site or Site())
    return behaviour_table(np.concatenate(behaviours), rows.strings, plant)  # type: ignore[arg-type]


def test_a_behaviour_has_the_fields_of_the_documents() -> None:
    rows = Rows()
    read = rows.row(
        "10.0.1.5", "10.0.1.10", address=100, count=10, vlan=20, value=7, least=5, most=9,
        value_kind=ValueKind.INTEGER, messages=3,
    )  # fmt: skip
    document = table(rows, read, role={"10.0.1.5": "hmi"}, vendor={"10.0.1.10": "Siemens AG"}).document(0)
    assert {name for name in document if name not in FIELDS} == set()
    expected = {
        "source.ip": "10.0.1.5",
        "source.role": "hmi",
        "source.port": 49152,
        "source.is_internal": True,
        "source.criticality": 1.0,
        "source.zone": "10.0.1.0/24",
        "destination.ip": "10.0.1.10",
        "destination.port": 502,
        "destination.vendor": "Siemens AG",
        "network.protocol": "modbus",
        "network.transport": "tcp",
        "network.vlan.id": "20",
        "ics.operation": "read",
        "ics.kind": "request",
        "ics.function": "Read Holding Registers",
        "ics.function_code": 3,
        "ics.unit": 1,
        "ics.space": "holding_register",
        "ics.address": 100,
        "ics.count": 10,
        "ics.object": "holding_register 100-109",
        "ics.value": 7,
        "ics.value_min": 5,
        "ics.value_max": 9,
        "ics.malformed": False,
        "baseline.learned": False,
    }
    assert {name: document.get(name) for name in expected} == expected
    absent = ("ics.status", "ics.subfunction_code", "ics.name", "source.mac", "source.authorised")
    assert not set(absent) & set(document)
    assert not [name for name in document if name.startswith(("baseline.new", "schedule."))]


def test_every_field_of_the_catalogue_can_be_asked_for() -> None:
    rows = Rows()
    columns = table(rows, rows.row("10.0.1.5", "10.0.1.10"), site=SITE).columns
    later = {"schedule.maintenance", "conduit.allowed", "ics.unanswered", "ics.orphan"}
    later |= {name for name in FIELDS if name.startswith("traffic.")}
    learned = {name for name in FIELDS if name.startswith("baseline.") and name != "baseline.learned"}
    assert set(fields_of("behaviour")) - set(columns) == learned | later


def test_statuses_flags_and_names() -> None:
    rows = Rows()
    refused = rows.row("10.0.1.5", "10.0.1.10", kind=Kind.RESPONSE, status=2, flags=MALFORMED | SELECT)
    unknown = rows.row("10.0.1.5", "10.0.1.10", kind=Kind.RESPONSE, status=99, function=200, name="Tag")
    good = rows.row("10.0.1.5", "10.0.1.10", kind=Kind.RESPONSE, status=0, flags=BROADCAST)
    strange = rows.row("00:1b:1b:aa:bb:cc", "10.0.1.10", protocol=Number.ARP, operation=77, transport=0)
    found = table(rows, refused, unknown, good, strange)
    assert [found.value("ics.status", row) for row in range(3)] == ["Illegal Data Address", "status 99", "ok"]
    assert [found.value("ics.malformed", row) for row in range(3)] == [True, False, False]
    assert [found.value("ics.select", row) for row in range(3)] == [True, False, False]
    assert [found.value("ics.broadcast", row) for row in range(3)] == [False, False, True]
    assert [found.value("ics.name", row) for row in range(3)] == [None, "Tag", None]
    assert found.value("ics.function", 1) == "Function 200"
    assert found.value("source.mac", 3) == "00:1b:1b:aa:bb:cc"
    assert found.value("source.ip", 3) is None
    assert found.value("ics.operation", 3) == "other"
    assert found.value("network.transport", 3) is None


def test_people_know_better_than_observation() -> None:
    rows = Rows()
    known = {"role": {"10.0.1.10": "rtu", "10.0.1.11": "hmi"}, "level": {"10.0.1.11": "2", "10.9.9.9": "2"}}
    found = table(
        rows,
        rows.row("10.0.1.11", "10.0.1.10", vlan=20),
        rows.row("10.9.9.9", "8.8.8.8", vlan=30),
        site=SITE,
        **known,
    )
    assert found.value("destination.role", 0) == "plc"
    assert found.value("destination.name", 0) == "Pump PLC"
    assert [found.value("destination.criticality", row) for row in (0, 1)] == [2.0, 1.0]
    assert [found.value("source.criticality", row) for row in (0, 1)] == [1.5, 1.0]
    assert [found.value("source.purdue_level", row) for row in (0, 1)] == [1.0, 4.0]
    assert [found.value("source.zone", row) for row in (0, 1)] == ["control", "business"]
    assert [found.value("source.authorised", row) for row in (0, 1)] == [False, None]
    assert [found.value("destination.authorised", row) for row in (0, 1)] == [True, None]
    assert found.value("destination.is_internal", 1) is False
    assert found.value("destination.zone", 1) == "business"
    # START is 22:13 UTC.
    assert found.value("schedule.working_hours", 0) is False


def test_who_is_authorised_is_told_by_a_complete_list_only() -> None:
    """Sources in turn: a listed one, two of zones, one of none, one of the Internet, a multicast group."""
    sources = ("10.0.1.10", "10.0.1.12", "192.168.7.7", "10.9.9.9", "8.8.8.8", "224.0.0.251")
    rows = Rows()
    batch = np.concatenate([rows.row(source, "10.0.1.10") for source in sources])

    def said(whole: bool, control: bool | None, office: bool | None = None) -> list[object]:
        words = {None: "", True: ", assets_complete: true", False: ", assets_complete: false"}
        lines = [
            "site: x",
            "zones:",
            f"- {{name: control, networks: [10.0.1.0/24]{words[control]}}}",
            f"- {{name: office, networks: [192.168.7.0/24]{words[office]}}}",
            f"assets_complete: {str(whole).lower()}",
            "assets: [{ip: 10.0.1.10}]",
        ]
        site = site_of_text("\n".join(lines), Path("site.yaml"))
        found = behaviour_table(batch, rows.strings, Plant(Observed(rows), site))
        return [found.value("source.authorised", row) for row in range(len(sources))]

    assert said(whole=False, control=None) == [True, None, None, None, None, None]
    assert said(whole=True, control=None) == [True, False, False, False, None, None]
    assert said(whole=False, control=True) == [True, False, None, None, None, None]
    assert said(whole=True, control=None, office=False) == [True, False, None, False, None, None]


def test_a_zone_of_a_vlan_has_a_complete_list_too() -> None:
    text = "site: x\nzones: [{name: bus, vlans: [20], assets_complete: true}]\nassets: [{ip: 10.0.1.10}]"
    rows = Rows()
    batch = np.concatenate([rows.row(f"10.0.1.{vlan}", "10.0.1.10", vlan=vlan) for vlan in (20, 30)])
    found = behaviour_table(batch, rows.strings, Plant(Observed(rows), site_of_text(text, Path("site.yaml"))))
    assert [found.value("source.authorised", row) for row in (0, 1)] == [False, None]


def test_a_mac_address_alone_does_not_tell_that_a_machine_is_not_listed() -> None:
    assets = "[{ip: 10.0.1.10}, {mac: 00-1b-1b-aa-bb-02, authorised: false}]"
    text = f"site: x\nassets_complete: true\nassets: {assets}"
    rows = Rows()
    clients = ("00:1b:1b:aa:bb:01", "00:1b:1b:aa:bb:02")
    batch = np.concatenate([rows.row(client, "10.0.1.10", protocol=Number.ARP) for client in clients])
    found = behaviour_table(batch, rows.strings, Plant(Observed(rows), site_of_text(text, Path("site.yaml"))))
    assert [found.value("source.authorised", row) for row in (0, 1)] == [None, False]


def test_the_baseline_adds_to_a_complete_list() -> None:
    rows = Rows()
    plant = Plant(Observed(rows), replace(SITE, assets_complete=True), {"10.0.1.12"})
    found = behaviour_table(rows.row("10.0.1.12", "10.0.1.13"), rows.strings, plant)
    assert found.value("source.authorised", 0) is True
    assert found.value("destination.authorised", 0) is False


def test_novelty_becomes_columns() -> None:
    rows = Rows()
    baseline = Baseline()
    Learner(baseline, rows.directory, rows.strings).learn(rows.row("10.0.1.5", "10.0.1.10"))
    lookup = Lookup(baseline, rows.directory, rows.strings)
    now = np.concatenate(
        [rows.row("10.0.1.5", "10.0.1.10"), rows.row("10.0.1.5", "10.0.1.10", Operation.WRITE, function=6)]
    )
    plant = Plant(Observed(rows), Site(), baseline.assets)
    found = behaviour_table(now, rows.strings, plant, lookup.novelty(now), np.array([4, 5]))
    assert [found.value("baseline.novelty", row) for row in (0, 1)] == [None, "operation"]
    assert [found.value("baseline.new_function", row) for row in (0, 1)] == [False, True]
    assert [found.value("baseline.new_conversation", row) for row in (0, 1)] == [False, False]
    assert found.value("baseline.learned", 0) is True
    assert found.value("source.authorised", 0) is True
    assert found.occurrences.keys.tolist() == [4, 5]
    assert found.occurrences.first_ns.tolist() == [START, START]
    assert found.occurrences.frames[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def test_columns_that_nobody_asks_for_are_not_made() -> None:
    rows = Rows()

    class Unasked(Observed):
        def texts(self, field: str, endpoints: Ints) -> Sequence[str]:
            raise AssertionError(field)

    plant = Plant(Unasked(rows), Site())
    found = behaviour_table(rows.row("10.0.1.5", "10.0.1.10"), rows.strings, plant)
    assert found.value("ics.operation", 0) == "read"
    with pytest.raises(AssertionError, match="vendor"):
        found.column("source.vendor")


def test_asset_changes_get_what_the_site_says() -> None:
    change = {
        "@timestamp": "2026-11-22T10:00:00Z",
        "asset": {"id": "a-1", "change": "firmware", "old": "1.0", "new": "2.0", "ip": ["10.0.1.10"]},
        "evidence": {"frames": [17]},
    }
    other = {"asset": {"id": "a-2", "change": "new_asset", "new": "10.9.9.9", "ip": ["10.9.9.9"]}}
    plant = Plant(Observed(Rows()), SITE)
    found = asset_table([change, other], plant, learned=True)
    assert found.document(0) == {
        "asset.id": "a-1",
        "asset.change": "firmware",
        "asset.old": "1.0",
        "asset.new": "2.0",
        "asset.ip": ["10.0.1.10"],
        "asset.name": "Pump PLC",
        "asset.role": "plc",
        "asset.zone": "control",
        "asset.purdue_level": 1.0,
        "asset.criticality": 2.0,
        "asset.is_internal": True,
        "asset.authorised": True,
        "baseline.learned": True,
        "schedule.working_hours": True,
    }
    assert found.occurrences.frames[0].tolist()[:2] == [17, 0]
    assert found.value("asset.authorised", 1) is None
    assert found.value("asset.zone", 1) is None
    complete = Plant(Observed(Rows()), replace(SITE, assets_complete=True))
    assert asset_table([change, other], complete).value("asset.authorised", 1) is False
    assert asset_table([], plant).rows == 0


def test_a_flood_is_enriched_fast() -> None:
    rows = Rows()
    flood = np.repeat(rows.row("10.0.1.5", "10.0.1.10"), 100_000)
    flood["address"] = np.arange(flood.shape[0])
    plant = Plant(Observed(rows), Site())
    begin = time.perf_counter()
    found = behaviour_table(flood, rows.strings, plant)
    for name in FIELDS:
        if name != "ics.object":
            found.column(name)
    assert found.value("ics.object", 99_999) == "holding_register 99999"
    assert time.perf_counter() - begin < 2


def test_conduits_are_asked_where_a_zone_is_left() -> None:
    site = site_of_text(
        """\
site: x
zones:
- {name: control, networks: [10.0.1.0/24]}
- {name: supervision, networks: [10.0.2.0/24]}
conduits:
- {from: supervision, to: control, protocols: [modbus]}
""",
        Path("site.yaml"),
    )
    rows = Rows()
    pairs = {
        ("10.0.2.5", "10.0.1.10"): True,
        ("10.0.1.10", "10.0.2.5"): False,
        ("10.0.1.11", "10.0.1.10"): None,
        ("10.9.9.9", "10.0.1.10"): False,
        ("8.8.8.8", "10.0.1.10"): False,
        ("10.0.1.10", "224.0.0.1"): None,
        ("28:63:36:00:00:01", "10.0.1.10"): None,
    }
    behaviours = [rows.row(client, server) for client, server in pairs]
    behaviours.append(rows.row("10.0.2.5", "10.0.1.10", protocol=Number.S7COMM, server_port=102))
    column = table(rows, *behaviours, site=site).columns["conduit.allowed"]
    assert column.listed() == [*pairs.values(), False]


def test_objects_are_told_apart_as_by_their_text() -> None:
    rows = Rows()
    wanted = [
        rows.row("10.0.0.5", "10.0.0.10", address=7),
        rows.row("10.0.0.5", "10.0.0.10", address=8),
        rows.row("10.0.0.6", "10.0.0.11", address=7, unit=9),
        rows.row("10.0.0.5", "10.0.0.10", address=-1, space=-1),
        rows.row("10.0.0.5", "10.0.0.10", address=7, space=0),
    ]
    found = table(rows, *wanted)
    places = np.arange(len(wanted))
    codes = codes_of(found, "ics.object", places).tolist()
    texts = [found.value("ics.object", place) for place in range(len(wanted))]
    assert texts == ["holding_register 7", "holding_register 8", "holding_register 7", None, "coil 7"]
    same = [[one == other for other in texts] for one in texts]
    assert [[one == other for other in codes] for one in codes] == same
    assert [code == ABSENT for code in codes] == [text is None for text in texts]


def test_who_came_after_the_watch_began_is_a_newcomer_for_some_minutes() -> None:
    rows = Rows()
    arrived = 1_000 * 10**9
    late = {"10.0.1.66": str(arrived)}
    soon = rows.row("10.0.1.66", "10.0.1.10", first_ns=arrived + 10**9)
    later = rows.row("10.0.1.66", "10.0.1.10", first_ns=arrived + 601 * 10**9)
    found = table(rows, soon, later, arrived=late)
    assert [found.value("source.newcomer", row) for row in (0, 1)] == [True, False]
    assert [found.value("destination.newcomer", row) for row in (0, 1)] == [False, False]
