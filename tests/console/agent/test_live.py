import json
import signal
import sqlite3
import time
from collections import Counter

import pytest
from live_console import ROOT, LiveConsole, everything, run_sensor
from netns import CONSOLE_IP, plant_link, wait_until

from console.agent.privileges import capabilities
from console.store import open_store
from rules.analysis import Analysis
from rules.language.loader import PACKS, load_rules
from sensor.capture.source import CaptureFile

DEMO = ROOT / "pcaps" / "demo" / "plant.pcapng.zst"


@pytest.fixture(scope="module")
def plain_pcap(tmp_path_factory):
    """The demonstration's packets as tcpreplay reads them, and how many they are."""
    import numpy as np

    from sensor.capture.writing import pcap_header, put_pcap_records

    path = tmp_path_factory.mktemp("live") / "plant.pcap"
    packets = 0
    with path.open("wb") as out:
        out.write(pcap_header(1))
        for batch in CaptureFile(DEMO):
            into = np.zeros(int((batch.records["length"] + 20).sum()) + 1000, np.uint8)
            done, octets = put_pcap_records(batch.data, batch.records, 0, into, 0)
            assert done == len(batch.records)
            out.write(into[:octets].tobytes())
            packets += done
    return path, packets


def start_sensor(link, state, *options):
    sensor = run_sensor(
        state, "-i", link.interface, "--name", "line-1", *options, wrapper=link.command([], "sensor")
    )
    wait_until(lambda: is_capturing(sensor), 90)
    return sensor


def is_capturing(sensor):
    """Privileges are given up when the sockets are open."""
    assert sensor.poll() is None, "the sensor ended"
    return capabilities(str(sensor.pid))["NoNewPrivs"] == 1


def health_of(state):
    with sqlite3.connect(state / "spool.db") as spool:
        rows = spool.execute("SELECT body FROM document WHERE type = 'health' ORDER BY number").fetchall()
    return [json.loads(text)["health"] for (text,) in rows]


def counts(alerts):
    return {alert["event"]["id"]: alert["event"]["count"] for alert in alerts}


def test_live_tells_what_the_file_analysis_tells_of_the_packets_that_were_kept(tmp_path, plain_pcap):
    path, packets = plain_pcap
    with plant_link() as link:
        sensor = start_sensor(link, tmp_path)
        held = capabilities(str(sensor.pid))
        assert (held["CapEff"], held["CapPrm"], held["NoNewPrivs"]) == (0, 0, 1)
        link.replay(path, "--pps", "4000")
        time.sleep(2)
        sensor.send_signal(signal.SIGTERM)
        assert sensor.wait(30) == 0
    health = health_of(tmp_path)[-1]
    assert health["packets"] == packets
    assert health["drops"] == {"ring": 0, "interface": 0, "damaged": 0}
    assert health["evidence"]["not_held"] == 0
    with sqlite3.connect(tmp_path / "spool.db") as spool:
        told = [json.loads(text) for (text,) in spool.execute("SELECT body FROM told")]
    analysis = Analysis(load_rules((PACKS,)), observer="line-1")
    for segment in sorted((tmp_path / "evidence" / "packets").glob("*.pcap")):
        analysis.begin(str(segment))
        for batch in CaptureFile(segment):
            analysis.feed(batch)
    analysis.finish()
    assert analysis.packets == packets
    assert counts(told) == counts(analysis.alerts.values())
    assert len(told) > 5


def test_no_alert_is_lost_or_doubled_over_a_cut_link_and_kills(tmp_path, plain_pcap):
    path, _ = plain_pcap
    state = tmp_path / "state"
    with plant_link(uplink=True) as link:
        console = LiveConsole(tmp_path / "console", CONSOLE_IP)
        console.wrapper = link.command([], "console")
        console.enrol("line-1", state)
        try:
            console.start()
            sensor = start_sensor(link, state)
            link.replay(path, "--pps", "3000", "--limit", "3000")
            wait_until(lambda: console.batches("line-1") > 0, 60)
            link.cut()
            link.replay(path, "--pps", "3000", "--limit", "6000")
            time.sleep(2)
            sensor.send_signal(signal.SIGKILL)
            sensor.wait()
            console.kill()
            sensor = start_sensor(link, state)
            link.replay(path, "--pps", "3000")
            console.start()
            link.mend()
            wait_until(lambda: told_are_stored(state, console), 90)
            sensor.send_signal(signal.SIGTERM)
            assert sensor.wait(60) == 0
        finally:
            console.kill()
    store = open_store(console.store_path)
    alerts = {record.id: record.count for record in everything(store, "alerts")}
    health = store.health("line-1")
    store.close()
    with sqlite3.connect(state / "spool.db") as spool:
        told = [json.loads(text) for (text,) in spool.execute("SELECT body FROM told")]
        assert spool.execute("SELECT count(*) FROM document").fetchone() == (0,)
    assert alerts == counts(told)
    # What goes on over the restart is one alert, not one for each run.
    open_ends = Counter(
        (alert["rule"]["id"], alert["message"], alert["event"]["start"] > "") for alert in told
    )
    assert max(open_ends.values()) == 1
    assert len({item["health"]["boot"] for item in health}) == 2
    assert sqlite3.connect(console.store_path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def told_are_stored(state, console):
    with sqlite3.connect(f"file:{console.store_path}?mode=ro", uri=True) as store:
        stored = {row[0] for row in store.execute("SELECT id FROM alert")}
    return len(stored) > 5 and console.batches("line-1") > 3
