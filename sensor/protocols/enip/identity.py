"""Identity: the item that List Identity answers with, and the attributes of the Identity object.

CIP volume 2 table 2-4.4 (identity item), CIP volume 1 section 5-2 (Identity), volume 2 section 5
(TCP/IP Interface, Ethernet Link).
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.kernel import kernel
from sensor.messages import IDENTITY, Out, add_bytes, add_integer, add_text
from sensor.octets import be16, le16, le32, u8
from sensor.protocols.enip import fields
from sensor.protocols.enip.classes import (
    DEVICE_TYPES,
    ETHERNET_LINK,
    IDENTITY_OBJECT,
    ROLES,
    TCP_IP_INTERFACE,
)
from sensor.protocols.enip.vendors import VENDORS
from sensor.protocols.protocol import Fact, Record
from sensor.types import Bytes, Int

_VERSION = fields.ENIP["enip.encapsulation_version"]
_ADDRESS = fields.ENIP["enip.socket_address"]
_PORT = fields.ENIP["enip.socket_port"]
_VENDOR = fields.CIP["cip.vendor_id"]
_DEVICE_TYPE = fields.CIP["cip.device_type"]
_PRODUCT_CODE = fields.CIP["cip.product_code"]
_MAJOR = fields.CIP["cip.revision_major"]
_MINOR = fields.CIP["cip.revision_minor"]
_STATUS = fields.CIP["cip.device_status"]
_SERIAL = fields.CIP["cip.serial_number"]
_NAME = fields.CIP["cip.product_name"]
_STATE = fields.CIP["cip.device_state"]
_HOST_NAME = fields.CIP["cip.host_name"]
_IP_ADDRESS = fields.CIP["cip.ip_address"]
_SUBNET_MASK = fields.CIP["cip.subnet_mask"]
_GATEWAY = fields.CIP["cip.gateway"]
_MAC = fields.CIP["cip.mac_address"]


@kernel
def add_socket_address(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> None:
    """A sockaddr_in of 16 octets in network order: family, port, address, zeros."""
    if at + 8 <= end:
        add_integer(out, index, _PORT, be16(data, at + 2))
        add_bytes(out, index, _ADDRESS, at + 4, 4)


@kernel
def decode_identity(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """Attributes 1 to 7 as Get Attributes All gives them; whether they fit.

    More may follow: in the identity item the state (attribute 8).
    """
    out.messages[index]["flags"] |= IDENTITY
    if at + 15 > end:
        return False
    add_integer(out, index, _VENDOR, le16(data, at))
    add_integer(out, index, _DEVICE_TYPE, le16(data, at + 2))
    add_integer(out, index, _PRODUCT_CODE, le16(data, at + 4))
    add_integer(out, index, _MAJOR, u8(data, at + 6))
    add_integer(out, index, _MINOR, u8(data, at + 7))
    add_integer(out, index, _STATUS, le16(data, at + 8))
    add_integer(out, index, _SERIAL, le32(data, at + 10))
    length = u8(data, at + 14)
    if at + 15 + length > end:
        return False
    add_text(out, index, _NAME, at + 15, length)
    if at + 16 + length <= end:
        add_integer(out, index, _STATE, u8(data, at + 15 + length))
    return True


@kernel
def decode_identity_item(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The identity item of a List Identity response; whether it fits."""
    out.messages[index]["flags"] |= IDENTITY
    if at + 18 > end:
        return False
    add_integer(out, index, _VERSION, le16(data, at))
    add_socket_address(data, at + 2, at + 18, out, index)
    return decode_identity(data, at + 18, end, out, index)


@kernel
def _decode_identity_attribute(data: Bytes, at: Int, end: Int, attribute: Int, out: Out, index: Int) -> None:
    size = end - at
    if attribute == 1 and size == 2:
        add_integer(out, index, _VENDOR, le16(data, at))
    elif attribute == 2 and size == 2:
        add_integer(out, index, _DEVICE_TYPE, le16(data, at))
    elif attribute == 3 and size == 2:
        add_integer(out, index, _PRODUCT_CODE, le16(data, at))
    elif attribute == 4 and size == 2:
        add_integer(out, index, _MAJOR, u8(data, at))
        add_integer(out, index, _MINOR, u8(data, at + 1))
    elif attribute == 5 and size == 2:
        add_integer(out, index, _STATUS, le16(data, at))
    elif attribute == 6 and size == 4:
        add_integer(out, index, _SERIAL, le32(data, at))
    elif attribute == 7 and size >= 1 and size == 1 + u8(data, at):
        add_text(out, index, _NAME, at + 1, size - 1)
    elif attribute == 8 and size == 1:
        add_integer(out, index, _STATE, u8(data, at))


