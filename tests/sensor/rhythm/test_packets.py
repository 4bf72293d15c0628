"""From packets to findings: what is unanswered, what nobody asked for, and what a capture merely missed.

PDUs are written by hand from the Modbus Application Protocol Specification V1.1b3 (6.3) and the Modbus
Messaging Implementation Guide V1.0b (3.1.3); packets are made by scapy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from traffic import CLIENT, MACS, SERVER, batch_of, segment

from sensor.observer import Observer
from sensor.rhythm.measure import Metronome
from sensor.rhythm.table import ORPHAN, PAIR, RATE, TARGET, UNANSWERED, inhabited
from sensor.types import Rows


def request(transaction: int) -> bytes:
    return transaction.to_bytes(2) + bytes.fromhex("0000 0006 01 03 0064 0002")


def response(transaction: int) -> bytes:
    return transaction.to_bytes(2) + bytes.fromhex("0000 0007 01 03 04 0001 0002")


class Dialogue:
    """One connection; packets of both sides with their sequence numbers."""

    def __init__(self, opened: bool = True) -> None:
        self.packets: list[bytes] = []
        self._seq, self._ack, self._transaction = 1, 1, 0
        if opened:
            self.packets = [segment(b"", 0, flags="S"), segment(b"", 0, flags="SA", from_server=True)]

    def ask(self, captured: bool = True) -> None:
        self._transaction += 1
        data = request(self._transaction)
        if captured:
            self.packets.append(segment(data, self._seq, ack=self._ack))
        self._seq += len(data)

    def answer(self, transaction: int | None = None, captured: bool = True) -> None:
        data = response(self._transaction if transaction is None else transaction)
        if captured:
            self.packets.append(segment(data, self._ack, ack=self._seq, from_server=True))
        self._ack += len(data)

    def talk(self, times: int) -> None:
        for _ in range(times):
            self.ask()
            self.answer()


def findings(packets: Sequence[bytes], what: int, batches: int = 1, step_ns: int = 500_000_000) -> Rows:
    """What is found in these packets, half a second apart."""
    observer, metronome = Observer(), Metronome(1 << 10)
    observer.listeners.append(metronome)
    done = 0
    for part in np.array_split(np.arange(len(packets)), batches):
        batch = batch_of([packets[index] for index in part], first=done + 1, step_ns=step_ns)
        done += len(part)
        list(observer.feed(batch))
    list(observer.finish())
    found = metronome.findings()
    return found[found["what"] == what]


def test_an_answer_that_was_put_into_a_conversation() -> None:
    talk = Dialogue()
    talk.talk(20)
    talk.answer(transaction=4711)
    talk.talk(5)
    (found,) = findings(talk.packets, ORPHAN)
    assert int(found["packet"]) == 2 + 40 + 1
    assert int(found["number"]) == 1


def test_a_conversation_joined_midway_begins_with_an_answer() -> None:
    talk = Dialogue(opened=False)
    talk.ask(captured=False)
    talk.answer()
    talk.talk(20)
    assert not len(findings(talk.packets, ORPHAN))


@pytest.mark.parametrize("lost", [1, 5])
def test_requests_that_were_not_captured_leave_no_orphans(lost: int) -> None:
    talk = Dialogue()
    talk.talk(20)
    for _ in range(lost):
        talk.ask(captured=False)
        talk.answer()
    talk.talk(20)
    assert not len(findings(talk.packets, ORPHAN))


def test_answers_that_were_not_captured_are_not_missed() -> None:
    talk = Dialogue()
    talk.talk(20)
    for _ in range(20):
        talk.ask()
        talk.answer(captured=False)
    talk.talk(20)
    assert not len(findings(talk.packets, UNANSWERED))


def test_segments_sent_again_are_no_orphans_and_no_new_requests() -> None:
    talk = Dialogue()
    talk.talk(20)
    twice = [packet for packet in talk.packets for _ in range(2)]
    assert not len(findings(twice, ORPHAN))
    assert not len(findings(twice, UNANSWERED))


def test_a_device_that_stops_to_answer() -> None:
    talk = Dialogue()
    talk.talk(20)
    for _ in range(40):
        talk.ask()
    found = findings(talk.packets, UNANSWERED)
    assert found["number"].tolist() == [11, 22]  # five seconds, at half a second each, then doubled
    assert set((found["kinds"] >> 48).tolist()) == {PAIR}


@pytest.mark.parametrize("batches", [2, 7, 40])
def test_findings_do_not_depend_on_how_packets_come(batches: int) -> None:
    talk = Dialogue()
    talk.talk(20)
    talk.answer(transaction=4711)
    for _ in range(30):
        talk.ask()
    for what in (ORPHAN, UNANSWERED):
        assert np.array_equal(findings(talk.packets, what), findings(talk.packets, what, batches))


def test_a_flood_of_calls_to_one_port_from_invented_addresses() -> None:
    ether = Ether(src=MACS[0], dst=MACS[1])
    call = TCP(sport=2000, dport=502, flags="S")
    calls = [bytes(ether / IP(src=f"10.9.{n // 250}.{1 + n % 250}", dst=SERVER) / call) for n in range(900)]
    found = findings(calls, RATE, step_ns=10_000_000)
    targets = found[found["kinds"] >> 48 == TARGET]
    assert targets["number"].max() >= 400
    assert set((targets["ends"] >> 32).tolist()) == {0}


def test_a_ping_flood_names_its_source() -> None:
    ping = bytes(Ether(src=MACS[0], dst=MACS[1]) / IP(src=CLIENT, dst=SERVER) / ICMP())
    found = findings([ping] * 500, RATE, step_ns=10_000_000)
    assert found["number"].tolist() == [50, 100, 200, 400]
    assert (found["ends"] >> 32 > 0).all()


def test_datagrams_of_one_flow_are_one_flow() -> None:
    datagram = bytes(
        Ether(src=MACS[0], dst=MACS[1]) / IP(src=CLIENT, dst=SERVER) / UDP(sport=1, dport=9) / b"x"
    )
    assert not len(findings([datagram] * 500, RATE, step_ns=10_000_000))


def test_noise_leaves_the_table_small() -> None:
    observer, metronome = Observer(), Metronome(1 << 10)
    observer.listeners.append(metronome)
    random = np.random.default_rng(3)
    packets = [segment(random.bytes(60), 1 + 60 * n, flags="PA") for n in range(500)]
    list(observer.feed(batch_of(packets)))
    list(observer.finish())
    assert inhabited(metronome.table).sum() < 10
