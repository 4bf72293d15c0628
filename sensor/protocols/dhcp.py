"""DHCP for IPv4: which device asks for an address, what it calls itself, who hands addresses out.

Specification: RFC 2131 (messages), RFC 2132 (options), RFC 3396 left out (long options stay split),
RFC 4702 (client FQDN). Option overload (52) is followed. Not OT: it gives names, vendor classes and
MAC addresses, and shows a second server on a plant network.

Of a message row: `function` is the message type (0 for plain BOOTP), `address` the IPv4 address that
is assigned or requested, as an integer, `name` the host name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    BROADCAST,
    IDENTITY,
    MALFORMED,
    NEGATIVE,
    Buffers,
    Kind,
    Out,
    add_bytes,
    add_integer,
    add_message,
    add_text,
    begin_pdu,
    data_of,
    is_full,
)
from sensor.octets import be16, be32, u8
from sensor.protocols.arp import is_host, is_unicast
from sensor.protocols.protocol import (
    IS_REQUEST,
    IS_RESPONSE,
    NEED_MORE,
    NOT_IT,
    UNFRAMED,
    Fact,
    Field,
    Number,
    Protocol,
    Record,
    field_ids,
)
from sensor.strings import intern
from sensor.types import Bytes, Int, Ints, Rows
from sensor.types import Record as Row

PORTS = (67, 68)
CLIENT_PORT = 68
FIXED = 236
"""Octets of the BOOTP header; a DHCP message has the magic cookie and options behind it."""
COOKIE = 0x63825363
BOOTREQUEST, BOOTREPLY = 1, 2
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
FUNCTIONS = {
    (0, -1): "BOOTP",
    (DISCOVER, -1): "Discover",
    (OFFER, -1): "Offer",
    (REQUEST, -1): "Request",
    (DECLINE, -1): "Decline",
    (ACK, -1): "ACK",
    (NAK, -1): "NAK",
    (RELEASE, -1): "Release",
    (INFORM, -1): "Inform",
    (9, -1): "Force Renew",
    (10, -1): "Lease Query",
    (11, -1): "Lease Unassigned",
    (12, -1): "Lease Unknown",
    (13, -1): "Lease Active",
}
IPV4 = 0
SPACES = {IPV4: "ipv4"}

FIELDS = (
    Field("dhcp.transaction_id", "hex", "Transaction identifier", volatile=True),
    Field("dhcp.client_mac", "mac", "Client hardware address"),
    Field("dhcp.client_ip", "ip", "Address the client has (ciaddr)"),
    Field("dhcp.assigned_ip", "ip", "Address for the client (yiaddr)"),
    Field("dhcp.next_server", "ip", "Server for the next step of booting (siaddr)"),
    Field("dhcp.relay", "ip", "Relay agent (giaddr)"),
    Field("dhcp.subnet_mask", "ip", "Option 1"),
    Field("dhcp.routers", "ip", "Option 3", True),
    Field("dhcp.dns_servers", "ip", "Option 6", True),
    Field("dhcp.host_name", "text", "Option 12"),
    Field("dhcp.domain", "text", "Option 15"),
    Field("dhcp.time_servers", "ip", "Option 42", True),
    Field("dhcp.requested_ip", "ip", "Option 50"),
    Field("dhcp.lease_seconds", "integer", "Option 51", volatile=True),
    Field("dhcp.server_id", "ip", "Option 54"),
    Field("dhcp.parameters", "bytes", "Option 55: options the client asks for, in its order"),
    Field("dhcp.message", "text", "Option 56"),
    Field("dhcp.vendor_class", "text", "Option 60"),
    Field("dhcp.client_id", "bytes", "Option 61"),
    Field("dhcp.boot_server", "text", "Option 66"),
    Field("dhcp.boot_file", "text", "Option 67, else the header's file name"),
    Field("dhcp.fqdn", "text", "Option 81: the client's full name, whole or label by label", True),
)
_IDS = field_ids(Number.DHCP, FIELDS)
_TRANSACTION_ID = _IDS["dhcp.transaction_id"]
_CLIENT_MAC = _IDS["dhcp.client_mac"]
_CLIENT_IP = _IDS["dhcp.client_ip"]
_ASSIGNED_IP = _IDS["dhcp.assigned_ip"]
_NEXT_SERVER = _IDS["dhcp.next_server"]
_RELAY = _IDS["dhcp.relay"]
_LEASE_SECONDS = _IDS["dhcp.lease_seconds"]
_CLIENT_ID = _IDS["dhcp.client_id"]
_PARAMETERS = _IDS["dhcp.parameters"]
_BOOT_FILE = _IDS["dhcp.boot_file"]
_FQDN = _IDS["dhcp.fqdn"]

PAD, END = 0, 255
HOST_NAME, REQUESTED_IP, LEASE_TIME, OVERLOAD, MESSAGE_TYPE = 12, 50, 51, 52, 53
PARAMETER_LIST, CLIENT_ID, FQDN = 55, 61, 81
_ADDRESS_FIELD: Ints = np.full(256, -1, np.int64)
"""Option to the field of the IPv4 addresses that it holds."""
_ADDRESS_FIELD[1] = _IDS["dhcp.subnet_mask"]
_ADDRESS_FIELD[3] = _IDS["dhcp.routers"]
_ADDRESS_FIELD[6] = _IDS["dhcp.dns_servers"]
_ADDRESS_FIELD[42] = _IDS["dhcp.time_servers"]
_ADDRESS_FIELD[REQUESTED_IP] = _IDS["dhcp.requested_ip"]
_ADDRESS_FIELD[54] = _IDS["dhcp.server_id"]
_TEXT_FIELD: Ints = np.full(256, -1, np.int64)
"""Option to the field of the text that it holds."""
_TEXT_FIELD[HOST_NAME] = _IDS["dhcp.host_name"]
_TEXT_FIELD[15] = _IDS["dhcp.domain"]
_TEXT_FIELD[56] = _IDS["dhcp.message"]
_TEXT_FIELD[60] = _IDS["dhcp.vendor_class"]
_TEXT_FIELD[66] = _IDS["dhcp.boot_server"]
_TEXT_FIELD[67] = _BOOT_FILE


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """A message fills its datagram."""
    return np.int64(available if available >= FIXED else UNFRAMED)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether a datagram is BOOTP: the operation, an Ethernet address, and DHCP's magic cookie.

    Without the cookie it is plain BOOTP, which counts on the known ports only.
    """
    if length < 4:
        return np.int64(NEED_MORE)
    operation = u8(data, at)
    if operation != BOOTREQUEST and operation != BOOTREPLY:
        return np.int64(NOT_IT)
    if u8(data, at + 2) > 16 or (u8(data, at + 1) == 1 and u8(data, at + 2) != 6):
        return np.int64(NOT_IT)
    if length < FIXED + 4:
        return np.int64(NEED_MORE)
    if be32(data, at + FIXED) != COOKIE and not known_port:
        return np.int64(NOT_IT)
    return np.int64(IS_REQUEST if operation == BOOTREQUEST else IS_RESPONSE)


