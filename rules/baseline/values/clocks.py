"""Writes that set a clock: they carry the time at which they are sent.

Controllers without a clock of their own, or without a time service, are sent the time of day in ordinary
registers, once an hour or a day. Such values run through their whole range though little of it may have
been seen: a minute followed by its second tells them. That two values of a write are those of its packet by
chance happens about once in four hundred writes of small numbers. Some time zones are half an hour off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensor.types import Rows

LATE_S = 2
"""By how much the clock of whoever writes and that of the sensor may differ, in seconds."""
MINUTE, HOUR = 60, 3600


def tell_time(messages: Rows, indices: NDArray[np.int64], values: Rows) -> NDArray[np.bool_]:
    """Whether these messages (places in MESSAGE rows) hold the minute and second of their packets.

    `values` are the VALUE rows of all messages, in the order of messages.
    """
    found: dict[int, bool] = {}
    for index in np.unique(indices).tolist():
        first, last = np.searchsorted(values["message"], [index, index + 1])
        second = int(messages["time_ns"][index]) // 10**9
        found[index] = _holds(values["value"][first:last], second)
    return np.array([found[index] for index in indices.tolist()], np.bool_)


def _holds(values: NDArray[np.float64], time_s: int) -> bool:
    if len(values) < 2:
        return False
    for now in range(time_s - LATE_S, time_s + LATE_S + 1):
        is_minute = np.isin(values, (now % HOUR // MINUTE, (now + HOUR // 2) % HOUR // MINUTE))
        is_second = values == now % MINUTE
        if (is_minute[:-1] & is_second[1:]).any():
            return True
    return False
