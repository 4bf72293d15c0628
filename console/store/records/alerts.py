"""Alerts, what happened to them, and what learns and mutes cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.store.filters import CloseReason, Status
from console.store.records.documents import Document


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """An alert with its workflow state.

    `id` is `event.id` for the first occurrence; a repeat after closing is a new alert, `<event.id>.2`.
    `document.event.count/start/end` are kept up to date. `source_asset`, `destination_asset` are asset ids.
    """

    id: str
    document: Document
    status: Status
    level: str
    severity: int
    count: int
    first_seen: str
    last_seen: str
    sensors: list[str]
    """Every sensor that reported it, the first one first."""
    source_asset: str | None
    destination_asset: str | None
    assignee: str | None
    close_reason: CloseReason | None
    allowance: int | None
    """The learn or mute that closed it."""
    comments: int
    has_packets: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One step in an alert's life, oldest first.

    `action` is opened, repeated, acknowledged, closed, reopened, assigned, commented, learned, muted.
    """

    time: str
    actor: str
    action: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many carry `key`; `label` is a readable form where there is one (a rule's title)."""

    key: str
    count: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class TimelineBucket:
    """Alerts first seen in the bucket that begins at `start`, by level (levels of no alerts left out)."""

    start: str
    start_ns: int
    levels: dict[str, int]


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A rule that has fired, with its latest wording and its counts."""

    id: str
    name: str
    title: str
    title_zh: str | None
    level: str
    open_alerts: int
    alerts: int
    last_seen: str
    techniques: list[str]


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One open alert as the posture ledger weighs it. `asset` is the asset it burdens, if known."""

    alert: str
    asset: str | None
    asset_label: str
    zone: str | None
    sensor: str
    level: str
    confidence: float
    count: int
    last_seen_ns: int
    rule: str
    rule_name: str
    title: str
    title_zh: str | None
    criticality: float


AllowanceKind = Literal["learn", "mute"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which traffic a learn or mute covers: an alert all of whose fields equal those that are set.

    `rule` is `rule.id`; `source` and `destination` are addresses (IP, or MAC where there is no IP).
    """

    rule: str | None = None
    source: str | None = None
    destination: str | None = None
    protocol: str | None = None
    operation: str | None = None
    object: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """A learn (allow from now on) or a mute (silence without allowing), reversible, with an end."""

    id: int
    kind: AllowanceKind
    scope: Scope
    reason: str
    created: str
    created_by: str
    expires: str | None
    revoked: str | None
    revoked_by: str | None
    hidden: int
    """Alerts it has closed or silenced so far."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an allowance would have hidden: alerts still open, and all alerts of the last thirty days."""

    open: int
    recent: int
    recent_days: int
    examples: list[AlertRecord]


EvidenceState = Literal["requested", "arrived", "not_held"]


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Packets of an alert that one of its sensors is asked for."""

    sensor: str
    state: EvidenceState
    requested: str
    requested_by: str
    answered: str | None
