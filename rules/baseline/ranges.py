"""Sets of addresses as disjoint, ordered, inclusive ranges: `0-9, 40001, 50000-50001`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

Ranges: TypeAlias = list[tuple[int, int]]
"""Ordered by first address; no two touch. Objects without an address are the range (-1, -1)."""

NO_ADDRESS = "-"
_WIDE = 1 << 32
"""From here on numbers are packed identifiers, which are only readable in hexadecimal."""
_NUMBER = r"(?:0x[0-9a-fA-F_]{1,20}|[0-9]{1,19})"
_RANGE = re.compile(rf"\s*({_NUMBER})(?:\s*-\s*({_NUMBER}))?\s*\Z")
GREATEST = (1 << 63) - 1


def span(address: int, count: int) -> tuple[int, int]:
    """The addresses that `count` objects from `address` on take; (-1, -1) without an address."""
    if address < 0:
        return -1, -1
    return address, address + max(count, 1) - 1


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same addresses with ranges that overlap or touch made one."""
    result: Ranges = []
    for first, last in sorted(ranges):
        # -1 means "no address": it does not touch address 0.
        if result and first <= result[-1][1] + 1 and result[-1][1] >= 0:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def insert(ranges: Ranges, first: int, last: int) -> bool:
    """Add addresses in place, joining what they touch; whether anything was added."""
    # Every range before `start` ends too early to touch the new one.
    start = bisect_right(ranges, (first, -2))
    if start and ranges[start - 1][1] >= 0 and ranges[start - 1][1] + 1 >= first:
        start -= 1
    elif start and ranges[start - 1] == (first, last):
        return False
    end = start
    low, high = first, last
    while end < len(ranges) and last >= 0 and ranges[end][0] <= high + 1 and ranges[end][1] >= 0:
        low, high = min(low, ranges[end][0]), max(high, ranges[end][1])
        end += 1
    if end == start + 1 and ranges[start] == (low, high):
        return False
    if end == start and start < len(ranges) and ranges[start] == (first, last):
        return False
    ranges[start:end] = [(low, high)]
    return True


def without(ranges: Ranges, others: Ranges) -> Ranges:
    """The addresses of `ranges` that are not in `others`."""
    result: Ranges = []
    for first, last in ranges:
        for other_first, other_last in others:
            if other_last < first:
                continue
            if other_first > last:
                break
            if other_first > first:
                result.append((first, other_first - 1))
            first = other_last + 1
        if first <= last:
            result.append((first, last))
    return result


def as_text(ranges: Ranges) -> str:
    """`-` stands for objects that have no address."""
    parts = []
    for first, last in ranges:
        if last < 0:
            parts.append(NO_ADDRESS)
        else:
            parts.append(_number(first) if first == last else f"{_number(first)}-{_number(last)}")
    return ", ".join(parts)


def _number(value: int) -> str:
    return f"0x{value:_x}" if value >= _WIDE else str(value)


def from_text(text: str) -> Ranges:
    """The inverse of `as_text`, in any order. Raises ValueError naming the part that is wrong."""
    found = []
    for part in text.split(","):
        if part.strip() == NO_ADDRESS:
            found.append((-1, -1))
            continue
        match = _RANGE.match(part)
        if match is None:
            raise ValueError(f"{part.strip()!r} is neither an address nor a range of addresses")
        first = int(match[1], 0 if match[1].startswith("0x") else 10)
        last = first
        if match[2]:
            last = int(match[2], 0 if match[2].startswith("0x") else 10)
        if not first <= last <= GREATEST:
            raise ValueError(
                f"{part.strip()!r} is not a range: its end lies before its start or beyond 2**63"
            )
        found.append((first, last))
    return joined(found)
