"""Follows conversations: TCP put in order, PDUs cut out of it, datagrams handed on.

Reordered segments wait for the gap before them to close. A gap that will not close (the receiver
acknowledged what was never captured, or too much waits behind it) is skipped and counted, and the
stream is picked up at the next segment that begins like a PDU. Of overlapping octets the first
that came count, as most receivers do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.messages import FROM_CLIENT, FROM_SERVER, MALFORMED
from sensor.protocols.protocol import IS_REQUEST, IS_RESPONSE, NEED_MORE, UNFRAMED, Number
from sensor.protocols.transport import (
    ABORTED,
    ACCEPTED,
    DATAGRAMS,
    DATAGRAMS_ANSWERED,
    EVENT_SHIFT,
    JOINED,
    REFUSED,
    UNANSWERED,
)
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.endpoints import Endpoints, endpoint_of
from sensor.wire.packet import ARP, ICMP, LLDP, TCP, UDP
from sensor.wire.pool import (
    append_carry,
    clear_carry,
    copy_blocks,
    drop_all,
    drop_carry,
    hold_piece,
    release_piece,
)
from sensor.wire.recognise import VERDICTS, frame_length, identify, is_ot_port, recognise_as
from sensor.wire.streams import (
    ANSWERED,
    BLOCKS_USED,
    CALLS_MADE,
    CALLS_SETTLED,
    CARRIED,
    EVICTED,
    FIN_SEEN,
    FREE_PIECE,
    FREE_STREAM,
    GAP_OCTETS,
    GAPS,
    MIDWAY,
    OT_OCTETS,
    OT_UNDERSTOOD,
    PIECES_DROPPED,
    REORDERED,
    RETRANSMITTED,
    RST_SEEN,
    SYN_ACK_SEEN,
    SYN_SEEN,
    TOLD,
    TOLD_UNANSWERED,
    UNDERSTOOD,
    UNFRAMED_OCTETS,
    Streams,
    add_stream,
    begin_stream,
    direction_of,
    find_stream,
    remove_stream,
)

FIN, SYN, RST, ACK = 1, 2, 4, 16

MOST_AHEAD = 24
PATIENCE_NS = 1_000_000_000
"""A gap that stays open this long in packet time was not reordering."""
ACKED_PATIENCE_NS = 20_000_000
"""A gap the receiver has acknowledged may still close if the tap swapped two directions."""
CALL_PATIENCE_NS = 3_000_000_000
"""A call without an answer for this long in packet time was not answered; by then callers have
repeated it (RFC 6298 2.1: after one second, then after two more)."""
FAR_BEHIND = 1 << 22
FAR_AHEAD = 1 << 24
"""A jump over more than this is a sequence number gone wrong, not so many octets lost: hardly any
window is as large, and a full gigabit link takes an eighth of a second for it."""
STALE_SEGMENTS = 32
"""So many old segments in a row are no retransmissions: the connection began anew unseen."""
RECOGNITION_OCTETS = 4096
"""How many octets of an unknown conversation are kept to tell what it is."""

FRAME_ROOM = 1 << 14
ASSEMBLY_ROOM = 1 << 20
BLOCK_ROOM = 512

# cursor[1] when `follow` stops early.
RUNNING, DRAIN, NEED_STREAMS, NEED_BLOCKS = range(4)

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
def _emit(
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
    index = wire.frames_used[FRAMES_USED]
    if index >= wire.frames.shape[0]:
        wire.frames_used[FRAMES_DROPPED] += 1
        return
    wire.frames_used[FRAMES_USED] = index + 1
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
def _event(wire: Wire, row: Row, direction: Int, event: Int, time_ns: Int, number: Int) -> None:
    protocol = Number.TCP if row["transport"] == 6 else Number.UDP
    _emit(wire, row, direction, protocol, 0, np.int64(0), np.int64(0), time_ns, number, event << EVENT_SHIFT)


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
            _emit(wire, row, direction, protocol, buffer, at, end - at, time_ns, number, np.int64(MALFORMED))
            side["synced"] = 0
            return end
        if total == 0 or total > end - at:
            side["carry_need"] = total
            return at
        _emit(wire, row, direction, protocol, buffer, at, total, time_ns, number, np.int64(0))
        row["understood"] += total
        at += total
    return end


@kernel
def _feed(
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


@kernel
def _lose_sync(wire: Wire, place: Int, direction: Int, octets: Int) -> None:
    side = wire.streams.sides[2 * place + direction]
    wire.streams.used[GAPS] += 1
    wire.streams.rows[place]["gaps"] += 1
    if octets <= FAR_AHEAD:
        wire.streams.used[GAP_OCTETS] += octets
    drop_carry(wire.streams, side)
    side["synced"] = 0


@kernel
def _settle(wire: Wire, place: Int, direction: Int, force: bool) -> None:
    """Take the waiting segments whose turn has come; with `force`, skip the gaps before the others."""
    streams = wire.streams
    side = streams.sides[2 * place + direction]
    while side["ahead"] >= 0:
        piece = streams.pieces[side["ahead"]]
        delta = (piece["seq"] - side["next_seq"]) & 0xFFFFFFFF
        if 0 < delta <= 0x7FFFFFFF:
            if not force:
                return
            _lose_sync(wire, place, direction, delta)
            side["next_seq"] = piece["seq"]
            delta = np.int64(0)
        skip = np.int64(0) if delta == 0 else 0x100000000 - delta
        seq, length, missing = np.int64(piece["seq"]), np.int64(piece["length"]), np.int64(piece["missing"])
        time_ns, number = np.int64(piece["time_ns"]), np.int64(piece["number"])
        if skip < length and wire.fill[0] + length <= wire.assembled.shape[0]:
            start = wire.fill[0]
            copy_blocks(streams, np.int64(piece["block"]), length, wire.assembled, start)
            wire.fill[0] = start + length
            release_piece(streams, side)  # before the work, so that a fault cannot meet it again
            _feed(wire, place, direction, wire.assembled, 1, start + skip, length - skip, time_ns, number)
        else:
            release_piece(streams, side)
            if skip < length:
                streams.used[PIECES_DROPPED] += 1
                streams.rows[place]["gaps"] += 1
                drop_carry(streams, side)
                side["synced"] = 0
        if skip < length + missing:
            side["next_seq"] = (seq + length + missing) & 0xFFFFFFFF
            if missing:
                _lose_sync(wire, place, direction, missing)


@kernel
def _segment(wire: Wire, place: Int, direction: Int, packet: Row, data: Bytes) -> None:
    """Take a segment's payload: now, later, or not at all."""
    streams = wire.streams
    side = streams.sides[2 * place + direction]
    at, length, missing = packet["payload"], packet["length"], packet["missing"]
    seq = packet["seq"]
    if packet["tcp_flags"] & SYN:
        seq = (seq + 1) & 0xFFFFFFFF
    if not side["known"]:
        side["known"], side["next_seq"], side["synced"] = 1, seq, 0
    delta = (seq - side["next_seq"]) & 0xFFFFFFFF
    if delta > 0x7FFFFFFF:
        delta -= 0x100000000
    if delta + length + missing <= 0:
        if delta == -1:
            return  # a keep-alive, with one octet or none (RFC 9293 3.8.4); its octet stands for nothing
        streams.used[RETRANSMITTED] += 1
        side["stale"] += 1
        if delta > -FAR_BEHIND and side["stale"] < STALE_SEGMENTS:
            return
        _settle(wire, place, direction, True)  # what waits belongs to what is left behind
        _lose_sync(wire, place, direction, np.int64(0))
        side["next_seq"] = seq
        delta = np.int64(0)
    side["stale"] = 0
    if delta > 0:
        streams.used[REORDERED] += 1
        hold_piece(streams, 2 * place + direction, seq, data, at, length, missing, packet)
        return
    skip = -delta
    if skip < length:
        _feed(
            wire,
            place,
            direction,
            data,
            np.int64(packet["buffer"]),
            at + skip,
            length - skip,
            packet["time_ns"],
            packet["number"],
        )
    side["next_seq"] = (seq + length + missing) & 0xFFFFFFFF
    if missing:
        _lose_sync(wire, place, direction, missing)


