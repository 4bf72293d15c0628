"""Hours of the site's week: what time of the local week a moment is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = 7 * 24 * 60
MINUTE_NS = 60 * 10**9
_QUARTER_NS = 15 * MINUTE_NS
"""Time zones differ from UTC by multiples of 15 minutes, and hours are given to the minute."""


class Hours(NamedTuple):
    """Working hours: minutes of the local week, Monday 00:00 being 0; `end` is excluded."""

    begin: int
    end: int


def minutes_of_week(times_ns: NDArray[np.int64], time_zone: tzinfo) -> NDArray[np.int64]:
    """For each time in nanoseconds since 1970 the minute of the local week it lies in."""
    quarters, places = np.unique(times_ns // _QUARTER_NS, return_inverse=True)
    starts = [_minute_of_week(int(quarter) * _QUARTER_NS, time_zone) for quarter in quarters]
    minutes = np.array(starts, np.int64)[places] + times_ns % _QUARTER_NS // MINUTE_NS
    return np.asarray(minutes % WEEK)


def _minute_of_week(time_ns: int, time_zone: tzinfo) -> int:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 10**9)
        moment = moment.astimezone(time_zone)
    except OverflowError:  # a capture may claim any time
        return 0
    return (moment.weekday() * 24 + moment.hour) * 60 + moment.minute
