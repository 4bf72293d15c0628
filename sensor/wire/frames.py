"""PDUs on their way to the decoders: one row of FRAME each, wherever their octets lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.messages import FROM_CLIENT, FROM_SERVER
from sensor.protocols.protocol import Number
from sensor.protocols.transport import EVENT_SHIFT
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.endpoints import Endpoints
from sensor.wire.streams import Streams

FRAME_ROOM = 1 << 14
ASSEMBLY_ROOM = 1 << 20
"""Frames and assembled octets that one packet, or the end of one conversation, may need."""

FRAMES_USED, FRAMES_DROPPED = 0, 1


class Wire(NamedTuple):
    """All that the stream layer keeps and writes to.

    `fill[0]` octets of `assembled` and `frames_used[FRAMES_USED]` rows of `frames` are in use;
    whoever drains them sets both back.
    """

    endpoints: Endpoints
    streams: Streams
    assembled: Bytes
    fill: Ints
    frames: Rows
    frames_used: Ints


@kernel
def has_room(wire: Wire) -> bool:
    """Whether frames and assembled octets need not be drained before the next packet."""
    return (
        wire.frames_used[FRAMES_USED] + FRAME_ROOM <= wire.frames.shape[0]
        and wire.fill[0] + ASSEMBLY_ROOM <= wire.assembled.shape[0]
    )


@kernel
def _next_frame(wire: Wire) -> Int:
    index = wire.frames_used[FRAMES_USED]
    if index >= wire.frames.shape[0]:
        wire.frames_used[FRAMES_DROPPED] += 1
        return np.int64(-1)
    wire.frames_used[FRAMES_USED] = index + 1
    return index


@kernel
def emit(
    wire: Wire,
    row: Row,
    direction: Int,
    protocol: Int,
    buffer: Int,
    at: Int,
    length: Int,
    time_ns: Int,
    number: Int,
    flags: Int,
) -> None:
    """A PDU of a conversation: `length` octets from `at` of a buffer, sent in `direction`."""
    index = _next_frame(wire)
    if index < 0:
        return
    frame = wire.frames[index]
    frame["time_ns"] = time_ns
    frame["packet"] = number
    frame["stream"] = row["number"]
    frame["offset"] = at
    frame["length"] = length
    if row["client"] == 0:
        frame["client"], frame["server"] = row["low_endpoint"], row["high_endpoint"]
        frame["client_port"], frame["server_port"] = row["low_port"], row["high_port"]
    else:
        frame["client"], frame["server"] = row["high_endpoint"], row["low_endpoint"]
        frame["client_port"], frame["server_port"] = row["high_port"], row["low_port"]
    frame["vlan"] = row["vlan"]
    frame["protocol"] = protocol
    frame["buffer"] = buffer
    frame["direction"] = FROM_CLIENT if direction == row["client"] else FROM_SERVER
    frame["transport"] = row["transport"]
    frame["flags"] = flags
    frame["gaps"] = row["gaps"]


@kernel
def tell(wire: Wire, row: Row, direction: Int, event: Int, time_ns: Int, number: Int) -> None:
    """What became of a conversation, as an event without octets."""
    protocol = Number.TCP if row["transport"] == 6 else Number.UDP
    emit(wire, row, direction, protocol, 0, np.int64(0), np.int64(0), time_ns, number, event << EVENT_SHIFT)


@kernel
def emit_packet(wire: Wire, packet: Row, protocol: Int, source: Int, target: Int) -> None:
    """A PDU that is a packet's payload and belongs to no conversation; its sender is the client."""
    index = _next_frame(wire)
    if index < 0:
        return
    frame = wire.frames[index]
    frame["time_ns"] = packet["time_ns"]
    frame["packet"] = packet["number"]
    frame["stream"] = -1
    frame["offset"] = packet["payload"]
    frame["length"] = packet["length"]
    frame["client"], frame["server"] = source, target
    frame["client_port"], frame["server_port"] = 0, 0
    frame["vlan"] = packet["vlan"]
    frame["protocol"] = protocol
    frame["buffer"] = packet["buffer"]
    frame["direction"] = FROM_CLIENT
    frame["transport"] = packet["transport"]
    frame["flags"] = 0
    frame["gaps"] = 0
