"""The assets: endpoints joined into machines, with what is claimed of each and the frame that proves it.

An asset is one machine (see `sensor.assets.joining`). Of two facts about the same field the surer one
stands, of two equally sure ones the later; a change of a standing fact is reported, and so are new
machines, new services, roles that change, and addresses that two machines claim in turn.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sensor.activity import Activities, Service
from sensor.assets.alternation import Alternation, Alternations
from sensor.assets.changes import Change, Claimants, Dispute
from sensor.assets.joining import Joining
from sensor.assets.machine import Machine, is_mac
from sensor.assets.takeover import Takeover, Takeovers
from sensor.protocols.protocol import NAMES, Fact
from sensor.types import Ints, Rows
from sensor.wire.endpoints import ENTRIES, Endpoints, address_text, mac_text
from sensor.wire.packet import MAC_SPACE

__all__ = ["Change", "Inventory", "Machine"]

CHANGES = frozenset({"firmware", "model", "serial", "name"})
"""Facts whose change is worth telling."""
OWN = 0.8
"""Confidence from which on a model, serial number or firmware is the machine's own and not that of one
of the modules behind it, which take turns in answering."""
MOST_FACTS = 64
"""Fields and capabilities kept for one address."""
MOST_CHANGES = 4096
"""Changes told for one step; more are counted and left out."""
MOST_CHANGED = 2048
"""Addresses that speak for the first time, or from another place, and are looked at in one epoch; the
rest wait for the next. A plant has fewer; an attacker may invent more than Python can look at."""
DECENT = 0.6
"""Confidence from which on a role is taken for one."""
SETTLED_NS = 60 * 10**9
"""How long a role has to stand before another one in its place is a change."""
FIRST_DYNAMIC = 32768
"""From this port on services come and go with every start of a program (RPC, file transfers)."""


@dataclass(slots=True)
class Claims:
    """What packets said of one address: the standing fact of each field, and capabilities."""

    facts: dict[str, Fact] = field(default_factory=dict)
    capabilities: dict[str, Fact] = field(default_factory=dict)


@dataclass(slots=True)
class _Role:
    """What a machine was taken for, the decent role it settled in, and since when (packet time)."""

    latest: str
    settled: str = ""
    since_ns: int = 0


class Inventory:
    """Gathers facts and behaviours of one capture or interface into assets.

    `see` the times of the packets that come next, `add_facts` and `add` what was learned from them,
    then `take_changes`. `belongs` tells of an address in the public Internet whether it is the
    plant's own; others are assets only if they speak an industrial protocol.
    """

    def __init__(self, endpoints: Endpoints, belongs: Callable[[str], bool] = lambda address: False) -> None:
        self.belongs = belongs
        self._endpoints = endpoints
        self._claims: dict[str, Claims] = {}
        self._claimed: dict[int, dict[str, None]] = {}  # MAC address to the addresses that are its own
        self._shared: set[str] = set()
        self._changes: list[Change] = []
        self._ids: dict[tuple[int, int], int] = {}
        self._addresses: dict[int, str] = {}
        self._indexed = 1
        self._dirty: set[int] = set()
        self._joining = Joining(
            endpoints, self._claimed_mac, self.addresses_of, self._device_mac, self._exists, self._matters
        )
        self._machines: dict[int, Machine] = {}
        self._announced: set[int] = set()  # machines, by key
        self._joined: set[int] = set()  # endpoints of machines that were told
        self._roles: dict[int, _Role] = {}
        self._renamed: set[int] = set()
        self._claimants = Claimants()
        self._takeovers = Takeovers(endpoints, self._endpoint_of_ipv4, self._has_others)
        self._alternations = Alternations(endpoints, self._joining.routers.__contains__)
        self._false: dict[tuple[str, str], None] = {}  # addresses and who spoofs them
        self._first = 1
        self._times: Sequence[Ints] = ()
        self.activities = Activities()
        self.begun_ns = 0
        """Time of the first packet, in nanoseconds since 1970; 0 before it."""
        self.facts_not_kept = 0
        self.changes_not_told = 0

    def see(self, first: int, times_ns: Sequence[Ints]) -> None:
        """The packets that are looked at now: the number of the first and their times, in parts."""
        self._first, self._times = first, times_ns
        if not self.begun_ns and times_ns:
            self.begun_ns = int(times_ns[0][0])

    def add_facts(self, facts: Iterable[Fact]) -> None:
        """Take in what identity messages said."""
        for fact in facts:
            if fact.value and not (fact.field == "mac" and (fact.subject, fact.value) in self._false):
                self._add_fact(fact)

    def ask(self, clients: Ints, operations: Ints, now_ns: int) -> None:
        """These endpoints asked OT servers for these operations in the epoch that ends now."""
        self.activities.ask(clients, operations, now_ns)
        self._dirty.update(self.activities.due())

    def add(self, fresh: Rows, touched: Rows, now_ns: int = 0) -> None:
        """Take in behaviours that are new, and all that were seen until `now_ns` (BEHAVIOUR rows)."""
        if fresh.size:
            self._dirty |= self.activities.add(fresh[np.argsort(fresh["first_ns"], kind="stable")])
        self._update()
        for takeover in self._takeovers.add(touched, now_ns):
            if takeover.spoofs:
                self._disbelieve(takeover)
            self._tell_claim("spoofed" if takeover.spoofs else "mac_conflict", takeover)
            self._claimants.settle(takeover.address, takeover.earlier, takeover.later)
        for alternation in self._alternations.look(now_ns):
            self._tell_alternation(alternation)
        for dispute in self._claimants.add(touched) if touched.size else ():
            self._tell_claim("mac_conflict", dispute)

    def _tell_alternation(self, found: Alternation) -> None:
        frame, time_ns = found.frame, self._time_of(found.frame, [found.endpoint])
        owner, other = mac_text(found.owner), mac_text(found.other)
        self._tell("spoofed", found.endpoint, owner, other, "ethernet", frame, time_ns)

    def _disbelieve(self, takeover: Takeover) -> None:
        """The owner keeps the address, whatever the machine that spoofs it goes on saying."""
        address, liar = self.address(self._endpoint_of_ipv4(takeover.address)), self.address(takeover.later)
        if len(self._false) >= MOST_CHANGES:
            del self._false[next(iter(self._false))]
        self._false[address, liar] = None
        claims = self._claims.get(address)
        standing = claims.facts.get("mac") if claims else None
        if claims and standing and standing.value == liar:
            self._keep(address, claims, replace(standing, value=self.address(takeover.earlier)))

    def _tell_claim(self, kind: str, claim: Dispute | Takeover) -> None:
        self._tell(
            kind,
            self._endpoint_of_ipv4(claim.address) or claim.earlier,
            self.address(claim.earlier),
            self.address(claim.later),
            "arp",
            claim.frame,
            claim.time_ns,
        )

    def _endpoint_of_ipv4(self, address: int) -> int:
        return self.endpoint(address_text(0, 0xFFFF << 32 | address))

    def _has_others(self, sender: int, address: int) -> bool:
        """Whether a MAC address (endpoint) has IPv4 addresses of its own besides this one."""
        mac = int(self._endpoints.rows[sender]["low"])
        own = {text for text in self._claimed.get(mac, ()) if "." in text}
        return bool(own - {address_text(0, 0xFFFF << 32 | address)})

    def _add_fact(self, fact: Fact) -> None:
        subject = fact.subject if isinstance(fact.subject, str) else self.address(fact.subject)
        claims = self._claims.get(subject)
        if claims is None:
            if len(self._claims) >= len(self._endpoints.rows):
                self.facts_not_kept += 1
                return
            claims = self._claims[subject] = Claims()
        if fact.field == "capability":
            if fact.value not in claims.capabilities and len(claims.capabilities) < MOST_FACTS:
                claims.capabilities[fact.value] = fact
                self._is_dirty(fact)
            return
        standing = claims.facts.get(fact.field)
        if standing is None:
            if len(claims.facts) >= MOST_FACTS:
                self.facts_not_kept += 1
                return
            self._keep(subject, claims, fact)
            if fact.field.startswith("slot "):
                self._tell_module(fact, "")
            return
        if fact.confidence < standing.confidence or fact.value == standing.value:
            return
        if fact.field == "mac" and is_mac(subject):
            self._share(subject, standing)
            return
        self._keep(subject, claims, fact)
        endpoint = fact.subject if isinstance(fact.subject, int) else self.endpoint(fact.subject)
        if fact.field == "mac":
            endpoint = endpoint or self.endpoint(fact.value)
        kind = "new_mac" if fact.field == "mac" else fact.field
        if kind.startswith("slot "):
            self._tell_module(fact, standing.value)
        elif kind in ("model", "serial", "firmware") and fact.confidence < OWN:
            return
        elif endpoint and fact.confidence == standing.confidence and (kind in CHANGES or kind == "new_mac"):
            self._tell(kind, endpoint, standing.value, fact.value, fact.protocol, fact.frame, fact.time_ns)

    def _tell_module(self, fact: Fact, old: str) -> None:
        """A rack has a module that it did not have, or not in this slot."""
        endpoint = fact.subject if isinstance(fact.subject, int) else self.endpoint(fact.subject)
        if endpoint:
            new = f"{fact.field}: {fact.value}"
            old = f"{fact.field}: {old}" if old else ""
            self._tell("module", endpoint, old, new, fact.protocol, fact.frame, fact.time_ns)

    def _share(self, port: str, standing: Fact) -> None:
        """Several devices speak through this port: it is part of none of them."""
        if port not in self._shared:
            self._shared.add(port)
            device = _mac_number(standing.value)
            self._claimed.get(device, {}).pop(port, None)
            self._dirty.update(self._joining.members(device))

    def _keep(self, subject: str, claims: Claims, fact: Fact) -> None:
        if fact.field == "mac":
            before = claims.facts.get("mac")
            if before is not None:
                self._claimed.get(_mac_number(before.value), {}).pop(subject, None)
                self._is_dirty(before)
            self._claimed.setdefault(_mac_number(fact.value), {})[subject] = None
            self._dirty.update(self._joining.members(_mac_number(subject)))
        claims.facts[fact.field] = fact
        self._is_dirty(fact)

    def _is_dirty(self, fact: Fact) -> None:
        """The machines that a fact is about are to be worked out anew."""
        subjects = [fact.subject] if isinstance(fact.subject, int) else [self.endpoint(fact.subject)]
        if fact.field == "mac":
            subjects.append(self.endpoint(fact.value))
        elif isinstance(fact.subject, str):
            claims = self._claims.get(fact.subject)
            if claims and "mac" in claims.facts:
                subjects.append(self.endpoint(claims.facts["mac"].value))
        self._dirty.update(subjects)

    def address(self, endpoint: int) -> str:
        """The address of an endpoint as text."""
        text = self._addresses.get(endpoint)
        if text is None:
            row = self._endpoints.rows[endpoint]
            text = address_text(int(row["high"]), int(row["low"])) if endpoint else ""
            self._addresses[endpoint] = text
        return text

    def endpoint(self, address: str) -> int:
        """The endpoint with this address, 0 where there is none yet."""
        entries = int(self._endpoints.used[ENTRIES])
        if entries > self._indexed:
            rows = self._endpoints.rows[self._indexed : entries]
            pairs = zip(rows["high"].tolist(), rows["low"].tolist(), strict=True)
            self._ids.update((pair, entry) for entry, pair in enumerate(pairs, self._indexed))
            self._indexed = entries
        pair = _numbers(address)
        return self._ids.get(pair, 0) if pair else 0

    def take_changes(self) -> list[Change]:
        """The changes since the last call, in the order of time; brings the machines up to date."""
        if self._dirty:
            self._update()
        changes, self._changes = self._changes, []
        return sorted(changes, key=lambda change: change.time_ns)

    def take_new_roles(self) -> list[int]:
        """The endpoints of known machines that are taken for something else since the last call."""
        renamed, self._renamed = self._renamed, set()
        return sorted(renamed)

    def machine(self, endpoint: int) -> Machine | None:
        """The asset that an endpoint belongs to; None for group addresses and the silent."""
        key = self._joining.key(endpoint)
        return self._machine(key) if key else None

    def machines(self, settle: bool = True) -> list[Machine]:
        """The endpoints joined into machines, in the order in which they appeared; with `settle` all of
        them, else as they were at the end of the last epoch."""
        while settle and self._update():
            pass
        return [self._machine(key) for key in self._joining.keys]

    def _machine(self, key: int) -> Machine:
        machine = self._machines.get(key)
        if machine is None:
            is_router = key in self._joining.routers
            machine = Machine(self, self._joining.members(key), max(key, 0), is_router)
            self._machines[key] = machine
        return machine

    def _update(self) -> bool:
        """Bring the machines up to date, as far as one epoch may; whether there may be more to do."""
        changed = self._joining.changed(MOST_CHANGED)
        dirty = {*changed.tolist(), *self._dirty} - {0}
        services = self.activities.take_services()
        if not dirty and not services:
            return False
        self._dirty = set()
        keys = self._joining.place(sorted(dirty))
        for key in keys:
            self._machines.pop(key, None)
        for key in sorted(keys, key=lambda key: self._joining.members(key)[:1]):
            members = self._joining.members(key)
            if members:
                is_new = self._announce(key, members)
                self._judge(key, members, is_new)
        for service in services:
            self._tell_service(service)
        return len(changed) == MOST_CHANGED

    def _announce(self, key: int, members: list[int]) -> bool:
        """Tell of a machine that was none before; whether it is one."""
        was_joined = key < 0 and members[0] in self._joined
        is_new = not (key in self._announced or was_joined or any(map(self._was_alone, members)))
        if is_new:
            rows = self._endpoints.rows
            endpoint = next((member for member in members if rows[member]["sent"]), members[0])
            frame, time_ns = self._shown(endpoint)
            protocol = "ethernet" if rows[endpoint]["high"] == MAC_SPACE else "ip"
            self._tell("new_asset", endpoint, "", "", protocol, frame, time_ns)
        self._announced.add(key)
        self._joined.update(members)
        return is_new

    def _was_alone(self, endpoint: int) -> bool:
        """Whether an endpoint was told as a machine of its own, before more was known of it: an IP
        address without a MAC address, or a port of which the device was not known."""
        row = self._endpoints.rows[endpoint]
        if row["high"] == MAC_SPACE:
            return int(row["low"]) in self._announced
        return -endpoint in self._announced

    def _shown(self, endpoint: int) -> tuple[int, int]:
        """(frame, time) that show an endpoint speaking first, as far as that is still known."""
        row = self._endpoints.rows[endpoint]
        frame = int(row["mac_packet"])
        time_ns = self._time_at(frame)
        if time_ns is not None:
            return frame, time_ns
        return int(row["first_packet"]), int(row["first_ns"])

    def _judge(self, key: int, members: list[int], is_new: bool) -> None:
        """Notice a machine that is taken for something else than before."""
        if not (key in self._joining.routers or any(map(self._tells, members))):
            return
        judgement = self._machine(key).judgement
        memory = next((self._roles[member] for member in members if member in self._roles), None)
        if memory is None:
            if judgement.role == "unknown":
                return
            memory = _Role("unknown")
        self._roles[members[0]] = memory
        if judgement.role != memory.latest and not is_new:
            self._renamed.update(members)
        memory.latest = judgement.role
        if judgement.confidence < DECENT or judgement.role == memory.settled:
            return
        time_ns = self._time_of(judgement.frame, members)
        if memory.settled and time_ns - memory.since_ns >= SETTLED_NS:
            protocol, frame = judgement.protocol, judgement.frame
            self._tell("role", members[0], memory.settled, judgement.role, protocol, frame, time_ns)
        memory.settled, memory.since_ns = judgement.role, time_ns

    def _tells(self, endpoint: int) -> bool:
        """Whether there is anything by which to judge a role."""
        activity = self.activities.of.get(endpoint)
        if activity and (activity.serves or activity.asks):
            return True
        mac = int(self._endpoints.rows[endpoint]["mac"])
        return self.address(endpoint) in self._claims or mac in self._claimed or mac_text(mac) in self._claims

    def _time_at(self, frame: int) -> int | None:
        """The time of a frame, None where it is no longer at hand."""
        place = frame - self._first
        for times in self._times:
            if 0 <= place < len(times):
                return int(times[place])
            place -= len(times)
        return None

    def _time_of(self, frame: int, members: list[int]) -> int:
        """The time of a frame; of one that is no longer at hand, the last of the machine's."""
        time_ns = self._time_at(frame)
        if time_ns is not None:
            return time_ns
        return max(int(self._endpoints.rows[member]["last_ns"]) for member in members)

    def _tell_service(self, service: Service) -> None:
        known = self.activities.of[service.endpoint].service_protocols.get((service.transport, service.port))
        if known is None and service.port >= FIRST_DYNAMIC:
            return
        text = f"{service.transport}/{service.port}" + (f" {known}" if known else "")
        protocol = NAMES.get(service.protocol, "")
        self._tell("service", service.endpoint, "", text, known or protocol, service.frame, service.time_ns)

    def _tell(
        self, kind: str, endpoint: int, old: str, new: str, protocol: str, frame: int, time_ns: int
    ) -> None:
        if len(self._changes) >= MOST_CHANGES:
            self.changes_not_told += 1
            return
        self._changes.append(Change(kind, endpoint, old, new, protocol, frame, time_ns))

    def _exists(self, endpoint: int) -> bool:
        """Whether it is known to exist though it was only spoken of, or spoken to."""
        activity = self.activities.of.get(endpoint)
        return bool(activity and activity.serves) or self._claimed_mac(endpoint) > 0

    def _matters(self, endpoint: int) -> bool:
        """Whether a host of the Internet is an asset: it speaks OT, or the plant calls it its own."""
        activity = self.activities.of.get(endpoint)
        return bool(activity and (activity.serves or activity.asks)) or self.belongs(self.address(endpoint))

    def _claimed_mac(self, endpoint: int) -> int:
        """The MAC address that packets claim for an endpoint; -1 if none."""
        text = self.address(endpoint)
        claims = self._claims.get(text) if text not in self._shared else None
        return _mac_number(claims.facts["mac"].value) if claims and "mac" in claims.facts else -1

    def _device_mac(self, mac: int) -> int:
        """The MAC address of the device that a port's is said to be part of, else the port's."""
        text = mac_text(mac)
        claims = self._claims.get(text) if text not in self._shared else None
        return _mac_number(claims.facts["mac"].value) if claims and "mac" in claims.facts else mac

    @property
    def claims_not_kept(self) -> int:
        """Claims to IPv4 addresses that were not compared with others for lack of room."""
        return self._claimants.refused + self._takeovers.refused + self._alternations.forgotten

    def claims(self, endpoint: int) -> Claims | None:
        """What was said of an address, None if nothing."""
        return self._claims.get(self.address(endpoint))

    def claims_of(self, address: str) -> Claims | None:
        """What was said of an address in text, None if nothing."""
        return self._claims.get(address)

    def addresses_of(self, mac: int) -> list[str]:
        """The addresses that are a MAC address' own by what packets claim."""
        return list(self._claimed.get(mac, ()))

    def row(self, endpoint: int) -> Any:
        """The ENDPOINT row."""
        return self._endpoints.rows[endpoint]


def _mac_number(text: str) -> int:
    try:
        return int(text.replace(":", ""), 16)
    except ValueError:
        return -1


def _numbers(address: str) -> tuple[int, int] | None:
    """`high` and `low` of an address as ENDPOINT has them; None where it is no address."""
    if address.count(":") == 5 and "::" not in address:
        mac = _mac_number(address)
        return (MAC_SPACE, mac) if address == mac_text(mac) else None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if parsed.version == 4:
        return 0, 0xFFFF << 32 | int(parsed)
    high, low = int(parsed) >> 64, int(parsed) & 0xFFFFFFFFFFFFFFFF
    return high - (high >> 63 << 64), low - (low >> 63 << 64)
