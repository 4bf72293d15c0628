"""Interned byte strings: tags, block names and file names as small integers, inside kernels.

The table is bounded in entries and bytes. When it is full, `intern` answers `NO_STRING` and counts
the refusal in `used[REFUSED]`; nothing that is in it is ever moved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.kernel import kernel
from sensor.types import Bytes, Int, Ints

NO_STRING = -1
LONGEST = 255
"""Longer strings are cut here: names on the wire that are longer are not names."""

ENTRIES, ARENA, REFUSED = 0, 1, 2


class Strings(NamedTuple):
    """The table: `arena` holds the bytes, `start` and `length` say where; `slots` is the hash table."""

    arena: Bytes
    start: Ints
    length: Ints
    slots: Ints
    used: Ints
    """ENTRIES, ARENA bytes in use, and REFUSED requests."""


def new_strings(entries: Int = 1 << 16, arena: Int = 1 << 21) -> Strings:
    """An empty table for at most `entries` strings (a power of two) of `arena` bytes in all."""
    return Strings(
        np.zeros(arena, np.uint8),
        np.zeros(entries, np.int64),
        np.zeros(entries, np.int64),
        np.full(entries * 2, NO_STRING, np.int64),
        np.zeros(3, np.int64),
    )


@kernel
def hash_bytes(data: Bytes, at: Int, length: Int) -> Int:
    """FNV-1a over 32 bits of `length` octets from `at`, as a non-negative int64."""
    value = np.int64(2166136261)
    for index in range(at, at + length):
        value = ((value ^ np.int64(data[index])) * 16777619) & 0xFFFFFFFF
    return value


@kernel
def intern(strings: Strings, data: Bytes, at: Int, length: Int) -> Int:
    """The id of the `length` octets from `at` (cut at LONGEST), new or known; NO_STRING if full."""
    length = min(length, LONGEST)
    mask = strings.slots.shape[0] - 1
    slot = hash_bytes(data, at, length) & mask
    while strings.slots[slot] >= 0:
        known = strings.slots[slot]
        if strings.length[known] == length:
            start = strings.start[known]
            same = True
            for index in range(length):
                if strings.arena[start + index] != data[at + index]:
                    same = False
                    break
            if same:
                return known
        slot = (slot + 1) & mask
    entry = strings.used[ENTRIES]
    start = strings.used[ARENA]
    if entry >= strings.start.shape[0] or start + length > strings.arena.shape[0]:
        strings.used[REFUSED] += 1
        return np.int64(NO_STRING)
    for index in range(length):
        strings.arena[start + index] = data[at + index]
    strings.start[entry] = start
    strings.length[entry] = length
    strings.slots[slot] = entry
    strings.used[ENTRIES] = entry + 1
    strings.used[ARENA] = start + length
    return entry


def intern_text(strings: Strings, text: str) -> Int:
    """The id of `text` in UTF-8, for the Python side."""
    data = np.frombuffer(bytearray(text.encode()), np.uint8)
    return int(intern(strings, data, 0, data.shape[0]))


def text_of(strings: Strings, entry: Int) -> str:
    """The string with this id, undecodable octets as `\\xNN`; empty for NO_STRING."""
    if entry < 0:
        return ""
    start = int(strings.start[entry])
    raw = strings.arena[start : start + int(strings.length[entry])].tobytes()
    return raw.decode("utf-8", "backslashreplace")
