"""The assets: endpoints joined into machines, with what is claimed of each and the frame that proves it.

An asset is one machine. Endpoints of one MAC are one machine unless the MAC is a router's, behind
which many addresses stand. Of two facts about the same field the surer one stands, of two equally
sure ones the later; a change of a standing fact is reported.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sensor.activity import Activities, Activity, is_group
from sensor.protocols.protocol import Fact
from sensor.roles import PURDUE, Judgement, judge
from sensor.times import rfc3339
from sensor.vendors import vendor_of
from sensor.wire.endpoints import ENTRIES, Endpoints, address_text, mac_text
from sensor.wire.packet import MAC_SPACE

ROUTER_ADDRESSES = 3
"""A MAC in front of more IPv4 addresses than this is a router's (or a bridge's), not one machine's."""
CHANGES = frozenset({"firmware", "model", "serial", "name"})
"""Facts whose change is worth telling."""
MOST_FACTS = 64
"""Fields and capabilities kept for one address."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something about an asset that was otherwise before; `old` is empty for what is new."""

    kind: str
    endpoint: int
    old: str
    new: str
    protocol: str
    frame: int
    time_ns: int


@dataclass(slots=True)
class Claims:
    """What packets said of one address: the standing fact of each field, and capabilities."""

    facts: dict[str, Fact] = field(default_factory=dict)
    capabilities: dict[str, Fact] = field(default_factory=dict)


class Inventory:
    """Gathers facts and behaviours of one capture or interface into assets."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._claims: dict[str, Claims] = {}
        self._changes: list[Change] = []
        self._by_address: dict[str, int] = {}
        self._indexed = 1
        self.activities = Activities()
        self.facts_not_kept = 0

    def add_facts(self, facts: Iterable[Fact]) -> None:
        """Take in what identity messages said."""
        for fact in facts:
            if fact.value:
                self._add_fact(fact)

    def _add_fact(self, fact: Fact) -> None:
        subject = fact.subject if isinstance(fact.subject, str) else self.address(fact.subject)
        claims = self._claims.get(subject)
        if claims is None:
            if len(self._claims) >= len(self._endpoints.rows):
                self.facts_not_kept += 1
                return
            claims = self._claims[subject] = Claims()
        if fact.field == "capability":
            if len(claims.capabilities) < MOST_FACTS:
                claims.capabilities.setdefault(fact.value, fact)
            return
        standing = claims.facts.get(fact.field)
        if standing is None:
            if len(claims.facts) >= MOST_FACTS:
                self.facts_not_kept += 1
                return
            claims.facts[fact.field] = fact
            return
        if fact.confidence < standing.confidence or fact.value == standing.value:
            return
        claims.facts[fact.field] = fact
        endpoint = fact.subject if isinstance(fact.subject, int) else self.endpoint(fact.subject)
        if endpoint and fact.confidence == standing.confidence:
            kind = "new_mac" if fact.field == "mac" else fact.field
            if kind in CHANGES or kind == "new_mac":
                self._changes.append(
                    Change(
                        kind, endpoint, standing.value, fact.value, fact.protocol, fact.frame, fact.time_ns
                    )
                )

    def address(self, endpoint: int) -> str:
        """The address of an endpoint as text."""
        row = self._endpoints.rows[endpoint]
        return address_text(int(row["high"]), int(row["low"])) if endpoint else ""

    def endpoint(self, address: str) -> int:
        """The endpoint with this address, 0 where there is none yet."""
        entries = int(self._endpoints.used[ENTRIES])
        for entry in range(self._indexed, entries):
            self._by_address[self.address(entry)] = entry
        self._indexed = entries
        return self._by_address.get(address, 0)

    def take_changes(self) -> list[Change]:
        """The changes since the last call: new facts, and new machines that have spoken."""
        changes, self._changes = self._changes, []
        return changes

    def spoke(self, endpoint: int) -> bool:
        """Whether this address is a machine's: it sent something, and is no group address."""
        row = self._endpoints.rows[endpoint]
        return bool(endpoint and row["sent"] and not is_group(int(row["high"]), int(row["low"])))

    def machines(self) -> list[Machine]:
        """The endpoints joined into machines, in the order in which they appeared."""
        rows = self._endpoints.rows
        entries = int(self._endpoints.used[ENTRIES])
        routers = self._router_macs(entries)
        own: dict[int, int] = {}  # endpoint to its own MAC
        members: defaultdict[Any, list[int]] = defaultdict(list)
        for endpoint in range(1, entries):
            if not (self.spoke(endpoint) or self._served(endpoint)):
                continue
            high, low = int(rows[endpoint]["high"]), int(rows[endpoint]["low"])
            if is_group(high, low):
                continue
            mac = low if high == MAC_SPACE else self._own_mac(endpoint, routers)
            own[endpoint] = mac
            members[("mac", mac) if mac > 0 else ("endpoint", endpoint)].append(endpoint)
        return [Machine(self, ids, own[ids[0]], own[ids[0]] in routers) for ids in members.values()]

    def _served(self, endpoint: int) -> bool:
        """Whether it is known to exist though only the other direction was captured."""
        activity = self.activities.of.get(endpoint)
        return bool(activity and activity.serves)

    def _own_mac(self, endpoint: int, routers: set[int]) -> int:
        """The MAC of the machine itself: proven by a fact, or that of its frames if no router's."""
        claims = self._claims.get(self.address(endpoint))
        if claims and "mac" in claims.facts:
            try:
                return int(claims.facts["mac"].value.replace(":", ""), 16)
            except ValueError:
                return -1
        mac = int(self._endpoints.rows[endpoint]["mac"])
        return -1 if mac in routers or mac <= 0 else mac

    def _router_macs(self, entries: int) -> set[int]:
        """MACs that stand in front of many addresses, or of addresses that are not private."""
        behind: defaultdict[int, set[int]] = defaultdict(set)
        for row in self._endpoints.rows[1:entries]:
            high, low, mac = int(row["high"]), int(row["low"]), int(row["mac"])
            if mac > 0 and high == 0 and low >> 32 == 0xFFFF and row["sent"] and not is_group(high, low):
                behind[mac].add(low & 0xFFFFFFFF)
        return {
            mac
            for mac, addresses in behind.items()
            if len(addresses) > ROUTER_ADDRESSES or len({item >> 16 for item in addresses}) > 1
        }

    def claims(self, endpoint: int) -> Claims | None:
        """What was said of an address, None if nothing."""
        return self._claims.get(self.address(endpoint))

    def row(self, endpoint: int) -> Any:
        """The ENDPOINT row."""
        return self._endpoints.rows[endpoint]


