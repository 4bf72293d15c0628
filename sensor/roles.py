"""What an asset is in the plant, judged by what it says of itself and what it does.

Each judgement has a confidence and the frame that supports it; the surest wins. Words are matched
against product families that vendors publish, never against addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from typing import NamedTuple

from sensor.activity import ENGINEERING, FIRST_DUE, Activity
from sensor.messages import Operation
from sensor.protocols.protocol import Number


class Judgement(NamedTuple):
    """A role that something speaks for: how sure (0 to 1), by which frame and protocol, and why."""

    role: str
    confidence: float
    frame: int
    protocol: str
    reason: str


UNKNOWN = Judgement("unknown", 0.0, 0, "", "nothing tells")

PURDUE = {
    "field_device": 0.0,
    "drive": 0.0,
    "plc": 1.0,
    "rtu": 1.0,
    "ied": 1.0,
    "gateway": 1.0,
    "hmi": 2.0,
    "scada": 2.0,
    "engineering_workstation": 2.0,
    "historian": 3.0,
    "infrastructure_server": 3.0,
    "router": 3.0,
}
"""Purdue level by role (ISA-95): 0 process, 1 control, 2 supervision, 3 operations. A workstation may
stand anywhere: only the site file knows."""

PRODUCTS = (
    # First, since "SIMATIC S7" stands on Siemens switches, too.
    (r"scalance x|stratix|\bswitch\b|hirschmann|catalyst|\beds-|router|firewall", "router"),
    (r"\b6ES7[ -]?(2|3|4|5|6)\d\d|simatic s7|\bs7-(200|300|400|1200|1500)|\bcpu ?(31|41|12|15)\d", "plc"),
    (
        r"controllogix|compactlogix|micrologix|slc ?5/?0|\b1756-(l|e[nw])|\b1769-l|\b17(66|63|62)-l|plc-5",
        "plc",
    ),
    (r"\bm(340|580|221|241|251)\b|modicon|\btsx|quantum|\bbmx ?p|\b140 ?cpu|premium", "plc"),
    (r"\bac ?500\b|\bcpx-|\bcj[12]|\bcp1[lh]|\bnx1p|\bnj\d{3}|melsec|\bq\d\dud|fx[35][gu]", "plc"),
    (r"\bpfc ?\d{3}|750-8\d\d|\bcx\d{4}|codesys|x20cp|programmable logic", "plc"),
    (r"\brtu\b|remote terminal|\bscadapack|\bsage ?\d{4}|\broc ?8\d\d|\brtac\b|sm ?5000", "rtu"),
    (r"\bsel-?\d{3}|\bsiprotec|\b7s[ajx]\d|\bmicom|\brel ?6\d\d|\bref ?6\d\d|relay|\bied\b", "ied"),
    (r"powerflex|sinamics|altivar|\batv\d|\bacs\d{3}|frequency|\bdrive\b|kinetix|servo|lenze", "drive"),
    (r"panelview|\b6av\d|simatic (hmi|panel)|magelis|\bhmi\b|operator panel|cimrex|proface", "hmi"),
    (r"\bwincc|intouch|ifix|citect|factorytalk view|\bscada\b|zenon|\bwonderware", "scada"),
    (r"historian|\bpi server|proficy hist", "historian"),
    (
        r"point i/?o|flex i/?o|\bet ?200|1734-aent|1794-aent|750-3\d\d|adam-?60|remote i/?o|bk9",
        "field_device",
    ),
    (r"\bmoxa (mb|nport|mgate)|gateway|anybus|netbiter|protocol converter|1783-", "gateway"),
)
"""Words of model and description texts to roles."""
HOSTS = (
    (
        r"(\b|_)(ews|eng(ineering)?(ws|station)?)[-_]?\d*(\b|_)|step ?7|tia portal|studio ?5000|rslogix",
        "engineering_workstation",
    ),
    (r"(\b|_)(hmi|panel|ows|ops?station)[-_]?\d*(\b|_)", "hmi"),
    (r"(\b|_)(hist(orian)?)[-_]?\d*(\b|_)", "historian"),
)
"""What people call their stations, in host names: parts between hyphens, underscores and dots."""
_HOSTS = tuple((re.compile(pattern, re.IGNORECASE), role) for pattern, role in HOSTS)
NAMED = 0.7
_PRODUCTS = tuple((re.compile(pattern, re.IGNORECASE), role) for pattern, role in PRODUCTS)

CONTROLLERS = (Number.S7COMM, Number.S7COMM_PLUS, Number.CIP, Number.PCCC)
TELECONTROL = (Number.DNP3, Number.IEC104)
HISTORIAN_PORTS = {1433, 1521, 3306, 5432, 5450, 8086, 14000}
PROCESS = frozenset(
    {Operation.READ, Operation.WRITE, Operation.OPERATE, Operation.SUBSCRIBE, Operation.REPORT}
)
"""What one asks who works with the process; the rest is about the device."""
EXPLORING = frozenset({Operation.BROWSE, Operation.DIAGNOSE})
OFFICE_PORTS = frozenset({22, 80, 88, 110, 139, 143, 389, 443, 445, 993, 3128, 3389, 5900, 8080, 8443})
"""Web, mail, files, directory and remote desktops."""
DESKTOP_PORTS = frozenset({135, 137, 138, 139, 445, 3389, 5353, 5355, 5357, 5900, 5985})
"""What a desktop computer serves by itself: file sharing, remote help, discovery."""
ENOUGH_SLOTS = FIRST_DUE
"""Before, a session that has just begun cannot be told from polling."""
LATE_SLOTS = 12
NOW_AND_THEN = 0.25
OFTEN_LOOKING = 0.1
HALF = 0.5
LONG_READER_SLOTS = 120
"""A historian that only read for ten minutes is one; a few commands after that make no operator of it."""
FEW_ACTS = 6
CAPABILITIES = {
    "router": "router",
    "bridge": "router",
    "dns_server": "infrastructure_server",
    "dhcp_server": "infrastructure_server",
    "time_server": "infrastructure_server",
}


def judge(
    activity: Activity,
    texts: Mapping[str, tuple[str, int, str]],
    capabilities: Mapping[str, tuple[int, str]],
    forwards: int = 0,
    own: Set[int] = frozenset(),
    slot: int = 0,
    seen_slot: int = 0,
) -> Judgement:
    """The likeliest role.

    `texts`: field (model, description, type, product …) to (value, frame, protocol);
    `capabilities`: capability to (frame, protocol); `forwards`: a frame with its MAC address and
    another's IP address, 0 where there is none; `own`: the machine's endpoints, which are no peers;
    `slot` and `seen_slot`: the latest slot of time (`sensor.activity.SLOT_NS`), and that in which it was
    seen first.
    """
    told = texts or capabilities or forwards
    if not (told or activity.serves or activity.asks or activity.it_asked):
        return UNKNOWN
    candidates = [
        *_by_word(texts),
        *_by_service(activity, own),
        *_by_requests(activity, own, slot, seen_slot),
        *_by_office_work(activity, texts),
        *_by_capability(capabilities),
    ]
    if forwards and not activity.serves:
        candidates.append(Judgement("router", 0.5, forwards, "ip", "many addresses stand behind its MAC"))
    return max(candidates, key=lambda item: item.confidence, default=UNKNOWN)


def _by_word(texts: Mapping[str, tuple[str, int, str]]) -> Iterator[Judgement]:
    if "role" in texts:
        role, frame, protocol = texts["role"]
        yield Judgement(role, 0.9, frame, protocol, "it says so")
    for name in ("model", "product", "description", "vendor_class", "type", "name"):
        if name not in texts:
            continue
        value, frame, protocol = texts[name]
        for pattern, role in (*_PRODUCTS, *_HOSTS) if name == "name" else _PRODUCTS:
            found = pattern.search(value)
            if found:
                sure = NAMED if name == "name" else 0.95
                yield Judgement(role, sure, frame, protocol, f"{name} says {found[0]!r}")
                break


def _by_service(activity: Activity, own: Set[int]) -> Iterator[Judgement]:
    serves = activity.serves
    asks_others = bool(activity.servers - own)
    for number in CONTROLLERS:
        if number in serves:
            frame = serves[number]
            yield Judgement("plc", 0.85, frame, Number(number).name.lower(), "serves a controller's protocol")
    if Number.CIP_IO in serves and not any(number in serves for number in CONTROLLERS):
        yield Judgement("field_device", 0.7, serves[Number.CIP_IO], "cip-io", "is scanned for its I/O")
    for number in TELECONTROL:
        if number in serves:
            name = Number(number).name.lower()
            if asks_others and set(activity.asks) & set(TELECONTROL):
                yield Judgement("gateway", 0.75, serves[number], name, "serves telecontrol and asks others")
            else:
                yield Judgement("rtu", 0.8, serves[number], name, "serves telecontrol")
    if Number.MODBUS in serves:
        frame = serves[Number.MODBUS]
        units = {unit for number, unit in activity.units if number == Number.MODBUS}
        if len(units - {0, 255}) >= 4:
            yield Judgement("gateway", 0.7, frame, "modbus", f"answers for {len(units)} units")
        else:
            yield Judgement("plc", 0.6, frame, "modbus", "serves Modbus")


def _by_requests(activity: Activity, own: Set[int], slot: int, seen_slot: int) -> Iterator[Judgement]:
    asks = activity.asks
    if not asks:
        return
    number, frame = next(iter(asks.items()))
    name = Number(number).name.lower().replace("_", "-")
    engineering = [operation for operation in ENGINEERING if operation in activity.asked]
    serves_ot = bool(activity.serves)
    if serves_ot:
        return  # a controller that talks to its peers stays a controller
    if engineering and engineering != [Operation.BROWSE]:
        worst = min(activity.asked[operation] for operation in engineering)
        words = ", ".join(sorted(Operation(operation).name.lower() for operation in engineering))
        yield Judgement("engineering_workstation", 0.85, worst, name, f"does engineering: {words}")
    if Number.CIP_IO in asks:
        yield Judgement("plc", 0.75, asks[Number.CIP_IO], "cip-io", "scans implicit I/O")
    telecontrol = [item for item in TELECONTROL if item in asks]
    if telecontrol:
        yield Judgement("scada", 0.75, asks[telecontrol[0]], name, "masters telecontrol stations")
    # Who begins to ask only after having been there for long is no station of the plant by that alone.
    trust = 0.5 if _begins_late(activity, slot, seen_slot) else 1.0
    if not (PROCESS & activity.asked.keys()):
        if EXPLORING & activity.asked.keys():
            yield Judgement(
                "engineering_workstation", 0.4 * trust, frame, name, "looks into controllers only"
            )
        return
    if _goes_online_to_look(activity, slot):
        yield Judgement(
            "engineering_workstation", 0.7, frame, name, "goes online, looks what is there, leaves"
        )
    stores = any(port in HISTORIAN_PORTS for _, port in activity.services)
    acts = _commands(activity, stores)
    if not acts and stores:
        yield Judgement("historian", 0.75 * trust, frame, name, "reads only, and serves a database")
    elif not acts and len(activity.servers) >= 4:
        yield Judgement("historian", 0.5 * trust, frame, name, "reads only, from many")
    if len(activity.servers) >= 4 and acts:
        reason = f"asks and commands {len(activity.servers)} controllers"
        yield Judgement("scada", 0.65 * trust, frame, name, reason)
    else:
        yield Judgement("hmi", (0.6 if acts else 0.45) * trust, frame, name, "asks controllers")


def _commands(activity: Activity, stores: bool) -> bool:
    """Whether writing and operating are among its tasks, and no news about a database's server that reads."""
    if Operation.WRITE not in activity.asked and Operation.OPERATE not in activity.asked:
        return False
    late = activity.first_act - activity.first_slot >= LONG_READER_SLOTS
    return not (stores and late and activity.acts < FEW_ACTS)


