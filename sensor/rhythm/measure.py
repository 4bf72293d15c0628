"""Measures every message: its channel's interval and volume, and what became of what was asked.

The kernel compares as it counts, with limits that were learned (`shortest_allowed_ns` …) and with the
row's own past, and notes what stands out as a FINDING. A finding that grows is told again when it has
doubled; so a flood makes a dozen, not a million.

`volume` counts how much is said, `intervals` when, and `answers` what becomes of what is asked.
"""

from __future__ import annotations

import numpy as np

from sensor.hashtable import EVICTED, FREE
from sensor.kernel import kernel
from sensor.messages import FAULT, MALFORMED, MESSAGES, Buffers, Kind, Operation, Out
from sensor.protocols.protocol import Number
from sensor.protocols.registry import PROTOCOLS
from sensor.protocols.transport import (
    ABORTED,
    ACCEPTED,
    DATAGRAMS_ANSWERED,
    JOINED,
    REFUSED,
)
from sensor.protocols.transport import UNANSWERED as CALL_UNANSWERED
from sensor.rhythm.answers import wait, weigh
from sensor.rhythm.intervals import time_anchor
from sensor.rhythm.table import (
    CHANNEL,
    FINDING,
    FINDINGS,
    NOT_TOLD,
    PAIR,
    SINCE_NS,
    TARGET,
    Rhythms,
    find_row,
    hash_of,
    make_room,
    new_rhythms,
    pack,
    pack_kinds,
    row_of,
)
from sensor.rhythm.volume import check_rate, check_volume, count
from sensor.types import Int, Ints, Record, Rows

FIRST_OT = min(int(number) for number, protocol in PROTOCOLS.items() if protocol.ot)

ROWS_PER_MESSAGE = 3


@kernel
def _is_bulk(operation: Int) -> bool:
    """Whether many requests at once are what it is made of."""
    return operation in (
        Operation.PROGRAM_DOWNLOAD,
        Operation.PROGRAM_UPLOAD,
        Operation.FIRMWARE,
        Operation.FILE,
        Operation.BROWSE,
    )


@kernel
def _target(table: Rhythms, message: Record, function: Int) -> Int:
    ends = pack(0, message["server"])
    kinds = pack_kinds(
        TARGET, message["protocol"], message["transport"], 0, 0, message["operation"] if function >= 0 else 0
    )
    port_unit, functions = pack(0, -1), pack(function, -1)
    return row_of(
        table, message, hash_of(ends, port_unit, functions, kinds), ends, port_unit, functions, kinds
    )


@kernel
def _transport(table: Rhythms, message: Record) -> None:
    """Calls: how many come to a server in a minute, and whether they are answered."""
    function = np.int64(message["function"])
    if function == ABORTED or function == DATAGRAMS_ANSWERED:
        return
    if function != JOINED:
        place = _target(table, message, function)
        count(table, place, message)
        table.rows[place]["last_ns"] = message["time_ns"]
        check_rate(table, place, message)
    if message["protocol"] != Number.TCP:
        return
    ends = pack(message["client"], message["server"])
    port_unit, functions = pack(message["server_port"], -1), pack(-1, -1)
    kinds = pack_kinds(PAIR, message["protocol"], message["transport"], 0, 0, message["operation"])
    digest = hash_of(ends, port_unit, functions, kinds)
    if function == REFUSED or function == CALL_UNANSWERED:
        # Where nobody ever answered, somebody scans, and that is told by others.
        place = find_row(table, digest, ends, port_unit, functions, kinds)
        if place >= 0:
            table.rows[place]["last_ns"] = message["time_ns"]
            wait(table, place, message, False)
        return
    place = row_of(table, message, digest, ends, port_unit, functions, kinds)
    row = table.rows[place]
    row["last_ns"] = message["time_ns"]
    row["answered"] += 1
    row["waiting"] = 0
    if function == ACCEPTED:
        count(table, place, message)
        check_rate(table, place, message)


