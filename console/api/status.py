"""Is the console alive?"""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from console.api.shapes import ERRORS
from console.auth.access import TheStore, Viewer

router = APIRouter(tags=["status"], responses=ERRORS)


class Alive(BaseModel):
    """The console answers."""

    status: str = "ok"


class Counts(BaseModel):
    """What the store holds and what it did not keep."""

    revision: int
    counts: dict[str, int]
    losses: dict[str, int]


@router.get("/alive")
def alive() -> Alive:
    """For a load balancer; needs no login."""
    return Alive()


@router.get("/status")
def status(_: Viewer, store: TheStore) -> Counts:
    """Sizes, and losses by cause, zeros included."""
    return Counts(revision=store.revision(), counts=store.counts(), losses=store.losses())
