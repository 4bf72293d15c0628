"""`fieldwatch analyze` from the outside: what it writes, what it says, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import PcapWriter
from traffic import segment

FIELDWATCH = [sys.executable, "-m", "console"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*FIELDWATCH, "analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def request(transaction: int, pdu: str) -> bytes:
    body = bytes.fromhex("01" + pdu)
    return transaction.to_bytes(2) + b"\0\0" + len(body).to_bytes(2) + body


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of polling, then a coil is forced: one read a second, answered."""
    path = tmp_path_factory.mktemp("capture") / "plant.pcap"
    client, server = 1, 1
    packets = [(0.0, segment(b"", 0, flags="S")), (0.01, segment(b"", 0, flags="SA", from_server=True))]
    for second in range(120):
        ask, answer = request(second, "03 0064 0002"), request(second, "03 04 0001 0002")
        packets.append((second + 0.1, segment(ask, client, ack=server)))
        client += len(ask)
        packets.append((second + 0.2, segment(answer, server, ack=client, from_server=True)))
        server += len(answer)
    packets.append((120.5, segment(request(999, "05 0001 ff00"), client, ack=server)))
    with PcapWriter(str(path), linktype=1) as writer:
        writer.write_header(None)
        for when, data in packets:
            writer.write_packet(data, sec=1_700_000_000 + int(when), usec=int(when % 1 * 1e6))
    return path


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_learned_polling_is_silent_and_the_forced_coil_is_not(capture: Path, tmp_path: Path) -> None:
    out, store = tmp_path / "report", tmp_path / "plant.db"
    done = run(capture, "--learn", "60s", "--out", out, "--store", store)
    assert done.returncode == 0, done.stderr
    alerts = lines(out / "alerts.jsonl")
    assert alerts
    assert {alert["ics"]["operation"] for alert in alerts} == {"operate"}  # type: ignore[index]
    for alert in alerts:
        assert alert["evidence"] == {"capture": str(capture), "frames": [243]}
    assets = {tuple(item["asset"]["ip"]): item["asset"] for item in lines(out / "assets.jsonl")}  # type: ignore[index]
    assert assets[("10.1.1.10",)]["role"] == "plc"
    assert assets[("10.1.1.5",)]["role"] == "hmi"
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["packets"] == 243
    assert summary["protocols"]["modbus"] == 241
    assert summary["understood"]["share"] == 1.0
    assert not any(summary["losses"].values())
    again = run(capture, "--learn", "60s", "--store", store)
    assert "it held all of this already" in again.stdout


def test_fail_on_ends_with_three(capture: Path) -> None:
    assert run(capture, "--learn", "60s", "--fail-on", "low").returncode == 3
    assert run(capture, "--learn", "60s", "--fail-on", "critical").returncode == 0


