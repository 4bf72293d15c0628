"""Who changed what, when, from where."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from console.api.shapes import ERRORS, Cursor, Limit, Offset, PageOut, Time, Word
from console.auth.access import Admin, TheStore
from console.store.filters import AuditFilter, PageRequest
from console.store.records import AuditRow

router = APIRouter(prefix="/audit", tags=["audit"], responses=ERRORS)


@router.get("")
def list_audit(
    _: Admin,
    store: TheStore,
    actor: Word | None = None,
    action: Word | None = None,
    subject: Annotated[Word | None, Query(description="A beginning, such as alert/ or user/anna")] = None,
    since: Time | None = None,
    until: Time | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> PageOut[AuditRow]:
    """One page of the audit log, newest first."""
    query = AuditFilter(actor, action, subject, since, until)
    return PageOut.of(store.audit(query, PageRequest(limit, offset, cursor)))
