"""Joins a response with its request while it is decoded.

Decode kernels call `ask` with the row of a request and `answer` with the row of a response; both
must carry the same `transaction` in the same stream and the same `part`. `answer` gives the
response what only the request says (unit, space, address, count, name, operation, value), which
request that was, and how long it took. Of a full bucket the oldest gives way; every request without
an answer is counted in `used[UNANSWERED]`, one that might still have got it in `used[EVICTED]` too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.buckets import BUCKET, first_of_bucket, place_to_fill
from sensor.kernel import kernel
from sensor.types import Int, Ints, Record, Rows

PENDING = np.dtype(
    [
        ("stream", "i8"),  # -1 where the place is free
        ("transaction", "i8"),
        ("time_ns", "i8"),
        ("packet", "i8"),
        ("address", "i8"),
        ("value", "f8"),
        ("extra", "i8"),
        ("part", "i4"),
        ("function", "i4"),
        ("subfunction", "i4"),
        ("unit", "i4"),
        ("space", "i4"),
        ("count", "i4"),
        ("name", "i4"),
        ("operation", "i1"),
        ("value_kind", "i1"),
    ]
)

ASKED, ANSWERED, UNANSWERED, ORPHANED, EVICTED = range(5)
PATIENCE_NS = 60 * 10**9
"""Nobody waits for an answer any longer: the request that gives way is no loss."""


class Pairs(NamedTuple):
    """Requests that wait for their responses, and counts: ASKED, ANSWERED, UNANSWERED, ORPHANED, EVICTED."""

    pending: Rows
    used: Ints


def new_pairs(capacity: Int = 1 << 15) -> Pairs:
    """An empty table for `capacity` requests (a power of two)."""
    pending = np.zeros(capacity, PENDING)
    pending["stream"] = -1
    return Pairs(pending, np.zeros(5, np.int64))


@kernel
def _bucket(pairs: Pairs, stream: Int, transaction: Int, part: Int) -> Int:
    # Widened and kept below 2**63: plain Python would overflow int32, compiled code would wrap.
    mixed = np.int64(stream & 0x7FFFFFFF) * 0x9E3779B1 ^ np.int64(transaction) * 0x5EBCA6B
    mixed ^= np.int64(part) * 0x42B2AE35
    mixed ^= mixed >> 17
    return first_of_bucket(mixed, pairs.pending.shape[0])


@kernel
def find(pairs: Pairs, stream: Int, transaction: Int, part: Int) -> Int:
    """The place of the waiting request with this key, or -1. It stays there."""
    first = _bucket(pairs, stream, transaction & 0x7FFFFFFF, part)
    for place in range(first, first + BUCKET):
        row = pairs.pending[place]
        if row["stream"] == stream and row["transaction"] == transaction and row["part"] == part:
            return np.int64(place)
    return np.int64(-1)


@kernel
def ask(pairs: Pairs, message: Record, extra: Int) -> None:
    """Remember a request's row until its response comes, and mark that one is awaited.

    `extra` is the decoder's own (a data type, a subfunction), read back by `find`.
    """
    stream = message["stream"]
    transaction = message["transaction"]
    part = message["part"]
    place = find(pairs, stream, transaction, part)
    if place < 0:
        first = _bucket(pairs, stream, transaction & 0x7FFFFFFF, part)
        place = place_to_fill(pairs.pending["stream"], pairs.pending["time_ns"], first)
        oldest = pairs.pending[place]
        if oldest["stream"] >= 0 and message["time_ns"] - oldest["time_ns"] < PATIENCE_NS:
            pairs.used[EVICTED] += 1
    row = pairs.pending[place]
    if row["stream"] >= 0:
        pairs.used[UNANSWERED] += 1
    pairs.used[ASKED] += 1
    message["asks"] = 1
    row["stream"] = stream
    row["transaction"] = transaction
    row["part"] = part
    row["time_ns"] = message["time_ns"]
    row["packet"] = message["packet"]
    row["address"] = message["address"]
    row["value"] = message["value"]
    row["extra"] = extra
    row["function"] = message["function"]
    row["subfunction"] = message["subfunction"]
    row["unit"] = message["unit"]
    row["space"] = message["space"]
    row["count"] = message["count"]
    row["name"] = message["name"]
    row["operation"] = message["operation"]
    row["value_kind"] = message["value_kind"]


@kernel
def answer(pairs: Pairs, message: Record) -> bool:
    """Complete a response's row from its request and forget the request; whether there was one.

    Only columns that the response left at "not applicable" are filled.
    """
    place = find(pairs, message["stream"], message["transaction"], message["part"])
    if place < 0:
        pairs.used[ORPHANED] += 1
        return False
    row = pairs.pending[place]
    pairs.used[ANSWERED] += 1
    message["request_packet"] = row["packet"]
    message["latency_ns"] = message["time_ns"] - row["time_ns"]
    if message["operation"] == 0:
        message["operation"] = row["operation"]
    if message["subfunction"] < 0:
        message["subfunction"] = row["subfunction"]
    if message["unit"] < 0:
        message["unit"] = row["unit"]
    if message["space"] < 0:
        message["space"] = row["space"]
    if message["address"] < 0:
        message["address"] = row["address"]
    if message["count"] < 0:
        message["count"] = row["count"]
    if message["name"] < 0:
        message["name"] = row["name"]
    if message["value_kind"] == 0 and row["value_kind"] != 0:
        message["value_kind"] = row["value_kind"]
        message["value"] = row["value"]
    row["stream"] = -1
    return True
