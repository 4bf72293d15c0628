"""Multicast DNS: what devices call themselves and which services they offer on a link.

Specification: RFC 6762 (mDNS), RFC 6763 (service discovery).

Of a message row: `function` is the operation code, `subfunction` the record type, `space` the section,
`name` the name that is asked for or owns the record; `address` is an A record's address or an SRV
record's port. Each question and each record is a row.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import MALFORMED, Buffers, Out, add_message, begin_pdu, data_of, is_full
from sensor.protocols.names import facts, fields
from sensor.protocols.names.labels import LONGEST
from sensor.protocols.names.message import decode_message, verdict
from sensor.protocols.protocol import IS_EITHER, NOT_IT, UNFRAMED, Number, Protocol
from sensor.types import Bytes, Int, Ints, Rows

PORTS = (5353,)
FIELDS = fields.fields("mdns", fields.TYPES)
OPERATIONS = {0: "Query"}


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """A message fills its datagram."""
    return np.int64(available if available >= fields.HEADER else UNFRAMED)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether a datagram on the mDNS port is DNS; who announces itself was not asked."""
    if not known_port:
        return np.int64(NOT_IT)
    answered = verdict(data, at, length, np.int64(Number.MDNS))
    return np.int64(IS_EITHER if answered > 0 else answered)


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Bytes, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        number = np.int64(Number.MDNS)
        message = add_message(out, frame, number, np.int64(0))
        if not decode_message(buffers, data, frame, number, out, message, state):
            out.messages[message]["flags"] |= MALFORMED


def new_state() -> Bytes:
    """Room for one name; nothing is kept between messages."""
    return np.zeros(LONGEST + 1, np.uint8)


PROTOCOL = Protocol(
    Number.MDNS,
    "mdns",
    "Multicast DNS",
    FIELDS,
    fields.functions(OPERATIONS, fields.TYPES),
    fields.SPACES,
    fields.STATUSES,
    PORTS,
    ot=False,
    facts=facts.domain_facts,
)
