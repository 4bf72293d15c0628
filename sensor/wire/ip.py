"""IP headers of both versions, what they carry, and its transport header: columns of PACKET."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be16, be32, be64, u8
from sensor.types import Bytes, Int, Ints
from sensor.types import Record as Row
from sensor.wire.fragments import add_fragment
from sensor.wire.packet import (
    BAD_IP,
    BAD_TRANSPORT,
    CUT_BY_SNAPLEN,
    FRAGMENTS,
    FRAGMENTS_DROPPED,
    ICMP,
    MAC_SPACE,
    OTHER_TRANSPORT,
    SHORT,
    TCP,
    UDP,
    V4_MAPPED,
    Dissector,
)

MOST_EXTENSIONS = 8


@kernel
def _transport(data: Bytes, at: Int, end: Int, missing: Int, row: Row, counters: Ints) -> None:
    """TCP (RFC 9293 3.1), UDP (RFC 768) and ICMP headers at `at`; `end` is where the IP payload ends."""
    protocol = row["transport"]
    if protocol == 6:
        if at + 20 > end:
            counters[BAD_TRANSPORT] += 1
            return
        header = (u8(data, at + 12) >> 4) * 4
        if header < 20 or at + header > end:
            counters[BAD_TRANSPORT] += 1
            return
        row["source_port"] = be16(data, at)
        row["target_port"] = be16(data, at + 2)
        row["seq"] = be32(data, at + 4)
        row["ack"] = be32(data, at + 8)
        row["tcp_flags"] = u8(data, at + 13)
        row["payload"] = at + header
        row["length"] = end - at - header
        row["missing"] = missing
        row["layer"] = TCP
    elif protocol == 17:
        if at + 8 > end:
            counters[BAD_TRANSPORT] += 1
            return
        row["source_port"] = be16(data, at)
        row["target_port"] = be16(data, at + 2)
        claimed = be16(data, at + 4)
        row["payload"] = at + 8
        row["length"] = end - at - 8
        if 8 <= claimed < end - at:
            row["length"] = claimed - 8
        elif claimed != 0 and claimed < 8:
            counters[BAD_TRANSPORT] += 1
            return
        row["missing"] = missing
        row["layer"] = UDP
    elif protocol == 1 or protocol == 58:
        row["payload"] = at
        row["length"] = end - at
        row["missing"] = missing
        row["layer"] = ICMP
    else:
        counters[OTHER_TRANSPORT] += 1


@kernel
def dissect_ipv4(
    data: Bytes, at: Int, end: Int, row: Row, state: Dissector, assembled: Bytes, fill: Ints
) -> None:
    """An IPv4 header (RFC 791 3.1) at `at` and what it carries."""
    counters = state.counters
    if at + 20 > end:
        counters[SHORT] += 1
        return
    header = (u8(data, at) & 15) * 4
    total = be16(data, at + 2)
    if u8(data, at) >> 4 != 4 or header < 20 or at + header > end:
        counters[BAD_IP] += 1
        return
    if total == 0:  # a segment that the network card was to cut up: its length is the frame's
        total = end - at
    if total < header:
        counters[BAD_IP] += 1
        return
    row["source_high"], row["source_low"] = 0, V4_MAPPED | be32(data, at + 12)
    row["target_high"], row["target_low"] = 0, V4_MAPPED | be32(data, at + 16)
    row["transport"] = u8(data, at + 9)
    row["ttl"] = u8(data, at + 8)
    missing = max(np.int64(0), at + total - end)
    stop = min(end, at + total)
    if missing:
        counters[CUT_BY_SNAPLEN] += 1
    fragment = be16(data, at + 6)
    if fragment & 0x3FFF:
        counters[FRAGMENTS] += 1
        if missing:
            counters[FRAGMENTS_DROPPED] += 1
            return
        length = add_fragment(
            state.fragments,
            row,
            be16(data, at + 4),
            (fragment & 0x1FFF) * 8,
            fragment & 0x2000 != 0,
            data,
            at + header,
            stop - at - header,
            assembled,
            fill,
        )
        if length < 0:
            counters[FRAGMENTS_DROPPED] += 1
        if length > 0:
            row["buffer"] = 1
            _transport(assembled, fill[0] - length, fill[0], np.int64(0), row, counters)
        return
    _transport(data, at + header, stop, missing, row, counters)


@kernel
def dissect_ipv6(
    data: Bytes, at: Int, end: Int, row: Row, state: Dissector, assembled: Bytes, fill: Ints
) -> None:
    """An IPv6 header (RFC 8200 3), its extension headers (4), and what they carry."""
    counters = state.counters
    if at + 40 > end:
        counters[SHORT] += 1
        return
    if u8(data, at) >> 4 != 6:
        counters[BAD_IP] += 1
        return
    total = be16(data, at + 4)
    if total == 0:
        total = end - at - 40
    row["source_high"], row["source_low"] = be64(data, at + 8), be64(data, at + 16)
    row["target_high"], row["target_low"] = be64(data, at + 24), be64(data, at + 32)
    if row["source_high"] == MAC_SPACE or row["target_high"] == MAC_SPACE:
        counters[BAD_IP] += 1
        return
    following = u8(data, at + 6)
    row["ttl"] = u8(data, at + 7)
    missing = max(np.int64(0), at + 40 + total - end)
    stop = min(end, at + 40 + total)
    if missing:
        counters[CUT_BY_SNAPLEN] += 1
    at += 40
    for _ in range(MOST_EXTENSIONS):
        if following in (0, 43, 60, 135, 139, 140):  # options, routing and others of the same shape
            if at + 8 > stop:
                counters[BAD_IP] += 1
                return
            size = 8 + u8(data, at + 1) * 8
        elif following == 51:  # authentication header (RFC 4302): its length counts in fours
            if at + 8 > stop:
                counters[BAD_IP] += 1
                return
            size = 8 + u8(data, at + 1) * 4
        elif following == 44:
            if at + 8 > stop:
                counters[BAD_IP] += 1
                return
            counters[FRAGMENTS] += 1
            row["transport"] = u8(data, at)
            offset = be16(data, at + 2)
            if missing:
                counters[FRAGMENTS_DROPPED] += 1
                return
            length = add_fragment(
                state.fragments,
                row,
                be32(data, at + 4),
                offset & 0xFFF8,
                offset & 1 != 0,
                data,
                at + 8,
                stop - at - 8,
                assembled,
                fill,
            )
            if length < 0:
                counters[FRAGMENTS_DROPPED] += 1
            if length > 0:
                row["buffer"] = 1
                _transport(assembled, fill[0] - length, fill[0], np.int64(0), row, counters)
            return
        else:
            break
        if at + size > stop:
            counters[BAD_IP] += 1
            return
        following = u8(data, at)
        at += size
    row["transport"] = following
    _transport(data, at, stop, missing, row, counters)
