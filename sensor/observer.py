"""From packets to what rules look at: behaviours that are new or go on, and assets with their changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from sensor.behaviours import STAMP, count, make_room, new_behaviours, tally
from sensor.capacity import STANDARD, Capacity
from sensor.capture.batch import PacketBatch
from sensor.details import details_of_some
from sensor.epochs import Epochs
from sensor.hashtable import EVICTED
from sensor.inventory import Change, Inventory
from sensor.messages import IDENTITY, MESSAGES, Buffers, Kind, Out
from sensor.novelty import MOST, new_seen, pick
from sensor.novelty import REFUSED as IDENTITY_REFUSED
from sensor.pipeline import Pipeline
from sensor.protocols.protocol import Fact, Number, Record
from sensor.protocols.registry import PROTOCOLS
from sensor.strings import text_of
from sensor.types import Ints
from sensor.wire.endpoints import ENTRIES

MOST_STRANGERS = 2048
"""Addresses never seen before whose behaviours are looked at in one epoch."""
_NOTHING: Ints = np.zeros(0, np.int64)
_ARP, _REQUEST = int(Number.ARP), int(Kind.REQUEST)


class Step(NamedTuple):
    """What one epoch brought: rows of the behaviour table, and changes of assets.

    `fresh` is in the order of first packets. Rows in `gone` were given up for room before this step:
    what was kept about them is void. `new_roles` are endpoints of machines known before that are
    taken for something else now. `now_ns` is the latest packet time so far.
    """

    fresh: Ints
    touched: Ints
    gone: Ints
    changes: list[Change]
    new_roles: list[int]
    now_ns: int


READ_ANEW_NS = 60 * 10**9
"""What a device says of itself is read again after a change, at most this often: only then is it
noticed that a device says what it had said before the change."""


class Listener(Protocol):
    """Something that looks at every message, with kernels of its own.

    What it found is read by whoever judges, when an epoch has ended.
    """

    def take(self, out: Out, buffers: Buffers) -> None:
        """Look at the messages in `out`, which are gone afterwards; they come in the order of time
        within one protocol, and protocols one after the other."""


class Observer:
    """Watches one capture or interface.

    Messages are counted as they come; what they brought is told when an epoch has ended (see
    `sensor.epochs`), or earlier where the table of behaviours is full.
    """

    def __init__(self, capacity: Capacity = STANDARD) -> None:
        self.pipeline = Pipeline(capacity=capacity)
        self.behaviours = new_behaviours(capacity.behaviours)
        self.inventory = Inventory(self.pipeline.wire.endpoints)
        self.listeners: list[Listener] = []
        self._seen = new_seen()
        self._picked = np.zeros(MOST, np.int64)
        most = len(self.pipeline.out.messages)
        self._fresh = np.zeros(most, np.int64)
        self._touched = np.zeros(most, np.int64)
        self._epochs = Epochs()
        self._now_ns = 0
        self._found_fresh: list[Ints] = []
        self._found_touched: list[Ints] = []
        self._facts: list[Fact] = []
        self._gone = _NOTHING
        self._first = 1
        self._times: list[Ints] = []
        self._known = 1
        self._not_judged = 0
        self._read_anew_ns = -READ_ANEW_NS
        self.messages = np.zeros(256, np.int64)
        """Messages by protocol number."""
        self.operations = np.zeros(32, np.int64)
        """Messages of OT protocols by operation."""

    def feed(self, batch: PacketBatch) -> Iterator[Step]:
        """Take a batch of packets; a Step for every epoch that has ended."""
        for part, ends_before in self._epochs.parts(batch):
            if ends_before:
                yield self._close()
            times = part.records["time_ns"]
            if not self._times:
                self._first = part.first
            self._times.append(times.copy())
            self._now_ns = max(self._now_ns, int(times.max()))
            yield from self._count_all(self.pipeline.feed(part))

    def flush(self) -> Iterator[Step]:
        """No packet will come for longer than an epoch lasts: end this one now."""
        if self._times:
            self._epochs.close()
            yield self._close()

    def finish(self) -> Iterator[Step]:
        """The capture has ended."""
        yield from self._count_all(self.pipeline.finish())
        self._epochs.close()
        yield self._close()

    def _count_all(self, drains: Iterable[Buffers]) -> Iterator[Step]:
        for buffers in drains:
            self._tally()
            self._learn_identities(buffers)
            for listener in self.listeners:
                listener.take(self.pipeline.out, buffers)
            yield from self._count()

    def _tally(self) -> None:
        out = self.pipeline.out
        tally(out.messages, out.used[MESSAGES], FIRST_OT, self.messages, self.operations)

    def _learn_identities(self, buffers: Buffers) -> None:
        out = self.pipeline.out
        if not (out.messages["flags"][: out.used[MESSAGES]] & IDENTITY).any():
            return
        picked = self._picked[: pick(self._seen, out, buffers, self._picked)]
        for index, details in zip(picked, details_of_some(out, buffers, picked), strict=True):
            row = out.messages[index]
            record = Record(row, text_of(out.strings, int(row["name"])), details)
            self._facts.extend(PROTOCOLS[int(row["protocol"])].facts(record))

    def _count(self) -> Iterator[Step]:
        """Count the messages of a drain into behaviours; a Step where there is no room for them."""
        out, table = self.pipeline.out, self.behaviours
        cursor = np.zeros(3, np.int64)
        limit = int(out.used[MESSAGES])
        while True:
            cursor[1:] = 0
            count(table, out.messages, limit, cursor, self._fresh, self._touched)
            if cursor[1]:
                self._found_fresh.append(self._fresh[: cursor[1]].copy())
            if cursor[2]:
                self._found_touched.append(self._touched[: cursor[2]].copy())
            if cursor[0] >= limit:
                return
            yield self._close()
            self._gone = make_room(table)

    def _close(self) -> Step:
        """What was found since the last time, in an order that does not depend on drains."""
        table, inventory = self.behaviours, self.inventory
        fresh, touched = _joined(self._found_fresh), _joined(self._found_touched)
        if fresh.size:
            fresh = fresh[np.argsort(table.rows["frames"][fresh, 0], kind="stable")]
            fresh = self._without_crowds(fresh)
        inventory.see(self._first, self._times)
        if self._facts:
            inventory.add_facts(sorted(self._facts, key=lambda fact: fact.frame))
            self._facts = []
        self._note_clients(touched)
        arp = touched[table.rows["protocol"][touched] == _ARP]
        inventory.add(table.rows[fresh], table.rows[arp], self._now_ns)
        step = Step(
            fresh, touched, self._gone, inventory.take_changes(), inventory.take_new_roles(), self._now_ns
        )
        if self._now_ns - self._read_anew_ns >= READ_ANEW_NS and any(change.old for change in step.changes):
            self._read_anew_ns = self._now_ns
            self._seen.digests[:] = 0
        table.used[STAMP] += 1
        self._gone = _NOTHING
        self._found_fresh, self._found_touched, self._times = [], [], []
        return step

    def _note_clients(self, touched: Ints) -> None:
        """Tell the inventory who asked OT servers in this epoch."""
        rows = self.behaviours.rows
        asked = (rows["kind"][touched] == _REQUEST) & (rows["protocol"][touched] >= FIRST_OT)
        asking = touched[asked]
        asking = asking[rows["client"][asking] < self._known + MOST_STRANGERS]
        self.inventory.ask(rows["client"][asking], rows["operation"][asking], self._now_ns)

    def _without_crowds(self, fresh: Ints) -> Ints:
        """New behaviours without those of addresses that are as new, beyond the first MOST_STRANGERS.

        They are counted like all others, but nobody looks at them one by one: whoever invents addresses
        faster than that is told of by the volume.
        """
        most = self._known + MOST_STRANGERS
        self._known = int(self.pipeline.wire.endpoints.used[ENTRIES])
        if self._known <= most:
            return fresh
        rows = self.behaviours.rows
        kept = (rows["client"][fresh] < most) & (rows["server"][fresh] < most)
        self._not_judged += int(np.count_nonzero(~kept))
        return fresh[kept]

    @property
    def losses(self) -> dict[str, int]:
        """Every cause for which something that was captured was not used, zeros included."""
        return {
            **self.pipeline.losses,
            "behaviours_not_judged": self._not_judged,
            "behaviours_evicted": int(self.behaviours.used[EVICTED]),
            "identities_not_kept": int(self._seen.used[IDENTITY_REFUSED]),
            "facts_not_kept": self.inventory.facts_not_kept,
            "changes_not_told": self.inventory.changes_not_told,
            "claims_not_kept": self.inventory.claims_not_kept,
        }


def _joined(parts: list[Ints]) -> Ints:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else _NOTHING


FIRST_OT = int(min(number for number, protocol in PROTOCOLS.items() if protocol.ot))
