"""Which protocol a conversation speaks, by its octets; the one place that names every framing.

Numba compiles calls, not tables of functions, hence the chains: a protocol adds a line to each.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.protocols import dhcp, dnp3, enip, iec104, modbus, ntp, s7comm
from sensor.protocols.names import dns, mdns, nbns
from sensor.protocols.protocol import NEED_MORE, NOT_IT, UNFRAMED, Number
from sensor.types import Bytes, Int

VERDICTS = 8
"""`identify` answers protocol * VERDICTS + verdict."""

TCP_PROTOCOLS = np.array([Number.MODBUS, Number.COTP, Number.ENIP, Number.DNP3, Number.IEC104], np.int64)
UDP_PROTOCOLS = np.array(
    [
        Number.ENIP,
        Number.DNP3,
        Number.MODBUS,
        Number.DNS,
        Number.MDNS,
        Number.NBNS,
        Number.NTP,
        Number.DHCP,
    ],
    np.int64,
)
"""In the order in which an unknown conversation is tried."""

OT_PORTS = (*modbus.PORTS, *s7comm.PORTS, *enip.PORTS, *dnp3.PORTS, *iec104.PORTS)

_MODBUS, _COTP, _ENIP, _DNP3, _IEC104, _DNS, _MDNS, _NBNS, _NTP, _DHCP = (
    int(Number.MODBUS),
    int(Number.COTP),
    int(Number.ENIP),
    int(Number.DNP3),
    int(Number.IEC104),
    int(Number.DNS),
    int(Number.MDNS),
    int(Number.NBNS),
    int(Number.NTP),
    int(Number.DHCP),
)


@kernel
def recognise_as(protocol: Int, data: Bytes, at: Int, length: Int, one: Int, other: Int) -> Int:
    """The verdict of one protocol's `recognise`; `one` and `other` are the ports."""
    if protocol == _MODBUS:
        return modbus.recognise(data, at, length, one == 502 or other == 502)
    if protocol == _COTP:
        return s7comm.recognise(data, at, length, one == 102 or other == 102)
    if protocol == _ENIP:
        return enip.recognise(data, at, length, one in (44818, 2222) or other in (44818, 2222))
    if protocol == _DNP3:
        return dnp3.recognise(data, at, length, one == 20000 or other == 20000)
    if protocol == _IEC104:
        return iec104.recognise(data, at, length, one == 2404 or other == 2404)
    if protocol == _DNS:
        return dns.recognise(data, at, length, one == 53 or other == 53)
    if protocol == _MDNS:
        return mdns.recognise(data, at, length, one == 5353 or other == 5353)
    if protocol == _NBNS:
        return nbns.recognise(data, at, length, one == 137 or other == 137)
    if protocol == _NTP:
        return ntp.recognise(data, at, length, one == 123 or other == 123)
    if protocol == _DHCP:
        return dhcp.recognise(data, at, length, one in (67, 68) or other in (67, 68))
    return np.int64(NOT_IT)


@kernel
def identify(data: Bytes, at: Int, length: Int, one: Int, other: Int, transport: Int) -> Int:
    """protocol * VERDICTS + verdict of the first protocol that knows the octets.

    NEED_MORE where one might with more octets, NOT_IT where none does.
    """
    more = False
    candidates = TCP_PROTOCOLS if transport == 6 else UDP_PROTOCOLS
    for protocol in candidates:
        verdict = recognise_as(protocol, data, at, length, one, other)
        if verdict > 0:
            return protocol * VERDICTS + verdict
        more |= verdict == NEED_MORE
    return np.int64(NEED_MORE if more else NOT_IT)


@kernel
def frame_length(protocol: Int, data: Bytes, at: Int, available: Int) -> Int:
    """The length of the PDU at `at`; 0 where more octets are needed to tell; UNFRAMED."""
    if protocol == _MODBUS:
        return modbus.frame_length(data, at, available)
    if protocol == _COTP:
        return s7comm.frame_length(data, at, available)
    if protocol == _ENIP:
        return enip.frame_length(data, at, available)
    if protocol == _DNP3:
        return dnp3.frame_length(data, at, available)
    if protocol == _IEC104:
        return iec104.frame_length(data, at, available)
    if protocol in (_DNS, _MDNS, _NBNS, _NTP, _DHCP):
        return np.int64(available)  # a datagram is one message
    return np.int64(UNFRAMED)


@kernel
def is_ot_port(port: Int) -> bool:
    """Whether one of the OT protocols that kernels decode is at home on this port."""
    return port in OT_PORTS
