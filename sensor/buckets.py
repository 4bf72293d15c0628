"""Rows in buckets of four: state that is small, and forgotten as soon as it was used.

Requests that wait for an answer, fragments that wait for the rest, connections, selected outputs. A key
has its bucket and may stand in any of its four places; where they are all taken, the oldest of them
gives way. So a row is found and forgotten in a few steps, and nothing is ever moved. A table that has
to hold all that it has room for is a `sensor.hashtable`.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.types import Int, Ints

BUCKET = 4
"""Places in a bucket."""


@kernel
def first_of_bucket(digest: Int, capacity: Int) -> Int:
    """The first place of a key's bucket in a table for `capacity` (a power of two) rows."""
    return digest & (capacity - 1) & ~np.int64(BUCKET - 1)


@kernel
def place_to_fill(keys: Ints, times: Ints, first: Int) -> Int:
    """The first free place of the bucket (its key is negative), else that with the earliest time."""
    chosen = first
    for place in range(first, first + BUCKET):
        if keys[place] < 0:
            return np.int64(place)
        if times[place] < times[chosen]:
            chosen = np.int64(place)
    return chosen
