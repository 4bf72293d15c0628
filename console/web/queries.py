"""From the query of an address to the filters of the store: the address is the state of a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from fastapi import Request
from starlette.datastructures import QueryParams

from console.store import times
from console.store.filters import (
    ALERT_SORTS,
    ASSET_SORTS,
    LEVELS,
    MAX_OFFSET,
    STATUSES,
    AlertFilter,
    AssetFilter,
    AuditFilter,
    BehaviourFilter,
    PageRequest,
)

PER_PAGE = 50
PERIODS = {"1h": times.HOUR, "24h": times.DAY, "7d": 7 * times.DAY, "30d": 30 * times.DAY}
"""Periods a list can be narrowed to, as they stand in addresses, in nanoseconds."""

T = TypeVar("T", bound=str)


def known_only(values: Iterable[str], allowed: Iterable[T]) -> tuple[T, ...]:
    """The values of `allowed` that were asked for, in the order of `allowed`."""
    asked = set(values)
    return tuple(value for value in allowed if value in asked)


def given(query: QueryParams, key: str) -> tuple[str, ...]:
    """All non-empty values of a key (a select left at "any" sends an empty one)."""
    return tuple(value for value in query.getlist(key) if value)


def since(query: QueryParams) -> int | None:
    """The beginning of the period asked for, None for all time."""
    length = PERIODS.get(query.get("period", ""))
    return times.now() - length if length else None


def one(query: QueryParams, key: str) -> str | None:
    """The value of a key, None where it is absent or empty."""
    return query.get(key, "").strip() or None


def offset_of(query: QueryParams) -> int:
    """Where a page begins; from the start where the address makes no sense."""
    text = query.get("offset", "")
    return min(int(text), MAX_OFFSET) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def paging(
    request: Request, sorts: Iterable[str], default: str, descending: bool = True, limit: int = PER_PAGE
) -> PageRequest:
    """Offset and order from `offset`, `sort` and `order`; what makes no sense falls back to the default."""
    query = request.query_params
    sort = query.get("sort", default)
    sort = sort if sort in tuple(sorts) else default
    order = query.get("order", "")
    return PageRequest(
        limit=limit, offset=offset_of(query), sort=sort, descending=order != "asc" if order else descending
    )


def statuses(query: QueryParams) -> tuple[str, ...]:
    """`status` of an alert list: one of the store's, `all`, or open (new and active) as the default."""
    asked = query.get("status", "open")
    if asked == "all":
        return ()
    return (asked,) if asked in STATUSES else ("new", "active")


def alert_filter(query: QueryParams) -> AlertFilter:
    """The alerts an address asks for."""
    return AlertFilter(
        levels=known_only(query.getlist("level"), LEVELS),
        statuses=statuses(query),
        protocols=given(query, "protocol"),
        operations=given(query, "operation"),
        address=one(query, "address"),
        source=one(query, "source"),
        destination=one(query, "destination"),
        zones=given(query, "zone"),
        asset=one(query, "asset"),
        rules=given(query, "rule"),
        techniques=given(query, "technique"),
        sensors=given(query, "sensor"),
        since=since(query),
        text=one(query, "q"),
    )


def alert_page(request: Request) -> PageRequest:
    """The page of alerts an address asks for."""
    return paging(request, ALERT_SORTS, "last_seen")


def asset_filter(query: QueryParams) -> AssetFilter:
    """The assets an address asks for."""
    levels: list[float] = []
    for text in given(query, "purdue"):
        try:
            levels.append(float(text))
        except ValueError:
            continue
    return AssetFilter(
        roles=given(query, "role"),
        zones=given(query, "zone"),
        vendors=given(query, "vendor"),
        protocols=given(query, "protocol"),
        purdue_levels=tuple(levels),
        sensors=given(query, "sensor"),
        authorised={"yes": True, "no": False}.get(query.get("authorised", "")),
        since=since(query),
        text=one(query, "q"),
    )


def asset_page(request: Request) -> PageRequest:
    """The page of assets an address asks for."""
    return paging(request, ASSET_SORTS, "last_seen")


def behaviours_of(asset: str) -> BehaviourFilter:
    """Everything an asset takes part in."""
    return BehaviourFilter(asset=asset)


def audit_filter(query: QueryParams) -> AuditFilter:
    """The audit rows an address asks for."""
    return AuditFilter(
        actor=one(query, "actor"),
        action=one(query, "action"),
        subject=one(query, "subject"),
        since=since(query),
    )
