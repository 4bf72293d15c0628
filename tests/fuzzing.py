"""Mutates real captures and runs them through everything behind the capture: nothing may break.

A case is a window of one capture whose packets are mutated in place and in order, or a whole small
file whose octets are. Everything follows from (seed, case number): a failure is repeated with both.
"""

from __future__ import annotations

import faulthandler
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensor.capture.batch import RECORD, PacketBatch
from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile
from sensor.documents import MessageWriter
from sensor.messages import DETAILS, MESSAGES, Buffers
from sensor.observer import Observer
from sensor.pipeline import Pipeline
from sensor.wire.packet import KNOWN_LINKS

WINDOW = 3000
"""Packets of one case."""
DEEPEST = 30_000
"""Packets of a capture that are read to find a window."""
LARGEST_FILE = 1 << 17
MUTATED_SHARE = 0.6
SECONDS_A_CASE = 60
"""A case that takes longer hangs: the process ends with a traceback."""
SECONDS_TO_COMPILE = 900

INTERESTING = (0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0x81, 0xFE, 0xFF)
INTERESTING_WIDE = (0, 1, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000)


@dataclass(frozen=True)
class Packet:
    """A captured packet: link type, nanoseconds, octets."""

    link: int
    time_ns: int
    octets: bytes


@dataclass
class Tally:
    """What was done, and what went wrong: one line each, naming the case."""

    cases: int = 0
    packets: int = 0
    files: int = 0
    documents: int = 0
    operators: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def mutations(self) -> int:
        """Mutated packets and files."""
        return self.packets + self.files


def packets_of(path: Path, begin: int = 0, most: int = WINDOW) -> tuple[list[Packet], int]:
    """`most` packets of a capture, up to damage if there is any; how many it has, as far as was read."""
    result: list[Packet] = []
    capture = CaptureFile(path)
    try:
        for batch in capture:
            offset = max(0, begin - (batch.first - 1))
            for row in batch.records[offset : offset + most - len(result)]:
                start = int(row["offset"])
                octets = batch.data[start : start + int(row["length"])].tobytes()
                result.append(Packet(int(row["link"]), int(row["time_ns"]), octets))
            if capture.packets > DEEPEST:
                break
    except CaptureError:
        pass
    return result, capture.packets


def _place(chance: random.Random, length: int) -> int:
    """An index; headers of all layers, which lie in front, are hit as often as all the rest."""
    return chance.randrange(min(length, 90)) if chance.random() < 0.5 else chance.randrange(length)


def _flip(chance: random.Random, octets: bytearray, other: bytes) -> None:
    for _ in range(chance.randint(1, 8)):
        octets[_place(chance, len(octets))] ^= 1 << chance.randrange(8)


def _overwrite(chance: random.Random, octets: bytearray, other: bytes) -> None:
    for _ in range(chance.randint(1, 4)):
        octets[_place(chance, len(octets))] = chance.choice(INTERESTING)


def _overwrite_wide(chance: random.Random, octets: bytearray, other: bytes) -> None:
    at, size = _place(chance, len(octets)), chance.choice((2, 2, 4))
    left = len(octets) - at
    value = chance.choice((*INTERESTING_WIDE, left, left - 1, left + 1, len(octets)))
    raw = (value & (1 << 8 * size) - 1).to_bytes(size, chance.choice(("big", "little")))
    octets[at : at + size] = raw[:left]


def _cut(chance: random.Random, octets: bytearray, other: bytes) -> None:
    del octets[_place(chance, len(octets)) :]


def _insert(chance: random.Random, octets: bytearray, other: bytes) -> None:
    at = _place(chance, len(octets))
    octets[at:at] = chance.randbytes(chance.choice((1, 2, 3, 8, 300)))


def _delete(chance: random.Random, octets: bytearray, other: bytes) -> None:
    at = _place(chance, len(octets))
    del octets[at : at + chance.choice((1, 2, 3, 8, 60))]


def _splice(chance: random.Random, octets: bytearray, other: bytes) -> None:
    if other:
        octets[_place(chance, len(octets)) :] = other[_place(chance, len(other)) :]


def _randomise(chance: random.Random, octets: bytearray, other: bytes) -> None:
    at = min(len(octets), chance.choice((34, 42, 54, 58, 66)))
    octets[at:] = chance.randbytes(len(octets) - at)


