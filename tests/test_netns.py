"""The plant link itself: what is sent on one side arrives on the other, and nothing else does."""

from __future__ import annotations

import socket

import pytest
from netns import CONSOLE_IP, SENSOR_IP, plant_link

FRAME = bytes.fromhex("020000000001 020000000002 88b5") + bytes(46)


def test_frames_arrive_and_nothing_else() -> None:
    with plant_link(interfaces=2) as link:
        with link.socket("sensor", "cap1") as tap:
            tap.settimeout(2)
            assert link.send([FRAME] * 3, number=1) == 3
            assert [tap.recv(2000) for _ in range(3)] == [FRAME] * 3
            tap.settimeout(0.3)
            with pytest.raises(TimeoutError):
                tap.recv(2000)
        with pytest.raises(RuntimeError, match="cap7"):
            link.ip("sensor", "link", "set", "cap7", "down")
        assert "cap0" in link.run(["ip", "-br", "link"], "sensor")


def test_the_uplink_can_be_cut_and_mended() -> None:
    with plant_link(uplink=True) as link:
        with link.enter("console"):
            server = socket.create_server((CONSOLE_IP, 8443))
        with server:
            link.cut()
            with link.enter("sensor"), pytest.raises(TimeoutError):
                socket.create_connection((CONSOLE_IP, 8443), timeout=0.5)
            link.mend()
            with link.enter("sensor"), socket.create_connection((CONSOLE_IP, 8443), timeout=5) as client:
                assert client.getsockname()[0] == SENSOR_IP
