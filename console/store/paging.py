"""Cursors: opaque to callers, checked when they come back."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from console.store.errors import QueryRefused
from console.store.filters import MAX_LIMIT, MAX_OFFSET, PageRequest

_TYPES = (int, float, str)


def encode(page: PageRequest, values: list[Any]) -> str:
    """A cursor behind the row that has these sort values."""
    text = json.dumps([page.sort, page.descending, values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(page: PageRequest, width: int) -> list[Any] | None:
    """The sort values of the page's cursor, `width` of them; None when the page has no cursor."""
    if page.cursor is None:
        return None
    try:
        padded = page.cursor + "=" * (-len(page.cursor) % 4)
        sort, descending, values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, TypeError, RecursionError) as error:
        raise QueryRefused("cursor: not one this console made") from error
    if sort != page.sort or descending != page.descending:
        raise QueryRefused("cursor: belongs to another sort order")
    if not isinstance(values, list) or len(values) != width:
        raise QueryRefused("cursor: not one this console made")
    if not all(type(value) in _TYPES and _fits(value) for value in values):
        raise QueryRefused("cursor: not one this console made")
    return values


def _fits(value: Any) -> bool:
    """Whether a store can compare with it: 64-bit, finite, text without lone surrogates."""
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return -(2**63) <= value < 2**63


def check(page: PageRequest, sorts: tuple[str, ...]) -> None:
    """Refuse a page the stores do not serve."""
    if page.sort not in sorts:
        raise QueryRefused(f"sort: not one of {', '.join(sorts)}")
    if not 1 <= page.limit <= MAX_LIMIT:
        raise QueryRefused(f"limit: not between 1 and {MAX_LIMIT}")
    if not 0 <= page.offset <= MAX_OFFSET:
        raise QueryRefused(f"offset: not between 0 and {MAX_OFFSET}; go on by cursor")