@kernel
def _add_interface(data: Bytes, at: Int, out: Out, index: Int) -> None:
    # The interface configuration counts its addresses as UDINT, so their octets stand reversed.
    add_bytes(out, index, _IP_ADDRESS, at, 4)
    add_bytes(out, index, _SUBNET_MASK, at + 4, 4)
    add_bytes(out, index, _GATEWAY, at + 8, 4)


@kernel
def decode_known_attribute(
    data: Bytes, at: Int, end: Int, space: Int, attribute: Int, out: Out, index: Int
) -> bool:
    """One attribute of Identity, TCP/IP Interface or Ethernet Link; whether it was one of these.

    Rows of identifying attributes become IDENTITY.
    """
    size = end - at
    if space == IDENTITY_OBJECT and 1 <= attribute <= 8:
        out.messages[index]["flags"] |= IDENTITY
        _decode_identity_attribute(data, at, end, attribute, out, index)
        return True
    if space == TCP_IP_INTERFACE and attribute == 6 and size >= 2 and size >= 2 + le16(data, at):
        out.messages[index]["flags"] |= IDENTITY
        add_text(out, index, _HOST_NAME, at + 2, le16(data, at))
        return True
    if space == TCP_IP_INTERFACE and attribute == 5 and size >= 22:
        out.messages[index]["flags"] |= IDENTITY
        _add_interface(data, at, out, index)
        return True
    if space == ETHERNET_LINK and attribute == 3 and size == 6:
        out.messages[index]["flags"] |= IDENTITY
        add_bytes(out, index, _MAC, at, 6)
        return True
    return False


def facts(record: Record) -> Iterator[Fact]:
    """Vendor, model, firmware, serial number, type, role, host name and MAC address.

    A routed answer (`unit` is a slot) comes from a module behind the speaker: it is less sure to be
    the asset itself, and tells which module is in the slot.
    """
    details = record.details
    if int(record.message["kind"]) == 0:
        return
    sure = 0.75 if int(record.message["unit"]) >= 0 else 0.95
    vendor = details.get("cip.vendor_id")
    if vendor is not None:
        yield record.fact("vendor", VENDORS.get(vendor, f"vendor {vendor}"), confidence=sure)
    if details.get("cip.product_name", "").strip():
        yield record.fact("model", details["cip.product_name"], confidence=sure)
    if "cip.revision_major" in details:
        # The major revision's high bit is a flag of routers of DeviceNet.
        revision = f"{details['cip.revision_major'] & 0x7F}.{details['cip.revision_minor']:03d}"
        yield record.fact("firmware", revision, confidence=sure)
    if details.get("cip.serial_number"):
        yield record.fact("serial", f"{details['cip.serial_number']:08X}", confidence=sure)
    slot = int(record.message["unit"])
    if slot >= 0 and details.get("cip.product_name", "").strip() and "cip.serial_number" in details:
        module = f"{details['cip.product_name'].strip()} {details['cip.serial_number']:08X}"
        yield record.fact(f"slot {slot}", module, confidence=0.95)
    device_type = details.get("cip.device_type")
    if device_type in DEVICE_TYPES:
        yield record.fact("type", DEVICE_TYPES[device_type], confidence=sure)
    if device_type in ROLES:
        yield record.fact("role", ROLES[device_type], confidence=sure - 0.1)
    if details.get("cip.host_name", "").strip():
        yield record.fact("name", details["cip.host_name"], confidence=sure)
    mac = details.get("cip.mac_address", b"")
    if len(mac) == 6 and any(mac):
        yield record.fact("mac", mac.hex(":"), confidence=sure)
