"""Assets and zones."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS, Cursor, Limit, Offset, PageOut, Time, Word, Words
from console.auth.access import Analyst, TheStore, Viewer
from console.store.filters import AssetFilter, AssetSort, PageRequest
from console.store.records import AssetChange, AssetRecord, Tally, Zone

router = APIRouter(tags=["assets"], responses=ERRORS)
Purdue = Annotated[float, Field(ge=0, le=6, allow_inf_nan=False)]


class Decisions(BaseModel):
    """What a person decides; null goes back to what the sensors say, absent changes nothing."""

    model_config = {"extra": "forbid"}
    name: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    zone: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    criticality: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    authorised: bool | None = None


@router.get("/assets")
def list_assets(
    _: Viewer,
    store: TheStore,
    role: Words = [],  # noqa: B006
    zone: Words = [],  # noqa: B006
    vendor: Words = [],  # noqa: B006
    protocol: Words = [],  # noqa: B006
    purdue_level: Annotated[list[Purdue], Query(max_length=20)] = [],  # noqa: B006
    sensor: Words = [],  # noqa: B006
    authorised: bool | None = None,
    address: Annotated[Word | None, Query(description="IP or MAC address")] = None,
    since: Annotated[Time | None, Query(description="Last seen at or after")] = None,
    q: Annotated[Word | None, Query(description="Words, all of which occur")] = None,
    sort: AssetSort = "last_seen",
    descending: bool = True,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> PageOut[AssetRecord]:
    """One page of assets."""
    query = AssetFilter(
        roles=tuple(role),
        zones=tuple(zone),
        vendors=tuple(vendor),
        protocols=tuple(protocol),
        purdue_levels=tuple(purdue_level),
        sensors=tuple(sensor),
        authorised=authorised,
        address=address,
        since=since,
        text=q,
    )
    return PageOut.of(store.assets(query, PageRequest(limit, offset, cursor, sort, descending)))


@router.get("/assets/tally")
def tally(
    _: Viewer,
    store: TheStore,
    field: Literal["role", "vendor", "zone", "protocol", "purdue_level", "sensor"],
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[Tally]:
    """Assets per value of a field, most first."""
    return store.tally_assets(field, limit)


@router.get("/assets/{asset_id}")
def one_asset(_: Viewer, store: TheStore, asset_id: str) -> AssetRecord:
    """One asset, with people's decisions applied."""
    return store.asset(asset_id)


@router.get("/assets/{asset_id}/history")
def history(
    _: Viewer, store: TheStore, asset_id: str, limit: Annotated[int, Query(ge=1, le=500)] = 200
) -> list[AssetChange]:
    """What changed about an asset, newest first."""
    store.asset(asset_id)
    return store.asset_history(asset_id, limit)


@router.patch("/assets/{asset_id}")
def decide(user: Analyst, store: TheStore, asset_id: str, body: Decisions) -> AssetRecord:
    """Decide name, zone, criticality or whether the asset is authorised."""
    return store.decide_asset(asset_id, body.model_dump(exclude_unset=True), user.name)


@router.get("/zones")
def zones(_: Viewer, store: TheStore) -> list[Zone]:
    """Every zone with its assets and open alerts."""
    return store.zones()
