"""Sensors: who delivers, how they are, and their tokens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS
from console.auth.access import Admin, TheStore, Viewer
from console.store.records import SensorRecord

router = APIRouter(prefix="/sensors", tags=["sensors"], responses=ERRORS)
Name = Annotated[str, Field(min_length=1, max_length=128)]


class SensorIn(BaseModel):
    """A sensor to register."""

    name: Name
    site: Name = "default"


class SensorToken(BaseModel):
    """The sensor's bearer token for /api/v1/ingest. It is shown this once."""

    name: str
    token: str


@router.get("")
def list_sensors(_: Viewer, store: TheStore) -> list[SensorRecord]:
    """Registered sensors and every other source of batches, with the latest health."""
    return store.sensors()


@router.post("", status_code=201)
def add_sensor(user: Admin, store: TheStore, body: SensorIn) -> SensorToken:
    """Register a sensor."""
    return SensorToken(name=body.name, token=store.add_sensor(body.name, body.site, user.name))


@router.delete("/{name}", status_code=204)
def revoke_sensor(user: Admin, store: TheStore, name: str) -> None:
    """Its token works no more; its data stays."""
    store.revoke_sensor(name, user.name)


@router.get("/{name}/health")
def health(
    _: Viewer, store: TheStore, name: str, limit: Annotated[int, Query(ge=1, le=2000)] = 200
) -> list[dict[str, Any]]:
    """A sensor's health documents, newest first."""
    return store.health(name, limit)
