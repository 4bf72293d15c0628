"""Picks, out of the messages that say who a device is, those that say something new.

Identity messages repeat (ARP, DNS, polled identification); only new ones are worth the Python that
reads them. What a message says is its sender and its details but the volatile ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensor.hashtable import stir
from sensor.kernel import kernel
from sensor.messages import DETAILS, IDENTITY, MESSAGES, Buffers, Out, data_of
from sensor.protocols.registry import PROTOCOLS
from sensor.types import Bytes, Int, Ints

MOST = 2000
"""Novel identity messages taken from one drain; the rest are counted and come again."""

PICKED, REFUSED = 0, 1


class Seen(NamedTuple):
    """What identity messages have said: digests in a direct-mapped table."""

    digests: Ints
    volatile: Bytes
    """1 for each field id that does not count."""
    used: Ints


def new_seen(capacity: int = 1 << 16) -> Seen:
    """Nothing was said yet; `capacity` is a power of two."""
    volatile = np.zeros(1 << 16, np.uint8)
    for number, protocol in PROTOCOLS.items():
        for index, field in enumerate(protocol.fields):
            volatile[number * 256 + index] = field.volatile
    return Seen(np.zeros(capacity, np.int64), volatile, np.zeros(2, np.int64))


@kernel
def pick(seen: Seen, out: Out, buffers: Buffers, picked: Ints) -> Int:
    """Write the indices of the messages that say something new to `picked`; how many there are."""
    found = np.int64(0)
    detail = np.int64(0)
    mask = seen.digests.shape[0] - 1
    for index in range(out.used[MESSAGES]):
        message = out.messages[index]
        while detail < out.used[DETAILS] and out.details[detail]["message"] < index:
            detail += 1
        if message["flags"] & IDENTITY == 0:
            continue
        digest = stir(
            np.int64(message["client"]) << 30 ^ np.int64(message["server"]),
            np.int64(message["function"]) << 20 ^ np.int64(message["direction"]) << 16 ^ message["protocol"],
        )
        place = detail
        while place < out.used[DETAILS] and out.details[place]["message"] == index:
            row = out.details[place]
            place += 1
            if seen.volatile[row["field"]]:
                continue
            digest = stir(digest, np.int64(row["field"]) << 32 ^ np.int64(row["length"]))
            if row["kind"] < 2:
                digest = stir(digest, row["number"])
                continue
            data = data_of(buffers, row["buffer"])
            for at in range(row["number"], row["number"] + row["length"]):
                digest = stir(digest, np.int64(data[at]))
        digest |= 1
        if seen.digests[digest >> 7 & mask] != digest:
            if found >= picked.shape[0]:
                seen.used[REFUSED] += 1
                continue
            seen.digests[digest >> 7 & mask] = digest
            seen.used[PICKED] += 1
            picked[found] = index
            found += 1
    return found
