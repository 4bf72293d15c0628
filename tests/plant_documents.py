"""Documents as docs/documents.md describes them, for tests of what takes them in."""

from __future__ import annotations

from typing import Any

from console.store.records import Envelope
from console.store.times import HOUR, MINUTE, SECOND, to_nanoseconds, to_text

NOON = to_nanoseconds("2026-11-20T12:00:00Z")
SEVERITY = {"informational": 2, "low": 21, "medium": 47, "high": 73, "critical": 99}


def alert(
    event_id: str = "e1",
    *,
    start: int = NOON,
    end: int | None = None,
    count: int = 1,
    level: str = "high",
    rule: str = "controller-stop",
    source: str = "10.0.0.5",
    destination: str = "10.0.0.10",
    zone: str = "control",
    protocol: str = "s7comm",
    operation: str = "stop",
    technique: str = "T0858",
    message: str | None = None,
    **more: Any,
) -> Envelope:
    body = {
        "@timestamp": to_text(start),
        "event": {
            "id": event_id,
            "kind": "alert",
            "start": to_text(start),
            "end": to_text(start if end is None else end),
            "count": count,
            "severity": SEVERITY[level],
            "action": operation,
        },
        "rule": {
            "id": f"id-of-{rule}",
            "name": rule,
            "title": f"Title of {rule}",
            "title_zh": "控制器被远程停止",
            "level": level,
        },
        "threat": {"technique": {"id": [technique], "name": ["Name"]}, "tactic": {"name": ["evasion"]}},
        "source": {"ip": source, "port": 49152, "role": "engineering_workstation", "zone": "office"},
        "destination": {"ip": destination, "port": 102, "role": "plc", "zone": zone},
        "network": {"protocol": protocol, "transport": "tcp"},
        "ics": {"operation": operation, "kind": "request", "object": "P_PROGRAM"},
        "evidence": {"capture": "plant.pcap", "frames": [17, 45]},
        "observer": {"name": "sensor-1"},
        "message": message or f"{source} stopped controller {destination}",
        **more,
    }
    return Envelope("alert", body)


def asset(asset_id: str = "a-plc", *, seen: int = NOON, ip: str = "10.0.0.10", **fields: Any) -> Envelope:
    body = {
        "asset": {
            "id": asset_id,
            "ip": [ip],
            "vendor": "Siemens AG",
            "role": "plc",
            "role_confidence": 0.9,
            "purdue_level": 1,
            "zone": "control",
            "protocols": ["s7comm"],
            "first_seen": to_text(seen),
            "last_seen": to_text(seen),
            **fields,
        },
        "evidence": {"vendor": {"protocol": "s7comm", "capture": "plant.pcap", "frame": 23}},
    }
    return Envelope("asset", body)


def behaviour(
    behaviour_id: str = "b-1",
    *,
    start: int = NOON,
    end: int | None = None,
    count: int = 10,
    source: str = "10.0.0.5",
    destination: str = "10.0.0.10",
    protocol: str = "modbus",
    operation: str = "read",
) -> Envelope:
    body = {
        "behaviour": {
            "id": behaviour_id,
            "count": count,
            "first_seen": to_text(start),
            "last_seen": to_text(start if end is None else end),
        },
        "source": {"ip": source},
        "destination": {"ip": destination, "port": 502},
        "network": {"protocol": protocol, "transport": "tcp"},
        "ics": {"operation": operation, "kind": "request", "object": "holding_register 100-109"},
    }
    return Envelope("behaviour", body)


def health(time: int = NOON, **fields: Any) -> Envelope:
    counters = {"packets": 1000, "drops": {"ring": 0}, "understood": 0.99, "malformed": 3, "faults": 0}
    return Envelope(
        "health",
        {"@timestamp": to_text(time), "observer": {"name": "sensor-1"}, "health": {**counters, **fields}},
    )


__all__ = ["HOUR", "MINUTE", "NOON", "SECOND", "alert", "asset", "behaviour", "health"]
