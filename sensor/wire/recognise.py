"""Which protocol a conversation speaks, by its octets; the one place that names every framing.

Numba compiles calls, not tables of functions, hence the chains: a protocol adds one line to each.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.protocols import iec104, modbus
from sensor.protocols.protocol import NEED_MORE, NOT_IT, UNFRAMED, Number
from sensor.types import Bytes, Int

VERDICTS = 8
"""`identify` answers protocol * VERDICTS + verdict."""

_MODBUS = int(Number.MODBUS)
_IEC104 = int(Number.IEC104)


@kernel
def recognise_as(protocol: Int, data: Bytes, at: Int, length: Int, client_port: Int, server_port: Int) -> Int:
    """The verdict of one protocol's `recognise`; ports in either order."""
    if protocol == _MODBUS:
        return modbus.recognise(data, at, length, client_port == 502 or server_port == 502)
    if protocol == _IEC104:
        return iec104.recognise(data, at, length, client_port == 2404 or server_port == 2404)
    return np.int64(NOT_IT)


@kernel
def identify(data: Bytes, at: Int, length: Int, one_port: Int, other_port: Int, transport: Int) -> Int:
    """protocol * VERDICTS + verdict of the first protocol that knows the octets.

    NEED_MORE where one might with more octets, NOT_IT where none does.
    """
    more = False
    candidates = TCP_PROTOCOLS if transport == 6 else UDP_PROTOCOLS
    for protocol in candidates:
        verdict = recognise_as(np.int64(protocol), data, at, length, one_port, other_port)
        if verdict > 0:
            return protocol * VERDICTS + verdict
        more |= verdict == NEED_MORE
    return np.int64(NEED_MORE if more else NOT_IT)


@kernel
def frame_length(protocol: Int, data: Bytes, at: Int, available: Int) -> Int:
    """The length of the PDU at `at`; 0 where more octets are needed to tell; UNFRAMED."""
    if protocol == _MODBUS:
        return modbus.frame_length(data, at, available)
    if protocol == _IEC104:
        return iec104.frame_length(data, at, available)
    return np.int64(UNFRAMED)


TCP_PROTOCOLS = np.array([_MODBUS, _IEC104])
UDP_PROTOCOLS = np.array([_MODBUS])
OT_PORTS = (502, 102, 44818, 2222, 20000, 2404)


@kernel
def is_ot_port(port: Int) -> bool:
    """Whether one of the protocols that kernels decode is at home on this port."""
    return port in OT_PORTS
