"""Wireshark's dissection: what it shows is what tshark says, and hostile packets stay in their process."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.web import wireshark
from console.web.dissection import NotDissected

pytestmark = pytest.mark.skipif(not wireshark.available(), reason="tshark or pyshark is not installed")


def modbus_write(register: int) -> bytes:
    """A frame with Write Single Register (Modbus Application Protocol V1.1b3, 6.6)."""
    pdu = struct.pack(">HHHBBHH", register, 0, 6, 1, 6, register, 17)
    tcp = struct.pack(">HHIIBBHHH", 40000, 502, 1000 + 12 * register, 1, 0x50, 0x18, 8192, 0, 0) + pdu
    ip = struct.pack(
        ">BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(tcp),
        register,
        0,
        64,
        6,
        0,
        bytes([10, 0, 0, 5]),
        bytes([10, 0, 0, 9]),
    )
    return b"\x02" + bytes(5) + b"\x02" + bytes(4) + b"\x01\x08\x00" + ip + tcp


def pcap(*frames: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(
        struct.pack("<IIII", 1_700_000_000 + n, 0, len(frame), len(frame)) + frame
        for n, frame in enumerate(frames)
    )


CAPTURE = pcap(*(modbus_write(register) for register in range(1, 7)))


def test_it_shows_the_packets_of_the_alert_as_wireshark_reads_them() -> None:
    found = wireshark.dissect(CAPTURE, [2, 5])
    assert [packet["number"] for packet in found] == [2, 5]
    modbus = next(layer for layer in found[1]["layers"] if layer["name"] == "modbus")
    assert any("Write Single Register" in line for line in modbus["lines"])
    assert any("Reference Number: 5" in line for line in modbus["lines"])
    assert wireshark.dissect(CAPTURE, [5, 2]) is found, "asked again, it is not run again"


def test_without_marks_it_shows_the_first_packets() -> None:
    assert [packet["number"] for packet in wireshark.dissect(CAPTURE)] == [1, 2, 3, 4, 5, 6]


def test_junk_is_refused_in_one_sentence() -> None:
    with pytest.raises(NotDissected, match="could not read"):
        wireshark.dissect(b"\xd4\xc3\xb2\xa1" + bytes(8) + b"\xff" * 4000)


def test_it_ends_in_time_and_leaves_nothing_behind() -> None:
    began = time.monotonic()
    with pytest.raises(NotDissected, match="longer than"):
        wireshark.dissect(CAPTURE + b"\0", timeout_seconds=0.05)
    assert time.monotonic() - began < 10
    left = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    assert not any(
        "fieldwatch-dissect-" in line for line in left.splitlines() if line.split()[0] == str(os.getpid())
    )


def test_memory_and_processor_are_bounded_before_anything_is_read(tmp_path: Path) -> None:
    probe = (
        "import resource, console.web.wireshark as w; w._limit();"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]);"
        "bytearray(3 << 30)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.split() == [str(wireshark.MEMORY_BYTES), str(wireshark.PROCESSOR_SECONDS)]
    assert "MemoryError" in done.stderr


def test_a_machine_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wireshark, "available", lambda: False)
    with pytest.raises(NotDissected, match="not installed"):
        wireshark.dissect(CAPTURE + b"\1")
