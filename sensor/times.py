"""Nanoseconds since 1970 as text and back."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?$")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_UNITS = {"ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86400e9}


def rfc3339(time_ns: int) -> str:
    """UTC with nanoseconds: `2026-11-22T07:39:29.123456789Z`."""
    return f"{np.datetime64(int(time_ns), 'ns')}Z"


def rfc3339_all(times_ns: Sequence[int] | np.ndarray) -> list[str]:
    """`rfc3339` of many times at once."""
    stamps = np.asarray(times_ns, np.int64).view("datetime64[ns]")
    return [f"{text}Z" for text in np.datetime_as_string(stamps, unit="ns").tolist()]


def parse_time(text: str) -> int:
    """Nanoseconds of an RFC 3339 time; UTC where no offset is given. ValueError if it is none."""
    match = _RFC3339.match(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time like 2026-11-22T07:39:29Z")
    day, clock, fraction, offset = match.groups()
    value = int(np.datetime64(f"{day}T{clock}", "ns").astype(np.int64))
    value += int((fraction or ".0")[1:].ljust(9, "0"))
    if offset and offset not in "Zz":
        minutes = int(offset[1:3]) * 60 + int(offset[4:6])
        value -= (minutes if offset[0] == "+" else -minutes) * 60_000_000_000
    return value


def parse_duration(text: str) -> int:
    """Nanoseconds of `90s`, `5m`, `1.5h`, `2d`, `200ms`. ValueError if it is none."""
    match = _DURATION.match(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a duration like 90s, 5m, 2h or 1d")
    return int(float(match[1]) * _UNITS[match[2]])
