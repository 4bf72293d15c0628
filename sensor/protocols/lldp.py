"""LLDP: what a device says of itself to its neighbour on a cable.

Specification: IEEE 802.1AB-2016 (8: TLVs), TIA-1057 (LLDP-MED inventory), IEC 61158-6-10
(PROFINET's TLVs: MAC address of the chassis; system identification, and the name of station behind
the port's number). Other organisations' TLVs are named by OUI and subtype
only. Not OT by itself, but switches, PROFINET devices and controllers identify themselves with it.

Of a message row: `function` is 1, or 2 for a device that takes its word back (time to live 0);
`name` the system name, else the chassis identifier where that is text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    FROM_CLIENT,
    IDENTITY,
    MALFORMED,
    Buffers,
    Kind,
    Operation,
    Out,
    add_bytes,
    add_integer,
    add_message,
    add_text,
    begin_pdu,
    data_of,
    is_full,
)
from sensor.octets import be16, be24, u8
from sensor.protocols.arp import is_host, is_unicast
from sensor.protocols.protocol import (
    IS_EITHER,
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

ADVERTISEMENT, SHUTDOWN = 1, 2
FUNCTIONS = {(ADVERTISEMENT, -1): "Advertisement", (SHUTDOWN, -1): "Shutdown"}
END, CHASSIS_ID, PORT_ID, TIME_TO_LIVE, PORT_DESCRIPTION, SYSTEM_NAME, SYSTEM_DESCRIPTION = range(7)
CAPABILITIES, MANAGEMENT_ADDRESS, ORGANISATION = 7, 8, 127
CHASSIS_KINDS = {
    1: "chassis_component",
    2: "interface_alias",
    3: "port_component",
    4: "mac_address",
    5: "network_address",
    6: "interface_name",
    7: "local",
}
PORT_KINDS = {
    1: "interface_alias",
    2: "port_component",
    3: "mac_address",
    4: "network_address",
    5: "interface_name",
    6: "agent_circuit_id",
    7: "local",
}
CAPABILITY_BITS = {
    0: "other",
    1: "repeater",
    2: "bridge",
    3: "wlan_access_point",
    4: "router",
    5: "telephone",
    6: "docsis_cable_device",
    7: "station",
    8: "c_vlan",
    9: "s_vlan",
    10: "two_port_relay",
}
PROFINET, MED, MED_FIRST_INVENTORY, MED_LAST_INVENTORY = 0x000ECF, 0x0012BB, 5, 11
PROFINET_CHASSIS_MAC = 5
IPV4_FAMILY, IPV6_FAMILY, MAC_FAMILY = 1, 2, 6

FIELDS = (
    Field("lldp.chassis_kind", "integer", "Chassis identifier: kind", values=CHASSIS_KINDS),
    Field("lldp.chassis_mac", "mac", "Chassis identifier, or PROFINET's, that is a MAC address"),
    Field("lldp.chassis_ip", "ip", "Chassis identifier that is a network address"),
    Field("lldp.chassis_id", "text", "Chassis identifier of another kind"),
    Field("lldp.port_kind", "integer", "Port identifier: kind", values=PORT_KINDS),
    Field("lldp.port_mac", "mac", "Port identifier that is a MAC address"),
    Field("lldp.port_ip", "ip", "Port identifier that is a network address"),
    Field("lldp.port_id", "text", "Port identifier of another kind"),
    Field("lldp.time_to_live", "integer", "Seconds that the information is valid"),
    Field("lldp.port_description", "text", "Port description"),
    Field("lldp.system_name", "text", "System name"),
    Field("lldp.system_description", "text", "System description"),
    Field("lldp.capabilities", "hex", "What the system can be, one bit each"),
    Field("lldp.enabled_capabilities", "hex", "What the system is, one bit each"),
    Field("lldp.management_ip", "ip", "Management address", True),
    Field("lldp.management_mac", "mac", "Management address that is a MAC address", True),
    Field("lldp.organisation", "hex", "OUI << 8 | subtype of each organisation's TLV", True),
    Field("lldp.hardware", "text", "LLDP-MED inventory: hardware revision"),
    Field("lldp.firmware", "text", "LLDP-MED inventory: firmware revision"),
    Field("lldp.software", "text", "LLDP-MED inventory: software revision"),
    Field("lldp.serial", "text", "LLDP-MED inventory: serial number"),
    Field("lldp.manufacturer", "text", "LLDP-MED inventory: manufacturer"),
    Field("lldp.model", "text", "LLDP-MED inventory: model"),
    Field("lldp.asset", "text", "LLDP-MED inventory: asset identifier"),
)
_IDS = field_ids(Number.LLDP, FIELDS)
_CHASSIS_KIND = _IDS["lldp.chassis_kind"]
_CHASSIS_MAC = _IDS["lldp.chassis_mac"]
_PORT_KIND = _IDS["lldp.port_kind"]
_TIME_TO_LIVE = _IDS["lldp.time_to_live"]
_PORT_DESCRIPTION = _IDS["lldp.port_description"]
_SYSTEM_NAME = _IDS["lldp.system_name"]
_SYSTEM_DESCRIPTION = _IDS["lldp.system_description"]
_CAPABILITIES = _IDS["lldp.capabilities"]
_ENABLED_CAPABILITIES = _IDS["lldp.enabled_capabilities"]
_MANAGEMENT_IP = _IDS["lldp.management_ip"]
_MANAGEMENT_MAC = _IDS["lldp.management_mac"]
_ORGANISATION = _IDS["lldp.organisation"]
_HARDWARE = _IDS["lldp.hardware"]


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """An LLDPDU fills its frame, save for padding."""
    return np.int64(available if available >= 2 else UNFRAMED)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets behind the EtherType are an LLDPDU: a chassis identifier comes first."""
    if length < 3:
        return np.int64(NEED_MORE)
    header = be16(data, at)
    good = header >> 9 == CHASSIS_ID and header & 0x1FF >= 2 and 1 <= u8(data, at + 2) <= 7
    return np.int64(IS_EITHER if good else NOT_IT)


