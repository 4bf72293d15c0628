"""From packets on disk to a rule's verdict, with frames made from the specifications."""

import struct
from ipaddress import ip_address
from pathlib import Path

import pytest
from rule_texts import rule, rule_text
from typer.testing import CliRunner

from console.commands.rules import app
from rules.detector import Detector
from rules.replay import replay
from rules.selftest import run_tests

CLIENT, SERVER = ("00:00:5e:00:53:01", "192.0.2.5", 50000), ("00:00:5e:00:53:02", "192.0.2.10", 502)
READ_COILS = bytes.fromhex("000100000006 01 01 0000 0008")
FORCE_LISTEN_ONLY = bytes.fromhex("000200000006 01 08 0004 0000")


def packet(
    source: tuple[str, str, int], target: tuple[str, str, int], sequence: int, payload: bytes
) -> bytes:
    """Ethernet II, IPv4 (RFC 791) and TCP (RFC 9293) around a payload; checksums are left at 0."""
    tcp = struct.pack(">HHIIBBHHH", source[2], target[2], sequence, 1, 5 << 4, 0x18, 8192, 0, 0) + payload
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0,
        ip_address(source[1]).packed, ip_address(target[1]).packed,
    )  # fmt: skip
    macs = bytes.fromhex((target[0] + source[0]).replace(":", ""))
    return macs + b"\x08\x00" + ip + tcp


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """quiet.pcap reads coils, mute.pcap then sends Force Listen Only Mode (function 8, subfunction 4)."""
    for name, pdus in (("quiet", [READ_COILS]), ("mute", [READ_COILS, FORCE_LISTEN_ONLY])):
        data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        sequence = 1
        for second, pdu in enumerate(pdus):
            octets = packet(CLIENT, SERVER, sequence, pdu)
            data += struct.pack("<IIII", 1_800_000_000 + second, 0, len(octets), len(octets)) + octets
            sequence += len(pdu)
        (tmp_path / f"{name}.pcap").write_bytes(data)
    return tmp_path


DETECTION = (
    "selection: {network.protocol: modbus, ics.operation: mode, ics.kind: request}\ncondition: selection"
)
TESTS = """
tests:
  - {name: muted, fires: true, capture: mute.pcap}
  - {name: only reads, fires: false, capture: quiet.pcap}
"""


def test_an_alert_of_a_capture_names_machines_and_frames(captures: Path) -> None:
    detector = Detector([rule(DETECTION)], "mute.pcap")
    for table in replay(captures / "mute.pcap"):
        detector.see(table)
    (alert,) = detector.take()
    assert alert["source"]["ip"] == CLIENT[1]
    assert alert["source"]["mac"] == CLIENT[0]
    assert alert["destination"]["ip"] == SERVER[1]
    assert alert["destination"]["port"] == 502
    assert alert["ics"]["function"] == "Force Listen Only Mode"
    assert alert["evidence"] == {"capture": "mute.pcap", "frames": [2]}
    assert alert["@timestamp"] == "2027-01-15T08:00:01.000000000Z"


def test_capture_tests_of_a_rule(captures: Path) -> None:
    results = list(run_tests([rule(DETECTION, TESTS)], captures, replay))
    assert [result.passed for result in results] == [True, True]


def test_capture_tests_from_the_command_line(captures: Path) -> None:
    path = captures / "network" / "controller-muted.yaml"
    path.parent.mkdir()
    path.write_text(rule_text(DETECTION, TESTS), "utf-8")
    result = CliRunner().invoke(app, ["test", str(path)])
    assert "0 tests passed, 0 failed, 2 on captures skipped" in result.output
    result = CliRunner().invoke(app, ["test", str(path), "--captures", str(captures)])
    assert (result.exit_code, "2 tests passed, 0 failed" in result.output) == (0, True)
