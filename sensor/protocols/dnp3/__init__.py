"""DNP3 over TCP and UDP: link, transport and application layers, objects, files, authentication.

Specification: IEEE 1815-2012. There is one message for each application fragment, at the packet
that completed it, with a row for each object header and for each command. Link frames without user
data are messages of their own, with no function: their subfunction is the link function, with 16
added where PRM is set. User data that cannot be read (a wrong CRC, a fragment without its end) is
such a row as well, flagged MALFORMED, with the operation PROTOCOL_ERROR.

In a row: unit is the outstation's link address, space the object group, subfunction the variation,
status what `fields.STATUSES` names, and the transaction pairs by outstation and sequence number. A
read by a device attribute's index has the attribute set as its address.

Left out: the contents of data sets (groups 85 to 88), which need their descriptors, and of keys and
challenges of secure authentication; the latter's objects are classified.
"""

from __future__ import annotations

from sensor.protocols.dnp3.fields import FIELDS, STATUSES
from sensor.protocols.dnp3.frames import decode
from sensor.protocols.dnp3.functions import FUNCTIONS
from sensor.protocols.dnp3.groups import SPACES
from sensor.protocols.dnp3.identity import describe, facts
from sensor.protocols.dnp3.link import PORTS, frame_length, recognise
from sensor.protocols.dnp3.transport import LOSSES, State, new_state
from sensor.protocols.protocol import Number, Protocol

__all__ = [
    "FIELDS",
    "LOSSES",
    "PORTS",
    "PROTOCOL",
    "State",
    "decode",
    "describe",
    "facts",
    "frame_length",
    "new_state",
    "recognise",
]

PROTOCOL = Protocol(
    Number.DNP3,
    "dnp3",
    "DNP3",
    FIELDS,
    FUNCTIONS,
    SPACES,
    STATUSES,
    PORTS,
    describe=describe,
    facts=facts,
)