@kernel
def _add_identifier(data: Bytes, at: Int, octets: Int, mac: Int, out: Out, message: Int) -> bool:
    """A chassis or port identifier: its kind, then a MAC address, a network address, or text.

    `mac` is the field of the MAC address; those of network address and text follow it. Whether the
    octets fit the kind.
    """
    if octets < 2:
        return False
    kind = u8(data, at)
    add_integer(out, message, mac - 1, kind)
    address = 4 if mac == _CHASSIS_MAC else 3
    if kind == address:
        if octets == 7:
            add_bytes(out, message, mac, at + 1, 6)
        return octets == 7
    if kind == address + 1:
        family = u8(data, at + 1)
        if (family == IPV4_FAMILY and octets == 6) or (family == IPV6_FAMILY and octets == 18):
            add_bytes(out, message, mac + 1, at + 2, octets - 2)
            return True
        return family != IPV4_FAMILY and family != IPV6_FAMILY
    add_text(out, message, mac + 2, at + 1, octets - 1)
    return 1 <= kind <= 7


@kernel
def _add_organisation(data: Bytes, at: Int, octets: Int, out: Out, message: Int) -> bool:
    """An organisation's TLV (8.6): OUI, subtype, content."""
    if octets < 4:
        return False
    oui, kind = be24(data, at), u8(data, at + 3)
    add_integer(out, message, _ORGANISATION, oui << 8 | kind)
    if oui == PROFINET and kind == PROFINET_CHASSIS_MAC and octets == 10:
        add_bytes(out, message, _CHASSIS_MAC, at + 4, 6)
    elif oui == MED and MED_FIRST_INVENTORY <= kind <= MED_LAST_INVENTORY and octets > 4:
        add_text(out, message, _HARDWARE + kind - MED_FIRST_INVENTORY, at + 4, octets - 4)
    return True


