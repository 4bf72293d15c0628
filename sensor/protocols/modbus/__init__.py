"""Modbus/TCP: requests, responses, exceptions, device identification.

Specification: MODBUS Application Protocol V1.1b3 (functions, exceptions), MODBUS Messaging on
TCP/IP Implementation Guide V1.0b (MBAP header). Every public function is decoded; function 90
(Schneider's UMAS) is classified by its own codes, other private functions as such; their octets are
kept. Left out: CANopen general reference (MEI 13) beyond its type, and Modbus/TCP Security, which is
TLS.

Where things are: `framing` the header and what fits a function, `decoding` the ADU, `requests` and
`responses` the PDUs, `values` registers and bits, `umas` the functions behind function 90, `functions`
and `fields` the tables.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensor.protocols.modbus.decoding import decode
from sensor.protocols.modbus.fields import FIELDS
from sensor.protocols.modbus.framing import frame_length, recognise
from sensor.protocols.modbus.functions import EXCEPTIONS, FILE_RECORD, FUNCTIONS, SPACES
from sensor.protocols.protocol import Fact, Number, Protocol, Record
from sensor.types import Ints

PORTS = (502,)


def new_state() -> Ints:
    """Modbus keeps no state of its own between PDUs: pairing is in `Out`."""
    return np.zeros(1, np.int64)


def describe(record: Record) -> str:
    """`holding_register 100-109`, `file 4 record 7`, or the device identification object."""
    row = record.message
    space = SPACES.get(int(row["space"]), "")
    address, count = int(row["address"]), int(row["count"])
    if address < 0:
        return space
    if row["space"] == FILE_RECORD:
        return f"file {address >> 16} record {address & 0xFFFF}"
    return f"{space} {address}" if count <= 1 else f"{space} {address}-{address + count - 1}"


_FACT_OF_OBJECT = {0: "vendor", 1: "model", 2: "firmware", 4: "product", 5: "model"}


def facts(record: Record) -> Iterator[Fact]:
    """Vendor, model and firmware from Read Device Identification (6.21, table of object ids)."""
    identifiers = record.details.get("modbus.object_id", [])
    for identifier, value in zip(identifiers, record.details.get("modbus.object_value", []), strict=False):
        if identifier in _FACT_OF_OBJECT and value.strip():
            # A product code is only the model where there is no model name.
            yield record.fact(_FACT_OF_OBJECT[identifier], value, confidence=0.8 if identifier == 1 else 0.95)


PROTOCOL = Protocol(
    Number.MODBUS,
    "modbus",
    "Modbus/TCP",
    FIELDS,
    FUNCTIONS,
    SPACES,
    EXCEPTIONS,
    PORTS,
    describe=describe,
    facts=facts,
)

__all__ = ["FIELDS", "PORTS", "PROTOCOL", "decode", "frame_length", "new_state", "recognise"]
