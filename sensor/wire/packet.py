"""One packet from its link layer to its transport header: columns for the stream layer.

Link types are those of tcpdump.org's registry; EtherTypes and IP protocol numbers are IANA's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be16, be32, be64, le32, u8
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.fragments import Fragments, add_fragment, new_fragments

PACKET = np.dtype(
    [
        ("time_ns", "i8"),
        ("number", "i8"),
        ("source_high", "i8"),  # address as 128 bits; IPv4 is ::ffff:a.b.c.d, MAC see MAC_SPACE
        ("source_low", "i8"),
        ("target_high", "i8"),
        ("target_low", "i8"),
        ("source_mac", "i8"),  # -1 where the link has none
        ("target_mac", "i8"),
        ("payload", "i8"),  # offset in its buffer
        ("length", "i8"),  # captured octets of the payload
        ("missing", "i8"),  # octets of the payload that the capture cut off
        ("seq", "i8"),
        ("ack", "i8"),
        ("octets", "i8"),  # on the wire
        ("vlan", "i4"),
        ("source_port", "i4"),
        ("target_port", "i4"),
        ("transport", "i2"),  # IP protocol number
        ("tcp_flags", "i2"),
        ("ttl", "i2"),  # time to live or hop limit; 0 where there is no IP
        ("layer", "i1"),  # what the stream layer is to do with it
        ("buffer", "i1"),
    ]
)
"""One dissected packet."""

# PACKET.layer
IGNORED, TCP, UDP, ICMP, ARP, LLDP = range(6)

FIN, SYN, RST, ACK = 1, 2, 4, 16
"""TCP's control bits in `tcp_flags` (RFC 9293 3.1)."""

MAC_SPACE = 1
"""`*_high` of an address that is a MAC: 0:0:0:1::/64, which is reserved (RFC 4291) and refused here."""
V4_MAPPED = 0xFFFF << 32

ETHERNET, NULL, RAW_OLD, RAW_BSD, RAW, LOOP, SLL, IPV4_LINK, IPV6_LINK, SLL2 = (
    1, 0, 12, 14, 101, 108, 113, 228, 229, 276,
)  # fmt: skip
KNOWN_LINKS: tuple[int, ...] = (ETHERNET, NULL, RAW_OLD, RAW_BSD, RAW, LOOP, SLL, IPV4_LINK, IPV6_LINK, SLL2)

ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6, ETHERTYPE_LLDP = 0x0800, 0x0806, 0x86DD, 0x88CC
VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
MOST_TAGS = 4
MOST_EXTENSIONS = 8

# Indices into the counters: what was seen and why something was not used.
(
    PACKETS,
    OCTETS,
    UNKNOWN_LINK,
    SHORT,
    OTHER_ETHERTYPE,
    OTHER_TRANSPORT,
    BAD_IP,
    BAD_TRANSPORT,
    CUT_BY_SNAPLEN,
    FRAGMENTS,
    FRAGMENTS_DROPPED,
    COUNTERS,
) = range(12)
COUNTER_NAMES = {
    UNKNOWN_LINK: "unknown_link_type",
    SHORT: "too_short",
    OTHER_ETHERTYPE: "other_ethertype",
    OTHER_TRANSPORT: "other_ip_protocol",
    BAD_IP: "bad_ip_header",
    BAD_TRANSPORT: "bad_transport_header",
    CUT_BY_SNAPLEN: "cut_by_snaplen",
    FRAGMENTS_DROPPED: "ip_fragments_dropped",
}


class Dissector(NamedTuple):
    """What the packet layer keeps between packets."""

    counters: Ints
    fragments: Fragments


def new_dissector() -> Dissector:
    """A packet layer that has seen nothing."""
    return Dissector(np.zeros(COUNTERS, np.int64), new_fragments())


@kernel
def _mac(data: Bytes, at: Int) -> Int:
    return be16(data, at) << 32 | be32(data, at + 2)


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
def _ipv4(data: Bytes, at: Int, end: Int, row: Row, state: Dissector, assembled: Bytes, fill: Ints) -> None:
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
def _ipv6(data: Bytes, at: Int, end: Int, row: Row, state: Dissector, assembled: Bytes, fill: Ints) -> None:
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


@kernel
def _network(
    data: Bytes, ethertype: Int, at: Int, end: Int, row: Row, state: Dissector, assembled: Bytes, fill: Ints
) -> None:
    if ethertype == ETHERTYPE_IPV4:
        _ipv4(data, at, end, row, state, assembled, fill)
    elif ethertype == ETHERTYPE_IPV6:
        _ipv6(data, at, end, row, state, assembled, fill)
    elif ethertype == ETHERTYPE_ARP or ethertype == ETHERTYPE_LLDP:
        row["source_high"], row["source_low"] = MAC_SPACE, row["source_mac"]
        row["target_high"], row["target_low"] = MAC_SPACE, row["target_mac"]
        row["payload"] = at
        row["length"] = end - at
        row["layer"] = ARP if ethertype == ETHERTYPE_ARP else LLDP
    else:
        state.counters[OTHER_ETHERTYPE] += 1


