"""Roles from what vendors call their products and from what machines are asked."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.activity import Activities, Activity
from sensor.behaviours import BEHAVIOUR
from sensor.messages import Kind, Operation
from sensor.protocols.protocol import Number
from sensor.roles import judge

ME, PEER, OTHER = 1, 2, 3


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("Siemens AG SIMATIC S7 MULTIPORT SCALANCE X 200 FAM", "router"),
        ("Siemens, SIMATIC S7, CPU315-2 PN/DP, 6ES7 315-2EH14-0AB0", "plc"),
        ("1756-L61/B LOGIX5561", "plc"),
        ("1756-EN2T/B", "plc"),
        ("SIMATIC HMI TP1200 Comfort, 6AV2 124-0MC01-0AX0", "hmi"),
        ("SEL-751 Feeder Protection Relay", "ied"),
        ("PowerFlex 525", "drive"),
        ("Hirschmann RSP switch", "router"),
        ("HP LaserJet 4050", "unknown"),
    ],
)
def test_products_by_name(text: str, role: str) -> None:
    assert judge(Activity(), {"description": (text, 1, "lldp")}, {}).role == role


def asker(number: Number, *operations: Operation) -> Activity:
    asked = {int(operation): frame for frame, operation in enumerate(operations, 10)}
    return Activity(asks={int(number): 10}, asked=asked, servers={PEER})


@pytest.mark.parametrize(
    ("activity", "role"),
    [
        (asker(Number.S7COMM, Operation.READ, Operation.WRITE), "hmi"),
        (asker(Number.S7COMM, Operation.READ, Operation.PROGRAM_DOWNLOAD), "engineering_workstation"),
        (asker(Number.S7COMM, Operation.BROWSE, Operation.DIAGNOSE), "engineering_workstation"),
        (asker(Number.ENIP, Operation.IDENTIFY), "unknown"),
        (asker(Number.COTP, Operation.SESSION, Operation.OTHER), "unknown"),
        (asker(Number.DNP3, Operation.SESSION), "scada"),
    ],
)
def test_clients_by_what_they_ask(activity: Activity, role: str) -> None:
    assert judge(activity, {}, {}).role == role


def test_who_serves_and_asks_telecontrol_is_a_gateway_unless_it_asks_itself() -> None:
    activity = Activity(
        serves={int(Number.IEC104): 1},
        asks={int(Number.IEC104): 1},
        asked={int(Operation.READ): 1},
        servers={ME},
    )
    assert judge(activity, {}, {}, own=frozenset({ME})).role == "rtu"
    activity.servers.add(OTHER)
    assert judge(activity, {}, {}, own=frozenset({ME})).role == "gateway"


def test_a_judgement_names_the_frame_that_supports_it() -> None:
    judgement = judge(asker(Number.S7COMM, Operation.READ, Operation.STOP), {}, {})
    assert (judgement.role, judgement.frame) == ("engineering_workstation", 11)


def station(slots: range, looks: int, since: int = 0) -> Activity:
    activity = asker(Number.MODBUS, Operation.READ, Operation.WRITE)
    for slot in slots:
        activity.go_online(since + slot)
    for slot in list(slots)[:: max(1, len(slots) // looks)] if looks else ():
        activity.look(since + slot)
    return activity


@pytest.mark.parametrize(
    ("activity", "now", "role"),
    [
        (station(range(0, 120), 1), 120, "hmi"),
        (station(range(0, 120, 12), 1), 120, "engineering_workstation"),
        (station(range(0, 120, 12), 0), 120, "hmi"),
        (station(range(0, 6), 2), 10, "hmi"),
        (station(range(0, 6), 2), 120, "engineering_workstation"),
    ],
    ids=["polls", "goes online now and then", "slow poll", "has just begun", "went online once"],
)
def test_who_goes_online_to_look_is_told_from_who_polls(activity: Activity, now: int, role: str) -> None:
    assert judge(activity, {}, {}, slot=now).role == role


def test_who_asks_controllers_only_after_long_office_work_stays_a_workstation() -> None:
    activity = station(range(0, 6), 0, since=50)
    activity.it_asked[443] = 3
    assert judge(activity, {}, {}, slot=60, seen_slot=1).role == "workstation"
    assert judge(activity, {}, {}, slot=60, seen_slot=49).role == "hmi"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("PLANT-ENG1", "engineering_workstation"),
        ("HMI_02", "hmi"),
        ("HIST01", "historian"),
        ("ENGELBERT", "unknown"),
    ],
)
def test_what_stations_are_called(name: str, role: str) -> None:
    assert judge(Activity(), {"name": (name, 1, "dhcp")}, {}).role == role


def test_who_polls_for_minutes_after_half_an_hour_of_office_work_is_no_station_yet() -> None:
    activity = station(range(0, 60), 0, since=400)
    activity.it_asked[443] = 3
    assert judge(activity, {}, {}, slot=460, seen_slot=1).role == "workstation"
    assert judge(activity, {}, {}, slot=460, seen_slot=399).role == "hmi"


def test_who_watches_a_controller_online_for_a_good_part_of_the_day_is_an_engineer() -> None:
    activity = station(range(0, 50), 40)
    assert judge(activity, {}, {}, slot=120).role == "engineering_workstation"
    assert judge(activity, {}, {}, slot=60).role == "hmi", "it never went offline"


def test_one_command_after_a_long_time_of_reading_makes_no_operator_of_a_historian() -> None:
    activity = asker(Number.MODBUS, Operation.READ, Operation.WRITE)
    activity.services["tcp", 1433] = 9
    for slot in range(0, 300):
        activity.go_online(slot)
    activity.act(290)
    assert judge(activity, {}, {}, slot=300).role == "historian"
    for slot in range(291, 299):
        activity.act(slot)
    assert judge(activity, {}, {}, slot=300).role == "hmi"


def test_who_seldom_commands_many_is_no_historian() -> None:
    activity = asker(Number.MODBUS, Operation.READ, Operation.WRITE)
    activity.servers |= {10, 11, 12, 13}
    for slot in range(0, 300):
        activity.go_online(slot)
    activity.act(290)
    assert judge(activity, {}, {}, slot=300).role == "scada"


def test_a_remote_desktop_makes_no_controller_of_a_station() -> None:
    """Its sessions begin with the X.224 packets that S7 connections begin with, too."""
    activities = Activities()
    rows = np.zeros(2, BEHAVIOUR)
    rows["client"], rows["server"], rows["server_port"] = OTHER, ME, 3389
    rows["protocol"], rows["transport"], rows["unit"] = Number.COTP, 6, -1
    rows["kind"] = Kind.REQUEST, Kind.RESPONSE
    activities.add(rows)
    assert not activities.of[ME].serves
    assert not activities.of[OTHER].asks


def test_who_looks_into_controllers_only_after_long_office_work_stays_a_workstation() -> None:
    activity = asker(Number.CIP, Operation.BROWSE)
    activity.it_asked[443] = 3
    for slot in range(400, 410):
        activity.go_online(slot)
        activity.look(slot)
    assert judge(activity, {}, {}, slot=410, seen_slot=1).role == "workstation"
    assert judge(activity, {}, {}, slot=410, seen_slot=399).role == "engineering_workstation"
