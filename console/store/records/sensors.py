"""Sensors, how they enrol, and what they should run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from console.store.records.documents import Document


@dataclass(frozen=True, slots=True)
class SensorRecord:
    """A sensor that is registered or has delivered. `silent_seconds` is the time since its last delivery."""

    name: str
    site: str
    registered: bool
    revoked: bool
    created: str
    last_seen: str | None
    silent_seconds: float | None
    batches: int
    documents: int
    health: Document | None
    """Its latest health document."""
    summary: Document | None
    """Its latest summary document."""
    state: Document | None = None
    """What it said in its latest heartbeat, None where it has sent none."""


EnrolmentState = Literal["open", "used", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A one-time code for a sensor; `name` is None where the sensor may choose its own."""

    id: int
    name: str | None
    site: str
    created: str
    created_by: str
    expires: str
    state: EnrolmentState
    used: str | None
    used_by: str | None
    """The sensor that enrolled with it."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a redeemed code gives: the sensor's name, site and bearer token, which is shown this once."""

    sensor: str
    site: str
    token: str
    replaced: bool
    """Whether an earlier token of that sensor has ended by it."""


@dataclass(frozen=True, slots=True)
class ConfigurationContent:
    """What a scope says sensors should run: `texts` by name (`rules/<path>`, `site` …) and small `values`."""

    texts: dict[str, str] = field(default_factory=dict)
    values: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigurationVersion:
    """One step in the history of a scope. `changes` are {part, change: added, changed or removed}."""

    version: int
    scope: str
    """Empty for all sensors, else `site/<name>`."""
    created: str
    created_by: str
    note: str
    changes: list[dict[str, str]]
