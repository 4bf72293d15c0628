import shutil
import struct
import subprocess
import time

import numpy as np
import pytest

from console.agent.evidence.cutting import MOST_OCTETS, cut, wanted_of
from console.agent.evidence.keeper import Keeper
from console.agent.evidence.segments import Segments
from console.agent.settings import EvidenceSettings
from sensor.capture.batch import RECORD, PacketBatch
from sensor.capture.source import CaptureFile
from sensor.times import rfc3339

START = 1_800_000_000 * 10**9
SECOND = 10**9
PLC, HMI, OTHER = bytes([10, 0, 0, 10]), bytes([10, 0, 0, 5]), bytes([10, 0, 0, 77])


def frame(source: bytes, target: bytes, size: int = 100) -> bytes:
    """Ethernet, IPv4, UDP (RFC 791, RFC 768) with so many octets of payload."""
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + size, 1, 0, 64, 17, 0) + source + target
    return (
        bytes.fromhex("020000000001 020000000002 0800")
        + ip
        + struct.pack(">HHHH", 1, 2, 8 + size, 0)
        + bytes(size)
    )


def batch_of(frames: list[tuple[int, bytes]], first: int = 1, tag: int = 0, link: int = 1) -> PacketBatch:
    """Frames with their times in nanoseconds after START."""
    records = np.zeros(len(frames), RECORD)
    offset = 0
    for record, (time_ns, octets) in zip(records, frames, strict=True):
        record["time_ns"], record["offset"] = START + time_ns, offset
        record["length"] = record["original"] = len(octets)
        record["link"], record["tag"] = link, tag
        offset += len(octets)
    data = np.frombuffer(b"".join(octets for _, octets in frames), np.uint8)
    return PacketBatch(data, records, first)


def alert(start_ns: int, frames: list[int], level: str = "high", capture: str = "live/now") -> dict:
    return {
        "@timestamp": rfc3339(START + start_ns),
        "event": {"id": "a1", "start": rfc3339(START + start_ns), "count": 1},
        "rule": {"level": level},
        "source": {"ip": "10.0.0.5"},
        "destination": {"ip": "10.0.0.10"},
        "evidence": {"capture": capture, "frames": frames},
    }


def keeper(folder, run="now", **settings):
    made = Keeper(folder, run, f"live/{run}", EvidenceSettings(before_s=5, after_s=5, **settings))
    made.start()
    return made


def packets(pcap_path):
    found = []
    for batch in CaptureFile(pcap_path):
        for record in batch.records:
            start = int(record["offset"])
            octets = batch.data[start : start + int(record["length"])].tobytes()
            found.append((int(record["time_ns"]) - START, octets))
    return found


def conversation(seconds: int, per_second: int = 10) -> list[tuple[int, bytes]]:
    """The HMI and the PLC speak, and so do others."""
    frames = []
    for number in range(seconds * per_second):
        at = number * SECOND // per_second
        frames.append((at, frame(HMI, PLC) if number % 2 else frame(PLC, HMI)))
        frames.append((at + 1000, frame(OTHER, PLC)))
    return frames


def test_an_alerts_packets_are_cut_out_with_what_was_before_and_after(tmp_path):
    keeping = keeper(tmp_path)
    frames = conversation(30)
    for start in range(0, len(frames), 37):
        keeping.feed(batch_of(frames[start : start + 37], start + 1))
    keeping.watch_for([alert(15 * SECOND, [301, 302])])
    keeping.stop(10)
    assert keeping.not_kept == 0
    [name] = keeping.slices.names()
    slice_ = keeping.slices.read(name)
    assert (name, slice_.event, slice_.capture) == ("3-a1", "a1", "live/now")
    path = tmp_path / "cut.pcap"
    path.write_bytes(slice_.pcap)
    got = packets(path)
    own = [frames[300], frames[301]]
    expected = {item for item in frames if 10 * SECOND <= item[0] <= 20 * SECOND and OTHER not in item[1]}
    assert set(got) == expected | set(own)
    assert [got[mark - 1] for mark in slice_.marks] == own


def test_a_cut_holds_the_alerts_own_packets_first_and_no_more_than_the_console_takes(tmp_path):
    keeping = keeper(tmp_path)
    frames = [(number * 1000, frame(HMI, PLC, 1400)) for number in range(3000)]
    keeping.feed(batch_of(frames))
    keeping.watch_for([alert(1_500_000, [1, 3000])])
    keeping.stop(10)
    slice_ = keeping.slices.read("3-a1")
    assert MOST_OCTETS - 1500 < len(slice_.pcap) <= MOST_OCTETS
    path = tmp_path / "cut.pcap"
    path.write_bytes(slice_.pcap)
    got = packets(path)
    assert got[0] == frames[0]
    assert got[-1] == frames[-1]
    assert slice_.marks == (1, len(got))