@kernel
def _link(
    data: Bytes,
    link: Int,
    tag: Int,
    at: Int,
    end: Int,
    row: Row,
    state: Dissector,
    assembled: Bytes,
    fill: Ints,
) -> None:
    """The link layer at `at`; leaves row["layer"] at IGNORED, with the cause counted, if it fails.

    `tag` is the outermost VLAN tag where that was taken out of the frame, as in RECORD.
    """
    counters = state.counters
    if link == ETHERNET:
        if at + 14 > end:
            counters[SHORT] += 1
            return
        row["target_mac"], row["source_mac"] = _mac(data, at), _mac(data, at + 6)
        ethertype = be16(data, at + 12)
        at += 14
    elif link == SLL or link == SLL2:
        size = 16 if link == SLL else 20
        if at + size > end:
            counters[SHORT] += 1
            return
        ethertype = be16(data, at + 14 if link == SLL else at)
        octets = be16(data, at + 4) if link == SLL else u8(data, at + 11)
        if octets == 6:
            row["source_mac"] = _mac(data, at + 6 if link == SLL else at + 12)
        at += size
    elif link == NULL or link == LOOP:
        if at + 4 > end:
            counters[SHORT] += 1
            return
        # The address family in the byte order of the machine that captured: AF_INET is 2 anywhere,
        # AF_INET6 is 10, 24, 28 or 30 by system.
        family = le32(data, at)
        if family > 0xFFFF:
            family = be32(data, at)
        if family == 2:
            ethertype = np.int64(ETHERTYPE_IPV4)
        elif family in (10, 24, 28, 30):
            ethertype = np.int64(ETHERTYPE_IPV6)
        else:
            counters[OTHER_ETHERTYPE] += 1
            return
        at += 4
    elif link in (RAW, RAW_OLD, RAW_BSD, IPV4_LINK, IPV6_LINK):
        if at >= end:
            counters[SHORT] += 1
            return
        ethertype = np.int64(ETHERTYPE_IPV6 if u8(data, at) >> 4 == 6 else ETHERTYPE_IPV4)
    else:
        counters[UNKNOWN_LINK] += 1
        return
    most = MOST_TAGS
    if tag != 0:
        row["vlan"] = tag & 0xFFF
        most -= 1
    for _ in range(most):
        if ethertype not in VLAN_TAGS:
            break
        if at + 4 > end:
            counters[SHORT] += 1
            return
        row["vlan"] = be16(data, at) & 0xFFF
        ethertype = be16(data, at + 2)
        at += 4
    _network(data, ethertype, at, end, row, state, assembled, fill)


@kernel
def dissect(
    data: Bytes,
    records: Rows,
    first: Int,
    cursor: Ints,
    packets: Rows,
    state: Dissector,
    assembled: Bytes,
    fill: Ints,
) -> None:
    """Dissect records from `cursor[0]` on into `packets` (same index).

    Stops with cursor[0] at the next record when all are done or when `assembled`, where datagrams
    put together from fragments go (`fill[0]` octets are in use), might not hold another.
    """
    while cursor[0] < records.shape[0] and fill[0] + 65_536 <= assembled.shape[0]:
        index = cursor[0]
        cursor[0] += 1  # before the work, so that a fault costs this packet and no other
        record = records[index]
        row = packets[index]
        row["time_ns"] = record["time_ns"]
        row["number"] = first + index
        row["source_mac"] = -1
        row["target_mac"] = -1
        row["vlan"] = 0
        row["source_port"] = 0
        row["target_port"] = 0
        row["missing"] = 0
        row["tcp_flags"] = 0
        row["ttl"] = 0
        row["transport"] = 0
        row["layer"] = IGNORED
        row["buffer"] = 0
        row["octets"] = record["original"]
        state.counters[PACKETS] += 1
        state.counters[OCTETS] += record["original"]
        start, length = record["offset"], record["length"]
        tag = np.int64(record["tag"])
        _link(data, np.int64(record["link"]), tag, start, start + length, row, state, assembled, fill)
        if tag != 0:
            length += 4
        # What an IP header claims beyond the frame never went over the wire: nobody waits for it.
        row["missing"] = min(row["missing"], max(np.int64(0), record["original"] - length))
