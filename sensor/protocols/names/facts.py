"""What name services tell of assets: names of addresses, services, who serves names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from sensor.messages import FROM_SERVER, Kind
from sensor.protocols.arp import is_host, is_unicast
from sensor.protocols.names.fields import (
    AAAA,
    ANSWER,
    NB,
    NBSTAT,
    PTR,
    QUERY,
    REFRESH,
    REFRESH_ALTERNATIVE,
    REGISTRATION,
    SRV,
    TXT,
    A,
)
from sensor.protocols.protocol import Fact, Number, Record

DNS_PORT = 53
NAME_ERROR = 3
WORKSTATION, FILE_SERVER = 0x00, 0x20
"""NetBIOS suffixes that stand behind a computer's own name."""
_REVERSE, _REVERSE6 = ".in-addr.arpa", ".ip6.arpa"


def reverse_address(name: str) -> str | None:
    """The address that a reverse look-up's name stands for (RFC 1035, 3.5; RFC 3596, 2.5)."""
    lower = name.lower().rstrip(".")
    try:
        if lower.endswith(_REVERSE):
            labels = lower.removesuffix(_REVERSE).split(".")
            return str(ipaddress.IPv4Address(".".join(reversed(labels))))
        if lower.endswith(_REVERSE6):
            digits = "".join(reversed(lower.removesuffix(_REVERSE6).split(".")))
            return str(ipaddress.IPv6Address(bytes.fromhex(digits)))
    except ValueError:
        return None
    return None


def domain_facts(record: Record) -> Iterator[Fact]:
    """DNS and mDNS: names from A, AAAA and PTR records, services from SRV, a model from TXT."""
    row = record.message
    multicast = row["protocol"] == Number.MDNS
    prefix = "mdns" if multicast else "dns"
    if row["kind"] == Kind.REQUEST or row["function"] != QUERY:
        return
    served = row["direction"] == FROM_SERVER and row["server_port"] == DNS_PORT
    if row["part"] == 0 and served and row["status"] in (0, NAME_ERROR):
        yield record.fact("capability", "dns_server")
        yield record.fact("service", "udp/53 dns")
    if row["space"] < ANSWER:
        return
    kind, details = int(row["subfunction"]), record.details
    confidence = 0.85 if multicast else 0.6
    target = details.get(f"{prefix}.target", "")
    if kind in (A, AAAA) and record.name:
        name = record.name.removesuffix(".local") if multicast else record.name
        for address in details.get(f"{prefix}.address", ()):
            if is_host(address):
                yield record.fact("name", name, address, confidence)
    elif kind == PTR and target:
        owner = reverse_address(record.name)
        if owner and is_host(owner):
            yield record.fact(
                "name", target.removesuffix(".local") if multicast else target, owner, confidence
            )
    elif kind == SRV and multicast:
        labels = record.name.split(".")
        if len(labels) >= 4 and labels[-2] in ("_tcp", "_udp") and f"{prefix}.port" in details:
            port, transport = details[f"{prefix}.port"], labels[-2].removeprefix("_")
            yield record.fact("service", f"{transport}/{port} {labels[-3].removeprefix('_')}", None, 0.7)
    elif kind == TXT and multicast and "._device-info." in record.name:
        for text in details.get(f"{prefix}.text", ()):
            if text.startswith("model="):
                yield record.fact("model", text.removeprefix("model="), None, 0.6)


def netbios_facts(record: Record) -> Iterator[Fact]:
    """NBNS: a computer's own name, registered or answered for; names and MAC of a node status."""
    row, details = record.message, record.details
    kind = int(row["subfunction"])
    suffixes, groups = details.get("nbns.suffix", []), details.get("nbns.group", [])
    if row["kind"] == Kind.RESPONSE and row["status"] != 0:
        return
    if kind == NBSTAT and row["kind"] == Kind.RESPONSE:
        for name, suffix, group in zip(details.get("nbns.node_name", ()), suffixes, groups, strict=False):
            if suffix == WORKSTATION and not group and name.strip():
                yield record.fact("name", name, None, 0.85)
        if is_unicast(details.get("nbns.mac", "00:00:00:00:00:00")):
            yield record.fact("mac", details["nbns.mac"])
        return
    claims = row["function"] in (QUERY, REGISTRATION, REFRESH, REFRESH_ALTERNATIVE)
    own = bool(suffixes) and suffixes[0] in (WORKSTATION, FILE_SERVER)
    if kind == NB and claims and own and record.name.strip() and row["space"] >= ANSWER:
        for address, group in zip(details.get("nbns.address", ()), groups, strict=False):
            if not group and is_host(address):
                yield record.fact("name", record.name, address, 0.85)
