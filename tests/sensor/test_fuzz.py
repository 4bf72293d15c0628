"""Mutated captures: nothing raises, no kernel fails, nothing is read outside a packet.

`make fuzz` does the same with 200,000 mutations.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import fuzz
from traffic import segment, write_pcap

OWN = Path(__file__).parents[2] / "pcaps"
MOST_OCTETS = 1 << 17


def small(folder: Path) -> list[Path]:
    found = [path for end in ("pcap", "pcapng", "pcapng.zst") for path in folder.rglob(f"*.{end}")]
    return sorted(path for path in found if path.is_file() and path.stat().st_size <= MOST_OCTETS)


def test_mutated_conversation(tmp_path: Path) -> None:
    request, response = "0000 0006 01 03 0064 0002", "0000 0007 01 03 04 0001 0002"
    packets = [segment(b"", 0, flags="S"), segment(b"", 0, flags="SA", from_server=True)]
    for number in range(100):
        asked, answered = (number.to_bytes(2) + bytes.fromhex(text) for text in (request, response))
        packets.append(segment(asked, 1 + len(asked) * number))
        packets.append(segment(answered, 1 + len(answered) * number, from_server=True))
    write_pcap(tmp_path / "modbus.pcap", packets)
    tally = fuzz([tmp_path / "modbus.pcap"], 1, 2000)
    assert tally.problems == []
    assert tally.documents > 1000


@pytest.mark.parametrize("seed", range(2))
def test_mutated_captures_of_this_project(seed: int) -> None:
    assert fuzz(small(OWN), seed, 500).problems == []


@pytest.mark.parametrize("seed", range(2))
def test_mutated_public_captures(public_captures: Path, seed: int) -> None:
    captures = small(public_captures)
    assert fuzz(captures[seed::2], seed, 1000).problems == []
