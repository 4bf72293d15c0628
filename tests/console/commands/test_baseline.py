"""`fieldwatch baseline`, from a capture that scapy makes to the file that a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap
from typer.testing import CliRunner, Result

from console.commands.baseline import app

HMI, PLC = "10.1.1.5", "10.1.1.10"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def adu(transaction: int, pdu: str) -> bytes:
    octets = bytes.fromhex(pdu)
    return transaction.to_bytes(2) + b"\0\0" + (len(octets) + 1).to_bytes(2) + b"\1" + octets


def capture(path: Path, *exchanges: tuple[str, str], begin: float = 1_700_000_000) -> Path:
    """One Modbus/TCP connection, one second between exchanges of (request, response) PDUs."""
    packets = []
    sequence = [1000, 2000]

    def send(side: int, flags: str, payload: bytes, time: float) -> None:
        ends = {"src": PLC, "dst": HMI} if side else {"src": HMI, "dst": PLC}
        ports = {"sport": 502, "dport": 50000} if side else {"sport": 50000, "dport": 502}
        header = TCP(seq=sequence[side], ack=sequence[1 - side], flags=flags, **ports)
        packet = (
            Ether(src=f"02:00:00:00:00:0{side + 1}", dst=f"02:00:00:00:00:0{2 - side}") / IP(**ends) / header
        )
        packet = packet / payload if payload else packet
        packet.time = time
        packets.append(packet)
        sequence[side] += len(payload) + ("S" in flags)

    for side, flags in ((0, "S"), (1, "SA"), (0, "A")):
        send(side, flags, b"", begin)
    for number, (request, response) in enumerate(exchanges):
        send(0, "PA", adu(number, request), begin + number)
        send(1, "PA", adu(number, response), begin + number + 0.01)
    wrpcap(str(path), packets)
    return path


READ = ("0300640002", "0304000a000b")
WRITE = ("0600650007", "0600650007")
RESTART = ("0800010000", "0800010000")


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
    assert differences.output == f"+ operation    {HMI} -> {PLC} modbus tcp/502: write\n"
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
