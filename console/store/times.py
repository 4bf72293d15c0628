"""Between RFC 3339 text, as documents hold it, and nanoseconds since 1970, as stores order by it."""

from __future__ import annotations

import re
import time
from datetime import date
from functools import lru_cache

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATEST = 2**63 - 1
"""The last time a 64-bit count of nanoseconds can hold (2262-04-11)."""

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH = date(1970, 1, 1)


def now() -> int:
    """The wall clock, nanoseconds since 1970 UTC."""
    return time.time_ns()


@lru_cache(maxsize=8192)
def to_nanoseconds(text: str) -> int:
    """Read an RFC 3339 time with up to nine decimals; ValueError when it is none (RFC 3339 section 5.6)."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time such as 2026-11-22T07:39:29.123456789Z")
    day, hour, minute, second = match[1], int(match[2]), int(match[3]), int(match[4])
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("the time of day is out of range")
    # A leap second is a legal RFC 3339 time; the second before it is close enough.
    seconds = _day(day) + hour * 3600 + minute * 60 + min(second, 59)
    zone = match[6]
    if zone not in {"Z", "z"}:
        offset_hours, offset_minutes = int(zone[1:3]), int(zone[4:6])
        if offset_hours > 23 or offset_minutes > 59:
            raise ValueError("the time zone offset is out of range")
        offset = offset_hours * 3600 + offset_minutes * 60
        seconds += -offset if zone[0] == "+" else offset
    nanoseconds = seconds * SECOND + int((match[5] or "").ljust(9, "0"))
    if not 0 <= nanoseconds <= LATEST:
        raise ValueError("the time is outside 1970 to 2262")
    return nanoseconds


@lru_cache(maxsize=1024)
def _day(text: str) -> int:
    """Seconds from 1970 to the beginning of a day; ValueError where there is no such day."""
    return (date.fromisoformat(text) - _EPOCH).days * 86_400


def to_text(nanoseconds: int) -> str:
    """RFC 3339 UTC with nine decimals, as all documents use."""
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = time.gmtime(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{rest:09d}Z"
