"""What an attacker costs who makes everything new: no PDU repeats a behaviour.

`python -m bench.adversarial` sends Modbus requests through the whole watch, from octets to alerts,
with 500 rules and a baseline. They differ in what they ask for ("objects"), in what they write to
("writes"), in who asks, each from an address and a connection of its own ("clients"), or are the
first octets of a PDU that never ends, on ever new connections ("unfinished"). It prints PDUs a
second, how the process grew, and what was given up to stay within bounds.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rules.baseline.stage import Window
from rules.expression import Compares, both
from rules.language.loader import PACKS, load
from rules.rule import AnyRule, Rule
from rules.watch import Watch
from sensor.ahead import compile_all
from sensor.capture.batch import RECORD, PacketBatch
from sensor.hashtable import EVICTED
from sensor.types import Bytes, Ints

PACKETS_AT_ONCE = 1 << 14
STEP_NS = 10_000
REQUEST = bytes.fromhex(
    "020000000002 020000000001 0800"
    "4500 0034 0000 4000 40 06 0000 0a000001 0affffff"  # IPv4: 52 octets, TCP, no checksum
    "c350 01f6 00000000 00000000 5018 2000 0000 0000"
    "0000 0000 0006 01 03 0000 0001"  # Modbus: read one holding register
)
SOURCE, SOURCE_PORT, SEQUENCE, PROTOCOL_LENGTH, UNIT, REGISTER = 26, 34, 38, 58, 60, 62
FUNCTION = 61
ADU = 12
LEARNED_NS = 10_000_000
KINDS = ("objects", "writes", "clients", "unfinished")


def _put(packets: Bytes, at: int, values: Ints, octets: int) -> None:
    for index in range(octets):
        packets[:, at + index] = values >> (8 * (octets - 1 - index)) & 0xFF


def packets_of(kind: str, first: int, count: int) -> Bytes:
    """`count` packets as rows of octets, of which no two ask the same."""
    packets = np.tile(np.frombuffer(REQUEST, np.uint8), (count, 1))
    numbers = np.arange(first, first + count)
    if kind == "writes":
        _put(packets, FUNCTION, np.full(count, 6), 1)
    if kind in ("objects", "writes"):
        _put(packets, SEQUENCE, numbers * ADU & 0xFFFFFFFF, 4)
        _put(packets, REGISTER, numbers & 0xFFFF, 2)
        _put(packets, UNIT, 1 + (numbers >> 16) % 247, 1)
    else:
        _put(packets, SOURCE + 1, numbers, 3)
    if kind == "unfinished":
        _put(packets, PROTOCOL_LENGTH, np.full(count, 250), 1)
        _put(packets, SOURCE_PORT, 1024 + numbers % 60000, 2)
    return packets


def batches_of(kind: str, count: int) -> Iterator[PacketBatch]:
    """The packets as a capture would give them."""
    for first in range(0, count, PACKETS_AT_ONCE):
        packets = packets_of(kind, first, min(PACKETS_AT_ONCE, count - first))
        records = np.zeros(len(packets), RECORD)
        records["time_ns"] = np.arange(first, first + len(packets)) * STEP_NS
        records["offset"] = np.arange(len(packets)) * packets.shape[1]
        records["length"] = records["original"] = packets.shape[1]
        records["link"] = 1
        yield PacketBatch(packets.reshape(-1), records, first + 1)


def rules_to(number: int) -> list[AnyRule]:
    """The shipped rules, and as a plant's own so many variants of them that there are `number`."""
    shipped, problems = load([PACKS])
    assert not problems
    rules: list[AnyRule] = list(shipped)
    plain = [rule for rule in shipped if isinstance(rule, Rule) and rule.category == "behaviour"]
    for turn in range(1, number):
        for rule in plain:
            if len(rules) >= number:
                return rules
            own = both(rule.condition, Compares("ics.address", "gte", 7 * turn))
            rules.append(replace(rule, id=f"{rule.id}-{turn}", name=f"{rule.name}-{turn}", condition=own))
    return rules


def resident() -> float:
    """MiB that the process ever had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def attack(kind: str, count: int, rules: list[AnyRule]) -> str:
    """Run one kind of attack; a row of the table. The first 10 ms of it are taken for normal."""
    before = resident()
    watch = Watch(rules, window=Window(span_ns=LEARNED_NS))
    watch.begin(kind)
    alerts = 0
    seconds = cpu = 0.0
    for batch in batches_of(kind, count):
        wall, start = time.perf_counter(), time.process_time()
        watch.feed(batch)
        alerts += sum(1 for _ in watch.take())
        seconds += time.perf_counter() - wall
        cpu += time.process_time() - start
    behaviours = watch.watcher.behaviours
    found = int(np.count_nonzero(behaviours.hashes)) + int(behaviours.used[EVICTED])
    lost = ", ".join(f"{name} {number:,}" for name, number in watch.losses.items() if number)
    return (
        f"| {kind} | {count:,} | {found:,} | {alerts:,} | {count / seconds:,.0f} | {count / cpu:,.0f} | "
        f"{before:.0f} to {resident():.0f} | {lost or 'none'} |"
    )


def main() -> None:
    """Run all kinds and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--kind", choices=KINDS, action="append")
    arguments = parser.parse_args()
    compile_all()
    rules = rules_to(arguments.rules)
    for kind in KINDS:
        attack(kind, PACKETS_AT_ONCE, rules)  # so that loading kernels is not part of it
    print(f"{len(rules)} rules\n")
    titles = ("packets", "behaviours", "alerts told", "packets/s", "per CPU second", "MiB", "given up")
    print(f"| every PDU new in | {' | '.join(titles)} |")
    print("|---|---:|---:|---:|---:|---:|---|---|")
    for kind in arguments.kind or KINDS:
        print(attack(kind, arguments.packets, rules), flush=True)


if __name__ == "__main__":
    main()