def test_several_captures_are_one_plant_with_their_own_frame_numbers(capture: Path, tmp_path: Path) -> None:
    done = run(capture, capture, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "summary.json").read_text("utf-8"))["packets"] == 486
    for behaviour in lines(tmp_path / "behaviours.jsonl"):
        for frames in [behaviour["evidence"], *behaviour["evidence"].get("more", ())]:  # type: ignore[index, union-attr]
            assert all(1 <= frame <= 243 for frame in frames["frames"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--learn", "soon"], 2, "--learn"),
        (["--learn-until", "yesterday"], 2, "--learn-until"),
        (["--fail-on", "loud"], 2, "--fail-on"),
        (["--rules", "/nonexistent.yaml"], 2, "/nonexistent.yaml"),
        (["--baseline", "/nonexistent.yaml"], 1, "/nonexistent.yaml"),
        (["--site", "/nonexistent.yaml"], 1, "/nonexistent.yaml"),
        (["--save-baseline", "x.yaml"], 2, "--save-baseline"),
    ],
)
def test_bad_options_are_told_in_a_sentence(
    capture: Path, arguments: list[str], code: int, says: str
) -> None:
    done = run(capture, *arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rule_with_an_error_stops_before_anything_is_written(capture: Path, tmp_path: Path) -> None:
    rule = tmp_path / "broken.yaml"
    rule.write_text("title: Broken\ndetection:\n  selection:\n    ics.operatoin: stop\n", "utf-8")
    done = run(capture, "--rules", rule, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert f"{rule}:" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_baseline_of_another_version_is_refused(capture: Path, tmp_path: Path) -> None:
    saved = tmp_path / "baseline.yaml"
    assert run(capture, "--learn", "60s", "--save-baseline", saved).returncode == 0
    assert run(capture, "--baseline", saved).returncode == 0
    text = saved.read_text("utf-8")
    saved.write_text(text.replace("fieldwatch_baseline: 2", "fieldwatch_baseline: 99"), "utf-8")
    done = run(capture, "--baseline", saved)
    assert done.returncode == 1
    assert "format '99' cannot be read" in done.stderr


def test_what_could_be_read_is_reported_when_one_of_two_cannot_be(capture: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "absent.pcap", capture, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "absent.pcap: no such file" in done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))["packets"] == 243


def test_a_dangerous_operation_seen_while_learning_says_so(tmp_path: Path) -> None:
    path = tmp_path / "restart.pcap"
    with PcapWriter(str(path), linktype=1) as writer:
        writer.write_header(None)
        sequence = 1
        for second, pdu in (
            (0, "03 0064 0002"),
            (1, "08 0001 0000"),
            (100, "08 0001 0000"),
            (101, "03 0064 0002"),
        ):
            data = request(second, pdu)
            writer.write_packet(segment(data, sequence), sec=1_700_000_000 + second, usec=0)
            sequence += len(data)
    out = tmp_path / "report"
    done = run(path, "--learn", "60s", "--out", out)
    assert done.returncode == 0, done.stderr
    restarts = [item for item in lines(out / "alerts.jsonl") if item["event"].get("action") == "reset"]  # type: ignore[attr-defined]
    assert restarts
    for alert in restarts:
        early = str(alert["@timestamp"]) < "2023-11-14T22:14:20"
        assert early == str(alert["message"]).endswith("(seen while learning; not learned)")
        assert early == ("baseline" in alert)
    assert any("baseline" in alert for alert in restarts)
    assert "学习期间出现" in str(restarts[0]["message_zh"])


def test_announced_work_is_told_and_no_longer_loud(capture: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        """\
site: x
schedule:
  maintenance:
  - {from: "2023-11-14T22:00:00Z", to: "2023-11-14T23:00:00Z", name: Valve test, work_order: WO-1,
     addresses: [10.1.1.10], operations: [operate]}
""",
        "utf-8",
    )
    out = tmp_path / "report"
    done = run(capture, "--learn", "60s", "--site", site, "--out", out, "--fail-on", "medium")
    assert done.returncode == 0, done.stderr
    alerts = lines(out / "alerts.jsonl")
    assert alerts
    for alert in alerts:
        assert alert["maintenance"]["work_order"] == "WO-1"  # type: ignore[index]
        assert alert["rule"]["level"] in ("informational", "low")  # type: ignore[index]
    assert "by maintenance WO-1, Valve test" in done.stdout


def test_suppressed_alerts_are_kept_and_counted(capture: Path, tmp_path: Path) -> None:
    suppress = tmp_path / "quiet.yaml"
    suppress.write_text(
        """\
suppressions:
- {id: coil-1, reason: Forced by the shift, author: Li Wei, expires: 2023-12-01,
   where: {ics.operation: operate}}
""",
        "utf-8",
    )
    out = tmp_path / "report"
    done = run(capture, "--learn", "60s", "--suppress", suppress, "--out", out)
    assert done.returncode == 0, done.stderr
    alerts = lines(out / "alerts.jsonl")
    assert alerts
    assert all(alert["event"]["silenced"] is True for alert in alerts)  # type: ignore[index]
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert not any(summary["alerts"].values())
    assert [item["alerts"] for item in summary["quieted"]] == [len(alerts)]
    assert "by suppression coil-1 of Li Wei: Forced by the shift" in done.stdout
    linted = subprocess.run(
        [*FIELDWATCH, "rules", "lint", "--suppress", str(suppress)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 1
    assert f"{suppress}:2:1: the suppression 'coil-1' has expired" in linted.stderr


def test_a_broken_list_of_suppressions_stops_everything(capture: Path, tmp_path: Path) -> None:
    suppress = tmp_path / "quiet.yaml"
    suppress.write_text("suppressions:\n- {id: a}\n", "utf-8")
    done = run(capture, "--suppress", suppress)
    assert done.returncode == 1
    assert f"{suppress}:2:3: the key 'reason' is missing" in done.stderr


def test_an_intruder_is_one_story(tmp_path: Path) -> None:
    bundled = next((Path(__file__).parents[3] / "pcaps" / "demo").glob("plant.pcapng*"))
    done = run(bundled, "--learn", "90s", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    first, *_ = lines(tmp_path / "incidents.jsonl")
    incident: Any = first["incident"]
    assert incident["level"] == "critical"
    assert [source["address"] for source in incident["sources"]][:1] == ["10.77.9.66"]
    names = [entry["name"] for entry in incident["tactics"]]
    assert names.index("discovery") < names.index("impair-process-control")
    alerts = {alert["event"]["id"] for alert in lines(tmp_path / "alerts.jsonl")}  # type: ignore[index]
    assert set(incident["alerts"]["ids"]) <= alerts
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert summary["incidents"]["critical"] >= 1
    assert done.stdout.index("Incidents:") < done.stdout.index("Alerts:")
    assert incident["title"] in " ".join(done.stdout.split())
