"""A water works as documents: eighteen assets, a week of alerts, what everybody normally says to whom.

Written by hand after docs/documents.md.
"""

from __future__ import annotations

import hashlib
from typing import Any

from e2e.waterworks_incidents import EVENTS, STOP, WRITE, rule_id
from e2e.waterworks_machines import (
    GATEWAY,
    HISTORIAN,
    HMI1,
    HMI2,
    IED1,
    LAPTOP,
    MACHINES,
    METER,
    ODD,
    PLC1,
    PLC2,
    PLC3,
    RTU1,
    RTU2,
    SCADA,
    STATION,
)
from e2e.waterworks_packets import stop_packets

from console.store.interface import Store
from console.store.records import Envelope, PosturePoint
from console.store.times import DAY, HOUR, MINUTE, SECOND, to_text

SENSOR, SITE = "intake-tap", "waterworks"
CAPTURE = "waterworks-week47.pcap"


def alerts(now: int) -> list[dict[str, Any]]:
    """The week's alerts, newest first, seen from `now` (nanoseconds since 1970)."""
    severity = {"informational": 2, "low": 21, "medium": 47, "high": 73, "critical": 99}
    documents = []
    for number, (rule, source, destination, protocol, thing, port, count, minutes) in enumerate(EVENTS):
        first = now - minutes * MINUTE
        last = first + min(count - 1, minutes - 2) * MINUTE // 2
        names = {"a": source.name or source.ip, "b": destination.name or destination.ip}
        ics: dict[str, Any] = {"operation": rule.operation, "kind": "request", "malformed": False}
        if thing:
            ics["object"] = thing
        if rule is STOP:
            ics |= {"function": "PLC Stop", "function_code": 41}
        if rule is WRITE:
            ics |= {"function": "Write Single Register", "function_code": 6, "unit": 1, "value": 950}
        documents.append(
            {
                "@timestamp": to_text(first),
                "event": {
                    "id": hashlib.sha256(f"{rule.name}/{number}".encode()).hexdigest()[:20],
                    "kind": "alert",
                    "start": to_text(first),
                    "end": to_text(last),
                    "count": count,
                    "severity": severity[rule.level],
                    "action": rule.operation,
                },
                "rule": {
                    "id": rule_id(rule.name),
                    "name": rule.name,
                    "title": rule.title,
                    "title_zh": rule.title_zh,
                    "level": rule.level,
                    "advice": rule.advice,
                    "advice_zh": rule.advice_zh,
                },
                "threat": {
                    "technique": {"id": [rule.technique[0]], "name": [rule.technique[1]]},
                    "tactic": {"name": list(rule.tactics)},
                },
                "source": source.end(49152 + number),
                "destination": destination.end(port),
                "network": {"protocol": protocol, "transport": "tcp", "vlan": {"id": "20"}},
                "ics": ics,
                "evidence": {"capture": CAPTURE, "frames": [1017 + number * 311 + step for step in range(3)]},
                "observer": {"name": SENSOR},
                "message": rule.message.format(**names),
                "message_zh": rule.message_zh.format(**names),
            }
        )
    return documents


def assets(now: int) -> list[dict[str, Any]]:
    """The inventory, each field with the frame that proves it."""
    documents = []
    for number, machine in enumerate(MACHINES):
        protocol = machine.protocols[0] if machine.protocols else "arp"
        fields: dict[str, Any] = {
            "ip": [machine.ip],
            "mac": [machine.mac],
            "name": machine.name,
            "vendor": machine.vendor,
            "model": machine.model,
            "firmware": machine.firmware,
            "role": machine.role,
            "role_confidence": 0.4 if machine.role == "unknown" else 0.95,
            "purdue_level": machine.layer,
            "criticality": machine.criticality,
            "zone": machine.zone,
            "protocols": list(machine.protocols),
            "authorised": machine.authorised,
        }
        if machine.layer <= 1 and machine.protocols:
            fields["services"] = [{"port": 102, "transport": "tcp", "protocol": protocol}]
        fields = {key: value for key, value in fields.items() if value not in ("", [])}
        proof: dict[str, Any] = {
            key: {"protocol": protocol, "capture": CAPTURE, "frame": 23 + 17 * number + step}
            for step, key in enumerate(fields)
            if key not in {"criticality", "authorised", "role_confidence"}
        }
        proof["role"]["reason"] = f"answers {protocol} requests and starts none"
        documents.append(
            {
                "asset": {
                    "id": machine.id,
                    **fields,
                    "first_seen": to_text(now - 30 * DAY if machine.authorised else now - 9000 * MINUTE),
                    "last_seen": to_text(now - (number + 1) * MINUTE),
                },
                "evidence": proof,
            }
        )
    return documents


