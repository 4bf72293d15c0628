"""Alerts, and what is learned or muted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from console.store.filters import AlertFacet, AlertFilter, CloseReason, PageRequest
from console.store.records import (
    AlertRecord,
    Allowance,
    AllowanceKind,
    HistoryRow,
    OpenItem,
    Page,
    Preview,
    RuleRecord,
    Scope,
    Tally,
    TimelineBucket,
)


class AlertStore(Protocol):
    """Alerts and their workflow: new, active, closed."""

    def alerts(self, query: AlertFilter, page: PageRequest) -> Page[AlertRecord]:
        """One page of alerts; sort keys are `ALERT_SORTS`."""
        ...

    def alert(self, alert_id: str) -> AlertRecord:
        """One alert; NotFound when there is none."""
        ...

    def alert_history(self, alert_id: str) -> list[HistoryRow]:
        """Everything that happened to an alert, comments included, oldest first (bounded)."""
        ...

    def tally_alerts(self, query: AlertFilter, facet: AlertFacet, limit: int = 50) -> list[Tally]:
        """How many alerts per value of `facet`, most first; with many filters, of the newest ones only."""
        ...

    def alert_timeline(
        self, query: AlertFilter, since: int, until: int, buckets: int = 48
    ) -> list[TimelineBucket]:
        """Alerts per equal slice of [since, until) and level, empty slices included."""
        ...

    def acknowledge(self, alert_ids: Sequence[str], actor: str, note: str | None = None) -> int:
        """New alerts become active; returns how many changed."""
        ...

    def close_alerts(
        self, alert_ids: Sequence[str], reason: CloseReason, actor: str, note: str | None = None
    ) -> int:
        """Open alerts become closed; returns how many changed."""
        ...

    def reopen(self, alert_ids: Sequence[str], actor: str, note: str | None = None) -> int:
        """Closed alerts become active again; returns how many changed."""
        ...

    def assign(self, alert_ids: Sequence[str], assignee: str | None, actor: str) -> int:
        """Give alerts to a user, or to nobody; returns how many changed."""
        ...

    def comment(self, alert_id: str, text: str, actor: str) -> None:
        """Add a comment to an alert's history."""
        ...

    def open_items(self) -> list[OpenItem]:
        """All alerts that are not closed, as the ledger weighs them."""
        ...

    def rules(self) -> list[RuleRecord]:
        """Every rule that has fired."""
        ...


class AllowanceStore(Protocol):
    """Learn and mute."""

    def scope_of(self, alert_id: str) -> Scope:
        """The narrowest scope that covers an alert: a starting point for a person to widen."""
        ...

    def preview(self, scope: Scope) -> Preview:
        """What an allowance of this scope would have hidden."""
        ...

    def allow(
        self, kind: AllowanceKind, scope: Scope, reason: str, expires: int | None, actor: str
    ) -> Allowance:
        """Close what the scope covers and silence repeats until `expires`; a scope must name something."""
        ...

    def revoke_allowance(self, allowance_id: int, actor: str, reopen: bool = True) -> Allowance:
        """End an allowance now; with `reopen`, the alerts it closed become active again."""
        ...

    def allowances(self, include_ended: bool = False) -> list[Allowance]:
        """Learns and mutes, newest first."""
        ...
