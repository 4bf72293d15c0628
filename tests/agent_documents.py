"""Documents as a sensor makes them, written by hand from docs/documents.md."""

from __future__ import annotations

from typing import Any

from console.agent.documents import Outgoing

TIME = "2026-11-22T07:39:29.123456789Z"


def alert(identity: str, level: str = "high", count: int = 1, **more: Any) -> Outgoing:
    body = {
        "@timestamp": TIME,
        "event": {"id": identity, "kind": "alert", "start": TIME, "end": TIME, "count": count},
        "rule": {"id": "8f0f5b1e-6d9f-4e53-9a55-0d1f6e9d0001", "title": "A test", "level": level},
        "source": {"ip": "10.0.0.5"},
        "destination": {"ip": "10.0.0.10"},
        "message": "somebody did something",
        **more,
    }
    return Outgoing("alert", body)


def asset(identity: str, name: str = "PLC_1") -> Outgoing:
    return Outgoing("asset", {"asset": {"id": identity, "name": name, "first_seen": TIME, "last_seen": TIME}})


def behaviour(identity: str, count: int = 1, padding: str = "") -> Outgoing:
    body = {
        "behaviour": {"id": identity, "count": count, "first_seen": TIME, "last_seen": TIME},
        "source": {"ip": "10.0.0.5"},
        "destination": {"ip": "10.0.0.10"},
        "network": {"protocol": "modbus"},
        "ics": {"operation": "read", **({"object": padding} if padding else {})},
    }
    return Outgoing("behaviour", body)


def health(packets: int) -> Outgoing:
    return Outgoing("health", {"@timestamp": TIME, "health": {"packets": packets}})
