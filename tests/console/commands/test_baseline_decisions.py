"""`fieldwatch baseline accept|forget|learn --only|show --ids`, from captures to files and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from modbus_days import HMI, PLC, READ, RESTART, WRITE, capture
from typer.testing import CliRunner, Result

from console.commands.baseline import app
from rules.baseline.reading import read_baseline


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


OTHER = ("0302580001", "03020001")


def analysed(path: Path, baseline: Path, out: Path) -> list[dict[str, str]]:
    """What the alerts of an analysis say of new operations."""
    command = [sys.executable, "-m", "console", "analyze", path, "--baseline", baseline, "--out", out]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    alerts = [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]
    told = [alert.get("baseline", {}) for alert in alerts]
    return [item for item in told if "what: operation" in item.get("entry_text", "")]


def test_what_an_alert_names_is_accepted_by_its_id(tmp_path: Path) -> None:
    plant, out = tmp_path / "plant.yaml", tmp_path / "out"
    assert run("learn", capture(tmp_path / "day.pcap", READ), "--out", plant).exit_code == 0
    later = capture(tmp_path / "later.pcap", READ, WRITE)
    told = analysed(later, plant, out)[0]
    assert f"client: {HMI}" in told["entry_text"]

    unknown = run("accept", plant, told["entry"], "--reason", "order 77")
    assert unknown.exit_code == 2
    assert "give --from" in unknown.output
    accepted = run("accept", plant, told["entry"][:6], "--reason", "order 77", "--by", "kim", "--from", out)
    assert accepted.exit_code == 0, accepted.output
    (decision,) = read_baseline(plant).decisions.values()
    assert (decision.by, decision.reason) == ("kim", "order 77")
    assert analysed(later, plant, tmp_path / "quiet") == []
    shown = run("show", plant).output
    assert "accepted by kim: order 77" in shown

    # Its time is that of packets: the capture is of 2023.
    ended = run("accept", plant, told["entry"], "--reason", "x", "--until", "2023-01-01")
    assert ended.exit_code == 0, ended.output
    assert told in analysed(later, plant, tmp_path / "again")


def test_withheld_operations_are_accepted_and_entries_forgotten(tmp_path: Path) -> None:
    plant = tmp_path / "plant.yaml"
    day = capture(tmp_path / "day.pcap", READ, WRITE, RESTART)
    assert run("learn", day, "--out", plant).exit_code == 0
    lines = run("show", plant, "--ids").output.splitlines()
    (restart,) = [line.split()[0] for line in lines if "withheld" in line]
    assert run("accept", plant, restart, "--reason", "watchdog").exit_code == 0
    assert not read_baseline(plant).withheld

    (write,) = [line.split()[0] for line in lines if " operation " in line and "operation: write" in line]
    forgotten = run("forget", plant, write, "--reason", "commissioning is over")
    assert forgotten.exit_code == 0, forgotten.output
    assert "write" not in str(read_baseline(plant).conversations.values())
    # Learning the same day again does not bring it back …
    assert run("learn", day, "--extend", plant, "--out", plant).exit_code == 0
    assert write not in run("show", plant, "--ids").output
    # … but asking for it alone does, and for nothing else.
    only = tmp_path / "only.yaml"
    wider = capture(tmp_path / "wider.pcap", READ, WRITE, OTHER)
    again = run("learn", wider, "--extend", plant, "--only", write, "--out", only)
    assert again.exit_code == 0, again.output
    ids = run("show", only, "--ids", "--asset", PLC).output
    assert write in ids
    assert '"600"' not in ids
    assert "decisions" in only.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("accept", "{plant}", "ab", "--reason", "x"), "too short"),
        (("accept", "{plant}", "ffffffffffff", "--reason", "x"), "no entry has the id"),
        (("forget", "{plant}", "ffffffffffff", "--reason", "x"), "no entry has the id"),
        (("forget", "{plant}", "{asset}", "--reason", " "), "say why"),
        (("accept", "{plant}", "{asset}", "--reason", "x"), "is known already"),
        (("learn", "{day}", "--only", "ffffffffffff", "--out", "{plant}"), "in what was learned"),
        (("accept", "{plant}", "ffffffffffff", "--reason", "x", "--from", "{plant}"), "not an alert"),
        (("accept", "{plant}", "ffffffffffff", "--reason", "x", "--from", "{plant}x"), "cannot be read"),
    ],
)
def test_mistakes_are_named_and_change_nothing(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    plant, day = tmp_path / "plant.yaml", capture(tmp_path / "day.pcap", READ)
    assert run("learn", day, "--out", plant).exit_code == 0
    before = plant.read_bytes()
    asset = run("show", plant, "--ids").output.split()[0]
    result = run(*(argument.format(plant=plant, day=day, asset=asset) for argument in arguments))
    assert result.exit_code in (1, 2)
    assert says in " ".join(result.output.split())
    assert plant.read_bytes() == before
