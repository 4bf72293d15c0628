"""What a protocol module has to offer, and the numbers by which kernels know protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

import numpy as np


class Number(IntEnum):
    """Protocol numbers in the `protocol` columns. Add, never renumber: field ids derive from them."""

    UNKNOWN = 0
    TCP = 1
    UDP = 2
    ICMP = 3
    ARP = 4
    DHCP = 5
    LLDP = 6
    DNS = 7
    MDNS = 8
    NBNS = 9
    NTP = 10
    MODBUS = 16
    COTP = 17
    S7COMM = 18
    S7COMM_PLUS = 19
    ENIP = 20
    CIP = 21
    CIP_IO = 22
    PCCC = 23
    DNP3 = 24
    IEC104 = 25


# What `recognise` kernels answer.
NOT_IT = -1
"""These octets cannot be this protocol."""
NEED_MORE = 0
"""Nothing contradicts it yet, but there are too few octets to say."""
IS_REQUEST = 1
"""It is, and the sender is the client."""
IS_RESPONSE = 2
"""It is, and the sender is the server."""
IS_EITHER = 3
"""It is; the octets do not tell who is the client."""

# What `frame_length` kernels answer besides a length.
UNFRAMED = -1
"""No PDU of this protocol starts here."""


@dataclass(frozen=True, slots=True)
class Field:
    """One protocol-specific field of a message, as documents and rules name it.

    `values` gives names to codes: a document then has `<name>` as the name and `<name>_code`.
    """

    name: str
    type: Literal["integer", "real", "text", "bytes", "boolean", "hex", "ip", "mac"]
    doc: str
    repeats: bool = False
    values: Mapping[int, str] | None = None
    volatile: bool = False
    """Changes from PDU to PDU (a transaction number): not part of what a PDU says of a device."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a packet says about an asset.

    `subject` is an endpoint id where the fact is about one end of the conversation, else an
    address in text ("10.0.0.1", "00:1b:1b:aa:bb:cc"). `field` is an `asset.*` field: name, vendor,
    model, firmware, serial, mac, ip, service, role, type …; `confidence` is 0 to 1, and of two
    contradicting facts the surer one stands.
    """

    subject: int | str
    field: str
    value: str
    protocol: str
    frame: int
    time_ns: int
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class Record:
    """One message row for the Python side: the row, its name as text, and its details by field name.

    Only made for novel identity messages and for output, never for every packet.
    """

    message: Any
    name: str
    details: Mapping[str, Any]

    @property
    def sender(self) -> int:
        """Endpoint id of the side that sent the frame."""
        return int(self.message["server"] if self.message["direction"] else self.message["client"])

    def fact(
        self, field: str, value: object, subject: int | str | None = None, confidence: float = 0.9
    ) -> Fact:
        """A fact that this message proves, about its sender unless `subject` says otherwise."""
        return Fact(
            self.sender if subject is None else subject,
            field,
            str(value).strip(),
            NAMES[int(self.message["protocol"])],
            int(self.message["packet"]),
            int(self.message["time_ns"]),
            confidence,
        )


def no_facts(record: Record) -> Iterator[Fact]:
    """For protocols that say nothing about identity."""
    return iter(())


def plain_object(record: Record) -> str:
    """For protocols whose objects need no text of their own."""
    return record.name


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol's names and its Python side. Its kernels are found by the pipeline by module.

    - `functions`: (function, subfunction or -1) to the specification's name; the pair is looked up
      first, then (function, -1).
    - `spaces`: the object spaces, as they stand in `ics.space`.
    - `statuses`: status codes other than 0 to names.
    - `describe`: the text of `ics.object` for a row.
    - `facts`: what an IDENTITY row says of assets.
    """

    number: Number
    name: str
    title: str
    fields: tuple[Field, ...] = ()
    functions: Mapping[tuple[int, int], str] = field(default_factory=dict)
    spaces: Mapping[int, str] = field(default_factory=dict)
    statuses: Mapping[int, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    ot: bool = True
    describe: Callable[[Record], str] = plain_object
    facts: Callable[[Record], Iterator[Fact]] = no_facts

    def field_id(self, name: str) -> int:
        """The number that kernels write for the field of this name."""
        for index, candidate in enumerate(self.fields):
            if candidate.name == name:
                return int(self.number) * 256 + index
        raise KeyError(f"{self.name} has no field {name!r}")

    def function_name(self, function: int, subfunction: int = -1) -> str:
        """The specification's name of a function, or its number as text."""
        name = self.functions.get((function, subfunction)) or self.functions.get((function, -1))
        return name or (f"Function {function}" if function >= 0 else "")


def field_ids(number: Number, fields: tuple[Field, ...]) -> dict[str, Any]:
    """Field name to the number that kernels write.

    As numpy.int64: for a plain int Numba would compile what takes it once for each value.
    """
    return {item.name: np.int64(int(number) * 256 + index) for index, item in enumerate(fields)}


NAMES: dict[int, str] = {number: number.name.lower().replace("_", "-") for number in Number}
"""Protocol number to the name in `network.protocol`."""