class Machine:
    """One asset: the endpoints that are its addresses, and what is known of it."""

    def __init__(self, inventory: Inventory, endpoints: list[int], mac: int, is_router: bool) -> None:
        self.endpoints = endpoints
        self._inventory = inventory
        self._mac = mac
        self._is_router = is_router
        self.facts: dict[str, Fact] = {}
        self.capabilities: dict[str, Fact] = {}
        for endpoint in endpoints:
            claims = inventory.claims(endpoint)
            if claims is not None:
                for name, fact in claims.facts.items():
                    if name not in self.facts or fact.confidence > self.facts[name].confidence:
                        self.facts[name] = fact
                for name, fact in claims.capabilities.items():
                    self.capabilities.setdefault(name, fact)
        self.activity = self._joined_activity()
        self.judgement = self._judge()

    def _joined_activity(self) -> Activity:
        of = self._inventory.activities.of
        known = [of[endpoint] for endpoint in self.endpoints if endpoint in of]
        if len(known) == 1:
            return known[0]
        joined = Activity()
        for item in known:
            for name in ("serves", "asks", "asked", "services", "service_protocols", "protocols"):
                for key, value in getattr(item, name).items():
                    getattr(joined, name).setdefault(key, value)
            joined.servers |= item.servers
            joined.clients |= item.clients
            joined.units |= item.units
            joined.it_peers |= item.it_peers
            joined.asked_messages.update(item.asked_messages)
        return joined

    def _judge(self) -> Judgement:
        texts = {name: (fact.value, fact.frame, fact.protocol) for name, fact in self.facts.items()}
        capabilities = {name: (fact.frame, fact.protocol) for name, fact in self.capabilities.items()}
        return judge(self.activity, texts, capabilities)

    @property
    def role(self) -> str:
        """The likeliest role."""
        return self.judgement.role

    @property
    def mac(self) -> str:
        """Its own MAC address; empty where only a router's was seen."""
        return mac_text(self._mac) if self._mac > 0 else ""

    @property
    def addresses(self) -> list[str]:
        """Its IP addresses, IPv4 first."""
        found = [
            self._inventory.address(endpoint)
            for endpoint in self.endpoints
            if self._inventory.row(endpoint)["high"] != MAC_SPACE
        ]
        return sorted(found, key=lambda text: (":" in text, text))

    @property
    def id(self) -> str:
        """Derived from its MAC where it has one of its own, else from its address."""
        seed = self.mac or (self.addresses or [""])[0]
        return "a-" + hashlib.blake2b(seed.encode(), digest_size=6).hexdigest()

    @property
    def vendor(self) -> tuple[str, str, int]:
        """(vendor, protocol, frame): what it says of itself, else the holder of its MAC's prefix."""
        if "vendor" in self.facts:
            fact = self.facts["vendor"]
            return fact.value, fact.protocol, fact.frame
        vendor = vendor_of(self.mac) if self.mac else ""
        return vendor, "ethernet", self._mac_frame()

    def _mac_frame(self) -> int:
        if "mac" in self.facts:
            return self.facts["mac"].frame
        return min(int(self._inventory.row(endpoint)["mac_packet"]) for endpoint in self.endpoints)

    def document(self, capture: str) -> dict[str, Any]:
        """The asset document of docs/documents.md, without what a site file adds."""
        rows = [self._inventory.row(endpoint) for endpoint in self.endpoints]
        first = min(rows, key=lambda row: int(row["first_ns"]))
        asset: dict[str, Any] = {"id": self.id}
        evidence: dict[str, Any] = {}

        def claim(name: str, value: Any, protocol: str, frame: int, **more: Any) -> None:
            if value not in ("", [], None):
                asset[name] = value
                evidence[name] = {"protocol": protocol, "capture": capture, "frame": frame, **more}

        claim("ip", self.addresses, "ip", int(first["first_packet"]))
        mac_fact = self.facts.get("mac")
        claim(
            "mac",
            [self.mac] if self.mac else [],
            mac_fact.protocol if mac_fact else "ethernet",
            self._mac_frame(),
        )
        for name in ("name", "model", "firmware", "serial", "description"):
            source = "product" if name == "model" and "model" not in self.facts else name
            if source in self.facts:
                fact = self.facts[source]
                claim(name, fact.value, fact.protocol, fact.frame)
        vendor, protocol, frame = self.vendor
        claim("vendor", vendor, protocol, frame)
        judgement = self.judgement
        asset["role"] = judgement.role
        asset["role_confidence"] = round(judgement.confidence, 2)
        if judgement.frame:
            evidence["role"] = {
                "protocol": judgement.protocol,
                "capture": capture,
                "frame": judgement.frame,
                "reason": judgement.reason,
            }
        if judgement.role in PURDUE:
            asset["purdue_level"] = PURDUE[judgement.role]
            if judgement.frame:
                evidence["purdue_level"] = evidence["role"]
        activity = self.activity
        protocols = sorted(activity.protocols)
        if protocols:
            claim("protocols", protocols, protocols[0], activity.protocols[protocols[0]])
        services = [
            {
                "port": port,
                "transport": kind,
                **(
                    {"protocol": activity.service_protocols[kind, port]}
                    if (kind, port) in activity.service_protocols
                    else {}
                ),
            }
            for kind, port in sorted(activity.services)
        ]
        if services:
            claim("services", services, sorted(activity.services)[0][0], min(activity.services.values()))
        asset["first_seen"] = rfc3339(int(first["first_ns"]))
        asset["last_seen"] = rfc3339(max(int(row["last_ns"]) for row in rows))
        return {"asset": asset, "evidence": evidence}
