"""One packet from its link layer to its transport header: the columns that the stream layer reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.types import Ints
from sensor.wire.fragments import Fragments, new_fragments

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