def _begins_late(activity: Activity, slot: int, seen_slot: int) -> bool:
    """Whether it began to ask controllers long after it was first seen, and does not poll them since.

    Who did without controllers for an hour is no station of the plant after minutes of polling them.
    """
    silent = activity.first_slot - seen_slot
    if silent < LATE_SLOTS:
        return False
    passed = slot - activity.first_slot + 1
    soon = passed < max(2 * ENOUGH_SLOTS, silent * HALF)
    return soon or activity.slots <= passed * NOW_AND_THEN


def _goes_online_to_look(activity: Activity, slot: int) -> bool:
    """Whether it asks now and then only, and begins by asking what it talks to.

    Operators' stations and historians ask all the time, and what a device is at most when they connect.
    """
    passed = slot - activity.first_slot + 1
    if activity.first_slot < 0 or passed < ENOUGH_SLOTS:
        return False
    share = activity.slots / passed
    often = activity.looks / max(1, activity.slots)
    # Who watches a program online asks for the controller's state all the time, but goes home at last.
    return (share <= NOW_AND_THEN and often >= OFTEN_LOOKING) or (share <= HALF and often >= HALF)


def _by_office_work(activity: Activity, texts: Mapping[str, tuple[str, int, str]]) -> Iterator[Judgement]:
    """Someone's computer: it calls servers of the office and serves nothing but what desktops do."""
    if activity.serves:
        return
    served = {port for _, port in activity.services}
    called = [port for port in activity.it_asked if port in OFFICE_PORTS]
    if not called or served - DESKTOP_PORTS:
        return
    frame = activity.it_asked[called[0]]
    named = "name" in texts and texts["name"][2] in ("nbns", "mdns", "dhcp")
    yield Judgement(
        "workstation", 0.4 if named else 0.35, frame, "tcp", "calls office servers and serves nothing itself"
    )


def _by_capability(capabilities: Mapping[str, tuple[int, str]]) -> Iterator[Judgement]:
    for capability, (frame, protocol) in capabilities.items():
        role = CAPABILITIES.get(capability)
        if role:
            yield Judgement(role, 0.55, frame, protocol, capability.replace("_", " "))
