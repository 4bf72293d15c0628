"""Where explicit messages begin: what pairs them, and the connections that carry them."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    MALFORMED,
    Out,
    add_integer,
    wants_details,
)
from sensor.octets import le16, u8
from sensor.pairing import answer, ask
from sensor.protocols.enip import fields, pccc
from sensor.protocols.enip.classes import DHPLUS
from sensor.protocols.enip.requests import OF_PCCC
from sensor.protocols.enip.state import MESSAGE_UNIT, TRANSACTION, State, find_connection
from sensor.types import Bytes, Int, Record

_CONNECTION_ID = fields.CIP["cip.connection_id"]
_SEQUENCE_COUNT = fields.CIP["cip.sequence_count"]

CONNECTED = 1 << 61
"""In `transaction`: paired by connection and sequence count, else by sender context."""


@kernel
def push_message(at: Int, end: Int, transaction: Int, unit: Int, state: State) -> None:
    """Put a message router PDU on the empty stack, and what all its rows have in `state.path`."""
    stack = state.stack
    stack[0], stack[1], stack[2] = at, end, 0
    stack[stack.shape[0] - 1] = 1
    state.path[TRANSACTION] = transaction
    state.path[MESSAGE_UNIT] = unit


@kernel
def _decode_dhplus(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """A PCCC message on a connection to DH+: destination and source link and node, then CMD."""
    row = out.messages[index]
    at += 8
    if at + 4 > end:
        return False
    row["transaction"] = le16(data, at + 2)
    if u8(data, at) & pccc.REPLY:
        row["kind"] = 1
        good = pccc.begin_response(data, at, end, out, index)
        answer(out.pairs, row)
        return pccc.finish_response(data, at, end, out, index) and good
    row["kind"] = 0
    good = pccc.decode_command(data, at, end, out, index)
    ask(out.pairs, row, np.int64(OF_PCCC))
    return good


@kernel
def enter_connected(
    data: Bytes, at: Int, end: Int, connection: Int, first: Int, state: State, out: Out, frame: Record
) -> None:
    """The connected data item of Send Unit Data: sequence count, then what the connection carries.

    A CIP message is left on the stack.
    """
    row = out.messages[first]
    if at + 2 > end:
        row["flags"] |= MALFORMED
        return
    sequence = le16(data, at)
    if wants_details(out, first):
        add_integer(out, first, _CONNECTION_ID, connection)
        add_integer(out, first, _SEQUENCE_COUNT, sequence)
    sender = frame["server"] if frame["direction"] else frame["client"]
    place = find_connection(state, sender, connection)
    serial = np.int64(0)
    unit = np.int64(-1)
    if place >= 0:
        known = state.connections[place]
        known["time_ns"] = frame["time_ns"]
        # Both directions of a connection have its serial number, but identifiers of their own.
        serial = np.int64(known["serial"]) + 1
        unit = np.int64(known["unit"])
        if known["space"] == DHPLUS:
            row["unit"] = unit
            if not _decode_dhplus(data, at + 2, end, out, first):
                row["flags"] |= MALFORMED
            return
    push_message(at + 2, end, CONNECTED | serial << 16 | sequence, unit, state)
