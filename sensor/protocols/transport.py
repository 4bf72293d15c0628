"""Conversations as such: connections that were accepted, refused or never answered, and datagrams.

These events come from the stream layer, not from octets: they tell who serves which port, and who
knocks at ports where nobody is (RFC 9293 3.10).
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Buffers, Kind, Operation, Out, add_message, begin_pdu, is_full
from sensor.protocols.protocol import Number, Protocol, Record
from sensor.types import Ints, Rows

ACCEPTED, REFUSED, UNANSWERED, JOINED, ABORTED, DATAGRAMS, DATAGRAMS_ANSWERED = range(1, 8)
EVENT_SHIFT = 4
"""FRAME.flags >> EVENT_SHIFT is one of the codes above; they are the messages' function too."""

TCP_FUNCTIONS = {
    (ACCEPTED, -1): "Connection Accepted",
    (REFUSED, -1): "Connection Refused",
    (UNANSWERED, -1): "Connection Unanswered",
    (JOINED, -1): "Connection Joined Midway",
    (ABORTED, -1): "Connection Aborted",
}
UDP_FUNCTIONS = {
    (DATAGRAMS, -1): "Datagrams",
    (DATAGRAMS_ANSWERED, -1): "Datagrams Answered",
}


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Make a message of each event from `cursor[0]` on, until done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1
        begin_pdu(out)
        row = out.messages[add_message(out, frame, np.int64(frame["protocol"]), 0)]
        row["kind"] = Kind.EVENT
        row["operation"] = Operation.SESSION
        row["function"] = frame["flags"] >> EVENT_SHIFT
        row["status"] = 0
        if row["function"] == REFUSED or row["function"] == UNANSWERED:
            row["status"] = 1


def new_state() -> Ints:
    """Nothing is kept: the stream layer reports each conversation once."""
    return np.zeros(1, np.int64)


def describe(record: Record) -> str:
    """`tcp/502`: the served port is the object of a conversation."""
    kind = "tcp" if record.message["protocol"] == Number.TCP else "udp"
    return f"{kind}/{int(record.message['server_port'])}"


PROTOCOLS = (
    Protocol(
        Number.TCP, "tcp", "TCP connections", functions=TCP_FUNCTIONS, statuses={1: "failed"}, ot=False,
        describe=describe,
    ),
    Protocol(Number.UDP, "udp", "UDP flows", functions=UDP_FUNCTIONS, ot=False, describe=describe),
)  # fmt: skip
