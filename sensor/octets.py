"""Read integers and floats of either byte order out of a uint8 array, as int64 and float64.

The caller has checked that the octets lie inside the PDU; `at` is an index into `data`.
Everything comes back widened, so that sums and shifts behave the same compiled and as plain Python.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.types import Bytes, Int


@kernel
def u8(data: Bytes, at: Int) -> Int:
    """One octet, 0 to 255."""
    return np.int64(data[at])


@kernel
def be16(data: Bytes, at: Int) -> Int:
    """Two octets, most significant first, unsigned."""
    return np.int64(data[at]) << 8 | np.int64(data[at + 1])


@kernel
def le16(data: Bytes, at: Int) -> Int:
    """Two octets, least significant first, unsigned."""
    return np.int64(data[at + 1]) << 8 | np.int64(data[at])


@kernel
def be24(data: Bytes, at: Int) -> Int:
    """Three octets, most significant first, unsigned."""
    return np.int64(data[at]) << 16 | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2])


@kernel
def le24(data: Bytes, at: Int) -> Int:
    """Three octets, least significant first, unsigned."""
    return np.int64(data[at + 2]) << 16 | np.int64(data[at + 1]) << 8 | np.int64(data[at])


@kernel
def be32(data: Bytes, at: Int) -> Int:
    """Four octets, most significant first, unsigned."""
    return be16(data, at) << 16 | be16(data, at + 2)


@kernel
def le32(data: Bytes, at: Int) -> Int:
    """Four octets, least significant first, unsigned."""
    return le16(data, at + 2) << 16 | le16(data, at)


@kernel
def be64(data: Bytes, at: Int) -> Int:
    """Eight octets, most significant first, as the signed int64 with the same bits."""
    return be32(data, at) << 32 | be32(data, at + 4)


@kernel
def le64(data: Bytes, at: Int) -> Int:
    """Eight octets, least significant first, as the signed int64 with the same bits."""
    return le32(data, at + 4) << 32 | le32(data, at)


@kernel
def signed(value: Int, bits: Int) -> Int:
    """The two's complement reading of an unsigned `value` of `bits` bits (at most 63)."""
    return value - (np.int64(1) << bits) if value >> (bits - 1) & 1 else value


@kernel
def real32(value: Int) -> float:
    """The IEEE 754 single with these 32 bits, as float64."""
    return np.float64(np.uint32(value).view(np.float32))


@kernel
def real64(value: Int) -> float:
    """The IEEE 754 double with these 64 bits."""
    return np.float64(np.int64(value).view(np.float64))