@kernel
def _check_gap(wire: Wire, place: Int, direction: Int, time_ns: Int) -> None:
    """Take what waits on a side, skipping the gap before it if that will not close any more."""
    streams = wire.streams
    side = streams.sides[2 * place + direction]
    if side["ahead"] < 0:
        return
    waited = time_ns - streams.pieces[side["ahead"]]["time_ns"]
    acked = streams.sides[2 * place + 1 - direction]["acked"]
    lost = acked >= 0 and 0 < (acked - side["next_seq"]) & 0xFFFFFFFF <= 0x7FFFFFFF
    force = side["ahead_count"] > MOST_AHEAD or waited > PATIENCE_NS
    _settle(wire, place, direction, force or (lost and waited > ACKED_PATIENCE_NS))


@kernel
def _close(wire: Wire, place: Int) -> None:
    """Bring a conversation to its end: what waits is used, and a call nobody answered is reported."""
    row = wire.streams.rows[place]
    for direction in range(2):
        _settle(wire, place, np.int64(direction), True)
        if not row["protocol"]:  # what nobody recognised is no unfinished PDU
            clear_carry(wire.streams, wire.streams.sides[2 * place + direction])
        drop_all(wire.streams, wire.streams.sides[2 * place + direction])
    _tell_unanswered(wire, row)


