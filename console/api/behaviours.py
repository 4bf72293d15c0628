"""Behaviours, and the flows they add up to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from console.api.shapes import ERRORS, Cursor, Limit, Offset, PageOut, Time, Word, Words
from console.auth.access import TheStore, Viewer
from console.store.filters import BehaviourFilter, BehaviourSort, PageRequest
from console.store.records import BehaviourRecord, Flow

router = APIRouter(tags=["behaviours"], responses=ERRORS)


def behaviour_filter(
    protocol: Words = [],  # noqa: B006
    operation: Words = [],  # noqa: B006
    source: Annotated[Word | None, Query(description="IP or MAC address of the client")] = None,
    destination: Annotated[Word | None, Query(description="IP or MAC address of the server")] = None,
    address: Annotated[Word | None, Query(description="IP or MAC address at either end")] = None,
    asset: Annotated[Word | None, Query(description="asset.id at either end")] = None,
    sensor: Words = [],  # noqa: B006
    since: Annotated[Time | None, Query(description="Last seen at or after")] = None,
    q: Annotated[Word | None, Query(description="Words, all of which occur")] = None,
) -> BehaviourFilter:
    """Query parameters as a filter. Repeat a parameter for alternatives."""
    return BehaviourFilter(
        protocols=tuple(protocol),
        operations=tuple(operation),
        source=source,
        destination=destination,
        address=address,
        asset=asset,
        sensors=tuple(sensor),
        since=since,
        text=q,
    )


TheFilter = Annotated[BehaviourFilter, Depends(behaviour_filter)]


@router.get("/behaviours")
def list_behaviours(
    _: Viewer,
    store: TheStore,
    query: TheFilter,
    sort: BehaviourSort = "last_seen",
    descending: bool = True,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> PageOut[BehaviourRecord]:
    """One page of behaviours: who does what to which object of whom."""
    return PageOut.of(store.behaviours(query, PageRequest(limit, offset, cursor, sort, descending)))


@router.get("/behaviours/{behaviour_id}")
def one_behaviour(_: Viewer, store: TheStore, behaviour_id: str) -> BehaviourRecord:
    """One behaviour."""
    return store.behaviour(behaviour_id)


@router.get("/flows")
def flows(
    _: Viewer, store: TheStore, query: TheFilter, limit: Annotated[int, Query(ge=1, le=5000)] = 1000
) -> list[Flow]:
    """Behaviours summed per client, server and protocol, busiest first."""
    return store.flows(query, limit)
