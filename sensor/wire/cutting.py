"""PDUs cut out of the octets of a conversation, in their order; what is unfinished is carried on."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import MALFORMED
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NEED_MORE, UNFRAMED, Number
from sensor.types import Bytes, Int
from sensor.types import Record as Row
from sensor.wire.frames import Wire, emit
from sensor.wire.pool import append_carry, clear_carry, copy_blocks, drop_carry
from sensor.wire.recognise import VERDICTS, frame_length, identify, is_ot_port, recognise_as
from sensor.wire.streams import CARRIED, OT_OCTETS, OT_UNDERSTOOD, UNDERSTOOD, UNFRAMED_OCTETS

RECOGNITION_OCTETS = 4096
"""How many octets of an unknown conversation are kept to tell what it is."""


@kernel
def _orient(row: Row, direction: Int, verdict: Int) -> None:
    """Who is the client, as far as the first octets tell: the content before the ports."""
    if row["sure"]:
        return
    if verdict == IS_REQUEST:
        row["client"], row["sure"] = direction, 1
    elif verdict == IS_RESPONSE:
        row["client"], row["sure"] = 1 - direction, 1


@kernel
def _parse(
    wire: Wire,
    place: Int,
    direction: Int,
    data: Bytes,
    buffer: Int,
    at: Int,
    end: Int,
    time_ns: Int,
    number: Int,
) -> Int:
    """Cut PDUs out of the octets that come next on a side; where the unfinished rest begins."""
    row = wire.streams.rows[place]
    side = wire.streams.sides[2 * place + direction]
    used = wire.streams.used
    client_port, server_port = np.int64(row["low_port"]), np.int64(row["high_port"])
    if row["protocol"] == 0:
        answer = identify(data, at, end - at, client_port, server_port, np.int64(row["transport"]))
        if answer == NEED_MORE and end - at <= RECOGNITION_OCTETS:
            return at
        if answer <= 0:
            side["synced"] = 0
            return end
        row["protocol"] = answer // VERDICTS
        _orient(row, direction, answer % VERDICTS)
        side["synced"] = 1
        if not (is_ot_port(client_port) or is_ot_port(server_port)) and row["protocol"] >= Number.MODBUS:
            used[OT_OCTETS] += row["octets"]
        wire.streams.by_protocol[row["protocol"], CARRIED] += row["octets"]
    elif not side["synced"]:
        verdict = recognise_as(np.int64(row["protocol"]), data, at, end - at, client_port, server_port)
        if verdict == NEED_MORE and end - at <= RECOGNITION_OCTETS:
            return at
        if verdict <= 0:
            used[UNFRAMED_OCTETS] += end - at
            return end
        side["synced"] = 1
    protocol = np.int64(row["protocol"])
    while at < end:
        total = frame_length(protocol, data, at, end - at)
        if total == UNFRAMED:
            emit(wire, row, direction, protocol, buffer, at, end - at, time_ns, number, np.int64(MALFORMED))
            side["synced"] = 0
            return end
        if total == 0 or total > end - at:
            side["carry_need"] = total
            return at
        emit(wire, row, direction, protocol, buffer, at, total, time_ns, number, np.int64(0))
        row["understood"] += total
        at += total
    return end


@kernel
def feed(
    wire: Wire,
    place: Int,
    direction: Int,
    data: Bytes,
    buffer: Int,
    at: Int,
    length: Int,
    time_ns: Int,
    number: Int,
) -> None:
    """Take the next octets of a side in their order."""
    streams = wire.streams
    row = streams.rows[place]
    side = streams.sides[2 * place + direction]
    row["octets"] += length
    if (
        row["protocol"] >= Number.MODBUS
        or is_ot_port(np.int64(row["low_port"]))
        or is_ot_port(np.int64(row["high_port"]))
    ):
        streams.used[OT_OCTETS] += length
    before = row["understood"]
    if row["protocol"] != 0:
        streams.by_protocol[row["protocol"], CARRIED] += length
    carried = np.int64(side["carry_length"])
    if carried == 0:
        rest = _parse(wire, place, direction, data, buffer, at, at + length, time_ns, number)
        if rest < at + length:
            need = side["carry_need"]
            append_carry(streams, side, data, rest, at + length - rest)
            side["carry_need"] = need
    elif side["carry_need"] > carried + length:
        append_carry(streams, side, data, at, length)
    elif wire.fill[0] + carried + length > wire.assembled.shape[0]:
        streams.used[UNFRAMED_OCTETS] += length
        row["gaps"] += 1
        drop_carry(streams, side)
        side["synced"] = 0
    else:
        start = wire.fill[0]
        end = start + carried + length
        copy_blocks(streams, np.int64(side["carry"]), carried, wire.assembled, start)
        for index in range(length):
            wire.assembled[start + carried + index] = data[at + index]
        clear_carry(streams, side)
        rest = _parse(wire, place, direction, wire.assembled, 1, start, end, time_ns, number)
        wire.fill[0] = rest
        if rest < end:
            need = side["carry_need"]
            append_carry(streams, side, wire.assembled, rest, end - rest)
            side["carry_need"] = need
    if row["protocol"] >= Number.MODBUS:
        streams.used[OT_UNDERSTOOD] += row["understood"] - before
    streams.by_protocol[row["protocol"], UNDERSTOOD] += row["understood"] - before
