"""IEC 60870-5-104: telecontrol between a controlling station (client) and controlled stations.

Specification: IEC 60870-5-104:2006 (APCI, U, S and I frames) and IEC 60870-5-101:2003 (ASDUs).
Every standard type is decoded; of the security types (5-7) and of private ones the envelope and the
octets. Field sizes are those that -104 fixes: cause 2, common address 2, object address 3.

Of a message row: `function` is the type identification (S and U frames: 256 and above), `subfunction`
the cause of transmission, `unit` the common address. Each information object is a row; with SQ=1 all
elements are one row, whose value is that of the element at `address`. Values: points, commands
and qualifiers as on the wire (double point: 1 off, 2 on), normalised values as -1 to 1.
"""

from __future__ import annotations

import numpy as np

from sensor.protocols.iec104.apci import frame_length, recognise
from sensor.protocols.iec104.asdu import decode
from sensor.protocols.iec104.tables import FIELDS, FUNCTIONS, SPACES, STATUSES
from sensor.protocols.protocol import Number, Protocol, Record
from sensor.types import Ints

PORTS = (2404,)


def new_state() -> Ints:
    """IEC 104 keeps no state of its own between PDUs: pairing is in `Out`."""
    return np.zeros(1, np.int64)


def describe(record: Record) -> str:
    """`single_command 4001`, `float_value 700-709`, `station`."""
    row = record.message
    space = SPACES.get(int(row["space"]), "object")
    address, count = int(row["address"]), int(row["count"])
    if address < 0:
        return ""
    if space == "station":
        return space
    return f"{space} {address}" if count <= 1 else f"{space} {address}-{address + count - 1}"


PROTOCOL = Protocol(
    Number.IEC104,
    "iec104",
    "IEC 60870-5-104",
    FIELDS,
    FUNCTIONS,
    SPACES,
    STATUSES,
    PORTS,
    describe=describe,
)

__all__ = ["FIELDS", "PROTOCOL", "decode", "describe", "frame_length", "new_state", "recognise"]