@kernel
def _add_fqdn(data: Bytes, at: Int, octets: Int, out: Out, message: Int) -> bool:
    """Option 81 (RFC 4702, 2): flags, two result codes, and the name as text or as DNS labels."""
    end = at + octets
    if octets < 3:
        return False
    flags = u8(data, at)
    at += 3
    if not flags & 0x04:
        if end > at:
            add_text(out, message, _FQDN, at, end - at)
        return True
    while at < end and data[at] != 0:
        label = u8(data, at)
        if label > 63 or at + 1 + label > end:
            return False
        add_text(out, message, _FQDN, at + 1, label)
        at += 1 + label
    return True


@kernel
def _decode_option(data: Bytes, code: Int, at: Int, octets: Int, row: Row, out: Out, message: Int) -> bool:
    """One option of `octets` octets at `at`; whether they fit it."""
    if _TEXT_FIELD[code] >= 0:
        if octets > 0:
            add_text(out, message, _TEXT_FIELD[code], at, octets)
        if code == HOST_NAME and octets > 0:
            row["name"] = intern(out.strings, data, at, octets)
        return octets > 0
    if _ADDRESS_FIELD[code] >= 0:
        for place in range(at, at + octets - 3, 4):
            add_bytes(out, message, _ADDRESS_FIELD[code], place, 4)
        if code == REQUESTED_IP and octets == 4 and row["address"] <= 0:
            row["address"] = be32(data, at)
        return octets >= 4 and octets % 4 == 0
    if code == MESSAGE_TYPE:
        if octets == 1:
            row["function"] = u8(data, at)
        return octets == 1
    if code == LEASE_TIME:
        if octets == 4:
            add_integer(out, message, _LEASE_SECONDS, be32(data, at))
        return octets == 4
    if code == PARAMETER_LIST:
        add_bytes(out, message, _PARAMETERS, at, octets)
    elif code == CLIENT_ID:
        add_bytes(out, message, _CLIENT_ID, at, octets)
    elif code == FQDN:
        return _add_fqdn(data, at, octets, out, message)
    return True


@kernel
def _decode_options(data: Bytes, at: Int, end: Int, row: Row, out: Out, message: Int) -> Int:
    """The options from `at` to `end`: the value of option 52 (0 without it), or -1 if malformed."""
    overload = np.int64(0)
    good = True
    while at < end:
        code = u8(data, at)
        if code == END:
            break
        if code == PAD:
            at += 1
            continue
        if at + 2 > end or at + 2 + u8(data, at + 1) > end:
            return np.int64(-1)
        octets = u8(data, at + 1)
        if code == OVERLOAD and octets == 1:
            overload = u8(data, at + 2)
        elif not _decode_option(data, code, at + 2, octets, row, out, message):
            good = False
        at += 2 + octets
    return overload if good else np.int64(-1)


