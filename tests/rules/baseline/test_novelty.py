from __future__ import annotations

import time

import numpy as np
import pytest
from plant_rows import SECOND, START, Plant

from rules.baseline.learning import Learner
from rules.baseline.model import Baseline, Level
from rules.baseline.novelty import Lookup, Novelty
from rules.baseline.stage import BaselineStage, Window, span_window, until_window
from sensor.messages import MALFORMED, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.types import Rows

HMI, PLC, STRANGER = "10.0.0.5", "10.0.0.10", "10.0.0.66"


@pytest.fixture
def plant() -> Plant:
    return Plant()


def learned(plant: Plant, *rows: Rows) -> Lookup:
    baseline = Baseline()
    Learner(baseline, plant.directory, plant.strings).learn(np.concatenate(rows))
    return Lookup(baseline, plant.directory, plant.strings)


def normal(plant: Plant) -> tuple[Rows, Rows]:
    return plant.row(HMI, PLC, address=100, count=10), plant.row(HMI, PLC, kind=Kind.RESPONSE, address=100)


def level(novelty: Novelty) -> Level:
    return Level(int(novelty.level[0]))


def test_what_was_learned_is_not_new(plant: Plant) -> None:
    lookup = learned(plant, *normal(plant))
    rows = np.concatenate(normal(plant))
    assert not lookup.novelty(rows).level.any()
    # The same registers in smaller bites, later, from another client port.
    assert level(lookup.novelty(plant.row(HMI, PLC, address=103, count=2, client_port=50001))) == Level.NONE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"address": 110}, Level.OBJECT),
        ({"address": 99, "count": 2}, Level.OBJECT),
        ({"unit": 2}, Level.OBJECT),
        ({"space": 1}, Level.OBJECT),
        ({"name": "Motor.Speed"}, Level.OBJECT),
        ({"address": -1}, Level.OBJECT),
        ({"function": 4}, Level.FUNCTION),
        ({"subfunction": 1}, Level.FUNCTION),
        ({"operation": Operation.WRITE, "function": 6}, Level.OPERATION),
        ({"server_port": 1502}, Level.CONVERSATION),
        ({"protocol": Number.IEC104}, Level.CONVERSATION),
    ],
)
def test_each_level_is_told_at_the_top(plant: Plant, change: dict[str, int], expected: Level) -> None:
    lookup = learned(plant, *normal(plant))
    novelty = lookup.novelty(plant.row(HMI, PLC, **({"address": 100} | change)))
    assert level(novelty) == expected
    flags = [bool(flag[0]) for flag in novelty[1:]]
    assert flags == [value >= expected for value in list(Level)[1:]]


def test_a_new_client_is_a_new_asset_and_a_new_server_is_one_when_it_answers(plant: Plant) -> None:
    lookup = learned(plant, *normal(plant))
    assert level(lookup.novelty(plant.row(STRANGER, PLC, address=100))) == Level.ASSET
    # Asking for somebody who may not be there makes a conversation, not an asset …
    assert level(lookup.novelty(plant.row(HMI, "10.0.0.77", address=100))) == Level.CONVERSATION
    # … its answer makes one, once; the answer of the known server adds nothing.
    answer = plant.row(HMI, "10.0.0.77", address=100, kind=Kind.RESPONSE)
    assert level(lookup.novelty(answer)) == Level.ASSET
    assert level(lookup.novelty(answer)) == Level.NONE
    assert level(lookup.novelty(plant.row(STRANGER, PLC, address=100, kind=Kind.RESPONSE))) == Level.NONE


def test_where_only_answers_are_seen_they_are_told_once(plant: Plant) -> None:
    lookup = learned(plant, *normal(plant))
    answer = plant.row(HMI, PLC, kind=Kind.RESPONSE, protocol=Number.IEC104, server_port=2404)
    assert level(lookup.novelty(answer)) == Level.CONVERSATION
    assert level(lookup.novelty(answer)) == Level.NONE


def test_chatter_shows_assets_and_nothing_else(plant: Plant) -> None:
    lookup = learned(plant, *normal(plant))
    arp = {"protocol": Number.ARP, "transport": 0, "server_port": 0, "client_port": 0}
    mdns = {"protocol": Number.MDNS, "transport": 17, "server_port": 5353}
    assert level(lookup.novelty(plant.row(HMI, "10.0.0.99", **arp))) == Level.NONE
    assert level(lookup.novelty(plant.row(HMI, "224.0.0.251", **mdns))) == Level.NONE
    assert level(lookup.novelty(plant.row("00:1b:1b:aa:bb:cc", "ff:ff:ff:ff:ff:ff", **arp))) == Level.NONE
    assert level(lookup.novelty(plant.row(STRANGER, "10.0.0.99", **arp))) == Level.ASSET
    broadcast = plant.row(HMI, "255.255.255.255", protocol=Number.ENIP, transport=17, server_port=44818)
    assert level(lookup.novelty(broadcast)) == Level.CONVERSATION


def test_the_internet_is_one_peer_unless_it_speaks_ot() -> None:
    plant = Plant(internal=["192.0.2.7", "8.8.4.4"])
    dns = {"protocol": Number.DNS, "transport": 17, "server_port": 53}
    lookup = learned(plant, *normal(plant), plant.row(HMI, "8.8.8.8", **dns))
    assert level(lookup.novelty(plant.row(HMI, "1.1.1.1", **dns))) == Level.NONE
    answer = plant.row(HMI, "9.9.9.9", kind=Kind.RESPONSE, **dns)
    assert level(lookup.novelty(answer)) == Level.NONE
    # A public address that the site file claims is a peer like any other.
    assert level(lookup.novelty(plant.row(HMI, "8.8.4.4", **dns))) == Level.CONVERSATION
    assert level(lookup.novelty(plant.row("1.1.1.1", PLC, address=100))) == Level.ASSET


