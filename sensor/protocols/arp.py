"""ARP: who has which IPv4 address on a link; requests, replies, probes and announcements.

Specification: RFC 826; RFC 5227 (probes and announcements, 1.1 and 3); opcodes of the IANA registry.
Only Ethernet and IPv4 addresses are read; other address families keep their octets. Not OT: it tells
which MAC address stands behind an IP address, and who looks for addresses that nobody has.

Of a message row: `address` is the IPv4 address that is asked for or answered, as an integer;
`subfunction` tells ordinary, probe, announcement and reply that nobody asked for apart. A reply's client
is who asked; of a reply that nobody asked for, as of an announcement, it is the sender.
"""

from __future__ import annotations

import ipaddress
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
    Out,
    add_bytes,
    add_message,
    begin_pdu,
    data_of,
    is_full,
)
from sensor.octets import be16, be32, u8
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

LENGTH = 28
"""Octets of a packet for Ethernet and IPv4; what follows it on the link is padding."""
REQUEST, REPLY = 1, 2
PLAIN, PROBE, ANNOUNCEMENT, UNASKED = 0, 1, 2, 3
ANSWER_NS = 2 * 10**9
"""How long after a request a reply may come; who gets none asks again after a second (RFC 1122 2.3.2.1)."""
SLOTS = 1 << 12
"""Requests that are remembered; a newer one with the same hash takes an older one's place."""
FUNCTIONS = {
    (REQUEST, -1): "ARP Request",
    (REQUEST, PROBE): "ARP Probe",
    (REQUEST, ANNOUNCEMENT): "ARP Announcement",
    (REPLY, -1): "ARP Reply",
    (REPLY, ANNOUNCEMENT): "Gratuitous ARP Reply",
    (REPLY, UNASKED): "Unasked ARP Reply",
    (3, -1): "RARP Request",
    (4, -1): "RARP Reply",
    (8, -1): "InARP Request",
    (9, -1): "InARP Reply",
}
IPV4 = 0
SPACES = {IPV4: "ipv4"}

FIELDS = (
    Field("arp.sender_mac", "mac", "Sender hardware address"),
    Field("arp.sender_ip", "ip", "Sender protocol address"),
    Field("arp.target_mac", "mac", "Target hardware address"),
    Field("arp.target_ip", "ip", "Target protocol address"),
    Field("arp.data", "bytes", "Octets of a packet that is not for Ethernet and IPv4"),
)
_IDS = field_ids(Number.ARP, FIELDS)
_SENDER_MAC = _IDS["arp.sender_mac"]
_SENDER_IP = _IDS["arp.sender_ip"]
_TARGET_MAC = _IDS["arp.target_mac"]
_TARGET_IP = _IDS["arp.target_ip"]
_DATA = _IDS["arp.data"]


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the packet at `at`; 0 where more are needed to tell, UNFRAMED if none."""
    if available >= 6:
        return 8 + 2 * u8(data, at + 4) + 2 * u8(data, at + 5)
    return np.int64(0)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets behind an Ethernet header are ARP for Ethernet and IPv4."""
    if length < LENGTH:
        return np.int64(NEED_MORE)
    if be16(data, at) != 1 or be16(data, at + 2) != 0x0800 or be16(data, at + 4) != 0x0604:
        return np.int64(NOT_IT)
    return np.int64(IS_EITHER if 1 <= be16(data, at + 6) <= 25 else NOT_IT)


@kernel
def _asked(data: Bytes, asker: Int, address: Int, time_ns: Int, state: Ints, remember: bool) -> bool:
    """Whether the machine whose MAC address stands at `asker` asked for an address lately; or note it."""
    high, low = be16(data, asker), be32(data, asker + 2)
    slot = 4 * ((low * 40503 + high * 30011 + address * 50021 >> 8) & (SLOTS - 1))
    if remember:
        state[slot], state[slot + 1], state[slot + 2], state[slot + 3] = high, low, address, time_ns
        return True
    return (
        state[slot] == high
        and state[slot + 1] == low
        and state[slot + 2] == address
        and abs(time_ns - state[slot + 3]) <= ANSWER_NS
    )


@kernel
def _decode_packet(data: Bytes, at: Int, end: Int, row: Row, out: Out, message: Int, state: Ints) -> bool:
    """Fill the row from one packet; whether it is well-formed."""
    if end - at < 8:
        return False
    operation = be16(data, at + 6)
    row["function"] = operation
    row["subfunction"] = PLAIN
    row["kind"] = Kind.RESPONSE if operation in (2, 4, 7, 9) else Kind.REQUEST
    if be16(data, at) != 1 or be16(data, at + 2) != 0x0800:
        add_bytes(out, message, _DATA, at, end - at)
        return True
    if be16(data, at + 4) != 0x0604 or end - at < LENGTH:
        return False
    sender, target = be32(data, at + 14), be32(data, at + 24)
    row["space"] = IPV4
    row["address"] = target if operation == REQUEST else sender
    if sender == target:
        row["subfunction"] = ANNOUNCEMENT
        row["kind"] = Kind.EVENT
    elif sender == 0 and operation == REQUEST:
        row["subfunction"] = PROBE
    elif operation == REQUEST:
        _asked(data, at + 8, target, row["time_ns"], state, True)
    elif operation == REPLY and not _asked(data, at + 18, sender, row["time_ns"], state, False):
        row["subfunction"] = UNASKED
        row["kind"] = Kind.EVENT
    elif operation == REPLY:
        row["client"], row["server"] = np.int64(row["server"]), np.int64(row["client"])
        row["direction"] = FROM_SERVER
        row["status"] = 0
    row["flags"] |= IDENTITY
    add_bytes(out, message, _SENDER_MAC, at + 8, 6)
    add_bytes(out, message, _SENDER_IP, at + 14, 4)
    add_bytes(out, message, _TARGET_MAC, at + 18, 6)
    add_bytes(out, message, _TARGET_IP, at + 24, 4)
    return 1 <= operation <= 25


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        message = add_message(out, frame, np.int64(Number.ARP), np.int64(0))
        row = out.messages[message]
        row["direction"] = FROM_CLIENT
        if not _decode_packet(data, at, at + frame["length"], row, out, message, state):
            row["flags"] |= MALFORMED


def new_state() -> Ints:
    """The requests of the last seconds: MAC address (16 and 32 bits), address asked for, time."""
    return np.zeros(4 * SLOTS, np.int64)


def describe(record: Record) -> str:
    """The IPv4 address that is asked for or answered."""
    address = int(record.message["address"])
    return str(ipaddress.IPv4Address(address)) if address >= 0 else ""


def is_unicast(mac: str) -> bool:
    """Whether a MAC address in text can be that of one interface."""
    return mac != "00:00:00:00:00:00" and int(mac[:2], 16) & 1 == 0


def is_host(ip: str) -> bool:
    """Whether an IP address in text can be that of one host on a network."""
    address = ipaddress.ip_address(ip)
    return not (
        address.is_unspecified or address.is_multicast or address.is_loopback or ip == "255.255.255.255"
    )


def facts(record: Record) -> Iterator[Fact]:
    """The sender's MAC address behind its IP address; nothing of probes, which claim none."""
    mac, ip = record.details.get("arp.sender_mac", ""), record.details.get("arp.sender_ip", "")
    if mac and ip and is_unicast(mac) and is_host(ip):
        yield record.fact("mac", mac, ip, 0.95)


PROTOCOL = Protocol(
    Number.ARP,
    "arp",
    "Address Resolution Protocol",
    FIELDS,
    FUNCTIONS,
    SPACES,
    ot=False,
    describe=describe,
    facts=facts,
)
