"""Tells what of a batch of behaviours a baseline does not know; exact, and vectorised.

The baseline becomes a ladder of sorted integer keys, each made of the place of the step above and
one value, so that looking up a row is a dozen binary searches and no two things share a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.baseline.entries import Entry
from rules.baseline.model import DANGEROUS, Baseline, Level
from rules.baseline.ranges import joined
from rules.baseline.subjects import Directory, Mask, Subjects, pack_service, subjects_of
from sensor.messages import NO_CODE, Kind
from sensor.strings import Strings, text_of
from sensor.types import Ints, Rows

MOST_REMEMBERED = 1 << 17
"""Conversations and assets whose novelty was told, so that answers do not tell it again."""
UNKNOWN = -1


class Novelty(NamedTuple):
    """For each row what is new about it.

    The flags are true from the level where the row leaves what is known down to the lowest level
    that the row can tell about: whatever a new asset does is a new operation, too. `level` is the
    topmost of them, so that a rule on `level` fires once, where the news is.
    """

    level: Ints
    """A Level for each row."""
    asset: Mask
    conversation: Mask
    operation: Mask
    function: Mask
    object: Mask


class _Step:
    """(parent, value) to a number from 0 on; UNKNOWN where it is not there or the parent is not."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}
        self._keys: Ints = np.zeros(0, np.int64)
        self._places: Ints = np.zeros(0, np.int64)

    def add(self, parent: int, value: int) -> int:
        return self._numbers.setdefault((parent, value), len(self._numbers))

    def close(self) -> None:
        keys = np.array([parent << 32 | value & 0xFFFFFFFF for parent, value in self._numbers], np.int64)
        self._places = np.argsort(keys, kind="stable")
        self._keys = keys[self._places]
        self._numbers = {}

    def find(self, parents: Ints, values: Ints) -> Ints:
        if not self._keys.shape[0]:
            return np.full(parents.shape, UNKNOWN, np.int64)
        wanted = parents << 32 | values & 0xFFFFFFFF
        places = np.minimum(np.searchsorted(self._keys, wanted), self._keys.shape[0] - 1)
        found = (self._keys[places] == wanted) & (parents >= 0)
        return np.where(found, self._places[places], UNKNOWN)


class _Intervals:
    """Whether addresses lie inside one range of their owner."""

    def __init__(self, ranges: Iterable[tuple[int, int, int]]) -> None:
        rows = np.array(list(ranges), np.int64).reshape(-1, 3)
        self._starts = np.unique(rows[:, 1])
        keys = rows[:, 0] << 32 | np.searchsorted(self._starts, rows[:, 1])
        order = np.argsort(keys)
        self._keys, self._ends = keys[order], rows[order, 2]

    def cover(self, owners: Ints, first: Ints, last: Ints) -> Mask:
        if not self._keys.shape[0]:
            return np.zeros(owners.shape, np.bool_)
        rank = np.searchsorted(self._starts, first, "right") - 1
        places = np.searchsorted(self._keys, owners << 32 | np.maximum(rank, 0), "right") - 1
        inside = (owners >= 0) & (rank >= 0) & (places >= 0)
        inside &= self._keys[places] >> 32 == owners
        # -1, "no address", is a range of its own and does not reach address 0.
        return inside & (last <= self._ends[places])


