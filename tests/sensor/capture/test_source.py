"""Where captures come from: compressed files, pipes, and inputs that are none."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from captures import enhanced, interface, pcap_header, pcap_record, read, section

from sensor.capture.compression import decompressed
from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile

OCTETS = [bytes([index]) * (index * 91 % 1400) for index in range(256)] * 4
PCAP = pcap_header() + b"".join(pcap_record(item) for item in OCTETS)
PCAPNG = section() + interface() + b"".join(enhanced(item) for item in OCTETS)

COUNT = """
import sys
from sensor.capture.source import CaptureFile
capture = CaptureFile(sys.argv[1])
packets = sum(len(batch.records) for batch in capture)
print(packets, capture.octets, capture.truncated)
"""


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def zstandardised(data: bytes) -> bytes:
    return zstandard.compress(data, 1)


@pytest.mark.parametrize("plain", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("compress", [gzipped, zstandardised])
@pytest.mark.parametrize("block", [1000, 1 << 21])
def test_compressed_captures_are_read(tmp_path: Path, plain: bytes, compress: object, block: int) -> None:
    path = tmp_path / "capture"
    assert callable(compress)
    path.write_bytes(compress(plain))
    assert [item.octets for item in read(path, block=block)] == OCTETS


def test_frames_and_members_one_behind_the_other(tmp_path: Path) -> None:
    half = len(PCAP) // 2
    for compress in (gzipped, zstandardised):
        path = tmp_path / "capture"
        path.write_bytes(compress(PCAP[:half]) + compress(PCAP[half:]))
        assert [item.octets for item in read(path)] == OCTETS


@pytest.mark.parametrize("compress", [gzipped, zstandardised])
def test_compressed_data_that_ends_early(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    path = tmp_path / "capture"
    noise = pcap_header() + b"".join(pcap_record(os.urandom(1000)) for _ in range(2000))
    whole = compress(noise)
    path.write_bytes(whole[: len(whole) * 2 // 3])
    capture = CaptureFile(path)
    packets = sum(len(batch.records) for batch in capture)
    assert 1000 < packets < 2000
    assert capture.truncated
    assert capture.notes == [f"the compressed data ends early, behind packet {packets}"]


@pytest.mark.parametrize("compress", [gzipped, zstandardised])
def test_compressed_data_that_is_damaged(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    path = tmp_path / "capture"
    noise = pcap_header() + b"".join(pcap_record(os.urandom(1000)) for _ in range(4000))
    path.write_bytes(compress(noise) + b"garbage" * 50)
    capture = CaptureFile(path)
    batches = iter(capture)
    packets = len(next(batches).records)
    with pytest.raises(
        CaptureError, match=r"capture: damaged at byte \d+, behind packet \d+: the compressed"
    ):
        packets += sum(len(batch.records) for batch in batches)
    assert capture.packets > 3800


def test_a_stream_that_gives_one_octet_at_a_time() -> None:
    class Slow(io.RawIOBase):
        def __init__(self, octets: bytes) -> None:
            self._rest = octets

        def readable(self) -> bool:
            return True

        def readinto(self, target: memoryview) -> int:  # type: ignore[override]
            first, self._rest = self._rest[:1], self._rest[1:]
            target[: len(first)] = first
            return len(first)

    short = PCAP[:3000]
    for octets in (short, gzipped(short), zstandardised(short)):
        assert decompressed(io.BufferedReader(Slow(octets), 1)).read() == short


@pytest.mark.parametrize(
    "octets", [PCAP, PCAPNG, gzipped(PCAP), zstandardised(PCAPNG)], ids=["pcap", "pcapng", "gzip", "zstd"]
)
def test_standard_input_is_a_pipe(octets: bytes) -> None:
    done = subprocess.run([sys.executable, "-c", COUNT, "-"], input=octets, capture_output=True, check=True)
    assert done.stdout.split() == [b"1024", b"%d" % sum(map(len, OCTETS)), b"False"]


@pytest.mark.parametrize("octets", [b"", b"\x1f\x8b", b"\xa1", b"no capture", gzipped(b""), gzipped(b"text")])
def test_what_is_no_capture_is_refused_by_name(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "input.pcap"
    path.write_bytes(octets)
    with pytest.raises(CaptureError, match=rf"^{path}: "):
        CaptureFile(path)


def test_what_cannot_be_opened_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=rf"^{tmp_path}: a directory"):
        CaptureFile(tmp_path)
    with pytest.raises(CaptureError, match=rf"^{tmp_path}/absent: no such file"):
        CaptureFile(tmp_path / "absent")
    with pytest.raises(CaptureError, match="cannot be opened"):
        CaptureFile(tmp_path / ("long" * 100))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The same capture 40 times as long (120 MB) takes no more memory."""
    measure = COUNT + "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    record = pcap_record(bytes(1500)) * 2000
    peaks = []
    for repeats in (1, 40):
        path = tmp_path / f"{repeats}.pcap"
        with path.open("wb") as stream:
            stream.write(pcap_header())
            for _ in range(repeats):
                stream.write(record)
        done = subprocess.run(
            [sys.executable, "-c", measure, str(path)], capture_output=True, check=True, text=True
        )
        packets, _, _, peak = done.stdout.split()
        assert int(packets) == 2000 * repeats
        peaks.append(int(peak))
    assert peaks[1] - peaks[0] < 16 * 1024  # KiB
