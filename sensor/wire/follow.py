"""Follows conversations: what every packet says about the one it belongs to.

TCP is put in order by `ordering`, PDUs are cut out of it by `cutting` and handed on by `frames`.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import MALFORMED
from sensor.protocols.protocol import Number
from sensor.protocols.transport import (
    ABORTED,
    ACCEPTED,
    DATAGRAMS,
    DATAGRAMS_ANSWERED,
    JOINED,
    REFUSED,
)
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.calls import settle_calls, tell_unanswered, watch_call
from sensor.wire.cutting import feed
from sensor.wire.endpoints import endpoint_of
from sensor.wire.frames import Wire, emit, emit_packet, has_room, tell
from sensor.wire.ordering import check_gap, settle, take_segment
from sensor.wire.packet import ACK, ARP, FIN, ICMP, LLDP, RST, SYN, TCP, UDP
from sensor.wire.pool import clear_carry, drop_all, drop_carry
from sensor.wire.recognise import is_ot_port
from sensor.wire.streams import (
    ANSWERED,
    BLOCKS_USED,
    CALLS_MADE,
    CALLS_SETTLED,
    EVICTED,
    FIN_SEEN,
    FREE_PIECE,
    FREE_STREAM,
    MIDWAY,
    RST_SEEN,
    SYN_ACK_SEEN,
    SYN_SEEN,
    TOLD,
    add_stream,
    begin_stream,
    direction_of,
    find_stream,
    remove_stream,
)

BLOCK_ROOM = 512
"""Blocks that one packet may need."""

# cursor[1] when `follow` stops early.
RUNNING, DRAIN, NEED_STREAMS, NEED_BLOCKS = range(4)


@kernel
def _guess_client(row: Row, direction: Int) -> None:
    """Without a handshake the server is at the well-known port, else whoever spoke first asked."""
    low, high = np.int64(row["low_port"]), np.int64(row["high_port"])
    if is_ot_port(low) != is_ot_port(high):
        row["client"] = 1 if is_ot_port(low) else 0
    elif (low < 1024) != (high < 1024):
        row["client"] = 1 if low < 1024 else 0
    elif (low < 32768) != (high < 32768):
        row["client"] = 1 if low < 32768 else 0
    else:
        row["client"] = direction


@kernel
def _close(wire: Wire, place: Int) -> None:
    """Bring a conversation to its end: what waits is used, and a call nobody answered is reported."""
    row = wire.streams.rows[place]
    for direction in range(2):
        settle(wire, place, np.int64(direction), True)
        if not row["protocol"]:  # what nobody recognised is no unfinished PDU
            clear_carry(wire.streams, wire.streams.sides[2 * place + direction])
        drop_all(wire.streams, wire.streams.sides[2 * place + direction])
    tell_unanswered(wire, row)


@kernel
def _new_stream(wire: Wire, packet: Row, direction: Int) -> Int:
    endpoints = wire.endpoints
    source = endpoint_of(endpoints, packet["source_high"], packet["source_low"], packet["source_mac"], packet)
    target = endpoint_of(endpoints, packet["target_high"], packet["target_low"], np.int64(-1), packet)
    place = add_stream(wire.streams, packet, direction, source, target)
    _guess_client(wire.streams.rows[place], direction)
    return place


@kernel
def _note_sender(wire: Wire, packet: Row, sender: Int) -> None:
    """What every packet says about its sender: that it lives, and from which MAC it comes."""
    row = wire.endpoints.rows[sender]
    row["last_ns"] = packet["time_ns"]
    row["sent"] += 1
    row["ttl"] = max(row["ttl"], packet["ttl"])
    if row["mac"] != packet["source_mac"] and packet["source_mac"] >= 0:
        if row["mac"] >= 0:
            row["macs"] += 1
            row["mac_before"] = row["mac"]
        row["mac"] = packet["source_mac"]
        row["mac_packet"] = packet["number"]


@kernel
def _is_unseen(other: Row, packet: Row) -> bool:
    """Whether the packet acknowledges octets of the other side that were not captured, or not yet."""
    return other["known"] and 0 < (packet["ack"] - other["next_seq"]) & 0xFFFFFFFF <= 0x7FFFFFFF


@kernel
def _tcp(wire: Wire, packet: Row, data: Bytes) -> None:
    """One TCP segment (RFC 9293)."""
    streams = wire.streams
    direction = direction_of(packet)
    flags = np.int64(packet["tcp_flags"])
    place = find_stream(streams, packet, direction)
    opens = flags & SYN and not flags & ACK
    if place < 0:
        place = _new_stream(wire, packet, direction)
    elif opens:
        row = streams.rows[place]
        side = streams.sides[2 * place + direction]
        if side["isn"] != packet["seq"] and (row["state"] or side["packets"]):
            # The same ports again: a new connection, whatever became of the old one.
            _close(wire, place)
            begin_stream(streams, place, packet)
    row = streams.rows[place]
    side = streams.sides[2 * place + direction]
    row["last_ns"] = packet["time_ns"]
    side["packets"] += 1
    _note_sender(wire, packet, np.int64(row["low_endpoint"] if direction == 0 else row["high_endpoint"]))
    if flags & ACK and not flags & RST:
        if side["acked"] < 0 or (packet["ack"] - side["acked"]) & 0xFFFFFFFF <= 0x7FFFFFFF:
            if packet["ack"] != side["acked"] and _is_unseen(
                streams.sides[2 * place + 1 - direction], packet
            ):
                row["gaps"] += 1
            side["acked"] = packet["ack"]
    if flags & SYN:
        side["isn"] = packet["seq"]
        if not side["known"]:
            side["known"], side["synced"] = 1, 1
            side["next_seq"] = (packet["seq"] + 1) & 0xFFFFFFFF
        row["client"] = 1 - direction if flags & ACK else direction
        row["sure"] = 1
        row["state"] |= SYN_ACK_SEEN if flags & ACK else SYN_SEEN
        if not flags & ACK and side["packets"] == 1:
            watch_call(streams, place)
        if flags & ACK and row["reported"] != TOLD:
            row["reported"] = TOLD
            tell(wire, row, direction, np.int64(ACCEPTED), packet["time_ns"], packet["number"])
    elif not row["state"]:
        row["state"] |= MIDWAY
        row["gaps"] += 1
    if flags & RST:
        if row["state"] & SYN_SEEN and row["reported"] != TOLD and direction != row["client"]:
            row["reported"] = TOLD
            tell(wire, row, direction, np.int64(REFUSED), packet["time_ns"], packet["number"])
        elif row["reported"] == TOLD and not row["state"] & (RST_SEEN | FIN_SEEN):
            tell(wire, row, direction, np.int64(ABORTED), packet["time_ns"], packet["number"])
        row["state"] |= RST_SEEN
    if flags & FIN:
        row["state"] |= FIN_SEEN
    if packet["length"] + packet["missing"] > 0 and not flags & RST:
        take_segment(wire, place, direction, packet, data)
        if row["reported"] != TOLD:
            row["reported"] = TOLD
            tell(wire, row, direction, np.int64(JOINED), packet["time_ns"], packet["number"])
    check_gap(wire, place, np.int64(0), packet["time_ns"])
    check_gap(wire, place, np.int64(1), packet["time_ns"])


@kernel
def _udp(wire: Wire, packet: Row, data: Bytes) -> None:
    """One datagram: every datagram begins with a PDU and holds whole ones."""
    streams = wire.streams
    direction = direction_of(packet)
    place = find_stream(streams, packet, direction)
    fresh = place < 0
    if fresh:
        place = _new_stream(wire, packet, direction)
    row = streams.rows[place]
    side = streams.sides[2 * place + direction]
    row["last_ns"] = packet["time_ns"]
    side["packets"] += 1
    side["synced"] = 1 if row["protocol"] else 0
    _note_sender(wire, packet, np.int64(row["low_endpoint"] if direction == 0 else row["high_endpoint"]))
    if packet["length"] > 0:
        feed(
            wire,
            place,
            direction,
            data,
            np.int64(packet["buffer"]),
            packet["payload"],
            packet["length"],
            packet["time_ns"],
            packet["number"],
        )
        if packet["missing"] and row["protocol"]:  # nobody broke off but the capture
            row["gaps"] += 1
            drop_carry(streams, side)
        elif side["carry_length"] > 0:  # a datagram cannot go on in the next one
            if row["protocol"]:
                emit(
                    wire,
                    row,
                    direction,
                    np.int64(row["protocol"]),
                    np.int64(packet["buffer"]),
                    packet["payload"],
                    packet["length"],
                    packet["time_ns"],
                    packet["number"],
                    np.int64(MALFORMED),
                )
            clear_carry(streams, side)
    if fresh:
        tell(wire, row, direction, np.int64(DATAGRAMS), packet["time_ns"], packet["number"])
    elif direction != row["client"] and not row["state"] & ANSWERED:
        row["state"] |= ANSWERED
        tell(wire, row, direction, np.int64(DATAGRAMS_ANSWERED), packet["time_ns"], packet["number"])


@kernel
def _other(wire: Wire, packet: Row, protocol: Int) -> None:
    """ICMP, ARP and LLDP: the packet's payload is the PDU."""
    source = endpoint_of(
        wire.endpoints, packet["source_high"], packet["source_low"], packet["source_mac"], packet
    )
    target = endpoint_of(wire.endpoints, packet["target_high"], packet["target_low"], np.int64(-1), packet)
    _note_sender(wire, packet, source)
    emit_packet(wire, packet, protocol, source, target)


