"""Registers and bits: as details, and as rows of values."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Out, ValueKind, add_integer, add_value
from sensor.octets import be16, u8
from sensor.protocols.modbus import fields
from sensor.types import Bytes, Int


@kernel
def add_registers(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> None:
    """Registers as details."""
    for place in range(at, end - 1, 2):
        add_integer(out, message, fields.VALUES, be16(data, place))


@kernel
def keep_registers(data: Bytes, at: Int, end: Int, out: Out, message: Int) -> None:
    """The registers as VALUE rows, where there are several."""
    if end - at >= 4:
        for place in range(at, end - 1, 2):
            add_value(out, message, (place - at) // 2, ValueKind.INTEGER, float(be16(data, place)))


@kernel
def keep_bits(data: Bytes, at: Int, end: Int, count: Int, out: Out, message: Int) -> None:
    """Bits as VALUE rows."""
    for bit in range(min(count, (end - at) * 8)):
        state = u8(data, at + bit // 8) >> (bit % 8) & 1
        add_value(out, message, np.int64(bit), ValueKind.DISCRETE, float(state))


@kernel
def add_bits(data: Bytes, at: Int, end: Int, count: Int, out: Out, message: Int) -> None:
    """Bits as details: `count`, or all where that is not known."""
    bits = (end - at) * 8
    if 0 <= count < bits:
        bits = count
    for bit in range(bits):
        add_integer(out, message, fields.VALUES, u8(data, at + bit // 8) >> (bit % 8) & 1)
