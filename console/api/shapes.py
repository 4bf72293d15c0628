"""What several nouns of the API share: pages, times, bounded texts."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from console.problems import Problem
from console.store.filters import MAX_LIMIT, MAX_OFFSET
from console.store.records import Page
from console.store.times import to_nanoseconds

T = TypeVar("T")

Word = Annotated[str, Field(min_length=1, max_length=256)]
Words = Annotated[list[Word], Query(max_length=50)]
Ids = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=160)]], Field(min_length=1, max_length=1000)
]
Note = Annotated[str, Field(max_length=4000)]


def _time(value: Any) -> Any:
    return to_nanoseconds(value) if isinstance(value, str) else None


Time = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T07:39:29Z"]}),
]
"""RFC 3339 text outside, nanoseconds since 1970 inside."""

ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Nobody is logged in, or the token does not work"},
    403: {"model": Problem, "description": "The role or the CSRF token does not allow this"},
    404: {"model": Problem, "description": "There is no such thing"},
    409: {"model": Problem, "description": "The present state does not allow this"},
    413: {"model": Problem, "description": "The body is too large"},
    422: {"model": Problem, "description": "The request does not fit its description; `errors` says where"},
    503: {"model": Problem, "description": "The store cannot answer now"},
    507: {"model": Problem, "description": "The console's disk is full; nothing was changed"},
}


class PageOut(BaseModel, Generic[T]):
    """One page. Go on with `next_cursor` as `cursor`; it is null on the last page."""

    items: list[T]
    total: int = Field(description="How many there are in all; a lower bound where `total_exact` is false")
    total_exact: bool
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[T]) -> PageOut[T]:
        """From the store's page."""
        return cls(
            items=page.items, total=page.total, total_exact=page.total_exact, next_cursor=page.next_cursor
        )


class Changed(BaseModel):
    """How many were changed; what already was as asked does not count."""

    changed: int


Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Rows to skip; for more, use `cursor`")]
Cursor = Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before")]
