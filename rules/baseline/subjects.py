"""How a behaviour is counted: between whom, over which service, and down to which level.

What would make a plant look ever new is folded away here, for learning and lookup alike:

- a client's port never matters, and a server port that changes each time is DYNAMIC_PORT;
- in protocols that are not OT, every public address outside the site is INTERNET;
- where a conversation was picked up in the middle and its protocol is not known, the side with the
  lower port is the server;
- where both ends send datagrams without being asked from one and the same port, nobody is the client: the
  side whose address comes first in the order of text is taken for it, whoever was heard first;
- chatter (ARP, DHCP, LLDP, mDNS, NetBIOS names) shows that an asset is there and nothing else;
- protocols that are not OT are followed down to the conversation, and so are malformed messages;
- who does not ask does not choose what is named: responses count as conversation only, cyclic and
  spontaneous reports down to their operation;
- broadcast and multicast addresses are no assets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.baseline.model import DYNAMIC_PORT, INTERNET, Conversation, Level
from sensor.messages import FAULT, FROM_SERVER, MALFORMED, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.protocols.registry import PROTOCOLS
from sensor.types import Ints, Rows

Mask: TypeAlias = NDArray[np.bool_]

FIRST_DYNAMIC = 32768
"""Operating systems choose client ports from here on (IANA's own range begins at 49152)."""

CHATTER = (Number.ARP, Number.DHCP, Number.LLDP, Number.MDNS, Number.NBNS)
UNASKED = (Operation.REPORT, Operation.ALARM)
"""What the plant says of itself: which points report, and how, is no choice of a client's."""
MUTUAL = (Number.UDP, Number.CIP_IO)
"""Protocols of datagrams in which no message tells who asks."""
NAMELESS = (Operation.SESSION, Operation.TIME, Operation.DIAGNOSE, Operation.PROTOCOL_ERROR)
"""Operations whose objects say nothing about what the client wants."""

HOST, GROUP, PUBLIC, LINK = range(4)


class Directory(NamedTuple):
    """Who endpoint ids are: their addresses in text, and whether an address belongs to the site."""

    addresses: Callable[[Ints], Sequence[str]]
    is_internal: Callable[[str], bool]


class Subjects(NamedTuple):
    """A batch of behaviours as the baseline counts them; arrays have one element for each row."""

    names: list[str]
    """The distinct addresses of the batch."""
    is_host: Mask
    """Of each name: whether it can be an asset."""
    client: Ints
    """Index into `names`; the same for `server` and `sender`."""
    server: Ints
    sender: Ints
    service: Ints
    """Protocol, transport and port in 32 bits."""
    depth: Ints
    """The lowest Level that this row can tell about."""

    def conversation(self, row: int) -> Conversation:
        """Between whom and over what this row speaks."""
        service = int(self.service[row])
        return Conversation(
            self.names[self.client[row]],
            self.names[self.server[row]],
            service >> 24,
            service >> 16 & 0xFF,
            service & 0xFFFF,
        )


def pack_service(conversation: Conversation) -> int:
    """Protocol, transport and port in 32 bits, as in `Subjects.service`."""
    return conversation.protocol << 24 | conversation.transport << 16 | conversation.port


_WHOLE = {"10": HOST, "127": HOST}
_MIXED = frozenset(map(str, (0, 100, 169, 172, 192, 198, 203, *range(224, 256))))


def kind_of(address: str) -> int:
    """HOST, GROUP (broadcast, multicast, nobody), PUBLIC, or LINK for a MAC address."""
    first, dot, _ = address.partition(".")
    # Floods bring many IPv4 addresses; of most /8 networks every address is of one kind.
    if dot and first not in _MIXED and ":" not in first:
        return _WHOLE.get(first, PUBLIC)
    return _kind_of(address)


@lru_cache(maxsize=1 << 16)
def _kind_of(address: str) -> int:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        # IEEE 802: the lowest bit of the first octet marks a group address.
        try:
            return GROUP if int(address[:2], 16) & 1 else LINK
        except ValueError:  # nobody: the table of endpoints was full
            return GROUP
    if parsed.is_multicast or parsed.is_unspecified or str(parsed) == "255.255.255.255":
        return GROUP
    return PUBLIC if parsed.is_global else HOST


def _is_ot() -> Mask:
    known = np.arange(256) >= Number.MODBUS
    for number, protocol in PROTOCOLS.items():
        known[number] = protocol.ot
    return known


_DEPTHS = np.full(256, Level.OBJECT, np.int64)
_DEPTHS[list(NAMELESS)] = Level.FUNCTION
_DEPTHS[list(UNASKED)] = Level.OPERATION


def subjects_of(rows: Rows, directory: Directory) -> Subjects:
    """The subjects of these BEHAVIOUR rows."""
    protocol = rows["protocol"].astype(np.int64) & 0xFF
    ot = _is_ot()[protocol]
    swapped = ~ot & (rows["server_port"] >= FIRST_DYNAMIC)
    swapped &= (rows["client_port"] > 0) & (rows["client_port"] < FIRST_DYNAMIC)
    swapped &= rows["client_port"] != rows["server_port"]
    client = np.where(swapped, rows["server"], rows["client"])
    server = np.where(swapped, rows["client"], rows["server"])
    port = np.where(swapped, rows["client_port"], rows["server_port"]).astype(np.int64)
    port[~ot & (port >= FIRST_DYNAMIC)] = DYNAMIC_PORT
    transport = rows["transport"].astype(np.int64) & 0xFF

    sender = np.where(rows["direction"] == FROM_SERVER, rows["server"], rows["client"])
    ids, places = np.unique(np.concatenate([client, server, sender]), return_inverse=True)
    client, server, sender = places.reshape(3, -1)
    addresses = list(directory.addresses(ids))
    mutual = np.isin(protocol, MUTUAL) & (rows["client_port"] == rows["server_port"])
    if mutual.any():
        order = np.argsort(np.argsort(np.array(addresses)))
        mutual &= order[client] > order[server]
        client, server = np.where(mutual, server, client), np.where(mutual, client, server)
    kinds = np.array([kind_of(address) for address in addresses], np.int64)
    outside = kinds == PUBLIC
    outside[outside] = [not directory.is_internal(addresses[place]) for place in np.flatnonzero(outside)]
    internet = len(addresses)
    client = np.where(~ot & outside[client], internet, client)
    server = np.where(~ot & outside[server], internet, server)
    # Hosts of the Internet come and go; only one that speaks OT is worth a name.
    sender = np.where(~ot & outside[sender], internet, sender)

    depth = _DEPTHS[rows["operation"].astype(np.int64) & 0xFF]
    depth[rows["kind"] == Kind.RESPONSE] = Level.CONVERSATION
    depth[~ot | (rows["flags"] & (MALFORMED | FAULT) != 0)] = Level.CONVERSATION
    depth[np.isin(protocol, CHATTER)] = Level.ASSET
    # ARP names every host twice, by MAC and by IP address: the latter is the asset.
    depth[(protocol == Number.ARP) & (np.append(kinds, HOST)[sender] == LINK)] = Level.NONE
    return Subjects(
        [*addresses, INTERNET],
        np.append(kinds != GROUP, False),
        client,
        server,
        sender,
        protocol << 24 | transport << 16 | (port & 0xFFFF),
        depth,
    )
