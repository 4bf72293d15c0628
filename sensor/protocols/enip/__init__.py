"""EtherNet/IP: encapsulation, CIP explicit messages, PCCC within them, and implicit I/O.

Specifications: The CIP Networks Library volume 1 (CIP) and volume 2 (EtherNet/IP); 1756-PM020 (tags
of Logix controllers); 1770-6.5.16 (PCCC). One decoder takes TCP and UDP 44818 and UDP 2222, since
Forward Open on the one says what the packets on the other carry. Left out: CIP Safety's and CIP
Motion's own I/O formats, CIP Security's DTLS, the device level ring's frames.

Rows are of the innermost protocol: `enip` for commands that carry no message, `cip` for services,
`pccc` for the commands in Execute PCCC, `cip-io` for I/O. A request in an Unconnected Send has one
row, its own, with `cip.routed`; a Multiple Service Packet has a row for itself and one for each
service in it.

In a CIP row `function` is the service without its reply bit, `subfunction` the class where the
service is the class's own, `space` the class, `unit` the slot of the backplane at the end of the
route, `name` the tag, and `address` instance * 2**16 + attribute, attribute 0 meaning none.
"""

from __future__ import annotations

from sensor.protocols.enip import fields, io, pccc
from sensor.protocols.enip.classes import CLASSES
from sensor.protocols.enip.encapsulation import decode
from sensor.protocols.enip.framing import frame_length, recognise
from sensor.protocols.enip.identity import facts
from sensor.protocols.enip.services import FUNCTIONS
from sensor.protocols.enip.state import LOSSES, new_state
from sensor.protocols.enip.statuses import ENCAPSULATION_STATUSES, GENERAL_STATUSES
from sensor.protocols.protocol import Number, Protocol, Record

__all__ = ("LOSSES", "PORTS", "PROTOCOLS", "decode", "frame_length", "new_state", "recognise")

PORTS = (44818, 2222)


def describe(record: Record) -> str:
    """The tag, or `Identity 1 attribute 7`."""
    if record.name:
        return record.name
    space, address = int(record.message["space"]), int(record.message["address"])
    if space < 0:
        return ""
    text = CLASSES.get(space, f"class 0x{space:X}")
    if address < 0:
        return text
    text = f"{text} {address >> 16}"
    return f"{text} attribute {address & 0xFFFF}" if address & 0xFFFF else text


ENIP = Protocol(
    Number.ENIP,
    "enip",
    "EtherNet/IP encapsulation",
    fields.ENIP_FIELDS,
    {(command, -1): name for command, name in fields.COMMANDS.items()},
    {},
    ENCAPSULATION_STATUSES,
    PORTS[:1],
    facts=facts,
)
CIP = Protocol(
    Number.CIP,
    "cip",
    "Common Industrial Protocol",
    fields.CIP_FIELDS,
    FUNCTIONS,
    CLASSES,
    GENERAL_STATUSES,
    describe=describe,
    facts=facts,
)
PROTOCOLS = (ENIP, CIP, pccc.PROTOCOL, io.PROTOCOL)
