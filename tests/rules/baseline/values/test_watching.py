"""From packets to rows that rules see: a plant is learned, then a value leaves its band."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plant_processes import controlled
from traffic import batch_of, segment

from rules.baseline.decisions import FOREVER, Decision, decide
from rules.baseline.document import text_of_baseline
from rules.baseline.entries import Entry
from rules.baseline.model import Baseline
from rules.baseline.model import Conversation as NamedConversation
from rules.baseline.reading import baseline_of_text
from rules.baseline.stage import Window
from rules.watch import Watch
from sensor.capture.batch import PacketBatch
from sensor.epochs import EPOCH_NS
from sensor.protocols.protocol import Number

SECOND = 10**9
LEARNED = 400
STEPS = (40.0, 44.0, 47.0, 42.0)
Packets = list[tuple[float, bytes]]


class Conversation:
    """Modbus/TCP between one client and one server: polls of registers 100 to 102 and writes of 101."""

    def __init__(self) -> None:
        self.packets: Packets = [(0, segment(b"", 0, flags="S"))]
        self._sent = [1, 1]
        self._transaction = 0

    def _send(self, second: float, pdu: bytes, from_server: bool) -> None:
        adu = self._transaction.to_bytes(2) + bytes(2) + (len(pdu) + 1).to_bytes(2) + b"\1" + pdu
        packet = segment(
            adu, self._sent[from_server], ack=self._sent[not from_server], from_server=from_server
        )
        self._sent[from_server] += len(adu)
        self.packets.append((second, packet))

    def exchange(self, second: float, request: bytes, response: bytes) -> None:
        self._transaction = self._transaction + 1 & 0xFFFF
        self._send(second, request, False)
        self._send(second + 0.01, response, True)

    def poll(self, second: float, registers: list[int]) -> None:
        values = b"".join(value.to_bytes(2) for value in registers)
        self.exchange(second, bytes.fromhex("0300640003"), b"\3\6" + values)

    def write(self, second: float, address: int, value: int) -> None:
        pdu = b"\6" + address.to_bytes(2) + value.to_bytes(2)
        self.exchange(second, pdu, pdu)

    def write_all(self, second: float, address: int, values: list[int]) -> None:
        place = address.to_bytes(2) + len(values).to_bytes(2)
        octets = b"".join(value.to_bytes(2) for value in values)
        self.exchange(second, b"\x10" + place + bytes([len(octets)]) + octets, b"\x10" + place)


def plant(seconds: int, seed: int = 1) -> Conversation:
    """A temperature in tenths, its set-point, and a limit that stands still."""
    talk = Conversation()
    noise = controlled(seconds, seed, set_point=0.0)
    target = STEPS[0]
    for second in range(seconds):
        if second % 40 == 20:
            target = STEPS[second // 40 % len(STEPS)]
            talk.write(second + 0.5, 101, round(target * 10))
        talk.poll(second, [round((target + noise[second]) * 10), round(target * 10), 800])
    return talk


def batches(packets: Packets, size: int) -> Iterator[PacketBatch]:
    for start in range(0, len(packets), size):
        part = packets[start : start + size]
        batch = batch_of([octets for _, octets in part], first=start + 1)
        batch.records["time_ns"] = [round(second * SECOND) for second, _ in part]
        yield batch


def told(
    packets: Packets, baseline: Baseline | None = None, size: int = 1000
) -> tuple[list[dict[str, Any]], Watch]:
    """What rules would see of values outside, and the watch."""
    window = Window(span_ns=LEARNED * SECOND) if baseline is None else None
    watch = Watch((), baseline=baseline, window=window)
    found: list[dict[str, Any]] = []
    steps = [step for batch in batches(packets, size) for step in feed(watch, batch, found)]
    assert steps == []
    for step in watch.watcher.finish():
        found += rows(watch, step)
    watch.values.finish()
    watch.stage.finish()
    return found, watch


def feed(watch: Watch, batch: PacketBatch, found: list[dict[str, Any]]) -> Iterator[None]:
    watch.stage.begin(int(batch.records["time_ns"][0]))
    for step in watch.watcher.feed(batch):
        found += rows(watch, step)
    yield from ()


def rows(watch: Watch, step: Any) -> list[dict[str, Any]]:
    return [table.document(row) for table in watch.values.tables(step) for row in range(table.rows)]


def test_a_plant_that_goes_on_is_quiet() -> None:
    found, watch = told(plant(1000).packets)
    assert found == []
    kinds = {point.address: seen.kind.value for point, seen in watch.stage.baseline.values.items()}
    assert kinds == {100: "measurement", 101: "set_point", 102: "constant"}


def test_a_set_point_pushed_outside_is_told_with_its_band() -> None:
    talk = plant(500)
    talk.write(500.5, 101, 950)
    talk.write(501.5, 102, 1200)
    talk.poll(502, [430, 950, 1200])
    found, _ = told(talk.packets)
    assert [
        (row["ics.operation"], row["ics.address"], row["ics.value"], row["baseline.value_kind"])
        for row in found
    ] == [
        ("write", 101, 950, "set_point"),
        ("write", 102, 1200, "constant"),
        ("read", 101, 950, "set_point"),
        ("read", 102, 1200, "constant"),
    ]
    written = found[0]
    assert written["baseline.value_outside"] is True
    assert 300 < written["baseline.value_low"] < 400
    assert 470 < written["baseline.value_high"] < 700
    assert written["baseline.value_excess"] > 1
    assert LEARNED - 50 < written["baseline.value_seconds"] <= LEARNED
    # 800 all the time, for less than half an hour: three quarters of its size count as one.
    assert found[1]["baseline.value_share"] == pytest.approx(0.5)
    assert found[1]["baseline.value_excess"] == pytest.approx(0.5 / 0.75, abs=0.001)
    assert [row["baseline.value_jump"] for row in found] == [True, True, False, False]
    assert (written["source.ip"], written["destination.ip"]) == ("10.1.1.5", "10.1.1.10")


def test_small_steps_that_leave_the_band_are_no_leaps() -> None:
    talk = plant(500)
    for number in range(40):
        talk.write(500.5 + number, 101, 430 + 10 * number)
    talk.write(541.5, 101, 1500)
    found, _ = told(talk.packets)
    written = [row for row in found if row["ics.operation"] == "write"]
    assert len(written) > 10
    assert written[-1]["ics.value"] == 1500
    assert [row["baseline.value_jump"] for row in written] == [False] * (len(written) - 1) + [True]


def test_batches_change_nothing_and_a_loaded_baseline_says_the_same() -> None:
    talk = plant(500)
    talk.write(500.5, 101, 950)
    talk.poll(501, [900, 950, 800])
    talk.poll(502, [901, 950, 800])
    found, watch = told(talk.packets)
    assert len(found) == 3
    text = text_of_baseline(watch.stage.baseline)
    for size in (7, 311):
        again, other = told(talk.packets, size=size)
        assert again == found
        assert text_of_baseline(other.stage.baseline) == text
    later, _ = told(talk.packets[-6:], baseline=watch.stage.baseline)
    assert [row["ics.value"] for row in later] == [950, 900, 950]


def test_an_accepted_value_is_inside_until_its_time_is_over() -> None:
    talk = plant(500)
    talk.poll(502, [430, 950, 800])
    talk.poll(504, [430, 420, 800])
    talk.poll(506, [430, 950, 800])
    found, watch = told(talk.packets)
    baseline = watch.stage.baseline
    (entry,) = {row["baseline.entry"] for row in found}
    (point,) = [point for point in baseline.values if point.address == 101]
    accepted = Entry(point=point, value=950.0)
    assert entry == accepted.id
    decide(baseline, Decision(True, accepted, "kim", 0, 505 * SECOND, "test of the alarm"))
    kept = baseline_of_text(text_of_baseline(baseline), Path("plant.yaml"))
    later, _ = told(talk.packets[-6:], baseline=kept, size=3)
    assert [(row["ics.value"], row["baseline.value_high"] < 900) for row in later] == [(950, True)]
    decide(baseline, Decision(False, Entry(point=point), "kim", 0, FOREVER, "no set-point any more"))
    assert point not in baseline.values
    assert told(talk.packets[-6:], baseline=baseline)[0] == []


def test_what_goes_on_after_its_time_is_told_as_new() -> None:
    talk = Conversation()
    for second in range(40):
        talk.poll(second, [1, 2, 3])
    learned, _ = told(talk.packets, Baseline())
    assert learned == []
    client, server = "10.1.1.5", "10.1.1.10"
    path = NamedConversation(client, server, int(Number.MODBUS), 6, 502)
    baseline = Baseline(assets={client, server})
    decide(baseline, Decision(True, Entry(conversation=path), "kim", 0, 20 * SECOND, "a trial"))
    for size in (3, 1000):
        watch = Watch((), baseline=baseline)
        news = []
        for batch in batches(talk.packets, size):
            for step in watch.watcher.feed(batch):
                news += [
                    (table.value("baseline.novelty", row), int(table.occurrences.first_ns[row]) // SECOND)
                    for table in watch.tables(step)
                    for row in range(table.rows)
                    if table.value("network.protocol", row) == "modbus"
                    and table.value("baseline.novelty", row)
                ]
        ((what, second),) = news
        assert what == "conversation"
        assert 20 <= second <= 20 + EPOCH_NS // SECOND


def test_a_slow_drift_is_followed_and_a_written_value_never() -> None:
    talk = plant(LEARNED)
    generator = np.random.default_rng(4)
    for second in range(LEARNED, LEARNED + 3600):
        warmer = (second - LEARNED) / 3600 * 80
        if second % 4 == 0:
            talk.poll(second, [round(430 + warmer + generator.normal(0, 10)), 420, 800])
    found, _ = told(talk.packets)
    assert found == []
    low_and_slow = plant(LEARNED)
    for step in range(60):
        low_and_slow.write(LEARNED + 10 + step * 60, 101, 420 + 6 * step)
    found, _ = told(low_and_slow.packets)
    assert found
    assert found[0]["ics.value"] < 700


@pytest.mark.parametrize(("ahead", "expected"), [(0, []), (1, []), (40, [202])])
def test_a_clock_that_is_set_is_no_set_point(ahead: int, expected: list[int]) -> None:
    """Hours, minutes and seconds, of which few were seen: what is written is the time when it is written."""
    talk = Conversation()
    times = {second: second for second in (3, 64, 122, 185, 244, 301, 366)} | {659: 659 + ahead}
    for second in range(700):
        talk.poll(second, [400, 400, 800])
        if second in times:
            now = times[second]
            talk.write_all(second + 0.2, 200, [now // 3600, now // 60 % 60, now % 60])
    found, _ = told(talk.packets)
    assert [row["ics.address"] for row in found] == expected