def _disjoint(ranges: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The same (owner, first, last) with those of one owner that overlap or touch made one."""
    owners: dict[int, list[tuple[int, int]]] = {}
    for owner, first, last in ranges:
        owners.setdefault(owner, []).append((first, last))
    return [(owner, *span) for owner, spans in owners.items() for span in joined(spans)]


class Lookup:
    """A baseline to ask; made once it has been learned or loaded. Later changes are not seen.

    `accepts` are entries that count as known beside it: an asset itself; a conversation with its ends
    and all that is done in it but for DANGEROUS operations; an operation, a function with all below.
    """

    def __init__(
        self, baseline: Baseline, directory: Directory, strings: Strings, accepts: Iterable[Entry] = ()
    ) -> None:
        self._directory = directory
        self._strings = strings
        self._assets = set(baseline.assets)
        self._open: dict[str, set[int]] = {"conversation": set(), "operation": set(), "function": set()}
        self._addresses: dict[str, int] = {}
        self._names: dict[str, int] = {"": 0}
        steps = [_Step() for _ in range(8)]
        self._pairs, self._conversations, self._operations, self._functions, self._subs = steps[:5]
        self._units, self._spaces, self._places = steps[5:]
        ranges: list[tuple[int, int, int]] = []
        for conversation, operations in baseline.conversations.items():
            pair = self._pairs.add(self._address(conversation.client), self._address(conversation.server))
            talk = self._conversations.add(pair, pack_service(conversation))
            for operation, functions in operations.items():
                act = self._operations.add(talk, operation)
                for function, objects in functions.items():
                    sub = self._subs.add(self._functions.add(act, function.code), function.sub)
                    for place, known in objects.items():
                        space = self._spaces.add(self._units.add(sub, place.unit), place.space)
                        owner = self._places.add(space, self._names.setdefault(place.name, len(self._names)))
                        ranges.extend((owner, first, last) for first, last in known)
        accepts = list(accepts)
        for entry in accepts:
            self._accept(entry, ranges)
        if accepts:
            ranges = _disjoint(ranges)
        for step in steps:
            step.close()
        self._intervals = _Intervals(ranges)
        self.forgotten = 0
        """How many things were told and forgotten again for lack of room: they may be told twice."""
        self._told_talks: set[tuple[str, str, int]] = set()
        self._told_assets: set[str] = set()
        self._heard: set[str] = set()

    def _accept(self, entry: Entry, ranges: list[tuple[int, int, int]]) -> None:
        if entry.asset is not None:
            self._assets.add(entry.asset)
        if entry.conversation is None:
            return
        talk = entry.conversation
        self._assets |= {talk.client, talk.server}
        pair = self._pairs.add(self._address(talk.client), self._address(talk.server))
        number = self._conversations.add(pair, pack_service(talk))
        if entry.operation is not None:
            number = self._operations.add(number, entry.operation)
        if entry.function is not None:
            number = self._subs.add(self._functions.add(number, entry.function.code), entry.function.sub)
        if entry.place is None:
            self._open[entry.what].add(number)
            return
        space = self._spaces.add(self._units.add(number, entry.place.unit), entry.place.space)
        owner = self._places.add(space, self._names.setdefault(entry.place.name, len(self._names)))
        ranges.append((owner, *entry.span))

    def _is_open(self, what: str, numbers: Ints) -> Mask:
        if not self._open[what]:
            return np.zeros(numbers.shape, np.bool_)
        return np.isin(numbers, list(self._open[what]))

    def _address(self, address: str) -> int:
        return self._addresses.setdefault(address, len(self._addresses))

    def remember(self, other: Lookup) -> None:
        """Take over what another has told and heard, so that it is not told again."""
        self._told_talks, self._told_assets, self._heard = (
            other._told_talks,
            other._told_assets,
            other._heard,
        )

    def novelty(self, rows: Rows) -> Novelty:
        """What is new about these BEHAVIOUR rows.

        A client that asks is new at once; a server is new when it answers. The answers of a
        conversation have a `level` only where its requests were not seen (a one-way mirror port);
        their flags say that they belong to something new all the same.
        """
        subjects = subjects_of(rows, self._directory)
        depth = subjects.depth
        number = np.array([self._addresses.get(name, UNKNOWN) for name in subjects.names], np.int64)
        strange = np.array([name not in self._assets for name in subjects.names], np.bool_)
        strange &= subjects.is_host
        self._hear(subjects.names, strange, np.unique(subjects.sender[depth >= Level.ASSET]))
        heard = strange & np.array([name in self._heard for name in subjects.names], np.bool_)

        pair = self._pairs.find(number[subjects.client], number[subjects.server])
        talk = self._conversations.find(pair, subjects.service)
        act = self._operations.find(talk, rows["operation"].astype(np.int64))
        function = self._functions.find(act, rows["function"].astype(np.int64))
        function = self._subs.find(function, rows["subfunction"].astype(np.int64))
        owner = self._spaces.find(
            self._units.find(function, rows["unit"].astype(np.int64)), rows["space"].astype(np.int64)
        )
        owner = self._places.find(owner, self._name_numbers(rows["name"]))
        address = rows["address"]
        last = np.where(address < 0, NO_CODE, address + np.maximum(rows["count"], 1) - 1)
        known = self._intervals.cover(owner, np.maximum(address, NO_CODE), last)

        harmless = ~np.isin(rows["operation"], list(DANGEROUS))
        open_talk = self._is_open("conversation", talk) & harmless
        open_act = open_talk | self._is_open("operation", act)
        open_function = open_act | self._is_open("function", function)
        known |= open_function
        answers = rows["kind"] == Kind.RESPONSE
        asset = (heard[subjects.client] | heard[subjects.server]) & (depth >= Level.ASSET)
        conversation = asset | (talk < 0)
        operation = conversation | ((act < 0) & ~open_talk)
        new_function = (function < 0) & ~open_act
        levels = [
            asset,
            conversation & (depth >= Level.CONVERSATION),
            operation & (depth >= Level.OPERATION),
            (operation | new_function) & (depth >= Level.FUNCTION),
            (operation | new_function | ~known) & (depth >= Level.OBJECT),
        ]
        news = levels[0] | levels[1]
        quiet = self._repeats(subjects, news, answers, heard) if news.any() else news
        level = np.zeros(rows.shape[0], np.int64)
        for value, flags in zip(reversed(Level), reversed(levels), strict=False):
            level[flags & ~quiet] = value
        return Novelty(level, *levels)

    def _name_numbers(self, ids: NDArray[np.int32]) -> Ints:
        distinct, places = np.unique(ids, return_inverse=True)
        numbers = [self._names.get(text_of(self._strings, int(entry)), UNKNOWN) for entry in distinct]
        return np.array(numbers, np.int64)[places]

    def _hear(self, names: list[str], strange: Mask, senders: Ints) -> None:
        self._remember(self._heard, {names[sender] for sender in senders[strange[senders]]})

    def _remember(self, memory: set[Any], items: set[Any]) -> None:
        if len(memory) + len(items) > MOST_REMEMBERED:
            self.forgotten += len(memory)
            memory.clear()
        memory |= items

    def _talks(self, subjects: Subjects, rows: Ints) -> list[tuple[str, str, int]]:
        name = subjects.names.__getitem__
        clients, servers = map(name, subjects.client[rows]), map(name, subjects.server[rows])
        return list(zip(clients, servers, subjects.service[rows].tolist(), strict=True))

    def _repeats(self, subjects: Subjects, news: Mask, answers: Mask, heard: Mask) -> Mask:
        """Which answers say nothing that their requests have not said; remembers what is said now."""
        quiet = np.zeros(news.shape[0], np.bool_)
        asked = np.flatnonzero(news & ~answers)
        self._remember(self._told_talks, set(self._talks(subjects, asked)))
        self._remember(self._told_assets, self._assets_of(subjects, asked, heard))
        rows = np.flatnonzero(news & answers)
        told: list[int] = []
        for row, talk in zip(rows, self._talks(subjects, rows), strict=True):
            ends = {int(subjects.client[row]), int(subjects.server[row])}
            assets = {subjects.names[end] for end in ends if heard[end]}
            if talk in self._told_talks and assets <= self._told_assets:
                quiet[row] = True
            else:
                told.append(int(row))
        # Remembered only now: the same news may stand in several rows of a batch, which is one alert.
        self._remember(self._told_talks, set(self._talks(subjects, np.array(told, np.int64))))
        self._remember(self._told_assets, self._assets_of(subjects, np.array(told, np.int64), heard))
        return quiet

    def _assets_of(self, subjects: Subjects, rows: Ints, heard: Mask) -> set[str]:
        ends = np.unique(np.concatenate([subjects.client[rows], subjects.server[rows]]))
        return {subjects.names[end] for end in ends[heard[ends]]}
