"""The ring on a mirror port of its own: what was sent into the wire is what comes out in batches."""

from __future__ import annotations

import os
import threading
import time

import pytest
from live import capturing, collect, frame, packets_of
from netns import plant_link, wait_until

from sensor.capture.errors import CaptureError
from sensor.capture.ring.capture import RingCapture
from sensor.capture.ring.settings import Settings
from sensor.capture.writing import wire_octets


@pytest.mark.parametrize("interfaces", [1, 2])
def test_every_packet_arrives_once_whole_and_in_order(interfaces: int) -> None:
    frames = [frame(number, 20 + number * 7 % 1494) for number in range(6000)]
    with plant_link(interfaces) as link, capturing(link) as capture:
        before = time.time_ns()
        found = collect(capture, lambda: link.send(frames))
        assert [packet.octets for packet in found] == frames
        times = [before, *(packet.time_ns for packet in found), time.time_ns()]
        assert times == sorted(times)
        (health, *others) = capture.health()
        assert health.packets == health.passed == capture.packets == len(frames)
        assert health.octets == capture.octets == sum(map(len, frames))
        assert health.dropped == health.damaged == health.nic_dropped == 0
        assert not any(other.packets for other in others)
        assert capture.links == {1: len(frames)}


def test_more_packets_than_the_ring_holds_at_once() -> None:
    """Blocks are used again and again: 40 MB through a ring of 2 MiB."""
    settings = Settings(block_octets=1 << 17, blocks=16)
    with plant_link() as link, capturing(link, settings=settings) as capture:
        found = 0

        def send() -> None:
            for part in range(100):
                wait_until(lambda part=part: found == part * 400)
                link.send(frame(part * 400 + index, 1000) for index in range(400))
            wait_until(lambda: found == 40_000)
            capture.stop()

        thread = threading.Thread(target=send)
        thread.start()
        for batch in capture:
            for packet in packets_of(batch):
                assert packet.octets == frame(found, 1000)
                found += 1
        thread.join()
        assert found == 40_000
        assert capture.health()[0].dropped == 0


def test_a_reader_that_stops_loses_packets_and_every_one_is_counted() -> None:
    settings = Settings(block_octets=1 << 17, blocks=4)
    with plant_link() as link, capturing(link, settings=settings) as capture:
        sent = link.send(frame(number, 1400) for number in range(2000))
        found = collect(capture, lambda: None)
        health = capture.health()[0]
        assert 0 < len(found) < sent
        assert [packet.octets for packet in found] == [frame(number, 1400) for number in range(len(found))]
        assert health.passed == sent
        assert health.dropped == sent - len(found)
        assert health.freezes > 0


def test_batches_without_packets_come_in_time() -> None:
    with plant_link() as link, capturing(link, timeout=0.1) as capture:
        batches = iter(capture)
        next(batches)
        before = time.monotonic()
        batch = next(batches)
        assert 0.05 < time.monotonic() - before < 5
        assert len(batch.records) == 0
        assert batch.first == 1
        link.send([frame(0)])
        while not len(batch.records):
            batch = next(batches)
        assert batch.first == 1


def test_what_outlives_the_capture_reads_zeros() -> None:
    with plant_link() as link:
        with capturing(link) as capture:
            link.send([frame(7)])
            batch = next(batch for batch in capture if len(batch.records))
            row = batch.records[0].copy()
            assert wire_octets(batch.data, row) == frame(7)
        capture.close()
        assert wire_octets(batch.data, row) == bytes(60)
        assert not batch.data.any()


def test_packets_of_two_interfaces_come_in_the_order_of_time() -> None:
    """As from a tap that gives the two directions of a line on two cards."""
    with plant_link(interfaces=2) as link, capturing(link) as capture:

        def talk() -> None:
            with link.socket("wire", "wire0") as one, link.socket("wire", "wire1") as other:
                for number in range(300):
                    (other if number % 2 else one).send(frame(number))
                    if number % 60 == 0:
                        time.sleep(0.08)

        found = collect(capture, talk)
        assert [packet.octets for packet in found] == [frame(number) for number in range(300)]
        assert [packet.interface for packet in found] == [0, 1] * 150


def test_a_clock_that_is_set_back_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One interface is quiet, and by the clock the packets of the other lie an hour ahead."""
    with plant_link(interfaces=2) as link, capturing(link) as capture:
        now = time.time_ns
        monkeypatch.setattr("sensor.capture.ring.capture.time.time_ns", lambda: now() - 3600 * 10**9)
        link.send(frame(number) for number in range(100))
        begin = time.monotonic()
        batch = next(batch for batch in capture if len(batch.records))
        assert [packet.octets for packet in packets_of(batch)] == [frame(number) for number in range(100)]
        assert time.monotonic() - begin < 5


def test_memory_and_handles_are_given_back() -> None:
    with plant_link() as link:
        handles = []
        for _ in range(5):
            with capturing(link) as capture:
                link.send([frame(1)])
                next(iter(capture))
            handles.append(len(os.listdir("/proc/self/fd")))
        assert handles[0] == handles[-1]
        with open("/proc/self/maps") as maps:
            assert "socket:" not in maps.read()


def test_what_cannot_be_opened_says_why() -> None:
    with plant_link() as link, link.enter("sensor"):
        with pytest.raises(CaptureError, match=r"^nowhere0: there is no interface of this name$"):
            RingCapture(["cap0", "nowhere0"])
        with pytest.raises(CaptureError, match="1 to 15 bytes"):
            RingCapture(["cap0" + 12 * "x"])
        with pytest.raises(CaptureError, match="1 to 16 different"):
            RingCapture([])
        with pytest.raises(CaptureError, match="1 to 16 different"):
            RingCapture(["cap0", "cap0"])
        with RingCapture(["lo"]) as capture:
            assert capture.health()[0].name == "lo"


@pytest.mark.parametrize(
    "options",
    [{"block_octets": 1000}, {"block_octets": 1 << 25}, {"blocks": 1}, {"blocks": 1 << 20}, {"retire_ms": 0}],
)
def test_rings_that_cannot_be_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(CaptureError, match=r"ring|blocks"):
        Settings(**options)


def test_records_are_rows_of_the_mapping_itself() -> None:
    """No packet is copied: offsets point into the shared memory, in blocks of the ring's size."""
    with plant_link() as link, capturing(link) as capture:
        link.send(frame(number) for number in range(10))
        batch = next(batch for batch in capture if len(batch.records))
        assert len(batch.data) == Settings().octets
        assert int(batch.records["offset"].max()) < Settings().block_octets