@kernel
def _add_management(data: Bytes, at: Int, octets: Int, out: Out, message: Int) -> bool:
    """A management address (8.5.9): length, family, address, then interface and object identifier."""
    if octets < 2 or u8(data, at) < 1 or octets < 1 + u8(data, at):
        return False
    size, family = u8(data, at) - 1, u8(data, at + 1)
    if (family == IPV4_FAMILY and size == 4) or (family == IPV6_FAMILY and size == 16):
        add_bytes(out, message, _MANAGEMENT_IP, at + 2, size)
    elif family == MAC_FAMILY and size == 6:
        add_bytes(out, message, _MANAGEMENT_MAC, at + 2, size)
    return True


@kernel
def _decode_tlv(data: Bytes, code: Int, at: Int, octets: Int, row: Row, out: Out, message: Int) -> bool:
    """One TLV with `octets` octets of content at `at`; whether they fit it."""
    if code == CHASSIS_ID or code == PORT_ID:
        field = _CHASSIS_MAC if code == CHASSIS_ID else _PORT_KIND + 1
        if code == CHASSIS_ID and octets >= 2 and u8(data, at) == 7 and row["name"] < 0:
            row["name"] = intern(out.strings, data, at + 1, octets - 1)
        return _add_identifier(data, at, octets, field, out, message)
    if code == TIME_TO_LIVE:
        if octets >= 2:
            add_integer(out, message, _TIME_TO_LIVE, be16(data, at))
            row["function"] = SHUTDOWN if be16(data, at) == 0 else ADVERTISEMENT
        return octets >= 2
    if PORT_DESCRIPTION <= code <= SYSTEM_DESCRIPTION:
        if octets > 0:
            add_text(out, message, _PORT_DESCRIPTION + code - PORT_DESCRIPTION, at, octets)
        if code == SYSTEM_NAME and octets > 0:
            row["name"] = intern(out.strings, data, at, octets)
        return True
    if code == CAPABILITIES:
        if octets >= 4:
            add_integer(out, message, _CAPABILITIES, be16(data, at))
            add_integer(out, message, _ENABLED_CAPABILITIES, be16(data, at + 2))
        return octets >= 4
    if code == MANAGEMENT_ADDRESS:
        return _add_management(data, at, octets, out, message)
    if code == ORGANISATION:
        return _add_organisation(data, at, octets, out, message)
    return True


@kernel
def _decode_unit(data: Bytes, at: Int, end: Int, row: Row, out: Out, message: Int) -> bool:
    """The TLVs of an LLDPDU; whether they are well-formed and the mandatory ones come first (8.2)."""
    good = True
    place = 1
    while at + 2 <= end:
        header = be16(data, at)
        code, octets = header >> 9, header & 0x1FF
        at += 2
        if code == END:
            return good and octets == 0 and place > TIME_TO_LIVE
        if at + octets > end:
            return False
        good = good and (place > TIME_TO_LIVE or code == place)
        good = _decode_tlv(data, code, at, octets, row, out, message) and good
        place += 1
        at += octets
    # The end TLV has been optional since the 2016 edition.
    return good and at == end and place > TIME_TO_LIVE


@kernel
def decode(buffers: Buffers, frames: Rows, rows: Ints, cursor: Ints, state: Ints, out: Out) -> None:
    """Decode the frames at `rows` from `cursor[0]` on, until they are done or `out` is full."""
    while cursor[0] < rows.shape[0] and not is_full(out):
        frame = frames[rows[cursor[0]]]
        cursor[0] += 1  # before decoding, so that a fault costs this frame and no other
        begin_pdu(out)
        data = data_of(buffers, frame["buffer"])
        at = np.int64(frame["offset"])
        message = add_message(out, frame, np.int64(Number.LLDP), np.int64(0))
        row = out.messages[message]
        row["direction"] = FROM_CLIENT
        row["kind"] = Kind.EVENT
        row["operation"] = Operation.IDENTIFY
        row["flags"] |= IDENTITY
        if not _decode_unit(data, at, at + frame["length"], row, out, message):
            row["flags"] |= MALFORMED


