import os
import subprocess
import sys
import threading
import time

import pytest
from live_console import ROOT
from netns import plant_link, wait_until

from console.agent.check.interface import check_interface
from console.agent.check.machine import check_disk
from console.agent.check.mirror import check_mirror
from console.agent.settings import SensorSettings, SettingsError, load_settings

PLC, HMI = bytes.fromhex("28633612 3456"), bytes.fromhex("001b1baabbcc")
GROUP = bytes.fromhex("ffffffffffff")


def frame(target: bytes, sender: bytes) -> bytes:
    return target + sender + bytes.fromhex("88b5") + bytes(50)


def heard(link, frames):
    """The finding while these frames come in again and again."""
    done = threading.Event()

    def send():
        while not done.is_set():
            link.send(frames)
            time.sleep(0.05)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        with link.enter("sensor"):
            [finding] = list(check_mirror(link.interface, 1.0))
        return finding
    finally:
        done.set()
        sending.join()


def test_a_mirror_that_mirrors_is_told_from_an_ordinary_port_and_from_nothing():
    with plant_link() as link:
        with link.enter("sensor"):
            [silent] = list(check_mirror(link.interface, 0.3))
        assert (silent.grade, "not one packet" in silent.text) == ("bad", True)
        ordinary = heard(link, [frame(GROUP, HMI)])
        assert (ordinary.grade, "ordinary switch port" in ordinary.text) == ("bad", True)
        mirror = heard(link, [frame(PLC, HMI), frame(HMI, PLC), frame(GROUP, HMI)])
        assert mirror.grade == "good"


def test_an_interface_that_is_missing_off_or_merges_packets_is_named():
    with plant_link() as link:

        def found(name):
            with link.enter("sensor"):
                return {finding.text: finding for finding in check_interface(name)}

        [missing] = found("eth99").values()
        assert (missing.grade, link.interface in missing.remedy) == ("bad", True)
        wait_until(lambda: {item.grade for item in found(link.interface).values()} == {"good"})
        link.ip("sensor", "link", "set", link.interface, "down")
        assert any("switched off" in text for text in found(link.interface))
        link.ip("sensor", "link", "set", link.interface, "up")
        link.ip("wire", "link", "set", link.wire, "down")
        wait_until(lambda: any("plugged in" in text for text in found(link.interface)))
        link.ip("wire", "link", "set", link.wire, "up")
        link.ip("sensor", "addr", "add", "198.51.100.1/24", "dev", link.interface)
        assert any("has an IP address" in text for text in found(link.interface))


def test_a_disk_too_small_is_told_before_it_is_full(tmp_path):
    settings = load_settings(None, {"state": tmp_path, "spool.megabytes": 1 << 20})
    [finding] = list(check_disk(settings))
    assert finding.grade == "bad"
    assert "spool.megabytes" in finding.remedy
    [finding] = list(
        check_disk(SensorSettings(state=tmp_path, spool={"megabytes": 1}, evidence={"megabytes": 4}))
    )
    assert finding.grade == "good"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("interfaces: [a/b]", "interfaces.0"),
        ("learn: soon", "learn: write a number"),
        ("evidence: {level: loud}", "evidence.level"),
        ("metrics: 9464", "metrics"),
        ("spool: 5", "spool"),
        ("unknown: 1", "unknown"),
        ("- a", "not a list of keys"),
        ("a: [", "sensor.yaml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, said):
    path = tmp_path / "sensor.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load_settings(path)


def test_options_go_before_the_file(tmp_path):
    path = tmp_path / "sensor.yaml"
    path.write_text("learn: 7d\nevidence: {minutes: 5, level: low}\nname: file\n")
    settings = load_settings(path, {"name": "option", "learn": None, "evidence.minutes": 7})
    assert (settings.name, settings.learn) == ("option", "7d")
    assert (settings.evidence.minutes, settings.evidence.level) == (7, "low")


def run(*words):
    command = [sys.executable, "-m", "console", "sensor", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_ends_with_1_where_something_is_missing(tmp_path):
    done = run("check", "-i", "eth99", "--state", str(tmp_path), "--seconds", "0")
    assert done.returncode == 1
    assert "BAD   eth99: there is no such interface" in done.stdout


def test_the_unit_names_the_program_and_why_it_may_write_code():
    done = run("unit")
    assert done.returncode == 0
    assert "@FIELDWATCH@" not in done.stdout
    assert "ExecStart=/" in done.stdout
    assert "Numba" in done.stdout
    for line in (
        "NoNewPrivileges=yes",
        "AmbientCapabilities=CAP_NET_RAW",
        "WatchdogSec=60",
        "Restart=always",
    ):
        assert line in done.stdout.splitlines()


def test_a_sensor_needs_neither_the_web_console_nor_its_framework():
    script = (
        "import sys; sys.modules['fastapi'] = None; sys.modules['uvicorn'] = None\n"
        "import console.agent.service, console.agent.check.all, console.commands.sensor\n"
        "assert not [name for name in sys.modules if name.startswith(('console.web', 'console.api'))]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
