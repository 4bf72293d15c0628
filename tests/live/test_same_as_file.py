"""What a sensor tells of live packets is what `fieldwatch analyze` tells of the file that tcpdump wrote
of the same packets at the same interface."""

import json
import unicodedata

import pytest
from live_sensor import (
    PCAPS,
    LiveSensor,
    Recorder,
    analyze,
    console_of,
    fieldwatch,
    is_of_plant,
    running,
    score_captures,
    stored_health,
    write_traffic,
)
from netns import CONSOLE_IP, plant_link, wait_until

pytestmark = pytest.mark.xdist_group("live-same")

REPLACED = ("adapter-swapped", "device-replaced")
"""Here an address moves to another machine. The console goes by who was seen last, and the machine that
lost it keeps it there, too."""
CASES = {
    "as recorded": ([PCAPS / "s7comm" / "packaging-line-stopped.pcapng.zst"], 25.0, 20.0, "1", ()),
    "40 times faster": (score_captures(850, REPLACED), 0.0, 1e9, "40", ("--learn", "4s")),
}


def plain(document):
    """A document without what names the recording, or the time of processing."""
    kept = {key: value for key, value in document.items() if key not in ("evidence", "ecs", "tags")}
    return json.loads(json.dumps(kept, sort_keys=True))


def printable(value):
    """Names come out of packets; the console takes no control characters in."""
    if isinstance(value, str):
        return "".join("\ufffd" if unicodedata.category(item) == "Cc" else item for item in value)
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


def by_id(documents, noun):
    return {document[noun]["id"]: plain(printable(document)) for document in documents}


def messages(paths):
    """The lines of `decode` of these files, without the frame's number, which begins anew in each."""
    found = []
    for path in paths:
        for line in fieldwatch("decode", str(path)).splitlines():
            message = json.loads(line)
            message.pop("frame", None)
            found.append(json.dumps(message, sort_keys=True))
    return found


@pytest.mark.parametrize("case", CASES)
def test_live_is_as_from_file(tmp_path, case):
    captures, first_s, seconds, multiplier, options = CASES[case]
    traffic, recorded = tmp_path / "traffic.pcap", tmp_path / "recorded.pcap"
    packets, _ = write_traffic(captures, traffic, first_s, seconds)
    with plant_link(uplink=True) as link, console_of(link, tmp_path / "console", CONSOLE_IP) as console:
        sensor = LiveSensor(link, tmp_path, "line-1", 0, *options)
        console.enrol("line-1", sensor.state)
        console.start()
        with running(sensor):
            recorder = Recorder(link, link.interface, recorded)
            link.replay(traffic, "--multiplier", multiplier)
            wait_until(lambda: stored_health(console, "line-1").get("packets") == packets, 60)
            assert recorder.stop(traffic.stat().st_size) == packets
            sensor.end()
        wait_until(lambda: not sensor.spooled("alert"), 1)
        health = stored_health(console, "line-1")
        stored = {noun: console.records(noun) for noun in ("alerts", "assets", "behaviours")}
    assert health["drops"] == {"ring": 0, "interface": 0, "damaged": 0}
    assert health["packets"] == packets
    assert health["evidence"]["not_held"] == 0
    expected = analyze(recorded, tmp_path / "report", "--observer", "line-1", *options)

    assert messages(sensor.kept_packets()) == messages([recorded])
    alerts = {record.id: plain(record.document) for record in stored["alerts"]}
    alerts = {key: value for key, value in alerts.items() if is_of_plant(value)}
    assert alerts == by_id(expected["alerts"], "event")
    assert alerts
    assets = {record.id: plain(record.document) for record in stored["assets"]}
    assert assets == by_id(expected["assets"], "asset")
    behaviours = {record.id: plain(record.document) for record in stored["behaviours"]}
    assert behaviours == by_id(expected["behaviours"], "behaviour")
