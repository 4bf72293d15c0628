"""The way in to live capture: the ring where there is one, scapy where not."""

from __future__ import annotations

import socket
import sys

import pytest
from live import collect, frame
from netns import plant_link

from sensor.capture.errors import CaptureError
from sensor.capture.live import open_live
from sensor.capture.portable import PortableCapture
from sensor.capture.ring.capture import RingCapture
from sensor.capture.ring.settings import Fanout, Settings

ODD = "ether proto 0x88b5 and ether[17] % 2 = 1"
TAGGED = frame(1)[:12] + bytes.fromhex("8100 0005") + frame(1)[12:]


def test_linux_gets_the_ring() -> None:
    with plant_link() as link, link.enter("sensor"), open_live(["cap0"], ODD) as capture:
        assert isinstance(capture, RingCapture)
        found = collect(capture, lambda: link.send(frame(number) for number in range(10)))
        assert [packet.octets for packet in found] == [frame(number) for number in range(1, 10, 2)]


def test_scapy_gives_the_same_packets_and_says_that_it_is_slow() -> None:
    frames = [frame(number, 60 + number) for number in range(50)] + [TAGGED]
    with plant_link(interfaces=2) as link:
        with link.enter("sensor"):
            capture = open_live(link.interfaces, portable=True)
        with capture:
            assert isinstance(capture, PortableCapture)
            assert any("one by one" in note for note in capture.notes)
            batches = iter(capture)
            assert len(next(batches).records) == 0
            link.send(frames)
            link.send([frame(99)], number=1)
            found: list[tuple[int, bytes]] = []
            while len(found) < len(frames) + 1:
                batch = next(batches)
                assert batch.first == len(found) + 1
                for row in batch.records:
                    start, end = int(row["offset"]), int(row["offset"] + row["length"])
                    found.append((int(row["interface"]), batch.data[start:end].tobytes()))
                    assert int(row["link"]) == 1
            assert [octets for number, octets in found if number == 0] == frames
            assert [octets for number, octets in found if number == 1] == [frame(99)]
            assert [health.packets for health in capture.health()] == [len(frames), 1]
            assert capture.packets == len(frames) + 1


def test_scapy_takes_an_expression_and_ends_when_told() -> None:
    with plant_link() as link:
        with link.enter("sensor"):
            capture = open_live(["cap0"], ODD, portable=True)
        with capture:
            found: list[bytes] = []
            for batch in capture:
                if not found:
                    link.send(frame(number) for number in range(10))
                found += [batch.data[row["offset"] : row["offset"] + 60].tobytes() for row in batch.records]
                if len(found) == 5:
                    capture.stop()
            assert found == [frame(number) for number in range(1, 10, 2)]


def test_systems_without_packet_sockets_get_scapy(monkeypatch: pytest.MonkeyPatch) -> None:
    with plant_link() as link, link.enter("sensor"):
        import scapy.all

        assert scapy.all.conf.L2listen
        monkeypatch.setattr(socket, "AF_PACKET", socket.AF_PACKET)
        monkeypatch.delattr(socket, "AF_PACKET")
        with pytest.raises(CaptureError, match="no AF_PACKET"):
            RingCapture(["cap0"])
        with pytest.raises(CaptureError, match="has to be an expression"):
            open_live(["cap0"], "1\n6 0 0 0\n")
        with pytest.raises(CaptureError, match="takes AF_PACKET"):
            open_live(["cap0"], settings=Settings(fanout=Fanout(1, 2)))


def test_without_scapy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scapy.config", None)
    with pytest.raises(CaptureError, match=r"fieldwatch\[scapy\]"):
        open_live(["eth0"], portable=True)


@pytest.mark.parametrize("portable", [False, True])
def test_what_is_not_there_is_refused_by_name(portable: bool) -> None:
    with plant_link() as link, link.enter("sensor"), pytest.raises(CaptureError, match=r"^nowhere0: "):
        open_live(["cap0", "nowhere0"], portable=portable)