@kernel
def _ot(table: Rhythms, message: Record) -> None:
    ends = pack(message["client"], message["server"])
    port_unit = pack(message["server_port"], message["unit"])
    functions = pack(message["function"], message["subfunction"])
    kinds = pack_kinds(
        CHANNEL,
        message["protocol"],
        message["transport"],
        message["kind"],
        message["direction"],
        message["operation"],
    )
    channel = row_of(
        table, message, hash_of(ends, port_unit, functions, kinds), ends, port_unit, functions, kinds
    )
    row = table.rows[channel]
    count(table, channel, message)
    check_volume(table, channel, message)
    time_anchor(table, channel, message)
    pair = np.int64(row["pair"])
    if pair < 0 or table.hashes[pair] != row["pair_hash"]:
        kinds = pack_kinds(PAIR, message["protocol"], message["transport"], 0, 0, 0)
        functions = pack(-1, -1)
        digest = hash_of(ends, port_unit, functions, kinds)
        pair = row_of(table, message, digest, ends, port_unit, functions, kinds)
        row["pair"], row["pair_hash"] = pair, digest
    weigh(table, channel, pair, message)
    if message["kind"] != Kind.REQUEST or _is_bulk(message["operation"]):
        return
    target = np.int64(row["target"])
    if target < 0 or table.hashes[target] != row["target_hash"]:
        target = _target(table, message, np.int64(-1))
        row["target"], row["target_hash"] = target, table.hashes[target]
    count(table, target, message)
    table.rows[target]["last_ns"] = message["time_ns"]
    check_rate(table, target, message)


@kernel
def measure(table: Rhythms, messages: Rows, limit: Int, cursor: Ints) -> None:
    """Measure the messages from `cursor[0]` to `limit`.

    Stops early where the table is full: the caller has `make_room` free some and calls again.
    """
    while cursor[0] < limit:
        message = messages[cursor[0]]
        protocol = message["protocol"]
        if table.used[FREE] < ROWS_PER_MESSAGE:
            return
        cursor[0] += 1
        if table.used[SINCE_NS] == 0 or message["time_ns"] < table.used[SINCE_NS]:
            table.used[SINCE_NS] = message["time_ns"]
        if message["part"] != 0 or message["flags"] & (MALFORMED | FAULT):
            continue
        if protocol >= FIRST_OT:
            _ot(table, message)
        elif protocol == Number.TCP or protocol == Number.UDP:
            _transport(table, message)
        elif protocol == Number.ICMP:
            place = _target(table, message, np.int64(message["function"]))
            count(table, place, message)
            table.rows[place]["last_ns"] = message["time_ns"]
            check_rate(table, place, message)


_NOTHING = np.zeros(0, FINDING)


class Metronome:
    """Measures all messages of an observer, as one of its listeners."""

    def __init__(self, capacity: int = 1 << 16) -> None:
        self.table = new_rhythms(capacity)
        self.gone: list[Ints] = []
        """Places of rows that were given up for room since this was last emptied."""

    def take(self, out: Out, buffers: Buffers) -> None:
        """Measure the messages in `out`."""
        cursor = np.zeros(1, np.int64)
        limit = int(out.used[MESSAGES])
        while True:
            measure(self.table, out.messages, limit, cursor)
            if cursor[0] >= limit:
                return
            self.gone.append(make_room(self.table))

    def findings(self) -> Rows:
        """What was found since the last call, in the order of time."""
        used = int(self.table.used[FINDINGS])
        if not used:
            return _NOTHING
        found = self.table.findings[:used].copy()
        self.table.used[FINDINGS] = 0
        return found[np.lexsort((found["kinds"], found["packet"], found["time_ns"]))]

    @property
    def losses(self) -> dict[str, int]:
        """What was given up for room."""
        return {
            "rhythms_evicted": int(self.table.used[EVICTED]),
            "rhythm_findings_not_told": int(self.table.used[NOT_TOLD]),
        }
