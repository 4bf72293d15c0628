"""Kernels as plain Python say the same as compiled. `make interpreted` compares more captures."""

from __future__ import annotations

from pathlib import Path

from interpretation import differences
from traffic import segment, write_pcap

OWN = Path(__file__).parents[2] / "pcaps"
MOST_OCTETS = 15_000


def test_a_conversation_with_loss_and_junk(tmp_path: Path) -> None:
    packets = [segment(b"", 0, flags="S")]
    for number in range(30):
        request = number.to_bytes(2) + bytes.fromhex("0000 0006 01 03 0064 0002")
        packets.append(segment(request[: number % 12 + 1], 1 + 12 * number))
        if number % 5:
            packets.append(segment(request, 1 + 12 * number))
    packets += [segment(b"\xff" * 50, 400), packets[3][:40], packets[4][:20], b""]
    write_pcap(tmp_path / "modbus.pcap", packets)
    assert differences([tmp_path / "modbus.pcap"]) == []


def small(folder: Path, most: int) -> list[Path]:
    found = [path for end in ("pcap", "pcapng", "pcapng.zst") for path in folder.rglob(f"*.{end}")]
    chosen = sorted(path for path in found if path.is_file() and path.stat().st_size <= MOST_OCTETS)
    return chosen[:: max(1, len(chosen) // most)]


def test_captures_of_this_project() -> None:
    assert differences(small(OWN, 2)) == []


def test_public_captures(public_captures: Path) -> None:
    assert differences(small(public_captures, 50)) == []
