"""Values on their way into the table of points, for tests: one message each, or arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sensor.hashtable import FREE
from sensor.messages import (
    FRAME,
    FROM_CLIENT,
    FROM_SERVER,
    MESSAGES,
    Kind,
    Operation,
    Out,
    ValueKind,
    add_message,
    add_value,
    begin_pdu,
    empty,
    is_full,
    new_out,
)
from sensor.points import taking
from sensor.points.table import NEXT_MESSAGE, NEXT_VALUE, Points, make_room
from sensor.types import Record

SECOND = 10**9
START = 1_700_000_000 * SECOND
FOREVER = (1 << 63) - 1


def message(
    out: Out,
    value: float | Sequence[float],
    second: float,
    written: bool = False,
    value_kind: ValueKind = ValueKind.REAL,
    **columns: int,
) -> Record:
    """A read answer of server 2, or a write of client 1 to it; a sequence makes VALUE rows."""
    frame = np.zeros(1, FRAME)[0]
    frame["time_ns"] = START + round(second * SECOND)
    frame["packet"] = out.used[MESSAGES] + 1
    frame["client"], frame["server"] = 1, 2
    frame["direction"] = FROM_CLIENT if written else FROM_SERVER
    begin_pdu(out)
    index = add_message(out, frame, columns.pop("protocol", 10), 0)
    row = out.messages[index]
    row["kind"] = Kind.REQUEST if written else Kind.RESPONSE
    row["operation"] = Operation.WRITE if written else Operation.READ
    row["status"] = -1 if written else 0
    row["unit"], row["space"], row["address"] = 1, 2, 100
    for name, number in columns.items():
        row[name] = number
    if isinstance(value, int | float):
        row["value"], row["value_kind"] = value, value_kind
    else:
        for offset, element in enumerate(value):
            add_value(out, index, offset, value_kind, float(element))
    return row


def take_all(points: Points, out: Out, first_ns: int = 0, end_ns: int = FOREVER, learns: bool = True) -> None:
    """Take everything in `out` into the table."""
    points.used[NEXT_MESSAGE] = points.used[NEXT_VALUE] = 0
    while True:
        done = taking.gather(points, out)
        taking.take(points, out.messages, first_ns, end_ns, learns)
        if done:
            return
        if points.used[FREE] == 0:
            make_room(points)


def learn(
    points: Points, values: Iterable[float], written: bool = False, every: float = 1.0, start: float = 0.0,
    value_kind: ValueKind = ValueKind.REAL, **columns: int,
) -> None:  # fmt: skip
    """Learn one value `every` so many seconds."""
    out = new_out(values=1 << 12)
    for index, value in enumerate(values):
        if is_full(out):
            take_all(points, out)
            empty(out)
        message(out, float(value), start + index * every, written, value_kind, **columns)
    take_all(points, out)
