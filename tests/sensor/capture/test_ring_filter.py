"""Filters on the ring: nothing slips past them, and they mean live what they mean to tcpdump."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from live import EXPERIMENTAL, MACS, capturing, collect, frame
from netns import plant_link

from sensor.capture.bpf import Program, parse, program_of
from sensor.capture.errors import CaptureError
from sensor.capture.ring.capture import RingCapture

OTHER = MACS + b"\x88\xb6"


def test_from_tcpdump_and_from_an_expression() -> None:
    with plant_link() as link:
        expression = "ether proto 0x88b5 and ether[17] % 2 = 1"
        printed = link.run(["tcpdump", "-i", "cap0", "-ddd", expression], "sensor")
        with link.enter("sensor"):
            programs = [program_of(printed, "cap0"), program_of(expression, "cap0")]
        for program in programs:
            with capturing(link, program) as capture:
                found = collect(capture, lambda: link.send(frame(number) for number in range(100)))
                assert [packet.octets for packet in found] == [frame(number) for number in range(1, 100, 2)]
                health = capture.health()[0]
                # What the filter refused is not there for the kernel's counts.
                assert health.passed == health.packets == 50
                assert health.dropped == 0


def test_a_filter_that_cuts_packets_keeps_their_length() -> None:
    with plant_link() as link:
        printed = link.run(["tcpdump", "-i", "cap0", "-s", "64", "-ddd", "ether proto 0x88b5"], "sensor")
        with capturing(link, parse(printed)) as capture:
            found = collect(capture, lambda: link.send([frame(1, 1000), frame(2, 60)]))
            assert [(packet.octets, packet.original) for packet in found] == [
                (frame(1, 1000)[:64], 1000),
                (frame(2, 60), 60),
            ]


def test_not_one_packet_slips_past_while_it_is_opened() -> None:
    """The wire is busy with what the filter refuses while captures are opened, one after the other."""
    with plant_link() as link:
        with link.enter("sensor"):
            program = program_of("ether proto 0x88b5", "cap0")
        ended = threading.Event()

        def noise() -> None:
            with link.socket("wire", "wire0") as out:
                while not ended.is_set():
                    out.send(frame(0, head=OTHER))

        thread = threading.Thread(target=noise)
        thread.start()
        try:
            for _ in range(10):
                with capturing(link, program) as capture:
                    found = collect(capture, lambda: link.send([frame(1)]))
                    assert {packet.octets[12:14] for packet in found} <= {EXPERIMENTAL}
                    assert capture.health()[0].passed == len(found)
        finally:
            ended.set()
            thread.join()


def test_a_vlan_filter_knows_where_the_tag_is() -> None:
    tagged = MACS + b"\x81\x00\x00\x05" + EXPERIMENTAL
    other = MACS + b"\x81\x00\x00\x06" + EXPERIMENTAL
    frames = [frame(1, head=tagged), frame(2, head=other), frame(3)]
    with plant_link() as link:
        with link.enter("sensor"):
            program = program_of("vlan 5", "cap0")
        with capturing(link, program) as capture:
            found = collect(capture, lambda: link.send(frames))
            assert [packet.octets for packet in found] == frames[:1]
            assert capture.notes == []
        # As it is made for files, the same expression finds nothing live, and says so.
        elsewhere = subprocess.run(
            ["tcpdump", "-y", "EN10MB", "-ddd", "vlan 5"], capture_output=True, text=True, check=True
        )
        with capturing(link, parse(elsewhere.stdout)) as capture:
            assert collect(capture, lambda: link.send(frames)) == []
            assert "looks for a VLAN tag in the frame" in capture.notes[0]


def test_the_kernel_has_the_last_word() -> None:
    """An operand that only the kernel can judge."""
    unknown = Program(((0x20, 0, 0, 0xFFFFF0F0), (0x16, 0, 0, 0)))
    refused = pytest.raises(CaptureError, match="cap0: the kernel refuses")
    with plant_link() as link, link.enter("sensor"), refused:
        RingCapture(["cap0"], unknown)


ACCEPT_TCP = "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n"


def test_the_output_of_tcpdump_is_read() -> None:
    assert parse(ACCEPT_TCP).instructions == (
        (40, 0, 0, 12),
        (21, 0, 1, 2048),
        (6, 0, 0, 262144),
        (6, 0, 0, 0),
    )
    assert parse(ACCEPT_TCP.replace("\n", "\r\n")) == parse(ACCEPT_TCP) == program_of(ACCEPT_TCP, "none")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "first line is not a number"),
        ("tcp\n", "first line is not a number"),
        ("0\n", "line 1: 0 instructions"),
        ("5000\n", "line 1: 5000 instructions"),
        ("2\n6 0 0 0\n", "2 instructions are announced, 1 follow"),
        ("1\n6 0 0 0\n6 0 0 0\n", "1 instructions are announced, 2 follow"),
        ("1\n6 0 0\n", "line 2: not four numbers"),
        ("1\n6 0 0 -1\n", "line 2: not four numbers"),
        ("1\n\n6 0 x 1\n", "line 3: not four numbers"),
        ("2\n999 0 0 0\n6 0 0 0\n", "line 2: there is no operation 999"),
        ("2\n21 300 0 0\n6 0 0 0\n", "line 2: a number that is too large"),
        ("2\n6 0 0 4294967296\n6 0 0 0\n", "line 2: a number that is too large"),
        ("2\n21 0 1 0\n6 0 0 0\n", "line 2: a jump behind the end"),
        ("2\n5 0 0 1\n6 0 0 0\n", "line 2: a jump behind the end"),
        ("2\n2 0 0 16\n6 0 0 0\n", "line 2: there is no scratch memory 16"),
        ("2\n52 0 0 0\n6 0 0 0\n", "line 2: a division by zero"),
        ("1\n40 0 0 12\n", "line 2: the last instruction does not return"),
    ],
)
def test_what_is_no_program_is_refused_by_line(text: str, complaint: str) -> None:
    with pytest.raises(CaptureError, match=f"^filter.*{complaint}"):
        parse(text)


def test_an_expression_that_is_none() -> None:
    with pytest.raises(CaptureError, match=r"filter 'tcp prot 502': .*(syntax|expression)"):
        program_of("tcp prot 502", "lo")


def test_without_scapy_the_error_says_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scapy.libs", None)
    monkeypatch.setitem(sys.modules, "scapy.libs.structures", None)
    with pytest.raises(CaptureError, match="tcpdump -i INTERFACE -ddd EXPRESSION"):
        program_of("tcp", "lo")
