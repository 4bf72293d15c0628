"""What may be asked of a store: filters, sorting, paging. Empty means no restriction.

Several values in one field are alternatives; several fields must all hold. Times are nanoseconds
since 1970 UTC (`console.store.times`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEVELS: tuple[str, ...] = ("informational", "low", "medium", "high", "critical")
"""Sigma's levels, mildest first."""

Status = Literal["new", "active", "closed"]
STATUSES: tuple[Status, ...] = ("new", "active", "closed")

CloseReason = Literal["resolved", "false_positive", "authorised", "duplicate", "learned", "muted", "silenced"]
CLOSE_REASONS: tuple[CloseReason, ...] = (
    "resolved",
    "false_positive",
    "authorised",
    "duplicate",
    "learned",
    "muted",
    "silenced",
)

AlertSort = Literal["last_seen", "first_seen", "severity", "count", "rule", "status"]
ALERT_SORTS: tuple[AlertSort, ...] = ("last_seen", "first_seen", "severity", "count", "rule", "status")

AssetSort = Literal[
    "last_seen", "first_seen", "name", "ip", "vendor", "role", "zone", "purdue_level", "criticality"
]
ASSET_SORTS: tuple[AssetSort, ...] = (
    "last_seen",
    "first_seen",
    "name",
    "ip",
    "vendor",
    "role",
    "zone",
    "purdue_level",
    "criticality",
)

BehaviourSort = Literal["last_seen", "first_seen", "count", "protocol", "operation"]
BEHAVIOUR_SORTS: tuple[BehaviourSort, ...] = ("last_seen", "first_seen", "count", "protocol", "operation")

AlertFacet = Literal["level", "status", "protocol", "operation", "zone", "rule", "technique", "sensor"]
ALERT_FACETS: tuple[AlertFacet, ...] = (
    "level",
    "status",
    "protocol",
    "operation",
    "zone",
    "rule",
    "technique",
    "sensor",
)

MAX_LIMIT = 500
MAX_OFFSET = 10_000
"""Deeper pages are reached by cursor: skipping rows costs as much as reading them."""

COUNT_LIMIT = 10_000
"""Totals of free combinations of filters are counted up to here; `Page.total_exact` says if cut short."""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts. `address` is an IP or MAC address at either end, `zone` a zone at either end."""

    levels: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    source: str | None = None
    destination: str | None = None
    address: str | None = None
    zones: tuple[str, ...] = ()
    asset: str | None = None
    """An `asset.id`: at either end, or the subject of an asset change."""
    rules: tuple[str, ...] = ()
    """`rule.id` or `rule.name`."""
    techniques: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    assignee: str | None = None
    since: int | None = None
    """Last seen at or after."""
    until: int | None = None
    """First seen before."""
    text: str | None = None
    """Words (all must occur, the last one may be a beginning); Chinese works by character."""


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """Which assets. `protocol` matches any protocol the asset speaks."""

    roles: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    purdue_levels: tuple[float, ...] = ()
    sensors: tuple[str, ...] = ()
    authorised: bool | None = None
    address: str | None = None
    since: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class BehaviourFilter:
    """Which behaviours. `source`, `destination` are IP or MAC addresses, `asset` an id at either end."""

    protocols: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    source: str | None = None
    destination: str | None = None
    address: str | None = None
    asset: str | None = None
    sensors: tuple[str, ...] = ()
    since: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit rows; `subject` is a prefix such as `alert/` or `user/anna`."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page. `cursor` (from `Page.next_cursor`) wins over `offset` and belongs to one sort order."""

    limit: int = 50
    offset: int = 0
    cursor: str | None = None
    sort: str = "last_seen"
    descending: bool = True
