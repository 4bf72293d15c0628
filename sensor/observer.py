"""From packets to what rules look at: behaviours that are new or go on, and assets with their changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sensor.behaviours import EVICTED, STAMP, count, make_room, new_behaviours
from sensor.capacity import STANDARD, Capacity
from sensor.capture.batch import PacketBatch
from sensor.details import details_of_some
from sensor.inventory import Change, Inventory
from sensor.messages import IDENTITY, MESSAGES, Buffers
from sensor.novelty import MOST, new_seen, pick
from sensor.novelty import REFUSED as IDENTITY_REFUSED
from sensor.pipeline import Pipeline
from sensor.protocols.protocol import Number, Record
from sensor.protocols.registry import PROTOCOLS
from sensor.strings import text_of
from sensor.types import Ints


class Step(NamedTuple):
    """What one step brought: rows of the behaviour table, and changes of assets.

    Rows in `gone` were given up for room before this step: what was kept about them is void.
    `new_roles` are endpoints of machines known before that are taken for something else now.
    """

    fresh: Ints
    touched: Ints
    gone: Ints
    changes: list[Change]
    new_roles: list[int]


class Observer:
    """Watches one capture or interface."""

    def __init__(self, capacity: Capacity = STANDARD) -> None:
        self.pipeline = Pipeline(capacity=capacity)
        self.behaviours = new_behaviours(capacity.behaviours)
        self.inventory = Inventory(self.pipeline.wire.endpoints)
        self._seen = new_seen()
        self._picked = np.zeros(MOST, np.int64)
        most = len(self.pipeline.out.messages)
        self._fresh = np.zeros(most, np.int64)
        self._touched = np.zeros(most, np.int64)
        self.messages = np.zeros(256, np.int64)
        """Messages by protocol number."""
        self.operations = np.zeros(32, np.int64)
        """Messages of OT protocols by operation."""

    def feed(self, batch: PacketBatch) -> Iterator[Step]:
        """Take a batch of packets."""
        self.inventory.see(batch.first, batch.records["time_ns"])
        return self._steps(self.pipeline.feed(batch))

    def finish(self) -> Iterator[Step]:
        """The capture has ended."""
        return self._steps(self.pipeline.finish())

    def _steps(self, drains: Iterable[Buffers]) -> Iterator[Step]:
        for buffers in drains:
            self._tally()
            self._learn_identities(buffers)
            yield from self._count()

    def _tally(self) -> None:
        rows = self.pipeline.out.messages[: self.pipeline.out.used[MESSAGES]]
        first = rows["part"] == 0
        self.messages += np.bincount(rows["protocol"][first], minlength=256)
        ot = first & (rows["protocol"] >= FIRST_OT)
        self.operations += np.bincount(rows["operation"][ot], minlength=32)

    def _learn_identities(self, buffers: Buffers) -> None:
        out = self.pipeline.out
        if not (out.messages["flags"][: out.used[MESSAGES]] & IDENTITY).any():
            return
        picked = self._picked[: pick(self._seen, out, buffers, self._picked)]
        for index, details in zip(picked, details_of_some(out, buffers, picked), strict=True):
            row = out.messages[index]
            record = Record(row, text_of(out.strings, int(row["name"])), details)
            self.inventory.add_facts(PROTOCOLS[int(row["protocol"])].facts(record))

    def _count(self) -> Iterator[Step]:
        out, table = self.pipeline.out, self.behaviours
        cursor = np.zeros(3, np.int64)
        limit = int(out.used[MESSAGES])
        gone = np.zeros(0, np.int64)
        while True:
            table.used[STAMP] += 1
            cursor[1:] = 0
            count(table, out.messages, limit, cursor, self._fresh, self._touched)
            fresh, touched = self._fresh[: cursor[1]], self._touched[: cursor[2]]
            arp = touched[table.rows["protocol"][touched] == Number.ARP]
            self.inventory.add(table.rows[fresh], table.rows[arp])
            changes = self.inventory.take_changes()
            yield Step(fresh, touched, gone, changes, self.inventory.take_new_roles())
            if cursor[0] >= limit:
                return
            gone = make_room(table)

    @property
    def losses(self) -> dict[str, int]:
        """Every cause for which something that was captured was not used, zeros included."""
        return {
            **self.pipeline.losses,
            "behaviours_evicted": int(self.behaviours.used[EVICTED]),
            "identities_not_kept": int(self._seen.used[IDENTITY_REFUSED]),
            "facts_not_kept": self.inventory.facts_not_kept,
            "changes_not_told": self.inventory.changes_not_told,
            "claims_not_kept": self.inventory.claims_not_kept,
        }


FIRST_OT = min(number for number, protocol in PROTOCOLS.items() if protocol.ot)
