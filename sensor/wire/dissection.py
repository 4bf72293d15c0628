"""Packets of a capture as rows of PACKET, by their link layer and network header.

Link types are those of tcpdump.org's registry; EtherTypes and IP protocol numbers are IANA's.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import be16, be32, le32, u8
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row
from sensor.wire.ip import dissect_ipv4, dissect_ipv6
from sensor.wire.packet import (
    ARP,
    ETHERNET,
    IGNORED,
    IPV4_LINK,
    IPV6_LINK,
    LLDP,
    LOOP,
    MAC_SPACE,
    NULL,
    OCTETS,
    OTHER_ETHERTYPE,
    PACKETS,
    RAW,
    RAW_BSD,
    RAW_OLD,
    SHORT,
    SLL,
    SLL2,
    UNKNOWN_LINK,
    Dissector,
)

ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6, ETHERTYPE_LLDP = 0x0800, 0x0806, 0x86DD, 0x88CC
VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
MOST_TAGS = 4


@kernel
def _mac(data: Bytes, at: Int) -> Int:
    return be16(data, at) << 32 | be32(data, at + 2)


@kernel
def _network(
    data: Bytes, ethertype: Int, at: Int, end: Int, row: Row, state: Dissector, assembled: Bytes, fill: Ints
) -> None:
    if ethertype == ETHERTYPE_IPV4:
        dissect_ipv4(data, at, end, row, state, assembled, fill)
    elif ethertype == ETHERTYPE_IPV6:
        dissect_ipv6(data, at, end, row, state, assembled, fill)
    elif ethertype == ETHERTYPE_ARP or ethertype == ETHERTYPE_LLDP:
        row["source_high"], row["source_low"] = MAC_SPACE, row["source_mac"]
        row["target_high"], row["target_low"] = MAC_SPACE, row["target_mac"]
        row["payload"] = at
        row["length"] = end - at
        row["layer"] = ARP if ethertype == ETHERTYPE_ARP else LLDP
    else:
        state.counters[OTHER_ETHERTYPE] += 1


@kernel
def dissect_link(
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
        dissect_link(data, np.int64(record["link"]), tag, start, start + length, row, state, assembled, fill)
        if tag != 0:
            length += 4
        # What an IP header claims beyond the frame never went over the wire: nobody waits for it.
        row["missing"] = min(row["missing"], max(np.int64(0), record["original"] - length))