def _repeat_part(chance: random.Random, octets: bytearray, other: bytes) -> None:
    at = _place(chance, len(octets))
    octets[at:at] = octets[at : at + chance.choice((4, 8, 16, 64))] * chance.randint(1, 20)


OPERATORS = (
    _flip, _overwrite, _overwrite_wide, _cut, _insert, _delete, _splice, _randomise, _repeat_part,
)  # fmt: skip


def _make_lengths_agree(octets: bytearray) -> None:
    """Give an IPv4 packet on Ethernet the total length it has now, so that its payload is looked at."""
    at = 14
    while octets[at - 2 : at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    if octets[at - 2 : at] == b"\x08\x00" and 20 <= len(octets) - at < 65_536:
        octets[at + 2 : at + 4] = (len(octets) - at).to_bytes(2)


def mutated(
    chance: random.Random, packets: Sequence[Packet], operators: Counter[str]
) -> tuple[list[Packet], int]:
    """The packets with most of them mutated, and how many those are."""
    result: list[Packet] = []
    changed = 0
    for packet in packets:
        if chance.random() > MUTATED_SHARE:
            result.append(packet)
            continue
        changed += 1
        if chance.random() < 0.12:  # the order, not the octets
            name = chance.choice(("duplicate", "reorder", "drop", "relink", "retime"))
            operators[name] += 1
            if name == "duplicate":
                result += [packet, packet]
            elif name == "reorder":
                result.insert(max(0, len(result) - chance.randint(1, 30)), packet)
            elif name == "relink":
                result.append(Packet(chance.choice((*KNOWN_LINKS, 105, 195)), packet.time_ns, packet.octets))
            elif name == "retime":
                shift = chance.choice((-1, 1)) * 10 ** chance.randint(3, 18)
                result.append(
                    Packet(packet.link, max(0, min(1 << 62, packet.time_ns + shift)), packet.octets)
                )
            continue
        octets = bytearray(packet.octets)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            if octets:
                operator = chance.choice(OPERATORS)
                operators[operator.__name__.strip("_")] += 1
                operator(chance, octets, chance.choice(packets).octets)
        if packet.link == 1 and chance.random() < 0.7:
            _make_lengths_agree(octets)
        result.append(Packet(packet.link, packet.time_ns, bytes(octets[:200_000])))
    return result, changed


def batches_of(packets: Sequence[Packet], surrounding: bytes, size: int) -> Iterator[PacketBatch]:
    """The packets in batches of `size`, each packet with these octets before and behind it."""
    for first in range(0, len(packets), size):
        part = packets[first : first + size]
        data = bytearray(surrounding)
        records = np.zeros(len(part), RECORD)
        for index, packet in enumerate(part):
            length = len(packet.octets)
            records[index] = (packet.time_ns, len(data), length, length, packet.link, 0, 0)
            data += packet.octets + surrounding
        yield PacketBatch(np.frombuffer(bytes(data), np.uint8), records, first + 1)


def _check_rows(pipeline: Pipeline, buffers: Buffers, packets: int) -> None:
    """Rows and details lie where their columns say, inside the bytes they point into."""
    out = pipeline.out
    rows = out.messages[: out.used[MESSAGES]]
    sizes = np.array([len(item) for item in buffers])
    assert (rows["packet"] >= 1).all()
    assert (rows["packet"] <= packets).all()
    assert (rows["offset"] >= 0).all()
    assert (rows["length"] >= 0).all()
    assert (rows["offset"] + rows["length"] <= sizes[rows["buffer"]]).all()
    assert rows["part"][0] == 0
    details = out.details[: out.used[DETAILS]]
    slices = details[details["kind"] >= 2]
    assert (slices["number"] >= 0).all()
    assert (slices["length"] >= 0).all()
    assert (slices["number"] + slices["length"] <= sizes[slices["buffer"]]).all()


def decode(batches: Iterator[PacketBatch] | CaptureFile, packets: int) -> tuple[list[str], Pipeline]:
    """All messages as JSON lines."""
    pipeline = Pipeline(want_details=True)
    writer = MessageWriter(pipeline.out, pipeline.wire.endpoints)
    lines: list[str] = []

    def drain(drains: Iterator[Buffers]) -> None:
        for buffers in drains:
            _check_rows(pipeline, buffers, packets)
            lines.extend(json.dumps(item, allow_nan=False) for item in writer.documents(buffers))

    try:
        for batch in batches:
            drain(pipeline.feed(batch))
    except CaptureError:
        pass
    drain(pipeline.finish())
    return lines, pipeline


def observe(batches: Iterator[PacketBatch]) -> Pipeline:
    """Behaviours, assets and their documents."""
    observer = Observer()
    for batch in batches:
        for step in observer.feed(batch):
            assert len(np.unique(step.touched)) == len(step.touched)
    for _ in observer.finish():
        pass
    for machine in observer.inventory.machines():
        json.dumps(machine.document("capture"), allow_nan=False)
    return observer.pipeline


def _fuzz_packets(chance: random.Random, packets: Sequence[Packet], tally: Tally) -> list[str]:
    window, changed = mutated(chance, packets, tally.operators)
    tally.packets += changed
    size = chance.choice((7, 100, 5000)) if len(window) < 200 else chance.choice((100, 5000))
    problems = []
    if chance.random() < 0.3:
        pipeline = observe(batches_of(window, bytes(64), size))
    else:
        lines, pipeline = decode(batches_of(window, bytes(64), size), len(window))
        tally.documents += len(lines)
        if chance.random() < 0.3:
            again, _ = decode(batches_of(window, b"\xff" * 48, size), len(window))
            if again != lines:
                differing = sum(one != other for one, other in zip(lines, again, strict=False))
                problems.append(f"{differing} messages depend on what surrounds their packets")
    problems += [f"kernel fault in {where}: {what}" for where, what in pipeline.faults.first.items()]
    return problems


def _fuzz_file(chance: random.Random, content: bytes, folder: Path, tally: Tally) -> list[str]:
    octets = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        operator = chance.choice(OPERATORS)
        tally.operators[f"file {operator.__name__.strip('_')}"] += 1
        if octets:
            operator(chance, octets, content)
    tally.files += 1
    path = folder / "mutated"
    path.write_bytes(octets)
    try:
        capture = CaptureFile(path, block=chance.choice((256, 4096, 1 << 21)))
    except CaptureError as error:
        return [] if str(path) in str(error) else [f"nothing says which file: {error}"]
    lines, pipeline = decode(capture, 1 << 40)
    tally.documents += len(lines)
    return [f"kernel fault in {where}: {what}" for where, what in pipeline.faults.first.items()]


def fuzz(
    captures: Sequence[Path],
    seed: int,
    mutations: int,
    only_case: int | None = None,
    patience: int = SECONDS_TO_COMPILE,
) -> Tally:
    """Run cases until so many packets and files were mutated, one in six cases a series of files.

    A case that takes longer than `patience` seconds ends the process with a traceback.
    """
    tally = Tally()
    known: dict[Path, int] = {}
    small = [path for path in captures if path.stat().st_size <= LARGEST_FILE]
    with tempfile.TemporaryDirectory() as folder:
        while tally.mutations < mutations:
            case = tally.cases if only_case is None else only_case
            chance = random.Random(f"{seed}/{case}")
            tally.cases += 1
            faulthandler.dump_traceback_later(patience, exit=True)
            path: Any = None
            try:
                if small and chance.random() < 1 / 6:
                    path = chance.choice(small)
                    content = path.read_bytes()
                    problems = []
                    for _ in range(10):
                        problems += _fuzz_file(chance, content, Path(folder), tally)
                else:
                    path = captures[case % len(captures)]
                    if path not in known:
                        known[path] = packets_of(path, 0, 0)[1]
                    begin = chance.randrange(max(1, known[path] - WINDOW // 2))
                    window, _ = packets_of(path, begin)
                    problems = _fuzz_packets(chance, window, tally) if window else []
            except Exception as error:
                problems = [_where(error)]
            tally.problems += [f"seed {seed} case {case} ({path and path.name}): {item}" for item in problems]
            if only_case is not None:
                break
    faulthandler.cancel_dump_traceback_later()
    return tally


def _where(error: Exception) -> str:
    """The exception with the line of ours that raised it."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} at {place}"
