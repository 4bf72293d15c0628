"""Implicit I/O on UDP 2222 (CIP volume 2, 2-6.4): a sequenced address item, then connected data.

The packet says little: what it carries, to whom and how often was agreed by Forward Open, and is
only known where that was seen. Then `address` is the connection point (the assembly instance) and
`subfunction` the direction. A class 1 packet begins with a sequence count, which is taken off; the
run/idle header of some formats cannot be told from data and stays in it.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    MALFORMED,
    Kind,
    Operation,
    Out,
    add_bytes,
    add_integer,
    add_message,
    wants_details,
)
from sensor.octets import le16, le32
from sensor.protocols.enip import fields
from sensor.protocols.enip.classes import CLASSES
from sensor.protocols.enip.state import State, find_connection
from sensor.protocols.protocol import UNFRAMED, Number, Protocol
from sensor.protocols.protocol import Record as MessageRecord
from sensor.types import Bytes, Int
from sensor.types import Record as FrameRecord

_CONNECTION_ID = fields.IO["cip_io.connection_id"]
_SEQUENCE = fields.IO["cip_io.sequence_number"]
_COUNT = fields.IO["cip_io.cip_sequence_count"]
_LENGTH = fields.IO["cip_io.data_length"]
_DATA = fields.IO["cip_io.data"]
_CLASS = fields.IO["cip_io.transport_class"]
_RPI = fields.IO["cip_io.rpi"]

_CIP_IO, _FIRST = np.int64(Number.CIP_IO), np.int64(0)

HEAD = 18
"""Octets before the data: item count, sequenced address item (12), type and length of the data item."""
SEQUENCED_ADDRESS, CONNECTED_DATA = 0x8002, 0xB1
LONGEST_DATA = 1500
DATA_PACKET = 1
TO_TARGET, TO_ORIGINATOR = 0, 1
FUNCTIONS = {
    (DATA_PACKET, -1): "I/O Data",
    (DATA_PACKET, TO_TARGET): "I/O Data O->T",
    (DATA_PACKET, TO_ORIGINATOR): "I/O Data T->O",
}


@kernel
def io_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the I/O packet at `at`; 0 where more are needed to tell, UNFRAMED if it is none."""
    if available >= 2 and le16(data, at) != 2:
        return np.int64(UNFRAMED)
    if available >= 4 and le16(data, at + 2) != SEQUENCED_ADDRESS:
        return np.int64(UNFRAMED)
    if available >= 6 and le16(data, at + 4) != 8:
        return np.int64(UNFRAMED)
    if available >= 16 and le16(data, at + 14) != CONNECTED_DATA:
        return np.int64(UNFRAMED)
    if available < HEAD:
        return np.int64(0)
    length = le16(data, at + 16)
    return HEAD + length if length <= LONGEST_DATA else np.int64(UNFRAMED)


@kernel
def decode_io(data: Bytes, at: Int, end: Int, state: State, out: Out, frame: FrameRecord) -> None:
    """One row for one packet."""
    index = add_message(out, frame, _CIP_IO, _FIRST)
    row = out.messages[index]
    row["kind"] = Kind.EVENT
    row["function"] = DATA_PACKET
    row["operation"] = Operation.REPORT
    total = io_length(data, at, end - at)
    if total <= 0 or total > end - at:
        row["flags"] |= MALFORMED
        return
    if total != end - at:
        row["flags"] |= MALFORMED
    end = at + total
    connection = le32(data, at + 6)
    start = at + HEAD
    transport_class = np.int64(-1)
    rpi = np.int64(-1)
    sender = frame["server"] if frame["direction"] else frame["client"]
    place = find_connection(state, sender, connection)
    if place >= 0:
        known = state.connections[place]
        known["time_ns"] = frame["time_ns"]
        transport_class = np.int64(known["transport_class"])
        rpi = np.int64(known["rpi"])
        row["space"] = known["space"]
        row["unit"] = known["unit"]
        row["name"] = known["name"]
        row["subfunction"] = TO_TARGET if known["to_target"] else TO_ORIGINATOR
        if known["instance"] >= 0:
            row["address"] = known["instance"] << 16
    if transport_class == 1 and end - start < 2:
        row["flags"] |= MALFORMED
    if not wants_details(out, index):
        return
    add_integer(out, index, _CONNECTION_ID, connection)
    add_integer(out, index, _SEQUENCE, le32(data, at + 10))
    if transport_class >= 0:
        add_integer(out, index, _CLASS, transport_class)
        add_integer(out, index, _RPI, rpi)
    if transport_class != 0 and end - start >= 2:
        add_integer(out, index, _COUNT, le16(data, start))
        start += 2
    add_integer(out, index, _LENGTH, end - start)
    if end > start:
        add_bytes(out, index, _DATA, start, end - start)


def describe(record: MessageRecord) -> str:
    """`Assembly 101`, or the produced tag's name."""
    if record.name:
        return record.name
    space, address = int(record.message["space"]), int(record.message["address"])
    if space < 0:
        return ""
    text = CLASSES.get(space, f"class 0x{space:X}")
    return text if address < 0 else f"{text} {address >> 16}"


PROTOCOL = Protocol(
    Number.CIP_IO,
    "cip-io",
    "EtherNet/IP implicit I/O",
    fields.IO_FIELDS,
    FUNCTIONS,
    CLASSES,
    ports=(2222,),
    describe=describe,
)
