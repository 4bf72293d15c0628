"""Every protocol, in one place: adding one adds a line here."""

from __future__ import annotations

from types import ModuleType

from sensor.protocols import arp, dhcp, dnp3, enip, icmp, iec104, lldp, modbus, ntp, s7comm, transport
from sensor.protocols.names import dns, mdns, nbns
from sensor.protocols.protocol import Field, Protocol

MODULES = (transport, arp, icmp, lldp, dhcp, dns, mdns, nbns, ntp, modbus, s7comm, enip, dnp3, iec104)
"""Modules that have a decode kernel, in the order in which streams are tried against them."""

PROTOCOLS: dict[int, Protocol] = {
    protocol.number: protocol
    for module in MODULES
    for protocol in getattr(module, "PROTOCOLS", None) or (module.PROTOCOL,)
}


def field_of(field_id: int) -> Field:
    """The field that kernels write under this number."""
    return PROTOCOLS[field_id >> 8].fields[field_id & 0xFF]


_DECODERS: dict[int, ModuleType] = {
    protocol.number: module
    for module in MODULES
    for protocol in getattr(module, "PROTOCOLS", None) or (module.PROTOCOL,)
}


def decoder_of(protocol: int) -> ModuleType | None:
    """The module whose `decode` kernel takes frames of a stream of this protocol."""
    return _DECODERS.get(protocol)