@kernel
def follow(wire: Wire, data: Bytes, packets: Rows, limit: Int, cursor: Ints) -> None:
    """Take the dissected packets from `cursor[0]` to `limit` into their conversations.

    Stops early, with the reason in cursor[1], when frames or assembled octets are to be drained
    (DRAIN), or room is to be made among streams (NEED_STREAMS, by `evict`) or waiting octets
    (NEED_BLOCKS, by `relieve`).
    """
    cursor[1] = RUNNING
    streams = wire.streams
    while cursor[0] < limit:
        if not has_room(wire):
            cursor[1] = DRAIN
            return
        if streams.used[FREE_STREAM] == 0:
            cursor[1] = NEED_STREAMS
            return
        if streams.used[BLOCKS_USED] + BLOCK_ROOM > streams.blocks.shape[0] or streams.used[FREE_PIECE] < 0:
            cursor[1] = NEED_BLOCKS
            return
        packet = packets[cursor[0]]
        cursor[0] += 1  # before the work, so that a fault costs this packet and no other
        if streams.used[CALLS_SETTLED] < streams.used[CALLS_MADE]:
            settle_calls(wire, packet["time_ns"])
        source = data if packet["buffer"] == 0 else wire.assembled
        layer = packet["layer"]
        if layer == TCP:
            _tcp(wire, packet, source)
        elif layer == UDP:
            _udp(wire, packet, source)
        elif layer == ICMP:
            _other(wire, packet, np.int64(Number.ICMP))
        elif layer == ARP:
            _other(wire, packet, np.int64(Number.ARP))
        elif layer == LLDP:
            _other(wire, packet, np.int64(Number.LLDP))


