"""Names on the wire: DNS labels with compression (RFC 1035, 4.1.4), NetBIOS encoding (RFC 1001, 14.1)."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import u8
from sensor.types import Bytes, Int

LONGEST = 255
"""Octets of a name (RFC 1035, 2.3.4), and room that the target of `read_name` must have."""
MOST_JUMPS = 32
NETBIOS = 32
"""Octets of an encoded NetBIOS name: 16 octets, each as two letters A to P."""


@kernel
def skip_name(data: Bytes, at: Int, end: Int) -> Int:
    """Where the name at `at` ends in its place (a pointer ends it), or -1 if it is none."""
    for _ in range(LONGEST):
        if at >= end:
            return np.int64(-1)
        size = u8(data, at)
        if size == 0:
            return np.int64(at + 1)
        if size >= 0xC0:
            return np.int64(at + 2 if at + 2 <= end else -1)
        if size > 63:
            return np.int64(-1)
        at += 1 + size
    return np.int64(-1)


@kernel
def read_name(data: Bytes, start: Int, at: Int, end: Int, target: Bytes, to: Int, lower: bool) -> Int:
    """Write the name at `at`, labels joined by dots, into `target` from `to`; its length, or -1.

    `start` is where the message begins. Pointers must go backwards, so that no name is endless;
    `lower` folds ASCII letters, since DNS compares without case.
    """
    written = np.int64(0)
    jumps = 0
    while at < end:
        size = u8(data, at)
        if size == 0:
            return written
        if size >= 0xC0:
            if at + 2 > end:
                return np.int64(-1)
            there = start + ((size & 0x3F) << 8 | u8(data, at + 1))
            jumps += 1
            if there >= at or there < start + 12 or jumps > MOST_JUMPS:
                return np.int64(-1)
            at = there
            continue
        if size > 63 or at + 1 + size > end or written + size + 1 > LONGEST:
            return np.int64(-1)
        if written > 0:
            target[to + written] = 0x2E
            written += 1
        for index in range(size):
            octet = u8(data, at + 1 + index)
            if lower and 0x41 <= octet <= 0x5A:
                octet += 0x20
            target[to + written + index] = octet
        written += size
        at += 1 + size
    return np.int64(-1)


@kernel
def is_netbios(data: Bytes, at: Int, end: Int) -> bool:
    """Whether a label of 32 letters A to P stands at `at`."""
    if at + 1 + NETBIOS > end or u8(data, at) != NETBIOS:
        return False
    letters = 0
    for place in range(at + 1, at + 1 + NETBIOS):
        letters += 0x41 <= u8(data, place) <= 0x50
    return letters == NETBIOS


@kernel
def read_netbios(data: Bytes, at: Int, target: Bytes, to: Int) -> Int:
    """Write the 15 octets of the encoded name at `at`, trailing blanks and NULs removed; the length."""
    length = np.int64(0)
    for index in range(15):
        octet = (u8(data, at + 1 + 2 * index) - 0x41) << 4 | (u8(data, at + 2 + 2 * index) - 0x41)
        target[to + index] = octet
        if octet != 0x20 and octet != 0:
            length = np.int64(index + 1)
    return length


@kernel
def netbios_suffix(data: Bytes, at: Int) -> Int:
    """The 16th octet of the encoded name at `at`."""
    return (u8(data, at + 31) - 0x41) << 4 | (u8(data, at + 32) - 0x41)