def test_ports_that_change_do_not_make_news(plant: Plant) -> None:
    unknown = {"protocol": Number.UNKNOWN}
    lookup = learned(
        plant, *normal(plant), plant.row(HMI, PLC, server_port=40001, client_port=40002, **unknown)
    )
    again = plant.row(HMI, PLC, server_port=50003, client_port=39000, **unknown)
    assert level(lookup.novelty(again)) == Level.NONE
    # Picked up in the middle, the sides of a conversation may be taken for each other.
    web = learned(plant, plant.row(HMI, PLC, server_port=80, **unknown), plant.row(PLC, HMI))
    turned = plant.row(PLC, HMI, server_port=51000, client_port=80, **unknown)
    assert level(web.novelty(turned)) == Level.NONE


def test_ends_that_send_unasked_are_the_same_whoever_was_heard_first(plant: Plant) -> None:
    both = {"transport": 17, "server_port": 2222, "client_port": 2222}
    io = {"protocol": Number.CIP_IO, "operation": Operation.REPORT, "kind": Kind.EVENT, **both}
    datagrams = {"protocol": Number.UDP, **both}
    lookup = learned(plant, *normal(plant), plant.row(HMI, PLC, **io), plant.row(HMI, PLC, **datagrams))
    for row in (plant.row(PLC, HMI, direction=1, **io), plant.row(PLC, HMI, **datagrams)):
        assert level(lookup.novelty(row)) == Level.NONE
    # Who asks is told by what is said where a protocol has requests.
    assert level(lookup.novelty(plant.row(PLC, HMI, address=1))) == Level.CONVERSATION


def test_malformed_messages_and_reports_do_not_make_endless_news(plant: Plant) -> None:
    report = {"operation": Operation.REPORT, "kind": Kind.EVENT, "direction": 1}
    lookup = learned(plant, *normal(plant), plant.row(HMI, PLC, address=7, **report))
    assert level(lookup.novelty(plant.row(HMI, PLC, address=8, **report))) == Level.NONE
    junk = plant.row(HMI, PLC, function=99, flags=MALFORMED, operation=Operation.OTHER)
    assert level(lookup.novelty(junk)) == Level.NONE


def test_dangerous_operations_are_withheld_and_stay_news(plant: Plant) -> None:
    stop = plant.row(HMI, PLC, operation=Operation.STOP, function=41, name="P_PROGRAM")
    stage = BaselineStage(plant.directory, plant.strings, window=span_window("5m"))
    novelty = stage.novelty(np.concatenate([*normal(plant), stop]))
    assert novelty is not None
    assert novelty.level.tolist() == [Level.NONE, Level.NONE, Level.OPERATION]
    assert [entry.operation for entry in stage.finish().withheld.values()] == [Operation.STOP]
    later = stop.copy()
    later["first_ns"] = START + 400 * SECOND
    novelty = stage.novelty(later)
    assert novelty is not None
    assert level(novelty) == Level.OPERATION

    accepting = BaselineStage(
        plant.directory, plant.strings, window=span_window("5m"), accept=[Operation.STOP]
    )
    novelty = accepting.novelty(stop)
    assert novelty is not None
    assert level(novelty) == Level.NONE
    assert not accepting.finish().withheld


def test_learning_ends_with_its_window(plant: Plant) -> None:
    stage = BaselineStage(plant.directory, plant.strings, window=Window(until_ns=START + 10 * SECOND))
    early, late = plant.row(HMI, PLC), plant.row(HMI, PLC, address=5)
    late["first_ns"] = START + 10 * SECOND
    novelty = stage.novelty(np.concatenate([early, late]))
    assert novelty is not None
    assert novelty.level.tolist() == [Level.NONE, Level.OBJECT]
    note = stage.finish().learned[0]
    assert (note.from_ns, note.until_ns, note.behaviours) == (START, START + 10 * SECOND, 1)


def test_without_a_baseline_nothing_can_be_said(plant: Plant) -> None:
    stage = BaselineStage(plant.directory, plant.strings)
    assert stage.novelty(plant.row(HMI, PLC)) is None


def test_windows_are_read_or_refused() -> None:
    assert span_window("90s").end(START) == START + 90 * SECOND
    assert span_window("1.5h").end(0) == 5400 * SECOND
    assert until_window("2026-11-22T07:39:29.5Z").end(0) == 1_795_333_169_500_000_000
    for wrong in ("5", "m", "5 years", ""):
        with pytest.raises(ValueError, match="span of time"):
            span_window(wrong)
    with pytest.raises(ValueError, match="not a time"):
        until_window("yesterday")


def test_a_flood_of_novelty_is_looked_up_fast_and_remembered_in_bounds(plant: Plant) -> None:
    lookup = learned(plant, *normal(plant))
    rows = np.repeat(plant.row(HMI, PLC), 100_000)
    rows["address"] = np.arange(rows.shape[0])
    rows["function"] = np.arange(rows.shape[0]) % 127
    begin = time.perf_counter()
    novelty = lookup.novelty(rows)
    taken = time.perf_counter() - begin
    assert novelty.level.all()
    # A second is the budget; the machine may be busy with other things.
    assert taken < 2
