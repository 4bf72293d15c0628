"""Rules that have fired."""

from __future__ import annotations

from fastapi import APIRouter

from console.api.shapes import ERRORS
from console.auth.access import TheStore, Viewer
from console.store.records import RuleRecord

router = APIRouter(prefix="/rules", tags=["rules"], responses=ERRORS)


@router.get("")
def list_rules(_: Viewer, store: TheStore) -> list[RuleRecord]:
    """Every rule that has fired, with its counts, most open alerts first."""
    return store.rules()