def test_what_nobody_asked_for_is_not_cut_until_somebody_does(tmp_path):
    keeping = keeper(tmp_path)
    keeping.feed(batch_of(conversation(10)))
    low = alert(SECOND, [3], "low")
    keeping.watch_for([low])
    keeping.flush()
    time.sleep(0.5)
    assert keeping.slices.names() == []
    keeping.ask("a1", low)
    keeping.ask("unheard-of", None)
    keeping.stop(10)
    assert keeping.slices.names() == ["1-a1"]
    assert keeping.take_unknown(64) == ["unheard-of"]


def test_the_ring_is_bounded_in_octets_and_the_oldest_packets_go(tmp_path):
    keeping = keeper(tmp_path, megabytes=16)
    number = 1
    for second in range(60):
        frames = [(second * SECOND + part, frame(HMI, PLC, 1400)) for part in range(700)]
        keeping.feed(batch_of(frames, number))
        number += 700
        time.sleep(0.002)
    keeping.stop(30)
    assert keeping.not_kept == 0
    files = sorted((tmp_path / "packets").glob("*.pcap"))
    total = sum(path.stat().st_size for path in files)
    assert 8 << 20 < total <= 16 << 20
    assert keeping.segments.octets == total
    assert keeping.oldest_ns() > START + 30 * SECOND


def test_packets_older_than_wanted_go(tmp_path):
    keeping = keeper(tmp_path, megabytes=64, minutes=1)
    for minute in range(5):
        frames = [(minute * 60 * SECOND + part, frame(HMI, PLC, 1400)) for part in range(6000)]
        keeping.feed(batch_of(frames, minute * 6000 + 1))
        time.sleep(0.05)
    keeping.stop(30)
    assert keeping.oldest_ns() >= START + 2 * 60 * SECOND


def test_a_tag_that_the_card_took_out_is_put_back_and_links_do_not_mix(tmp_path):
    keeping = keeper(tmp_path)
    keeping.feed(batch_of([(0, frame(HMI, PLC))], 1, tag=0x81000014))
    keeping.feed(batch_of([(1, frame(HMI, PLC)[14:])], 2, link=101))
    keeping.stop(10)
    files = sorted((tmp_path / "packets").glob("*.pcap"))
    assert len(files) == 2
    tagged, raw = (packets(path)[0][1] for path in files)
    assert tagged[12:16] == bytes.fromhex("81000014")
    assert tagged[:12] + tagged[16:] == frame(HMI, PLC)
    assert raw == frame(HMI, PLC)[14:]


def test_what_an_earlier_run_left_is_used_though_its_end_is_torn(tmp_path):
    keeping = keeper(tmp_path, "earlier")
    frames = conversation(10)
    keeping.feed(batch_of(frames))
    keeping.stop(10)
    [path] = (tmp_path / "packets").glob("earlier-*.pcap")
    path.write_bytes(path.read_bytes()[:-50])
    (tmp_path / "packets" / "broken.pcap").write_bytes(b"\xa1\xb2")
    segments = Segments(tmp_path / "packets", "later", 1 << 30, 1 << 60)
    assert [segment.path.name for segment in segments.all] == [path.name]
    made = cut(segments.all, wanted_of(alert(5 * SECOND, [1]), "live/later", 2 * SECOND, 2 * SECOND))
    assert made.marks == ()
    assert made.packets == len(
        [item for item in frames if 3 <= item[0] / SECOND <= 7 and OTHER not in item[1]]
    )


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark reads what was written")
def test_wireshark_reads_the_files(tmp_path):
    keeping = keeper(tmp_path)
    keeping.feed(batch_of(conversation(5)))
    keeping.stop(10)
    [path] = (tmp_path / "packets").glob("*.pcap")
    command = ["tshark", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "ip.src"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 100
    assert lines[0].split() == ["1800000000.000000000", "10.0.0.10"]


def test_a_disk_that_takes_nothing_costs_packets_that_are_counted_and_nothing_else(tmp_path, monkeypatch):
    keeping = keeper(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("console.agent.evidence.segments.os.pwrite", full)
    keeping.feed(batch_of(conversation(5)))
    keeping.stop(10)
    assert keeping.not_kept == 100
