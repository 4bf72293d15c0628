"""TCP calls that nobody answers, told when the caller's patience is over."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.protocols.transport import UNANSWERED
from sensor.types import Int
from sensor.types import Record as Row
from sensor.wire.frames import Wire, tell
from sensor.wire.streams import CALLS_MADE, CALLS_SETTLED, SYN_SEEN, TOLD_UNANSWERED, Streams

CALL_PATIENCE_NS = 3_000_000_000
"""A call without an answer for this long in packet time was not answered; by then callers have
repeated it (RFC 6298 2.1: after one second, then after two more)."""


@kernel
def tell_unanswered(wire: Wire, row: Row) -> None:
    """Tell that nobody answered this call, unless something was told of it before."""
    if row["state"] & SYN_SEEN and not row["reported"]:
        row["reported"] = TOLD_UNANSWERED
        tell(wire, row, np.int64(row["client"]), np.int64(UNANSWERED), row["first_ns"], row["first_packet"])


@kernel
def watch_call(streams: Streams, place: Int) -> None:
    """Remember a call that was just made."""
    used = streams.used
    if used[CALLS_MADE] - used[CALLS_SETTLED] >= streams.calls.shape[0]:
        used[CALLS_SETTLED] += 1
    call = streams.calls[used[CALLS_MADE] % streams.calls.shape[0]]
    used[CALLS_MADE] += 1
    call["place"] = place
    call["number"] = streams.rows[place]["number"]
    call["time_ns"] = streams.rows[place]["first_ns"]


@kernel
def settle_calls(wire: Wire, now_ns: Int) -> None:
    """Tell of the calls that nobody has answered in time, driven by packet time alone."""
    streams = wire.streams
    used = streams.used
    while used[CALLS_SETTLED] < used[CALLS_MADE]:
        call = streams.calls[used[CALLS_SETTLED] % streams.calls.shape[0]]
        if now_ns - call["time_ns"] < CALL_PATIENCE_NS:
            return
        used[CALLS_SETTLED] += 1
        row = streams.rows[call["place"]]
        if row["number"] == call["number"]:
            tell_unanswered(wire, row)