@kernel
def _add_address(data: Bytes, at: Int, out: Out, message: Int, field: Int) -> None:
    if be32(data, at) != 0:
        add_bytes(out, message, field, at, 4)


@kernel
def _decode_message(data: Bytes, at: Int, end: Int, row: Row, out: Out, message: Int) -> bool:
    """Fill the row from one message (RFC 2131, 2); whether it is well-formed."""
    if end - at < FIXED:
        return False
    row["kind"] = Kind.RESPONSE if u8(data, at) == BOOTREPLY else Kind.REQUEST
    row["flags"] |= IDENTITY
    row["function"] = 0
    row["transaction"] = be32(data, at + 4)
    row["space"] = IPV4
    if be16(data, at + 10) & 0x8000:
        row["flags"] |= BROADCAST
    if be32(data, at + 16) != 0:
        row["address"] = be32(data, at + 16)
    elif be32(data, at + 12) != 0:
        row["address"] = be32(data, at + 12)
    add_integer(out, message, _TRANSACTION_ID, be32(data, at + 4))
    if u8(data, at + 1) == 1 and u8(data, at + 2) == 6:
        add_bytes(out, message, _CLIENT_MAC, at + 28, 6)
    _add_address(data, at + 12, out, message, _CLIENT_IP)
    _add_address(data, at + 16, out, message, _ASSIGNED_IP)
    _add_address(data, at + 20, out, message, _NEXT_SERVER)
    _add_address(data, at + 24, out, message, _RELAY)
    if end - at < FIXED + 4 or be32(data, at + FIXED) != COOKIE:
        return end - at >= FIXED
    overload = _decode_options(data, at + FIXED + 4, end, row, out, message)
    if overload > 0 and overload & 1:
        overload |= min(_decode_options(data, at + 108, at + FIXED, row, out, message), 0)
    elif data[at + 108] != 0:
        add_text(out, message, _BOOT_FILE, at + 108, 128)
    if overload > 0 and overload & 2:
        overload |= min(_decode_options(data, at + 44, at + 108, row, out, message), 0)
    if row["kind"] == Kind.RESPONSE:
        row["status"] = 1 if row["function"] == NAK else 0
        if row["function"] == NAK:
            row["flags"] |= NEGATIVE
    return overload >= 0 and (u8(data, at) == BOOTREQUEST or u8(data, at) == BOOTREPLY)


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        message = add_message(out, frame, np.int64(Number.DHCP), np.int64(0))
        row = out.messages[message]
        if not _decode_message(data, at, at + frame["length"], row, out, message):
            row["flags"] |= MALFORMED


def new_state() -> Ints:
    """DHCP keeps no state."""
    return np.zeros(1, np.int64)


def describe(record: Record) -> str:
    """The host name, else the address that is assigned or requested."""
    address = int(record.message["address"])
    return record.name or (str(ipaddress.IPv4Address(address)) if address > 0 else "")


def facts(record: Record) -> Iterator[Fact]:
    """The client by its MAC address; the server, routers, name and time servers that it names."""
    details = record.details
    mac = details.get("dhcp.client_mac", "")
    if mac and is_unicast(mac):
        if record.message["kind"] == Kind.REQUEST:
            name = record.name or ".".join(details.get("dhcp.fqdn", ()))
            if name.strip("\0. "):
                yield record.fact("name", name.strip("\0. "), mac)
            if details.get("dhcp.vendor_class"):
                yield record.fact("vendor_class", details["dhcp.vendor_class"], mac)
        owned = details.get("dhcp.client_ip")
        if record.message["function"] == ACK:
            owned = details.get("dhcp.assigned_ip", owned)
        if owned and is_host(owned):
            yield record.fact("mac", mac, owned)
    if record.message["function"] in (OFFER, ACK, NAK) and record.message["kind"] == Kind.RESPONSE:
        server = details.get("dhcp.server_id")
        subject = server if server and is_host(server) else None
        yield record.fact("capability", "dhcp_server", subject)
        yield record.fact("service", "udp/67 dhcp", subject)
        for field, capability in (
            ("dhcp.routers", "router"),
            ("dhcp.dns_servers", "dns_server"),
            ("dhcp.time_servers", "time_server"),
        ):
            for address in details.get(field, ()):
                if is_host(address):
                    yield record.fact("capability", capability, address, 0.7)


PROTOCOL = Protocol(
    Number.DHCP,
    "dhcp",
    "Dynamic Host Configuration Protocol",
    FIELDS,
    FUNCTIONS,
    SPACES,
    {1: "refused"},
    PORTS,
    ot=False,
    describe=describe,
    facts=facts,
)
