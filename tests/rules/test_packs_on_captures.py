"""The shipped rules on public captures whose names say what somebody did in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.engine.matching import Engine
from rules.language.loader import load_rules
from rules.replay import replay

ITI = "ITI+ICS-Security-Tools/pcaps"
DONE = {
    f"{ITI}/s7/snap7_s300_stop.pcapng": "controller-stop",
    f"{ITI}/s7/step7_s300_download.pcapng": "program-download",
    f"{ITI}/s7/s7comm_downloading_block_db1.pcap": "program-download",
    f"{ITI}/s7/s7comm_reading_setting_plc_time.pcap": "s7-clock-set",
    f"{ITI}/EthernetIP/cip_start_plc.pcap": "controller-start",
    f"{ITI}/dnp3/file_delete.pcap": "file-deleted",
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
def engine() -> Engine:
    return Engine(load_rules())


def fired(engine: Engine, path: Path) -> set[str]:
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    return {match.rule.name for table in replay(path) for match in engine.match(table)}


@pytest.mark.parametrize(("capture", "rule"), DONE.items())
def test_what_was_done_is_told_and_nothing_else(
    engine: Engine, public_captures: Path, capture: str, rule: str
) -> None:
    assert fired(engine, public_captures / capture) == {rule}


@pytest.mark.parametrize("capture", ORDINARY)
def test_ordinary_traffic_is_left_alone(engine: Engine, public_captures: Path, capture: str) -> None:
    assert fired(engine, public_captures / capture) == set()
