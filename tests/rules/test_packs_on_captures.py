"""The shipped rules on public captures whose names say what somebody did in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.detector import Detector
from rules.language.loader import load_rules
from rules.replay import replay
from rules.rule import AnyRule

ITI = "ITI+ICS-Security-Tools/pcaps"
DONE = {
    f"{ITI}/s7/snap7_s300_stop.pcapng": "controller-stop",
    f"{ITI}/s7/step7_s300_download.pcapng": "program-download",
    f"{ITI}/s7/s7comm_downloading_block_db1.pcap": "program-download",
    f"{ITI}/s7/s7comm_reading_setting_plc_time.pcap": "s7-clock-set",
    f"{ITI}/EthernetIP/cip_start_plc.pcap": "controller-start",
    f"{ITI}/dnp3/file_delete.pcap": "file-deleted",
    f"{ITI}/dnp3/file_read.pcap": "file-read",
    f"{ITI}/dnp3/file_write.pcap": "file-written",
    f"{ITI}/dnp3/direct_operate_no_ack_crob.pcap": "operate-without-acknowledgement",
    f"{ITI}/dnp3/disable_unsolcited_and_response.pcap": "unsolicited-responses-disabled",
}
"""Capture to the rule about what its name says; nothing else is done in it."""
ORDINARY = (
    f"{ITI}/ModbusTCP/ModbusTCP.pcap",
    f"{ITI}/s7/s7comm_reading_plc_status.pcap",
    f"{ITI}/s7/snap7_s300_setupCommunication.pcapng",
    f"{ITI}/s7/wincc_s300_setup-alarm-read.pcapng",
    f"{ITI}/s7/s7-1200-hmi.pcap",
)
"""Captures of polling, sessions and displays."""


@pytest.fixture(scope="module")
def rules() -> list[AnyRule]:
    return load_rules()


def alerts(rules: list[AnyRule], path: Path) -> dict[str, str]:
    """The rules that alert on a capture, with their levels."""
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    detector = Detector(rules)
    found: dict[str, str] = {}
    for table in replay(path):
        detector.see(table)
        found |= {alert["rule"]["name"]: alert["rule"]["level"] for alert in detector.take()}
    return found


@pytest.mark.parametrize(("capture", "rule"), DONE.items())
def test_what_was_done_is_told_and_little_else(
    rules: list[AnyRule], public_captures: Path, capture: str, rule: str
) -> None:
    found = alerts(rules, public_captures / capture)
    assert rule in found
    others = {name for name, level in found.items() if level in ("medium", "high", "critical")} - {rule}
    assert others == set()


@pytest.mark.parametrize("capture", ORDINARY)
def test_ordinary_traffic_is_left_alone(rules: list[AnyRule], public_captures: Path, capture: str) -> None:
    assert alerts(rules, public_captures / capture) == {}
