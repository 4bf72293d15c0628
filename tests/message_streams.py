"""Message rows as decode kernels make them, of polling whose rhythm is known because it is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from sensor.messages import MESSAGE, NO_CODE, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.protocols.transport import ACCEPTED
from sensor.types import Rows

SECOND = 1_000_000_000
BEGIN = 1_795_000_020 * SECOND
"""A whole minute."""

Message = dict[str, Any]


@dataclass
class Poll:
    """A client that reads `blocks` blocks of registers each `every` seconds, and a server that answers."""

    client: int = 1
    server: int = 2
    every: float = 1.0
    jitter: float = 0.01
    blocks: int = 1
    latency: float = 0.004
    stream: int = 1
    unit: int = 1
    gaps: int = 0
    answers: bool = True
    operation: Operation = Operation.READ
    function: int = 3
    seed: int = 7
    protocol: int = Number.MODBUS
    transport: int = 6
    extra: Message = field(default_factory=dict)

    def messages(self, start: float, end: float) -> Iterator[Message]:
        """What is said between two times, in seconds after BEGIN."""
        random = Random(f"{self.seed} {self.client} {self.server} {start}")
        at, transaction = start + random.random() * self.every * 0.1, 0
        while at < end:
            for block in range(self.blocks):
                transaction += 1
                asked = at + block * (self.latency + 0.002)
                yield self.message(asked, Kind.REQUEST, block, transaction)
                if self.answers:
                    yield self.message(asked + self.latency, Kind.RESPONSE, block, transaction)
            at += max(0.001, self.every + random.uniform(-1, 1) * self.jitter)

    def message(self, at: float, kind: Kind, block: int = 0, transaction: int = 0) -> Message:
        """One request, or the answer to one."""
        asked = kind == Kind.REQUEST
        return {
            "time_ns": BEGIN + round(at * SECOND),
            "stream": self.stream,
            "client": self.client,
            "server": self.server,
            "client_port": 50000,
            "server_port": 502,
            "unit": self.unit,
            "gaps": self.gaps,
            "protocol": self.protocol,
            "transport": self.transport,
            "operation": self.operation,
            "function": self.function,
            "kind": kind,
            "direction": 0 if asked else 1,
            "asks": asked,
            "status": NO_CODE if asked else 0,
            "latency_ns": NO_CODE if asked else round(self.latency * SECOND),
            "transaction": transaction,
            "space": 3,
            "address": 100 * block,
            "count": 10,
            "length": 12,
        } | self.extra


def call(at: float, client: int, server: int, port: int = 502, event: int = ACCEPTED) -> Message:
    """A TCP call and what became of it."""
    return {
        "time_ns": BEGIN + round(at * SECOND),
        "client": client,
        "server": server,
        "client_port": 50000,
        "server_port": port,
        "protocol": Number.TCP,
        "transport": 6,
        "operation": Operation.SESSION,
        "function": event,
        "kind": Kind.EVENT,
        "status": 0,
    }


def rows_of(*streams: Iterable[Message]) -> Rows:
    """The messages of all streams as MESSAGE rows in the order of time."""
    messages = sorted((item for stream in streams for item in stream), key=lambda item: item["time_ns"])
    rows = np.zeros(len(messages), MESSAGE)
    for name in ("unit", "function", "subfunction", "space", "address", "count", "name", "transaction"):
        rows[name] = NO_CODE
    rows["latency_ns"] = NO_CODE
    for index, message in enumerate(messages):
        for name, value in message.items():
            rows[index][name] = value
    rows["packet"] = np.arange(1, len(rows) + 1)
    return rows


def without(rows: Rows, ranges: Sequence[tuple[float, float]]) -> Rows:
    """What is left of the rows where nothing was captured in these ranges of seconds after BEGIN."""
    at = (rows["time_ns"] - BEGIN) / SECOND
    kept = np.ones(len(rows), np.bool_)
    for start, end in ranges:
        kept &= (at < start) | (at >= end)
    return rows[kept]
