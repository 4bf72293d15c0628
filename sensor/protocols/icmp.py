"""ICMP for IPv4 and IPv6: echo, errors, redirects, router and neighbour discovery.

Specification: RFC 792, RFC 950, RFC 1256 (ICMP), RFC 4443 (ICMPv6), RFC 4861 (neighbour discovery).
Of errors the start of the packet that caused them is read. Not OT: it tells who scans, who cannot be
reached, which node routes, and the MAC address of an IPv6 node.

Of a message row: `function` is the type, for ICMPv6 256 plus the type since the numbers overlap;
`subfunction` is the code. A reply's client is who asked. ICMP belongs to no stream, so that nothing
is paired.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    FROM_CLIENT,
    FROM_SERVER,
    IDENTITY,
    MALFORMED,
    Buffers,
    Kind,
    Operation,
    Out,
    add_bytes,
    add_integer,
    add_message,
    begin_pdu,
    data_of,
    is_full,
    wants_details,
)
from sensor.octets import be16, u8
from sensor.protocols.arp import is_host, is_unicast
from sensor.protocols.protocol import (
    IS_EITHER,
    NEED_MORE,
    NOT_IT,
    Fact,
    Field,
    Number,
    Protocol,
    Record,
    field_ids,
)
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row

V6 = 256
"""Added to the types of ICMPv6."""
IPV6_ICMP = 58
ECHO_REPLY, UNREACHABLE, SOURCE_QUENCH, REDIRECT, ECHO = 0, 3, 4, 5, 8
ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION, TIME_EXCEEDED, PARAMETER_PROBLEM = 9, 10, 11, 12
V6_ECHO, V6_ECHO_REPLY = V6 + 128, V6 + 129
V6_ROUTER_ADVERTISEMENT = V6 + 134
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT, V6_REDIRECT = V6 + 135, V6 + 136, V6 + 137
HEADER = 8
_UNREACHABLE_CODES = (
    "Network Unreachable",
    "Host Unreachable",
    "Protocol Unreachable",
    "Port Unreachable",
    "Fragmentation Needed",
    "Source Route Failed",
    "Destination Network Unknown",
    "Destination Host Unknown",
    "Source Host Isolated",
    "Network Prohibited",
    "Host Prohibited",
    "Network Unreachable for Service",
    "Host Unreachable for Service",
    "Communication Prohibited",
    "Host Precedence Violation",
    "Precedence Cutoff",
)
_V6_UNREACHABLE_CODES = (
    "No Route to Destination",
    "Communication Prohibited",
    "Beyond Scope of Source",
    "Address Unreachable",
    "Port Unreachable",
    "Source Address Failed Policy",
    "Route Rejected",
)
FUNCTIONS = (
    {
        (ECHO_REPLY, -1): "Echo Reply",
        (UNREACHABLE, -1): "Destination Unreachable",
        (SOURCE_QUENCH, -1): "Source Quench",
        (REDIRECT, -1): "Redirect",
        (ECHO, -1): "Echo",
        (ROUTER_ADVERTISEMENT, -1): "Router Advertisement",
        (ROUTER_SOLICITATION, -1): "Router Solicitation",
        (TIME_EXCEEDED, -1): "Time Exceeded",
        (PARAMETER_PROBLEM, -1): "Parameter Problem",
        (13, -1): "Timestamp",
        (14, -1): "Timestamp Reply",
        (15, -1): "Information Request",
        (16, -1): "Information Reply",
        (17, -1): "Address Mask Request",
        (18, -1): "Address Mask Reply",
        (V6 + 1, -1): "Destination Unreachable",
        (V6 + 2, -1): "Packet Too Big",
        (V6 + 3, -1): "Time Exceeded",
        (V6 + 4, -1): "Parameter Problem",
        (V6_ECHO, -1): "Echo Request",
        (V6_ECHO_REPLY, -1): "Echo Reply",
        (V6 + 130, -1): "Multicast Listener Query",
        (V6 + 131, -1): "Multicast Listener Report",
        (V6 + 132, -1): "Multicast Listener Done",
        (V6 + 133, -1): "Router Solicitation",
        (V6_ROUTER_ADVERTISEMENT, -1): "Router Advertisement",
        (NEIGHBOUR_SOLICITATION, -1): "Neighbor Solicitation",
        (NEIGHBOUR_ADVERTISEMENT, -1): "Neighbor Advertisement",
        (V6_REDIRECT, -1): "Redirect",
        (V6 + 143, -1): "Multicast Listener Report v2",
    }
    | {(UNREACHABLE, code): name for code, name in enumerate(_UNREACHABLE_CODES)}
    | {(V6 + 1, code): name for code, name in enumerate(_V6_UNREACHABLE_CODES)}
)
_REQUESTS = (ECHO, ROUTER_SOLICITATION, 13, 15, 17, V6_ECHO, V6 + 130, V6 + 133, NEIGHBOUR_SOLICITATION)
_REPLIES = (ECHO_REPLY, 14, 16, 18, V6_ECHO_REPLY)
_ERRORS = (UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM, *range(V6 + 1, V6 + 5))

FIELDS = (
    Field("icmp.identifier", "integer", "Echo and timestamp: identifier", volatile=True),
    Field("icmp.sequence", "integer", "Echo and timestamp: sequence number", volatile=True),
    Field("icmp.data_length", "integer", "Echo: octets of data"),
    Field("icmp.gateway", "ip", "Redirect: the better router"),
    Field("icmp.target", "ip", "Neighbour discovery and ICMPv6 redirect: target address"),
    Field("icmp.source_mac", "mac", "Neighbour discovery: source link-layer address"),
    Field("icmp.target_mac", "mac", "Neighbour discovery: target link-layer address"),
    Field("icmp.mtu", "integer", "Packet too big, fragmentation needed: MTU of the next hop"),
    Field("icmp.original_source", "ip", "Errors: source of the packet that caused it"),
    Field("icmp.original_destination", "ip", "Errors: destination of the packet that caused it"),
    Field("icmp.original_transport", "integer", "Errors: IP protocol of the packet that caused it"),
    Field("icmp.original_port", "integer", "Errors: destination port of the packet that caused it"),
)
_IDS = field_ids(Number.ICMP, FIELDS)
_IDENTIFIER = _IDS["icmp.identifier"]
_SEQUENCE = _IDS["icmp.sequence"]
_DATA_LENGTH = _IDS["icmp.data_length"]
_GATEWAY = _IDS["icmp.gateway"]
_TARGET = _IDS["icmp.target"]
_SOURCE_MAC = _IDS["icmp.source_mac"]
_TARGET_MAC = _IDS["icmp.target_mac"]
_MTU = _IDS["icmp.mtu"]
_ORIGINAL_SOURCE = _IDS["icmp.original_source"]
_ORIGINAL_DESTINATION = _IDS["icmp.original_destination"]
_ORIGINAL_TRANSPORT = _IDS["icmp.original_transport"]
_ORIGINAL_PORT = _IDS["icmp.original_port"]


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """An ICMP message fills its IP packet."""
    return np.int64(available)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """ICMP is known by its IP protocol number; only its length can contradict."""
    if length < 4:
        return np.int64(NEED_MORE)
    return np.int64(IS_EITHER if known_port else NOT_IT)


@kernel
def _decode_original(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> None:
    """The start of the packet that caused an error: addresses, transport, destination port."""
    if end - at >= 20 and u8(data, at) >> 4 == 4:
        transport = u8(data, at + 9)
        source, octets = at + 12, 4
        header = (u8(data, at) & 0x0F) * 4
    elif end - at >= 40 and u8(data, at) >> 4 == 6:
        transport = u8(data, at + 6)
        source, octets = at + 8, 16
        header = np.int64(40)
    else:
        return
    add_bytes(out, message, _ORIGINAL_SOURCE, source, octets)
    add_bytes(out, message, _ORIGINAL_DESTINATION, source + octets, octets)
    add_integer(out, message, _ORIGINAL_TRANSPORT, transport)
    if (transport == 6 or transport == 17) and at + header + 4 <= end:
        add_integer(out, message, _ORIGINAL_PORT, be16(data, at + header + 2))


@kernel
def _decode_discovery(data: Bytes, at: Int, end: Int, function: Int, out: Out, message: Int) -> bool:
    """Neighbour discovery (RFC 4861, 4): target address and link-layer options."""
    out.messages[message]["flags"] |= IDENTITY
    fixed = 8 if function == V6 + 133 else 16
    if function == V6_REDIRECT:
        fixed = 40
    elif function >= NEIGHBOUR_SOLICITATION:
        fixed = 24
    if end - at < fixed:
        return False
    if function >= NEIGHBOUR_SOLICITATION:
        add_bytes(out, message, _TARGET, at + 8, 16)
    at += fixed
    while at + 8 <= end:
        octets = u8(data, at + 1) * 8
        if octets == 0 or at + octets > end:
            return False
        if u8(data, at) == 1 and octets == 8:
            add_bytes(out, message, _SOURCE_MAC, at + 2, 6)
        elif u8(data, at) == 2 and octets == 8:
            add_bytes(out, message, _TARGET_MAC, at + 2, 6)
        at += octets
    return at == end


@kernel
def _decode_message(data: Bytes, at: Int, end: Int, row: Row, out: Out, message: Int) -> bool:
    """Fill the row from one ICMP message; whether it is well-formed."""
    if end - at < 4:
        return False
    function = u8(data, at)
    if row["transport"] == IPV6_ICMP:
        function += V6
    row["function"] = function
    row["subfunction"] = u8(data, at + 1)
    row["kind"] = Kind.EVENT
    row["operation"] = Operation.DIAGNOSE
    if function in _REQUESTS:
        row["kind"] = Kind.REQUEST
    elif function in _REPLIES or (
        function == NEIGHBOUR_ADVERTISEMENT and end - at >= 5 and u8(data, at + 4) & 0x40
    ):
        row["kind"] = Kind.RESPONSE
        row["status"] = 0
        row["client"], row["server"] = np.int64(row["server"]), np.int64(row["client"])
        row["direction"] = FROM_SERVER
    if V6 + 133 <= function <= V6_REDIRECT:
        row["operation"] = Operation.OTHER
        return _decode_discovery(data, at, end, function, out, message)
    if function == REDIRECT or function == ROUTER_ADVERTISEMENT:
        row["flags"] |= IDENTITY
    if end - at < HEADER:
        return False
    if wants_details(out, message):
        if function in (ECHO, ECHO_REPLY, V6_ECHO, V6_ECHO_REPLY, 13, 14):
            add_integer(out, message, _IDENTIFIER, be16(data, at + 4))
            add_integer(out, message, _SEQUENCE, be16(data, at + 6))
            add_integer(out, message, _DATA_LENGTH, end - at - HEADER)
        elif function in _ERRORS:
            if function == REDIRECT:
                add_bytes(out, message, _GATEWAY, at + 4, 4)
            elif function == V6 + 2 or (function == UNREACHABLE and row["subfunction"] == 4):
                add_integer(out, message, _MTU, be16(data, at + 6))
            _decode_original(data, at + HEADER, end, out, message)
    return True


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        message = add_message(out, frame, np.int64(Number.ICMP), np.int64(0))
        row = out.messages[message]
        row["direction"] = FROM_CLIENT
        if not _decode_message(data, at, at + frame["length"], row, out, message):
            row["flags"] |= MALFORMED


def new_state() -> Ints:
    """ICMP keeps no state."""
    return np.zeros(1, np.int64)


def describe(record: Record) -> str:
    """What an error is about (`10.0.0.5 port 161`), or the target of neighbour discovery."""
    destination = record.details.get("icmp.original_destination")
    if destination is None:
        return str(record.details.get("icmp.target", ""))
    port = record.details.get("icmp.original_port")
    return str(destination) if port is None else f"{destination} port {port}"


def facts(record: Record) -> Iterator[Fact]:
    """Who routes (RFC 792, 1256, 4861), and the MAC addresses that neighbour discovery tells."""
    function = int(record.message["function"])
    if function in (REDIRECT, ROUTER_ADVERTISEMENT, V6_ROUTER_ADVERTISEMENT, V6_REDIRECT):
        yield record.fact("capability", "router")
    source_mac = record.details.get("icmp.source_mac")
    if source_mac and is_unicast(source_mac):
        yield record.fact("mac", source_mac)
    mac, target = record.details.get("icmp.target_mac"), record.details.get("icmp.target")
    if function == NEIGHBOUR_ADVERTISEMENT and mac and target and is_unicast(mac) and is_host(target):
        yield record.fact("mac", mac, target)


PROTOCOL = Protocol(
    Number.ICMP,
    "icmp",
    "Internet Control Message Protocol",
    FIELDS,
    FUNCTIONS,
    ot=False,
    describe=describe,
    facts=facts,
)