def behaviours(now: int) -> list[dict[str, Any]]:
    """What the machines say to each other day by day, and what the alerts were about."""
    usual = (
        (HMI1, PLC1, "s7comm", "read", "Read Var", "DB10.0-63", 102, 812_400),
        (HMI1, PLC1, "s7comm", "write", "Write Var", "DB11.4", 102, 214),
        (HMI1, PLC2, "s7comm", "read", "Read Var", "DB20.0-127", 102, 790_112),
        (HMI2, PLC2, "s7comm", "read", "Read Var", "DB20.0-127", 102, 604_800),
        (SCADA, RTU1, "dnp3", "read", "Read", "class 1,2,3", 20000, 60_480),
        (RTU1, SCADA, "dnp3", "report", "Unsolicited Response", "binary_input 7", 20000, 431),
        (SCADA, RTU2, "iec104", "session", "TESTFR act", "", 2404, 30_240),
        (SCADA, RTU2, "iec104", "operate", "C_SC_NA_1", "single_command 1201", 2404, 12),
        (SCADA, IED1, "mms", "read", "Read", "LLN0$ST$Mod", 102, 20_160),
        (HISTORIAN, SCADA, "opcua", "subscribe", "Publish", "ns=2;s=Flow", 4840, 604_800),
        (STATION, PLC1, "s7comm", "program_upload", "Start Upload", "OB1", 102, 9),
        (STATION, PLC1, "s7comm", "program_download", "Request Download", "OB1", 102, 14),
        (STATION, PLC1, "s7comm", "stop", "PLC Stop", "P_PROGRAM", 102, 1),
        (LAPTOP, PLC3, "modbus", "write", "Write Single Register", "holding_register 40", 502, 3),
        (GATEWAY, METER, "modbus", "read", "Read Input Registers", "input_register 0-9", 502, 302_400),
        (ODD, METER, "modbus", "read", "Read Holding Registers", "holding_register 0-9", 502, 610),
    )
    documents = []
    for number, (source, destination, protocol, operation, function, thing, port, count) in enumerate(usual):
        ics = {"operation": operation, "kind": "request", "function": function, "status": "ok"}
        if thing:
            ics["object"] = thing
        documents.append(
            {
                "behaviour": {
                    "id": f"b-{number:016x}",
                    "count": count,
                    "first_seen": to_text(now - 7 * DAY),
                    "last_seen": to_text(now - (number + 2) * MINUTE),
                },
                "source": {"ip": source.ip, "mac": source.mac},
                "destination": {"ip": destination.ip, "mac": destination.mac, "port": port},
                "network": {"protocol": protocol, "transport": "tcp", "vlan": {"id": "20"}},
                "ics": ics,
                "evidence": {"capture": CAPTURE, "frames": [1 + number, 40 + number]},
            }
        )
    return documents


def health(now: int) -> dict[str, Any]:
    """How the sensor is."""
    return {
        "observer": {"name": SENSOR, "version": "0.1.0"},
        "@timestamp": to_text(now - 20 * SECOND),
        "health": {
            "packets": 184_220_118,
            "bytes": 15_611_233_904,
            "drops": {"ring": 0, "kernel": 0},
            "understood": 0.987,
            "malformed": 41,
            "faults": 0,
            "rules_digest": "sha256:" + hashlib.sha256(b"waterworks").hexdigest(),
        },
    }


def fill(store: Store, now: int) -> None:
    """Deliver the water works through the real ingest, and let people have worked on older alerts."""
    found = alerts(now)
    store.add_sensor(SENSOR, SITE, "admin")
    documents = [Envelope("asset", body) for body in assets(now)]
    documents += [Envelope("behaviour", body) for body in behaviours(now)]
    documents += [Envelope("alert", body) for body in found]
    store.ingest(SENSOR, 1, [*documents, Envelope("health", health(now))])
    ids = [document["event"]["id"] for document in found]
    store.put_evidence(ids[0], stop_packets(now))
    store.acknowledge(ids[6:9], "anna", "Asked the shift")
    store.assign(ids[6:7], "anna", "anna")
    store.close_alerts(ids[9:12], "authorised", "anna", "Work permit 2026-118")
    store.close_alerts(ids[12:], "resolved", "anna", "Checked on site")
    store.put_posture(samples(now))


def samples(now: int) -> list[PosturePoint]:
    """A week of scores: two incidents that were worked off, one gap of confidence."""
    points = []
    for hour in range(7 * 24, 0, -3):
        time_ns = now - hour * HOUR
        risk = 14 + (38 if 120 < hour < 140 else 0) + (22 if 60 < hour < 76 else 0) + hour % 5
        confidence = 0.41 if 96 <= hour < 105 else 0.97
        for scope in (f"site/{SITE}", "all"):
            points.append(
                PosturePoint(to_text(time_ns), time_ns, scope, 100.0 - risk, float(risk), confidence)
            )
    return points