@kernel
def evict(wire: Wire, threshold_ns: Int) -> None:
    """End the conversations that were silent since `threshold_ns`, and those that were closed."""
    streams = wire.streams
    for place in range(streams.rows.shape[0]):
        row = streams.rows[place]
        if row["number"] >= 0 and (row["last_ns"] <= threshold_ns or row["state"] & (RST_SEEN | FIN_SEEN)):
            if row["last_ns"] <= threshold_ns:
                streams.used[EVICTED] += 1
            _close(wire, np.int64(place))
            remove_stream(streams, np.int64(place))


@kernel
def relieve(wire: Wire, threshold_ns: Int) -> None:
    """Give up what the sides of streams silent since `threshold_ns` wait with."""
    streams = wire.streams
    for place in range(streams.rows.shape[0]):
        row = streams.rows[place]
        if row["number"] >= 0 and row["last_ns"] <= threshold_ns:
            for direction in range(2):
                side = streams.sides[2 * place + direction]
                if side["carry_length"] > 0 or side["ahead"] >= 0:
                    drop_all(streams, side)
                    row["gaps"] += 1
                    side["synced"] = 0
                    side["known"] = 0


@kernel
def finish(wire: Wire, cursor: Ints) -> None:
    """At the end of a capture: close the streams from row `cursor[0]` on, until done or to be drained."""
    while cursor[0] < wire.streams.rows.shape[0]:
        if not has_room(wire):
            return
        place = cursor[0]
        cursor[0] += 1
        if wire.streams.rows[place]["number"] >= 0:
            _close(wire, place)