def new_state() -> Ints:
    """LLDP keeps no state."""
    return np.zeros(1, np.int64)


_SYSTEM = re.compile(
    r"(?P<description>.{25}) (?P<model>.{20}) (?P<serial>.{16}) [ \d]{5} "
    r"(?P<prefix>[VRPUT])(?P<release>[ \d]{9})"
)
"""PROFINET's system identification: device type, order number, serial number, hardware, software."""
_LISTED = re.compile(
    r"Siemens, [^,]+, [^,]+, (?P<model>\d[A-Z]{2}\d[^,]*?) *, HW: *[^,]*, "
    r"FW: *(?P<firmware>V[\d.]+)(?:, (?P<serial>S [^,]+))?"
)
"""What Siemens devices give as system description, the same in LLDP as in SNMP."""
_STATION = re.compile(r"port-\d{3}(?:-\d{5})?\.(.+)")
_FACT_OF_FIELD = {
    "lldp.system_name": "name",
    "lldp.system_description": "description",
    "lldp.firmware": "firmware",
    "lldp.serial": "serial",
    "lldp.manufacturer": "vendor",
    "lldp.model": "model",
}


def facts(record: Record) -> Iterator[Fact]:
    """The device by its management address, else its chassis' MAC address, else the sending port."""
    details = record.details
    mac = details.get("lldp.chassis_mac") or next(iter(details.get("lldp.management_mac", ())), "")
    addresses = [*details.get("lldp.management_ip", ()), details.get("lldp.chassis_ip", "")]
    addresses = [item for item in addresses if item and _is_address(item) and is_host(item)]
    subject = addresses[0] if addresses else mac or None
    if mac and is_unicast(mac):
        yield record.fact("mac", mac)  # frames leave from a port, whose own address may be another
    for address in addresses:
        if mac and is_unicast(mac):
            yield record.fact("mac", mac, address)
        else:
            yield record.fact("ip", address)
    for field, fact in _FACT_OF_FIELD.items():
        if str(details.get(field, "")).strip():
            yield record.fact(fact, details[field], subject)
    for field in ("lldp.chassis_id", "lldp.system_description"):
        for fact, value in _identification(str(details.get(field, ""))):
            yield record.fact(fact, value, subject)
    name = record.name.strip("\0 ")
    if _SYSTEM.fullmatch(str(details.get("lldp.chassis_id", ""))):
        station = _STATION.fullmatch(str(details.get("lldp.port_id", "")))
        name = station[1] if station else ""
    if name and "lldp.system_name" not in details:
        yield record.fact("name", name, subject, 0.8)
    for bit, name in CAPABILITY_BITS.items():
        if details.get("lldp.enabled_capabilities", 0) >> bit & 1:
            yield record.fact("capability", name, subject)


def _identification(text: str) -> Iterator[tuple[str, str]]:
    """What a device says that it is, where it says so in a form that is known."""
    found = _SYSTEM.fullmatch(text) or _LISTED.match(text)
    if not found:
        return
    parts = {name: (value or "").strip() for name, value in found.groupdict().items()}
    release = parts.pop("release", "")
    prefix = parts.pop("prefix", "")
    if release:
        parts["firmware"] = prefix + ".".join(release.split())
    yield from ((name, value) for name, value in parts.items() if value)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


PROTOCOL = Protocol(
    Number.LLDP,
    "lldp",
    "Link Layer Discovery Protocol",
    FIELDS,
    FUNCTIONS,
    ot=False,
    facts=facts,
)
