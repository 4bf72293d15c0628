"""What becomes of what is asked: requests without answers, and answers without requests.

What is a request, an answer, and an answer that is awaited is the protocol's own knowledge
(`pairing.ask`, `pairing.answer`).
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Kind
from sensor.rhythm.table import ORPHAN, UNANSWERED, Rhythms, note
from sensor.rhythm.volume import SECOND_NS
from sensor.types import Int, Record

SPAN_NS = 300 * SECOND_NS
"""Over so long answers are weighed against requests."""
FIRST_WAITING = 3
SECOND_WAITING = 8
PATIENCE_NS = 5 * SECOND_NS
"""A server that answers later than this is told of once it has left enough requests unanswered."""
LEAST_ASKED = 9
"""Fewer requests in a span say nothing about the share that is answered."""
CLEAN_ANSWERS = 3
"""After so many answers in a row, a stream whose beginning was not seen is known well enough."""
HABIT = 8
"""A function that leaves more than one in so many answers without a request does so by habit."""


@kernel
def wait(table: Rhythms, place: Int, message: Record, dead_is_news: bool) -> None:
    """One more request, or call, without an answer so far."""
    row = table.rows[place]
    if row["waiting"] == 0:
        row["waiting_ns"] = message["time_ns"]
        row["next_waiting"] = FIRST_WAITING
    row["waiting"] += 1
    if (
        row["waiting"] >= row["next_waiting"]
        and message["time_ns"] - row["waiting_ns"] >= PATIENCE_NS
        and (row["answered"] > 0 or dead_is_news)
    ):
        row["next_waiting"] = max(2 * row["waiting"], SECOND_WAITING)
        note(table, place, message, UNANSWERED, np.int64(row["waiting"]), np.int64(-1))


@kernel
def _new_span(table: Rhythms, place: Int, message: Record) -> None:
    """At the end of five minutes: were most requests left unanswered, though some were answered?"""
    row = table.rows[place]
    span = message["time_ns"] // SPAN_NS
    if span == row["span"]:
        return
    if row["asked_in_span"] >= LEAST_ASKED and 0 < row["answered_in_span"] * 3 <= row["asked_in_span"]:
        note(
            table,
            place,
            message,
            UNANSWERED,
            np.int64(row["asked_in_span"] - row["answered_in_span"]),
            np.int64(-1),
        )
    row["span"] = span
    row["asked_in_span"] = row["answered_in_span"] = 0


@kernel
def _join_stream(row: Record, message: Record) -> None:
    """What was asked or answered in octets that were not captured is not held against anybody."""
    if row["stream"] != message["stream"]:
        row["stream"] = message["stream"]
        row["gaps"] = message["gaps"]
        row["stream_answers"] = row["balance"] = 0
    elif row["gaps"] != message["gaps"]:
        row["gaps"] = message["gaps"]
        row["stream_answers"] = row["balance"] = row["waiting"] = 0
        row["asked_in_span"] = row["answered_in_span"] = 0


@kernel
def weigh(table: Rhythms, channel: Int, place: Int, message: Record) -> None:
    """Requests and answers of a pair."""
    row = table.rows[place]
    row["last_ns"] = message["time_ns"]
    _new_span(table, place, message)
    _join_stream(row, message)
    if message["kind"] == Kind.REQUEST:
        if message["asks"]:
            row["asked"] += 1
            row["asked_in_span"] += 1
            row["balance"] += 1
            wait(table, place, message, message["transport"] == 17)
        return
    if message["kind"] != Kind.RESPONSE:
        return
    row["answered_in_span"] += 1
    if message["status"] > 0:
        row["exceptions"] += 1
    speaker = table.rows[channel]
    if message["latency_ns"] >= 0:
        row["answered"] += 1
        row["waiting"] = 0
        row["stream_answers"] += 1
        row["balance"] = max(row["balance"] - 1, 0)
        row["latency_ns"] += message["latency_ns"]
        row["latency_most_ns"] = max(row["latency_most_ns"], message["latency_ns"])
        speaker["answered"] += 1
        return
    # More answers than questions, in a conversation that was seen whole, by one who never did so.
    if (
        row["balance"] > 0
        or row["stream_answers"] < CLEAN_ANSWERS
        or speaker["answered"] < HABIT * (1 + speaker["excused"])
    ):
        row["balance"] = max(row["balance"] - 1, 0)
        speaker["excused"] += 1
        return
    speaker["orphans"] += 1
    if speaker["orphans"] >= speaker["next_orphans"]:
        speaker["next_orphans"] = 2 * speaker["orphans"]
        note(table, channel, message, ORPHAN, np.int64(speaker["orphans"]), np.int64(-1))
