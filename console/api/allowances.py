"""Learn and mute: what may be hidden, by whom, why and until when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS, Note, Time
from console.auth.access import Analyst, TheStore, Viewer
from console.fleet.teaching import unteach
from console.store.records import Allowance, AllowanceKind, Preview, Scope

router = APIRouter(prefix="/allowances", tags=["allowances"], responses=ERRORS)
Value = Annotated[str, Field(min_length=1, max_length=1024)] | None
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class ScopeIn(BaseModel):
    """Which alerts are covered: those that equal every field that is set. At least one must be."""

    model_config = {"extra": "forbid"}
    rule: Value = Field(None, description="rule.id")
    source: Value = Field(None, description="IP address, or MAC where there is no IP")
    destination: Value = None
    protocol: Value = None
    operation: Value = None
    object: Value = None
    zone: Value = None

    def scope(self) -> Scope:
        """As the store takes it."""
        return Scope(**self.model_dump())


class AllowanceIn(BaseModel):
    """A learn (allow from now on) or a mute (silence without allowing)."""

    kind: AllowanceKind
    scope: ScopeIn
    reason: Annotated[Note, Field(min_length=1)]
    expires: Time | None = Field(None, description="Never, if left out")


@router.get("")
def list_allowances(
    _: Viewer,
    store: TheStore,
    ended: Annotated[bool, Query(description="Also the expired and revoked")] = False,
) -> list[Allowance]:
    """Learns and mutes, newest first."""
    return store.allowances(include_ended=ended)


@router.post("/preview")
def preview(_: Viewer, store: TheStore, body: ScopeIn) -> Preview:
    """What an allowance of this scope would have hidden; changes nothing."""
    return store.preview(body.scope())


@router.post("", status_code=201)
def allow(user: Analyst, store: TheStore, body: AllowanceIn) -> Allowance:
    """Close the alerts the scope covers and silence their repeats."""
    return store.allow(body.kind, body.scope.scope(), body.reason, body.expires, user.name)


@router.delete("/{allowance_id}")
def revoke(
    user: Analyst,
    store: TheStore,
    allowance_id: Number,
    reopen: Annotated[bool, Query(description="Make the alerts it closed active again")] = True,
) -> Allowance:
    """End an allowance now; what sensors were taught by it they unlearn."""
    ended = store.revoke_allowance(allowance_id, user.name, reopen)
    unteach(store, allowance_id, user.name)
    return ended
