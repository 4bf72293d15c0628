"""`fieldwatch baseline`, from a capture that scapy makes to the file that a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from modbus_days import HMI, PLC, READ, RESTART, WRITE, capture
from typer.testing import CliRunner, Result

from console.commands.baseline import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_learn_show_and_diff(tmp_path: Path) -> None:
    day, out = capture(tmp_path / "day.pcap", READ, WRITE, RESTART), tmp_path / "plant.yaml"
    learned = run("learn", day, "--out", out)
    assert learned.exit_code == 0, learned.output
    assert "2 assets" in learned.output
    assert "reset, 8/1 Restart Communications Option" in learned.output
    text = out.read_text()
    assert '3 Read Holding Registers:\n      - {unit: 1, space: holding_register, at: "100-101"}' in text
    assert '6 Write Single Register:\n      - {unit: 1, space: holding_register, at: "101"}' in text
    shown = run("show", out, "--asset", PLC)
    assert f"{HMI} -> {PLC} modbus tcp/502" in shown.output

    short = tmp_path / "short.yaml"
    assert run("learn", day, "--out", short, "--for", "1s").exit_code == 0
    differences = run("diff", short, out, "--exit-code")
    assert differences.exit_code == 3
    operation, value = differences.output.splitlines()
    assert operation == f"+ operation    {HMI} -> {PLC} modbus tcp/502: write"
    assert value.startswith(f"+ value        {{server: {PLC}, protocol: modbus, unit: 1")
    assert "at: 101}: set_point" in value, "what the one write wrote"
    assert run("diff", out, out, "--exit-code").exit_code == 0

    both = tmp_path / "both.yaml"
    assert run("merge", short, out, "--out", both).exit_code == 0
    assert run("diff", both, out, "--exit-code").exit_code == 0


def test_accepting_and_extending(tmp_path: Path) -> None:
    first = capture(tmp_path / "one.pcap", READ)
    second = capture(tmp_path / "two.pcap", RESTART, begin=1_700_086_400)
    out, more = tmp_path / "plant.yaml", tmp_path / "more.yaml"
    run("learn", first, "--out", out)
    extended = run("learn", second, "--extend", out, "--out", more, "--accept", "reset")
    assert extended.exit_code == 0, extended.output
    assert "Dangerous" not in extended.output
    assert "    reset:\n      8/1 Restart" in more.read_text()
    assert "3 Read Holding Registers" in more.read_text()
    assert len([line for line in more.read_text().splitlines() if line.startswith("- {observer")]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("learn", "missing.pcap"), 1, "missing.pcap"),
        (("learn", "x.pcap", "--for", "soon"), 2, "not a span of time"),
        (("learn", "x.pcap", "--until", "soon"), 2, "not a time"),
        (("learn", "x.pcap", "--for", "5m", "--until", "2026-11-22"), 2, "exclude each other"),
        (("learn", "x.pcap", "--accept", "read"), 2, "'read' is not one of"),
        (("learn", "x.pcap", "--site", "none.yaml"), 1, "none.yaml: cannot be read"),
        (("show", "none.yaml"), 1, "none.yaml: cannot be read"),
        (("merge", "a.yaml", "--out", "b.yaml"), 2, "at least two"),
    ],
)
def test_mistakes_end_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == code
    assert says in result.output
    assert "Traceback" not in result.output
