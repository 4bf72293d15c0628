"""Learns a baseline from behaviours; bounded, and never silent about what it did not take."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from rules.baseline.decisions import forgotten
from rules.baseline.model import (
    DANGEROUS,
    Baseline,
    Conversation,
    Function,
    Level,
    Objects,
    Operations,
    Place,
    Withheld,
)
from rules.baseline.ranges import insert, span
from rules.baseline.rows import refused_level
from rules.baseline.subjects import Directory, subjects_of
from sensor.strings import Strings, text_of
from sensor.types import Ints, Rows

MOST_ASSETS = 1 << 14
MOST_CONVERSATIONS = 1 << 15
MOST_FUNCTIONS = 1 << 16
MOST_PLACES = 1 << 17
MOST_RANGES = 1 << 18
MOST_WITHHELD = 1 << 12


class Learner:
    """Puts behaviours into `baseline`.

    `accept` names DANGEROUS operations that are to be learned like any other. `left_out` counts
    behaviours for which there was no room.
    """

    def __init__(
        self, baseline: Baseline, directory: Directory, strings: Strings, accept: Collection[int] = ()
    ) -> None:
        self.baseline = baseline
        self.left_out = 0
        self.behaviours = 0
        self._directory = directory
        self._strings = strings
        self._forgotten = forgotten(baseline)
        self._refuse = np.isin(np.arange(256), list(DANGEROUS - set(accept)))
        self._functions = self._places = self._ranges = 0
        for operations in baseline.conversations.values():
            for functions in operations.values():
                self._functions += len(functions)
                for objects in functions.values():
                    self._places += len(objects)
                    self._ranges += sum(map(len, objects.values()))

    def refuses(self, operation: int) -> bool:
        """Whether this operation is kept out of the baseline because it is dangerous."""
        return bool(self._refuse[operation])

    def learn(self, rows: Rows) -> Ints:
        """Learn these BEHAVIOUR rows. Of each the Level at which it was withheld, NONE where it was not:
        because it is dangerous, or because somebody decided that it is not to be known."""
        subjects = subjects_of(rows, self._directory)
        self.behaviours += rows.shape[0]
        withheld = np.zeros(rows.shape[0], np.int64)
        if self._forgotten:
            for index in np.flatnonzero(subjects.depth >= Level.ASSET).tolist():
                withheld[index] = refused_level(subjects, index, rows, self._strings, self._forgotten)
        chosen = (subjects.depth >= Level.ASSET) & (withheld != Level.ASSET)
        for sender in np.unique(subjects.sender[chosen]):
            if subjects.is_host[sender]:
                self._add_asset(subjects.names[sender])
        for index in np.flatnonzero(
            (subjects.depth >= Level.CONVERSATION) & (withheld == Level.NONE)
        ).tolist():
            row, conversation = rows[index], subjects.conversation(int(index))
            operations = self._operations(conversation)
            if operations is None:
                self.left_out += 1
            elif subjects.depth[index] == Level.CONVERSATION:
                continue
            elif self._refuse[int(row["operation"]) & 0xFF] and int(row["operation"]) not in operations:
                withheld[index] = Level.OPERATION
                self._withhold(conversation, row)
            elif not self._add(operations, row, int(subjects.depth[index])):
                self.left_out += 1
        return withheld

    def learn_asset(self, address: str) -> None:
        """Learn a machine that was noticed otherwise than by behaviours, such as by ARP alone."""
        if not self._forgotten:
            self._add_asset(address)

    def _add_asset(self, address: str) -> None:
        if len(self.baseline.assets) < MOST_ASSETS or address in self.baseline.assets:
            self.baseline.assets.add(address)
        else:
            self.left_out += 1

    def _operations(self, conversation: Conversation) -> Operations | None:
        known = self.baseline.conversations
        if conversation not in known and len(known) >= MOST_CONVERSATIONS:
            return None
        return known.setdefault(conversation, {})

    def _withhold(self, conversation: Conversation, row: np.void) -> None:
        function = Function(int(row["function"]), int(row["subfunction"]))
        withheld = Withheld(conversation, int(row["operation"]), function, int(row["first_ns"]))
        if len(self.baseline.withheld) < MOST_WITHHELD or withheld[:3] in self.baseline.withheld:
            self.baseline.withheld.setdefault(withheld[:3], withheld)
        else:
            self.left_out += 1

    def _add(self, operations: Operations, row: np.void, depth: int) -> bool:
        """Take in a row's operation, function and object; false where there is no room."""
        operation = int(row["operation"])
        if depth == Level.OPERATION:
            operations.setdefault(operation, {})
            return True
        function = Function(int(row["function"]), int(row["subfunction"]))
        objects = operations.get(operation, {}).get(function)
        if objects is None:
            if self._functions >= MOST_FUNCTIONS:
                return False
            self._functions += 1
            objects = operations.setdefault(operation, {})[function] = {}
        return depth == Level.FUNCTION or self._add_object(objects, row)

    def _add_object(self, objects: Objects, row: np.void) -> bool:
        place = Place(int(row["unit"]), int(row["space"]), text_of(self._strings, int(row["name"])))
        ranges = objects.get(place)
        if ranges is None:
            if self._places >= MOST_PLACES:
                return False
            self._places += 1
            ranges = objects[place] = []
        if self._ranges >= MOST_RANGES:
            return False
        before = len(ranges)
        insert(ranges, *span(int(row["address"]), int(row["count"])))
        self._ranges += len(ranges) - before
        return True
