"""What is kept of a learned plant: assets, conversations, and what each conversation does to what.

Five levels, each inside the one above it: asset, conversation, operation, function, object.
Everything is in terms that outlive a run: addresses and names in text, codes of the specification.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rules.baseline.ranges import Ranges
from rules.baseline.values.point import Point, Seen
from sensor.messages import Operation
from sensor.protocols.protocol import NAMES

if TYPE_CHECKING:
    from rules.baseline.decisions import Decision
    from rules.baseline.rhythms.model import Beat, Rhythm

INTERNET = "internet"
"""Stands for every public address outside the site, in conversations of protocols that are not OT."""
DYNAMIC_PORT = 0
"""Stands for a server port that changes from conversation to conversation."""

DANGEROUS = frozenset(
    {
        Operation.PROGRAM_DOWNLOAD,
        Operation.FIRMWARE,
        Operation.START,
        Operation.STOP,
        Operation.RESET,
        Operation.MODE,
    }
)
"""Operations that are not learned unless they are accepted by name: an attacker may be there first."""

TRANSPORTS = {0: "link", 1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}


class Level(IntEnum):
    """How high up something is new; NONE where nothing is."""

    NONE = 0
    ASSET = 1
    CONVERSATION = 2
    OPERATION = 3
    FUNCTION = 4
    OBJECT = 5


class Conversation(NamedTuple):
    """A client that speaks a protocol to a server. Client ports never matter."""

    client: str
    server: str
    protocol: int
    transport: int
    port: int

    @property
    def service(self) -> str:
        """`modbus tcp/502`; without a port `arp link`; `udp/dynamic` where ports change."""
        transport = TRANSPORTS.get(self.transport, str(self.transport))
        if self.transport in (6, 17, 132):
            transport += f"/{self.port or 'dynamic'}"
        return f"{NAMES.get(self.protocol, str(self.protocol))} {transport}"

    def __str__(self) -> str:
        return f"{self.client} -> {self.server} {self.service}"


class Function(NamedTuple):
    """A function and subfunction of the protocol's specification; -1 where there is none."""

    code: int
    sub: int


class Place(NamedTuple):
    """Where objects are: the unit inside the server, the address space, the name; -1 or "" if none."""

    unit: int
    space: int
    name: str


Objects: TypeAlias = dict[Place, Ranges]
Functions: TypeAlias = dict[Function, Objects]
Operations: TypeAlias = dict[int, Functions]


class Withheld(NamedTuple):
    """A dangerous operation that was seen while learning and not learned."""

    conversation: Conversation
    operation: int
    function: Function
    first_ns: int


class Learned(NamedTuple):
    """When and by whom a part of the baseline was learned, times in nanoseconds since 1970."""

    observer: str
    from_ns: int
    until_ns: int
    behaviours: int
    left_out: int
    """Behaviours for which there was no room."""


@dataclass(slots=True)
class Baseline:
    """A learned plant."""

    assets: set[str] = field(default_factory=set)
    conversations: dict[Conversation, Operations] = field(default_factory=dict)
    withheld: dict[tuple[Conversation, int, Function], Withheld] = field(default_factory=dict)
    learned: list[Learned] = field(default_factory=list)
    values: dict[Point, Seen] = field(default_factory=dict)
    rhythms: dict[Beat, Rhythm] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    """By the id of the entry that they are about."""

    def objects(self) -> Iterator[tuple[Conversation, int, Function, Place, Ranges]]:
        """Every object range with the way to it, in the order of the file."""
        for conversation in sorted(self.conversations, key=in_order):
            operations = self.conversations[conversation]
            for operation in sorted(operations):
                for function in sorted(operations[operation]):
                    for place, ranges in sorted(operations[operation][function].items()):
                        yield conversation, operation, function, place, ranges


def address_order(address: str) -> tuple[int, int, str]:
    """Sorts addresses as people do: IPv4 by number, then IPv6, then MAC addresses and words."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return 9, 0, address
    return parsed.version, int(parsed), ""


def in_order(conversation: Conversation) -> tuple[object, ...]:
    """The order of conversations in the file: by client, server, then service."""
    return (
        address_order(conversation.client),
        address_order(conversation.server),
        *conversation[2:],
    )
