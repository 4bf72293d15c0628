"""DNS over UDP: which names are looked up, what they are answered with, who serves them.

Specification: RFC 1035; RFC 3596 (AAAA), RFC 2782 (SRV). Left out: DNS over TCP, EDNS options, DNSSEC.
Names are folded to lower case, since DNS compares without case.

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
from sensor.protocols.protocol import NOT_IT, UNFRAMED, Number, Protocol
from sensor.types import Bytes, Int, Ints, Rows

PORTS = (53,)
FIELDS = fields.fields("dns", fields.TYPES)
OPERATIONS = {0: "Query", 1: "Inverse Query", 2: "Status", 4: "Notify", 5: "Update"}


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """A message fills its datagram."""
    return np.int64(available if available >= fields.HEADER else UNFRAMED)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether a datagram on the DNS port is DNS, by header and first question."""
    if not known_port:
        return np.int64(NOT_IT)
    return verdict(data, at, length, np.int64(Number.DNS))


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Bytes, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        number = np.int64(Number.DNS)
        message = add_message(out, frame, number, np.int64(0))
        if not decode_message(buffers, data, frame, number, out, message, state):
            out.messages[message]["flags"] |= MALFORMED


def new_state() -> Bytes:
    """Room for one name; nothing is kept between messages."""
    return np.zeros(LONGEST + 1, np.uint8)


PROTOCOL = Protocol(
    Number.DNS,
    "dns",
    "Domain Name System",
    FIELDS,
    fields.functions(OPERATIONS, fields.TYPES),
    fields.SPACES,
    fields.STATUSES,
    PORTS,
    ot=False,
    facts=facts.domain_facts,
)
