"""What each endpoint was seen to do, gathered from behaviours: the ground on which roles stand."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sensor.messages import Kind, Operation
from sensor.protocols import transport
from sensor.protocols.protocol import Number
from sensor.protocols.registry import PROTOCOLS
from sensor.types import Ints, Rows

ENGINEERING = frozenset(
    {
        Operation.PROGRAM_DOWNLOAD,
        Operation.PROGRAM_UPLOAD,
        Operation.FIRMWARE,
        Operation.START,
        Operation.STOP,
        Operation.MODE,
        Operation.BROWSE,
    }
)
"""Operations that people at engineering workstations do, and HMIs do not."""


@dataclass(slots=True)
class Activity:
    """One endpoint: which OT protocols it serves and to whom, which it asks and how, its services.

    Each `Counter` value is the number of the first frame that showed it.
    """

    serves: dict[int, int] = field(default_factory=dict)
    """Protocol number to the first frame in which this endpoint answered or was commanded."""
    asks: dict[int, int] = field(default_factory=dict)
    servers: set[int] = field(default_factory=set)
    """Endpoints that it asks."""
    clients: set[int] = field(default_factory=set)
    asked: dict[int, int] = field(default_factory=dict)
    """Operation that it requested to the first frame."""
    asked_messages: Counter[int] = field(default_factory=Counter)
    units: set[tuple[int, int]] = field(default_factory=set)
    """(protocol, unit) that were asked of it."""
    services: dict[tuple[str, int], int] = field(default_factory=dict)
    """(transport, port) that it serves to the first frame."""
    service_protocols: dict[tuple[str, int], str] = field(default_factory=dict)
    it_peers: set[int] = field(default_factory=set)
    it_asked: dict[int, int] = field(default_factory=dict)
    """Port of other protocols that it called to the first frame."""
    protocols: dict[str, int] = field(default_factory=dict)
    first_slot: int = -1
    """The slot of time in which it first asked an OT server; -1 if it never did."""
    last_slot: int = -1
    last_look: int = -1
    slots: int = 0
    """In how many slots it asked."""
    looks: int = 0
    """In how many of them it asked what it talks to."""
    first_act: int = -1
    """The slot in which it first wrote or operated something; -1 if it never did."""
    last_act: int = -1
    acts: int = 0
    """In how many slots it wrote or operated something."""

    def go_online(self, slot: int) -> bool:
        """It asks OT servers in this slot; whether it does so for the first time."""
        begins = self.first_slot < 0
        if begins:
            self.first_slot = slot
        if slot != self.last_slot:
            self.last_slot = slot
            self.slots += 1
        return begins

    def look(self, slot: int) -> None:
        """It asks in this slot what it talks to."""
        if slot != self.last_look:
            self.last_look = slot
            self.looks += 1

    def act(self, slot: int) -> None:
        """It writes or operates something in this slot."""
        if slot != self.last_act:
            self.first_act = slot if self.first_act < 0 else self.first_act
            self.last_act = slot
            self.acts += 1


FIRST_DYNAMIC = 32768
SLOT_NS = 5_000_000_000
"""How finely it is told when a client asks."""
FIRST_DUE = 24
"""Slots after which a client is looked at again: two minutes tell polling from a session."""
LOOKING = (Operation.IDENTIFY, Operation.BROWSE, Operation.DIAGNOSE, Operation.AUTHENTICATE)
"""What one asks who goes online with a device."""
_IS_LOOKING = np.isin(np.arange(256), LOOKING)
_IS_ACTING = np.isin(np.arange(256), (Operation.WRITE, Operation.OPERATE))
CARRIERS = frozenset({Number.COTP})
"""What industrial protocols and remote desktops alike are carried in: it makes nobody a controller."""
MOST_PEERS = 4096
MANY = 256
"""From so many behaviours at once it pays to put those together that differ in their objects only."""
MOST_SERVICES = 1024
"""Ports of one endpoint: one that answers on more is asked by a port scanner, or is a trap for them."""


class Service(NamedTuple):
    """A port that an endpoint was seen to serve for the first time, and the frame that shows it."""

    endpoint: int
    transport: str
    port: int
    protocol: int
    frame: int
    time_ns: int


class Activities:
    """Activity by endpoint id, fed with the behaviours that are new."""

    def __init__(self) -> None:
        self.of: defaultdict[int, Activity] = defaultdict(Activity)
        self.slot = 0
        """The latest slot of time."""
        self._services: list[Service] = []
        self._due: list[tuple[int, int]] = []

    def ask(self, clients: Ints, operations: Ints, now_ns: int) -> None:
        """These endpoints asked OT servers for these operations until now (nanoseconds since 1970)."""
        self.slot = max(self.slot, now_ns // SLOT_NS)
        for client in sorted(set(clients.tolist())):
            if self.of[client].go_online(self.slot):
                heapq.heappush(self._due, (self.slot + FIRST_DUE, client))
        codes = operations.astype(np.int64) & 0xFF
        for client in set(clients[_IS_LOOKING[codes]].tolist()):
            self.of[client].look(self.slot)
        for client in set(clients[_IS_ACTING[codes]].tolist()):
            self.of[client].act(self.slot)

    def due(self) -> list[int]:
        """Clients about which the passing of time may tell more: after two minutes of asking now and then or
        all the time, and whenever twice as long has passed since they began."""
        found = []
        while self._due and self._due[0][0] <= self.slot:
            _, endpoint = heapq.heappop(self._due)
            found.append(endpoint)
            age = max(FIRST_DUE, self.slot - self.of[endpoint].first_slot)
            heapq.heappush(self._due, (self.slot + age, endpoint))
        return found

    def take_services(self) -> list[Service]:
        """The services that are new since the last call."""
        services, self._services = self._services, []
        return services

    def add(self, rows: Rows) -> set[int]:
        """Take in new behaviours (BEHAVIOUR rows); the endpoints that they are about."""
        touched: set[int] = set()
        first, messages = _alike(rows) if len(rows) > MANY else (np.arange(len(rows)), rows["messages"])
        chosen = rows[first]
        frames, times = chosen["frames"][:, 0].tolist(), chosen["first_ns"].tolist()
        columns = chosen[list(_ACTS)].tolist()
        for frame, row, count, time_ns in zip(frames, columns, messages.tolist(), times, strict=True):
            self._add(frame, *(*row, count, time_ns))
            touched.update(row[:2])
        touched.discard(0)
        return touched

    def _add(
        self,
        frame: int,
        client: int,
        server: int,
        port: int,
        number: int,
        ip_protocol: int,
        kind: int,
        operation: int,
        function: int,
        unit: int,
        messages: int,
        time_ns: int,
    ) -> None:
        if number in (Number.TCP, Number.UDP):
            # Of a flood of calls that nobody answers nothing is kept.
            if function in (transport.ACCEPTED, transport.DATAGRAMS_ANSWERED):
                self._connect(client, server, port, number, frame, time_ns)
            return
        asking, serving = self.of[client], self.of[server]
        protocol = PROTOCOLS[number]
        asking.protocols.setdefault(protocol.name, frame)
        if not protocol.ot or number in CARRIERS:
            return
        if kind == Kind.REQUEST:
            asking.asks.setdefault(number, frame)
            asking.asked.setdefault(operation, frame)
            asking.asked_messages[operation] += messages
            if len(asking.servers) < MOST_PEERS:
                asking.servers.add(server)
            if unit >= 0 and len(serving.units) < MOST_PEERS:
                serving.units.add((number, unit))
        else:
            serving.serves.setdefault(number, frame)
            serving.protocols.setdefault(protocol.name, frame)
            if len(serving.clients) < MOST_PEERS:
                serving.clients.add(client)
            if ip_protocol in (6, 17):
                key = ("tcp" if ip_protocol == 6 else "udp", port)
                self._serve(serving, Service(server, *key, number, frame, time_ns))
                serving.service_protocols[key] = protocol.name

    def _connect(self, client: int, server: int, port: int, number: int, frame: int, time_ns: int) -> None:
        serving = self.of[server]
        transport_name = "tcp" if number == Number.TCP else "udp"
        self._serve(serving, Service(server, transport_name, port, number, frame, time_ns))
        asked = self.of[client].it_asked
        if port < FIRST_DYNAMIC and len(asked) < MOST_PEERS:
            asked.setdefault(port, frame)
        for mine, other in ((self.of[client], server), (serving, client)):
            if len(mine.it_peers) < MOST_PEERS:
                mine.it_peers.add(other)

    def _serve(self, serving: Activity, service: Service) -> None:
        key = (service.transport, service.port)
        if key not in serving.services and len(serving.services) < MOST_SERVICES:
            serving.services[key] = service.frame
            self._services.append(service)


_ACTS = (
    "client", "server", "server_port", "protocol", "transport", "kind", "operation", "function", "unit",
)  # fmt: skip


def _alike(rows: Rows) -> tuple[Ints, Ints]:
    """Behaviours that differ in their objects only: where each kind stands first, and its messages."""
    mixed = np.zeros(len(rows), np.uint64)
    for name in _ACTS:
        mixed = (mixed ^ rows[name].astype(np.int64).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    _, first, kinds = np.unique(mixed, return_index=True, return_inverse=True)
    messages = np.zeros(len(first), np.int64)
    np.add.at(messages, kinds.reshape(-1), rows["messages"])
    order = np.argsort(first)
    return first[order], messages[order]


def is_group(high: int, low: int) -> bool:
    """Whether an address is multicast, broadcast or unspecified: nobody's own."""
    from sensor.wire.packet import MAC_SPACE

    if high == MAC_SPACE:
        return low < 0 or bool(low >> 40 & 1) or low == 0
    value = (high & 0xFFFFFFFFFFFFFFFF) << 64 | low & 0xFFFFFFFFFFFFFFFF
    if value >> 32 == 0xFFFF:
        first = value >> 24 & 0xFF
        return first >= 224 or first == 0 or value & 0xFFFFFFFF == 0xFFFFFFFF
    return value >> 120 == 0xFF or value == 0