@kernel
def _tell_unanswered(wire: Wire, row: Row) -> None:
    if row["state"] & SYN_SEEN and not row["reported"]:
        row["reported"] = TOLD_UNANSWERED
        _event(wire, row, np.int64(row["client"]), np.int64(UNANSWERED), row["first_ns"], row["first_packet"])


@kernel
def _watch_call(streams: Streams, place: Int) -> None:
    """Remember a call that was just made."""
    used = streams.used
    if used[CALLS_MADE] - used[CALLS_SETTLED] >= streams.calls.shape[0]:
        used[CALLS_SETTLED] += 1
    call = streams.calls[used[CALLS_MADE] % streams.calls.shape[0]]
    used[CALLS_MADE] += 1
    call["place"] = place
    call["number"] = streams.rows[place]["number"]
    call["time_ns"] = streams.rows[place]["first_ns"]


@kernel
def _settle_calls(wire: Wire, now_ns: Int) -> None:
    """Tell of the calls that nobody has answered in time, driven by packet time alone."""
    streams = wire.streams
    used = streams.used
    while used[CALLS_SETTLED] < used[CALLS_MADE]:
        call = streams.calls[used[CALLS_SETTLED] % streams.calls.shape[0]]
        if now_ns - call["time_ns"] < CALL_PATIENCE_NS:
            return
        used[CALLS_SETTLED] += 1
        row = streams.rows[call["place"]]
        if row["number"] == call["number"]:
            _tell_unanswered(wire, row)


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
            _watch_call(streams, place)
        if flags & ACK and row["reported"] != TOLD:
            row["reported"] = TOLD
            _event(wire, row, direction, np.int64(ACCEPTED), packet["time_ns"], packet["number"])
    elif not row["state"]:
        row["state"] |= MIDWAY
        row["gaps"] += 1
    if flags & RST:
        if row["state"] & SYN_SEEN and row["reported"] != TOLD and direction != row["client"]:
            row["reported"] = TOLD
            _event(wire, row, direction, np.int64(REFUSED), packet["time_ns"], packet["number"])
        elif row["reported"] == TOLD and not row["state"] & (RST_SEEN | FIN_SEEN):
            _event(wire, row, direction, np.int64(ABORTED), packet["time_ns"], packet["number"])
        row["state"] |= RST_SEEN
    if flags & FIN:
        row["state"] |= FIN_SEEN
    if packet["length"] + packet["missing"] > 0 and not flags & RST:
        _segment(wire, place, direction, packet, data)
        if row["reported"] != TOLD:
            row["reported"] = TOLD
            _event(wire, row, direction, np.int64(JOINED), packet["time_ns"], packet["number"])
    _check_gap(wire, place, np.int64(0), packet["time_ns"])
    _check_gap(wire, place, np.int64(1), packet["time_ns"])


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
        _feed(
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
                _emit(
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
        _event(wire, row, direction, np.int64(DATAGRAMS), packet["time_ns"], packet["number"])
    elif direction != row["client"] and not row["state"] & ANSWERED:
        row["state"] |= ANSWERED
        _event(wire, row, direction, np.int64(DATAGRAMS_ANSWERED), packet["time_ns"], packet["number"])


@kernel
def _other(wire: Wire, packet: Row, protocol: Int) -> None:
    """ICMP, ARP and LLDP: the packet's payload is the PDU, its sender the client."""
    source = endpoint_of(
        wire.endpoints, packet["source_high"], packet["source_low"], packet["source_mac"], packet
    )
    target = endpoint_of(wire.endpoints, packet["target_high"], packet["target_low"], np.int64(-1), packet)
    _note_sender(wire, packet, source)
    index = wire.frames_used[FRAMES_USED]
    if index >= wire.frames.shape[0]:
        wire.frames_used[FRAMES_DROPPED] += 1
        return
    wire.frames_used[FRAMES_USED] = index + 1
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
        if (
            wire.frames_used[FRAMES_USED] + FRAME_ROOM > wire.frames.shape[0]
            or wire.fill[0] + ASSEMBLY_ROOM > wire.assembled.shape[0]
        ):
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
            _settle_calls(wire, packet["time_ns"])
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
        if (
            wire.frames_used[FRAMES_USED] + FRAME_ROOM > wire.frames.shape[0]
            or wire.fill[0] + ASSEMBLY_ROOM > wire.assembled.shape[0]
        ):
            return
        place = cursor[0]
        cursor[0] += 1
        if wire.streams.rows[place]["number"] >= 0:
            _close(wire, place)
