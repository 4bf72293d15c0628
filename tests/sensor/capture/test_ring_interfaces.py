"""What becomes of the interface while it is captured from: off, unplugged, renamed, gone and back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from live import Packet, capturing, frame, packets_of
from netns import PlantLink, plant_link, wait_until

from sensor.capture.errors import CaptureError
from sensor.capture.health import State
from sensor.capture.ring.capture import RingCapture
from sensor.capture.ring.card import card_losses
from sensor.capture.ring.settings import Fanout, Settings


@contextmanager
def running(link: PlantLink, capture: RingCapture) -> Iterator[list[Packet]]:
    """The capture read by a thread that stays in the sensor's namespace; its packets as they come."""
    found: list[Packet] = []

    def read() -> None:
        with link.enter("sensor"):
            for batch in capture:
                found.extend(packets_of(batch))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        capture.stop()
        thread.join()


def state(capture: RingCapture) -> State:
    return capture.health()[0].state


def arrives(link: PlantLink, found: list[Packet], number: int) -> None:
    """A frame that is sent now is captured."""
    link.send([frame(number)])
    wait_until(lambda: bool(found) and found[-1].octets == frame(number))


@pytest.mark.parametrize("fanout", [None, Fanout(group=12, workers=1)], ids=["alone", "in a group"])
def test_switched_off_and_on_again(fanout: Fanout | None) -> None:
    settings = Settings(fanout=fanout)
    with (
        plant_link() as link,
        capturing(link, settings=settings) as capture,
        running(link, capture) as found,
    ):
        arrives(link, found, 1)
        link.ip("sensor", "link", "set", "cap0", "down")
        wait_until(lambda: state(capture) == State.DOWN)
        link.ip("sensor", "link", "set", "cap0", "up")
        wait_until(lambda: state(capture) == State.CAPTURING)
        arrives(link, found, 2)
        assert [(event.interface, event.state, event.text) for event in capture.take_events()] == [
            ("cap0", State.DOWN, "switched off"),
            ("cap0", State.CAPTURING, "capturing"),
        ]
        assert capture.take_events() == []
        assert len(found) == 2


def test_switched_off_for_so_short_a_time_that_nobody_looked() -> None:
    with plant_link() as link, capturing(link) as capture, running(link, capture) as found:
        arrives(link, found, 1)
        for step in ("down", "up"):
            link.ip("sensor", "link", "set", "cap0", step)
        events = []
        wait_until(lambda: bool(events.extend(capture.take_events()) or events))
        assert events[0].state in (State.CAPTURING, State.DOWN, State.NO_CARRIER)
        assert "off" in events[0].text
        wait_until(lambda: state(capture) == State.CAPTURING)
        arrives(link, found, 2)


def test_nothing_plugged_in() -> None:
    with plant_link() as link, capturing(link) as capture, running(link, capture) as found:
        link.ip("wire", "link", "set", "wire0", "down")
        wait_until(lambda: state(capture) == State.NO_CARRIER)
        link.ip("wire", "link", "set", "wire0", "up")
        wait_until(lambda: state(capture) == State.CAPTURING)
        arrives(link, found, 1)


def test_off_when_capture_begins() -> None:
    with plant_link() as link:
        link.ip("sensor", "link", "set", "cap0", "down")
        with capturing(link) as capture, running(link, capture) as found:
            assert state(capture) == State.DOWN
            link.ip("sensor", "link", "set", "cap0", "up")
            wait_until(lambda: state(capture) == State.CAPTURING)
            arrives(link, found, 1)


def test_renamed_while_it_runs() -> None:
    with plant_link() as link, capturing(link) as capture, running(link, capture) as found:
        arrives(link, found, 1)
        link.ip("sensor", "link", "set", "cap0", "name", "mirror7")
        wait_until(lambda: capture.health()[0].name == "mirror7")
        arrives(link, found, 2)
        health = capture.health()[0]
        assert (health.interface, health.state, health.reopened) == ("cap0", State.CAPTURING, 0)
        assert [event.text for event in capture.take_events()] == ["is called mirror7 now"]


@pytest.mark.parametrize("fanout", [None, Fanout(group=11, workers=1)], ids=["alone", "in a group"])
def test_gone_and_back(fanout: Fanout | None) -> None:
    settings = Settings(fanout=fanout)
    with (
        plant_link() as link,
        capturing(link, settings=settings) as capture,
        running(link, capture) as found,
    ):
        arrives(link, found, 1)
        link.send([frame(2)])
        link.ip("sensor", "link", "del", "cap0")
        wait_until(lambda: state(capture) == State.GONE)
        time.sleep(0.5)
        link.connect()
        wait_until(lambda: state(capture) == State.CAPTURING)
        arrives(link, found, 3)
        assert [packet.octets for packet in found] == [frame(1), frame(2), frame(3)]
        health = capture.health()[0]
        assert health.reopened == 1
        assert health.passed == health.packets == 3
        texts = [event.text for event in capture.take_events()]
        assert texts[0] == "gone"
        assert "is back" in texts
        assert texts[-1] == "capturing"


def test_one_of_two_interfaces_vanishes_and_the_other_goes_on() -> None:
    with plant_link(interfaces=2) as link, capturing(link) as capture, running(link, capture) as found:
        arrives(link, found, 1)
        link.ip("sensor", "link", "del", "cap1")
        wait_until(lambda: capture.health()[1].state == State.GONE)
        arrives(link, found, 2)
        link.connect(1)
        wait_until(lambda: capture.health()[1].state == State.CAPTURING)
        link.send([frame(3)], number=1)
        wait_until(lambda: found[-1].octets == frame(3))
        assert found[-1].interface == 1


def test_back_without_a_capability() -> None:
    """Privileges are dropped once the interface is open: what is bound again needs none."""
    with plant_link() as link:
        code = """
import ctypes, sys
from sensor.capture.errors import CaptureError
from sensor.capture.ring.capture import RingCapture
capture = RingCapture(["cap0"])
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
nothing = (ctypes.c_uint32 * 6)()
libc = ctypes.CDLL(None, use_errno=True)
assert libc.capset(ctypes.byref(Header(0x20080522, 0)), nothing) == 0
try:
    RingCapture(["cap0"])
except CaptureError as error:
    print(error, flush=True)
for batch in capture:
    if len(batch.records):
        print(capture.health()[0].reopened, flush=True)
        if capture.health()[0].reopened:
            break
print(capture.health()[0].passed)
"""
        process = link.start([sys.executable, "-c", code], "sensor", stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert b"CAP_NET_RAW" in process.stdout.readline()
        link.send([frame(1)])
        assert process.stdout.readline() == b"0\n"
        link.ip("sensor", "link", "del", "cap0")
        time.sleep(0.6)
        link.connect()
        end = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < end:
            link.send([frame(2)])
            time.sleep(0.1)
        assert process.stdout.readline() == b"1\n"
        assert process.wait(5) == 0


def test_what_the_card_lost_is_read_from_the_kernel() -> None:
    with plant_link() as link, link.enter("sensor"):
        assert card_losses("cap0") == (0, 0)
        assert card_losses("cap9") is None


def test_no_such_interface_is_an_error_at_the_start() -> None:
    with plant_link() as link, link.enter("sensor"), pytest.raises(CaptureError, match="no interface"):
        RingCapture(["cap9"])
