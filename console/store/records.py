"""What a store answers with. Times are RFC 3339 UTC text, as in the documents, unless a name ends in `_ns`.

`document` fields hold the documents of docs/documents.md, nested, as last updated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from console.store.filters import CloseReason, Status

Document = dict[str, Any]
Role = Literal["viewer", "analyst", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "analyst", "admin")
AllowanceKind = Literal["learn", "mute"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of answers; `total` is a lower bound where `total_exact` is false ("10000+")."""

    items: list[T]
    total: int
    total_exact: bool
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One document on its way in: `type` is alert, asset, behaviour, summary or health."""

    type: Literal["alert", "asset", "behaviour", "summary", "health"]
    body: Document


@dataclass(frozen=True, slots=True)
class IngestReceipt:
    """What became of a batch; a repeat of (sensor, sequence) has `duplicate` set and the first counts."""

    sensor: str
    sequence: str
    duplicate: bool
    accepted: int
    new_alerts: int = 0
    updated_alerts: int = 0
    silenced_alerts: int = 0
    """Matched a learn or mute allowance, or were silenced by the sensor's site file: kept, but closed from
    the start."""
    new_assets: int = 0
    new_behaviours: int = 0
    times_held_back: int = 0
    """Times later than the store was told to believe."""


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
    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """An asset as last seen, with what people decided about it on top.

    `document.asset` already shows the decisions; `decided` holds them by field.
    """

    id: str
    document: Document
    sensors: list[str]
    first_seen: str
    last_seen: str
    decided: dict[str, Any]
    open_alerts: int
    site: str


@dataclass(frozen=True, slots=True)
class AssetChange:
    """One attribute of an asset that changed; `old` is absent for the first value."""

    time: str
    field: str
    old: Any
    new: Any
    source: str
    """The sensor or the user that said so."""
    evidence: Document | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and what is in it; assets without one are in the zone named `unassigned`."""

    name: str
    assets: int
    open_alerts: int
    purdue_levels: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BehaviourRecord:
    """A behaviour; `count` is the sum over the sensors' own totals of it."""

    id: str
    document: Document
    sensors: list[str]
    count: int
    first_seen: str
    last_seen: str
    source_asset: str | None
    destination_asset: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """All behaviours between two addresses in one protocol, for maps; `operations` counts behaviours."""

    source: str
    destination: str
    source_asset: str | None
    destination_asset: str | None
    protocol: str
    operations: dict[str, int]
    behaviours: int
    messages: int
    last_seen: str


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


EvidenceState = Literal["requested", "arrived", "not_held"]


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Packets of an alert that one of its sensors is asked for."""

    sensor: str
    state: EvidenceState
    requested: str
    requested_by: str
    answered: str | None


@dataclass(frozen=True, slots=True)
class User:
    """An account of the console; the password's hash never leaves the store by this record."""

    name: str
    role: Role
    disabled: bool
    created: str
    last_login: str | None
    preferences: dict[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """A browser session as stored: by the token's hash."""

    user: User
    csrf: str
    created_ns: int
    expires_ns: int
    address: str


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A bearer token for programs, stored as a hash; acts with its own role, never above its owner's."""

    id: int
    name: str
    owner: str
    role: Role
    created: str
    expires: str | None
    last_used: str | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One state change: who did what to what, from where; `detail` holds old and new values."""

    id: int
    time: str
    actor: str
    address: str | None
    action: str
    subject: str
    detail: Document


@dataclass(frozen=True, slots=True)
class PosturePoint:
    """One stored sample of a score, for trends. `scope` is `site/<name>`, `zone/<site>/<name>` or `all`."""

    time: str
    time_ns: int
    scope: str
    score: float
    risk: float
    confidence: float
