"""One asset: the endpoints that are its addresses, and what is known of it, with the proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sensor.activity import SLOT_NS, Activities, Activity
from sensor.protocols.protocol import Fact
from sensor.roles import PURDUE, Judgement, judge
from sensor.times import rfc3339
from sensor.vendors import vendor_of
from sensor.wire.endpoints import mac_text
from sensor.wire.packet import MAC_SPACE

if TYPE_CHECKING:
    from sensor.inventory import Claims

NOTHING = Activity()
"""Of a machine that did nothing that is kept; shared by all of them."""
MOST_ADDRESSES = 32
"""Addresses shown of one machine that only ever were spoken of."""


def is_mac(address: str) -> bool:
    """Whether an address in text is a MAC address."""
    return address.count(":") == 5 and "::" not in address


class Records(Protocol):
    """Where a machine looks up what is known of its addresses."""

    activities: Activities

    def address(self, endpoint: int) -> str:
        """The address of an endpoint as text."""

    def claims_of(self, address: str) -> Claims | None:
        """What was said of an address, None if nothing."""

    def addresses_of(self, mac: int) -> list[str]:
        """The addresses that are a MAC address' own by what packets claim."""

    def row(self, endpoint: int) -> Any:
        """The ENDPOINT row."""


class Machine:
    """One asset. `mac` is its own MAC address, 0 where none is known; `is_router` says whether many
    addresses stand behind it."""

    def __init__(self, records: Records, endpoints: Sequence[int], mac: int, is_router: bool) -> None:
        self.endpoints = endpoints
        self._records = records
        self._mac = mac
        self._is_router = is_router
        self._spoken_of = records.addresses_of(mac)[:MOST_ADDRESSES] if mac else []
        self.facts: dict[str, Fact] = {}
        self.capabilities: dict[str, Fact] = {}
        for subject in self._subjects():
            claims = records.claims_of(subject)
            if claims is not None:
                for name, fact in claims.facts.items():
                    if name not in self.facts or fact.confidence > self.facts[name].confidence:
                        self.facts[name] = fact
                for name, fact in claims.capabilities.items():
                    self.capabilities.setdefault(name, fact)
        self.activity = self._joined_activity()

    def _subjects(self) -> list[str]:
        own = [self._records.address(endpoint) for endpoint in self.endpoints]
        return list(dict.fromkeys([*own, *([self.mac] if self._mac else []), *self._spoken_of]))

    def _joined_activity(self) -> Activity:
        of = self._records.activities.of
        known = [of[endpoint] for endpoint in self.endpoints if endpoint in of]
        if len(known) <= 1:
            return known[0] if known else NOTHING
        joined = Activity()
        for item in known:
            for name in ("serves", "asks", "asked", "it_asked", "services", "service_protocols", "protocols"):
                for key, value in getattr(item, name).items():
                    getattr(joined, name).setdefault(key, value)
            joined.servers |= item.servers
            joined.clients |= item.clients
            joined.units |= item.units
            joined.it_peers |= item.it_peers
            joined.first_slot = max(joined.first_slot, item.first_slot)
            joined.slots += item.slots
            joined.looks += item.looks
            joined.first_act = max(joined.first_act, item.first_act)
            joined.acts += item.acts
            joined.asked_messages.update(item.asked_messages)
        return joined

    @cached_property
    def judgement(self) -> Judgement:
        """The likeliest role, with what speaks for it."""
        texts = {name: (fact.value, fact.frame, fact.protocol) for name, fact in self.facts.items()}
        capabilities = {name: (fact.frame, fact.protocol) for name, fact in self.capabilities.items()}
        forwards = self._mac_frame() if self._is_router else 0
        slot = self._records.activities.slot
        seen = min((int(self._records.row(endpoint)["first_ns"]) for endpoint in self.endpoints), default=0)
        own = frozenset(self.endpoints)
        return judge(self.activity, texts, capabilities, forwards, own, slot, seen // SLOT_NS)

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
            self._records.address(endpoint)
            for endpoint in self.endpoints
            if self._records.row(endpoint)["high"] != MAC_SPACE
        ]
        found += [address for address in self._spoken_of if not is_mac(address)]
        return sorted(set(found), key=lambda text: (":" in text, text))

    @property
    def macs(self) -> list[str]:
        """Its MAC addresses: its own, then those of its ports."""
        ports = [
            self._records.address(endpoint)
            for endpoint in self.endpoints
            if self._records.row(endpoint)["high"] == MAC_SPACE
        ]
        return list(dict.fromkeys([*([self.mac] if self._mac else []), *ports]))

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
        return min(int(self._records.row(endpoint)["mac_packet"]) for endpoint in self.endpoints)

    def document(self, capture: str) -> dict[str, Any]:
        """The asset document of docs/documents.md, without what a site file adds."""
        rows = [self._records.row(endpoint) for endpoint in self.endpoints]
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
            self.macs,
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
