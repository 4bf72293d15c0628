"""Kernels that put the values of messages into the table of points and hold them against bounds."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    DOUBTFUL,
    ENCRYPTED,
    FAULT,
    FROM_SERVER,
    MALFORMED,
    MESSAGES,
    NEGATIVE,
    SELECT,
    TEST,
    VALUES,
    Kind,
    Operation,
    Out,
)
from sensor.points.table import (
    ABOVE,
    BELOW,
    DEVIATIONS,
    FRESH,
    HIGH_SIDE,
    JUMP,
    LOW_SIDE,
    MOST_STATES,
    NEXT_MESSAGE,
    NEXT_VALUE,
    NO_BOUND,
    NOWHERE,
    READ,
    SAMPLES,
    SET,
    UNSEEN,
    UNTOLD,
    WRITTEN,
    Points,
    place_of,
)
from sensor.types import Int, Record, Rows

UNFIT = MALFORMED | FAULT | TEST | SELECT | NEGATIVE | ENCRYPTED | DOUBTFUL
"""Flags of messages whose values are none: a select arms an output and does not set it yet."""
NEITHER = -1
FIRST_CHECKPOINT = 8


@kernel
def side_of(message: Record) -> Int:
    """READ where the server says what a point is, WRITTEN where a client says what it shall be."""
    if message["flags"] & UNFIT or (message["address"] < 0 and message["name"] < 0):
        return np.int64(NEITHER)
    operation = message["operation"]
    if message["direction"] == FROM_SERVER:
        told = operation == Operation.READ or operation == Operation.REPORT
        good = message["kind"] != Kind.REQUEST and message["status"] <= 0
        return np.int64(READ if told and good else NEITHER)
    asks = message["kind"] == Kind.REQUEST
    sets = operation == Operation.WRITE or operation == Operation.OPERATE or operation == Operation.CONFIGURE
    return np.int64(WRITTEN if asks and sets else NEITHER)


@kernel
def _add_sample(points: Points, place: Int, message: Int, address: Int, value: float, kind: Int) -> None:
    row = points.samples[points.used[SAMPLES]]
    points.used[SAMPLES] += 1
    row["place"] = place
    row["message"] = message
    row["address"] = address
    row["value"] = value
    row["kind"] = kind


@kernel
def gather(points: Points, out: Out) -> bool:
    """Find the points of the values from NEXT_MESSAGE on, and make rows for new ones.

    Stops where there is no room for more samples, or none in the table; whether all were found. The
    caller takes what was gathered, makes room where the table was full, and calls again.
    """
    points.used[SAMPLES] = points.used[FRESH] = 0
    guess = np.int64(-1)
    while points.used[NEXT_MESSAGE] < out.used[MESSAGES]:
        index = points.used[NEXT_MESSAGE]
        message = out.messages[index]
        at = points.used[NEXT_VALUE]
        listed = at < out.used[VALUES] and out.values[at]["message"] == index
        side = side_of(message)
        if side == NEITHER or not (listed or message["value_kind"] != 0):
            while at < out.used[VALUES] and out.values[at]["message"] <= index:
                at += 1
            points.used[NEXT_VALUE] = at
            points.used[NEXT_MESSAGE] = index + 1
            continue
        base = max(np.int64(message["address"]), np.int64(0))
        if not listed:
            if points.used[SAMPLES] == points.samples.shape[0]:
                return False
            place = place_of(points, message, base, side, guess)
            if place < 0:
                return False
            _add_sample(points, place, index, base, message["value"], np.int64(message["value_kind"]))
            guess = place + 1
        while at < out.used[VALUES] and out.values[at]["message"] == index:
            if points.used[SAMPLES] == points.samples.shape[0]:
                return False
            value = out.values[at]
            address = base + value["offset"]
            place = place_of(points, message, address, side, guess)
            if place < 0:
                return False
            _add_sample(points, place, index, address, value["value"], np.int64(value["kind"]))
            guess = place + 1
            at += 1
            points.used[NEXT_VALUE] = at
        points.used[NEXT_MESSAGE] = index + 1
    return True


@kernel
def _is_wrap(before: float, now: float) -> bool:
    """Whether a counter of 8, 15, 16, 31 or 32 bits went over its end between these values."""
    for bits in (8, 15, 16, 31, 32):
        full = float(np.int64(1) << bits)
        if before < full and before >= full * 0.75 and now >= 0.0 and now <= full * 0.25:
            return True
    return False


@kernel
def _count_state(row: Record, value: float) -> None:
    used: Int = row["states_used"]
    for state in range(used if used < MOST_STATES else MOST_STATES):
        if row["states"][state] == value:
            row["visits"][state] += 1
            return
    if used < MOST_STATES:
        row["states"][used] = value
        row["visits"][used] = 1
    row["states_used"] = min(used + 1, MOST_STATES + 1)


@kernel
def _count_traversal(row: Record, value: float) -> None:
    span = row["most"] - row["least"]
    if span > 2.0 * row["span_counted"]:
        # What was crossed before was a small part of what the range is now.
        row["traversals"] = 0
        row["span_counted"] = span
    away = value - row["mean"]
    # Beyond half a deviation: 4 d² > m2 / n.
    if 4.0 * away * away * row["learned"] > row["m2"]:
        side = np.int64(HIGH_SIDE if away > 0.0 else LOW_SIDE)
        if row["side"] != NOWHERE and row["side"] != side:
            row["traversals"] += 1
        row["side"] = side


@kernel
def _count_change(row: Record, message: Record, value: float) -> None:
    difference = value - row["value"]
    direction = np.int64(1 if difference > 0.0 else -1)
    row["changes"] += 1
    _count_state(row, value)
    if direction > 0:
        row["rises"] += 1
    else:
        row["falls"] += 1
        if _is_wrap(row["value"], value):
            row["wraps"] += 1
    if row["direction"] == -direction:
        row["turns"] += 1
    row["direction"] = direction
    row["step"] = max(row["step"], abs(difference))
    if row["quantum"] == 0.0 or abs(difference) < row["quantum"]:
        row["quantum"] = abs(difference)
    passed = message["time_ns"] - row["last_ns"]
    if passed > 0:
        row["rate"] = max(row["rate"], abs(difference) * 1e9 / passed)


@kernel
def _begin_counts(row: Record, message: Record, value: float) -> None:
    row["first_ns"] = message["time_ns"]
    row["first_packet"] = message["packet"]
    row["least"] = value
    row["most"] = value
    row["mean"] = value
    row["m2"] = 0.0
    row["changes"] = 0
    row["rises"] = 0
    row["falls"] = 0
    row["wraps"] = 0
    row["turns"] = 0
    row["direction"] = 0
    row["side"] = NOWHERE
    row["states_used"] = 0
    row["traversals"] = 0
    row["span_counted"] = 0.0
    row["quantum"] = 0.0
    row["step"] = 0.0
    row["rate"] = 0.0
    row["early_samples"] = 0
    row["early_span"] = 0.0
    row["half_samples"] = 0
    row["half_span"] = 0.0
    _count_state(row, value)


@kernel
def _learn(row: Record, message: Record, value: float) -> None:
    """Count a value into what is known of its point."""
    samples = row["learned"]
    if samples == 0:
        _begin_counts(row, message, value)
    elif value != row["value"]:
        _count_change(row, message, value)
        row["least"] = min(row["least"], value)
        row["most"] = max(row["most"], value)
        _count_traversal(row, value)
    difference = value - row["mean"]
    row["mean"] += difference / (samples + 1)
    row["m2"] += difference * (value - row["mean"])
    samples += 1
    row["learned"] = samples
    # At every power of two the range is noted, so that its growth since then can be told.
    if samples >= FIRST_CHECKPOINT and samples & (samples - 1) == 0:
        row["early_samples"] = row["half_samples"]
        row["early_span"] = row["half_span"]
        row["half_samples"] = samples
        row["half_span"] = row["most"] - row["least"]


@kernel
def _follow(row: Record, value: float, time_ns: Int) -> None:
    """Let an edge of the band go before values that come near it from inside, no faster than allowed."""
    margin = row["margin"]
    if value + margin > row["high"]:
        allowed = row["follow"] * max(time_ns - row["high_ns"], 0) * 1e-9
        row["high"] = min(value + margin, row["high"] + min(allowed, margin))
        row["high_ns"] = time_ns
    if value - margin < row["low"]:
        allowed = row["follow"] * max(time_ns - row["low_ns"], 0) * 1e-9
        row["low"] = max(value - margin, row["low"] - min(allowed, margin))
        row["low_ns"] = time_ns


@kernel
def _reason(row: Record, value: float) -> Int:
    """How a value lies outside the bounds of its point; 0 where it does not."""
    if row["bound"] == SET:
        for state in range(row["allowed_used"]):
            if row["allowed"][state] == value:
                return np.int64(0)
        if value < row["low"]:
            return np.int64(BELOW)
        return np.int64(ABOVE if value > row["high"] else UNSEEN)
    if value < row["low"]:
        return np.int64(BELOW)
    return np.int64(ABOVE if value > row["high"] else 0)


@kernel
def _tell(points: Points, sample: Record, reason: Int) -> None:
    index = points.used[DEVIATIONS]
    if index == points.deviations.shape[0]:
        points.used[UNTOLD] += 1
        return
    points.used[DEVIATIONS] = index + 1
    row = points.rows[sample["place"]]
    found = points.deviations[index]
    found["message"] = sample["message"]
    found["place"] = sample["place"]
    found["address"] = sample["address"]
    found["value"] = sample["value"]
    found["low"] = row["low"]
    found["high"] = row["high"]
    found["step"] = abs(sample["value"] - row["value"]) if row["samples"] else np.inf
    found["kind"] = sample["kind"]
    found["reason"] = reason
    found["written"] = row["written"]


@kernel
def _judge(points: Points, row: Record, message: Record, sample: Record) -> None:
    """Tell of a value that leaves its bounds, and of one that jumps; once until it is back."""
    value = sample["value"]
    reason = _reason(row, value)
    if reason != 0:
        # Another value, or another writer, is another act; a reading only stays where it is.
        again = row["written"] and (value != row["value"] or message["client"] != row["writer"])
        if not row["outside"] or again:
            _tell(points, sample, reason)
        row["outside"] = 1
        return
    row["outside"] = 0
    if row["follow"] > 0.0:
        _follow(row, value, message["time_ns"])
    passed = message["time_ns"] - row["last_ns"]
    step = abs(value - row["value"])
    if row["samples"] == 0 or step <= row["limit_step"] or step * 1e9 <= row["limit_rate"] * passed:
        row["jumped"] = 0
    elif not row["jumped"]:
        _tell(points, sample, np.int64(JUMP))
        row["jumped"] = 1


@kernel
def take(points: Points, messages: Rows, first_ns: Int, end_ns: Int, learns: bool) -> None:
    """Count the gathered values of messages from `first_ns` on and before `end_ns`.

    Where `learns`, into what is known of their points; else they are held against the bounds.
    """
    for index in range(points.used[SAMPLES]):
        sample = points.samples[index]
        message = messages[sample["message"]]
        if message["time_ns"] < first_ns or message["time_ns"] >= end_ns:
            continue
        row = points.rows[sample["place"]]
        if learns:
            _learn(row, message, sample["value"])
        elif row["bound"] != NO_BOUND:
            _judge(points, row, message, sample)
        row["samples"] += 1
        row["value"] = sample["value"]
        row["value_kind"] = sample["kind"]
        row["last_ns"] = message["time_ns"]
        row["last_packet"] = message["packet"]
        row["writer"] = message["client"]
