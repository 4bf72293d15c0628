"""An hour of several plants while console, link, disk and sensor fail: what the store holds in the end
is what `fieldwatch analyze` finds in the file that tcpdump wrote of the same packets."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_sensor import (
    LiveSensor,
    Recorder,
    analyze,
    console_of,
    integrity,
    is_of_plant,
    running,
    score_captures,
    stored_health,
    write_traffic,
)
from netns import CONSOLE_IP, plant_link, wait_until

pytestmark = pytest.mark.xdist_group("live-hour")

HOUR_S = 3600.0
FASTER = "150"
PARTS = 6
DISK = "24m"
"""Room of the console: enough for all that is to come, and little to fill."""
DELIVERED_S = 180.0
"""A sensor asks a console that was away for long only now and then."""
KEPT_S = 90.0
PCAP_HEADER = 24
FULL_S = 2.0
"""For so long the console finds its disk full after it was started on it."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", 0) as out:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    out.write(bytes(size))
            except OSError:
                continue
    return filler


def is_delivered(health, packets):
    """Whether the last packets have been judged, and no alert waits any more."""
    return bool(health) and health["packets"] == packets and health["spool"]["alerts"] == 0


def shape(alert):
    """What makes an alert this one, and how often it was seen."""
    return (
        alert["rule"]["id"],
        alert["rule"]["level"],
        str(alert.get("source")),
        str(alert.get("destination")),
        alert["event"]["start"],
        alert["event"]["end"],
        alert["event"]["count"],
    )


def test_an_hour_of_plants_with_everything_failing(tmp_path):
    whole = tmp_path / "whole.pcap"
    packets, seconds = write_traffic(score_captures(HOUR_S), whole)
    assert seconds >= HOUR_S
    part = -(-packets // PARTS)
    recorded = tmp_path / "recorded.pcap"
    sent = 0
    with (
        plant_link(uplink=True) as link,
        small_disk(tmp_path / "console") as disk,
        console_of(link, disk, CONSOLE_IP) as console,
    ):
        sensor = LiveSensor(link, tmp_path)
        console.enrol("line-1", sensor.state)
        parts = cut(whole, part, tmp_path)

        def send(background=False):
            nonlocal sent
            sent += 1
            words = ["tcpreplay", "-i", link.wire, "--multiplier", FASTER, str(parts[sent - 1])]
            if background:
                return link.start(words, "wire", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return link.run(words, "wire", 120)

        def is_kept():
            """Whether the sensor has on its disk all that was sent: what it has not read dies with it."""
            return sensor.kept_octets() == sum(path.stat().st_size - PCAP_HEADER for path in parts[:sent])

        console.start()
        with running(sensor):
            recorder = Recorder(link, link.interface, recorded)
            # The console is killed and started again.
            replay = send(background=True)
            wait_until(lambda: console.batches("line-1") > 0, 60)
            console.kill()
            assert replay.wait(60) == 0
            replay = send(background=True)
            console.start()
            wait_until(lambda: console.batches("line-1") > 1, 60)
            console.kill()
            assert replay.wait(60) == 0
            console.start()
            # The link drops every packet, and nobody is told.
            link.cut()
            send()
            # The sensor is killed while nothing that it tells arrives.
            wait_until(is_kept, KEPT_S)
            sensor.kill()
            sensor.start()
            link.mend()
            # The console's disk is full, then it is killed, then it has room again.
            before = console.batches("line-1")
            wait_until(lambda: console.batches("line-1") > before, DELIVERED_S)
            filler = fill(disk)
            send()
            console.kill()
            console.start()
            time.sleep(FULL_S)
            filler.unlink()
            # Sensor and console are killed at once.
            send()
            wait_until(is_kept, KEPT_S)
            sensor.kill()
            console.kill()
            sensor.start()
            console.start()
            send()
            assert recorder.stop(whole.stat().st_size) == packets
            wait_until(
                lambda: is_delivered(stored_health(console, "line-1"), packets - (PARTS - 1) * part),
                DELIVERED_S,
            )
            sensor.end()
        console.kill()
        waiting = sensor.spooled("alert")
        assert waiting == []
        stored = [record.document for record in console.records("alerts")]
        (tmp_path / "stored.json").write_text(json.dumps(stored))
        assert integrity(console.store_path) == "ok"
    assert integrity(sensor.state / "spool.db") == "ok"
    expected = analyze(recorded, tmp_path / "report", "--observer", "line-1")["alerts"]
    told = sorted(shape(alert) for alert in stored if is_of_plant(alert))
    assert told == sorted(shape(alert) for alert in expected)
    assert len(told) > 20


def cut(whole: Path, part: int, folder: Path) -> list[Path]:
    """The capture in parts of so many packets."""
    subprocess.run(
        ["editcap", "-F", "nsecpcap", "-c", str(part), whole, folder / "part.pcap"],
        check=True,
        capture_output=True,
    )
    return sorted(folder.glob("part_*.pcap"))
