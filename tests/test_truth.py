"""What truth files say, as the score reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.truth import SECOND, Truth, truths


def happened(seconds: int, actor: str, target: str, **more: object) -> dict[str, object]:
    return {"time": f"2026-11-22T10:00:{seconds:02}.000000001Z", "actor": actor, "target": target, **more}


def truth_of(*events: dict[str, object]) -> Truth:
    plant = [
        {"host": "plc", "ip": "10.0.0.1", "mac": "02:00:00:00:00:01", "vendor": "V", "role": "plc"},
        {"host": "laptop", "ip": "10.0.0.9", "ip6": "fd00::9", "mac": "02:00:00:00:00:09", "vendor": "V"},
        {"host": "far", "ip": "10.0.9.1", "mac": "02:00:00:00:09:01", "behind": "gateway", "vendor": "V"},
    ]
    document = {"capture": "x.pcapng.zst", "quiet_s": 80, "plant": plant, "happened": list(events)}
    return Truth(Path("/p/plant/story.truth.yaml"), document)


def test_acts_of_a_group_are_one_incident_and_begin_with_the_first() -> None:
    truth = truth_of(
        happened(7, "10.0.0.9", "10.0.0.1", group="a"),
        happened(5, "10.0.0.9", "10.0.0.1", group="a"),
        happened(6, "10.0.0.9", "10.0.0.1", group="b"),
    )
    assert [(incident.name, len(incident.acts)) for incident in truth.incidents] == [("a", 2), ("b", 1)]
    assert truth.incidents[1].begin_ns - truth.incidents[0].begin_ns == SECOND


@pytest.mark.parametrize(
    ("address", "concerned"),
    [
        ("10.0.0.1", True),
        ("02:00:00:00:00:01", True),
        ("10.0.0.9", True),
        ("02:00:00:00:00:09", True),
        ("10.0.0.2", False),
    ],
)
def test_an_act_concerns_every_address_of_its_parties(address: str, concerned: bool) -> None:
    (incident,) = truth_of(happened(5, "fd00::9", "10.0.0.1")).incidents
    assert incident.acts[0].concerns(address) is concerned


def test_a_machine_behind_a_gateway_has_no_mac_address_here() -> None:
    (incident,) = truth_of(happened(5, "10.0.9.1", "10.0.0.1")).incidents
    assert not incident.acts[0].concerns("02:00:00:00:09:01")


def test_a_network_is_concerned_by_each_of_its_addresses() -> None:
    (incident,) = truth_of(happened(5, "10.0.0.9", "10.0.5.0/24")).incidents
    act = incident.acts[0]
    assert act.concerns("10.0.5.77")
    assert not act.concerns("10.0.6.77")
    assert not act.concerns("02:00:00:00:00:77")


def test_techniques_go_by_their_current_and_their_classic_id() -> None:
    (incident,) = truth_of(happened(5, "10.0.0.9", "10.0.0.1", techniques=["T1692.001"])).incidents
    assert incident.acts[0].techniques == {"T1692.001", "T0855"}


def test_every_truth_file_can_be_read_and_its_capture_is_there() -> None:
    found = list(truths())
    assert found
    for truth in found:
        assert truth.capture.is_file()
        assert truth.baseline is None or truth.baseline.is_file()
        assert truth.site is None or truth.site.is_file()
        assert all(incident.acts for incident in truth.incidents)
