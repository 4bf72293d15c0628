"""Runs message streams past the rhythms of a baseline, epoch by epoch, as an observer does."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any

import numpy as np
from message_streams import SECOND

from rules.baseline.model import Baseline
from rules.baseline.rhythms.source import RhythmSource
from rules.baseline.stage import BaselineStage, Window
from rules.baseline.subjects import Directory
from rules.ends import Plant
from rules.engine.matching import Engine
from rules.observed import Observed
from rules.rule import AnyRule
from rules.site.model import Site
from sensor.inventory import Inventory
from sensor.observer import Step
from sensor.rhythm.measure import measure
from sensor.rhythm.table import make_room
from sensor.strings import new_strings
from sensor.types import Rows
from sensor.wire.endpoints import ENTRIES, new_endpoints

NOTHING = np.zeros(0, np.int64)


def address(endpoint: int) -> str:
    """The address of an endpoint number in message streams."""
    return str(IPv4Address(0x0A000000 + endpoint))


class Run:
    """One sensor over one stretch of traffic; `told` are the rows that rules would see."""

    def __init__(
        self,
        baseline: Baseline | None = None,
        window: Window | None = None,
        rules: Iterable[AnyRule] = (),
        site: Site | None = None,
    ) -> None:
        endpoints = new_endpoints(1 << 12)
        endpoints.used[ENTRIES] = 1 << 12
        endpoints.rows["low"] = 0xFFFF << 32 | 0x0A000000 + np.arange(1 << 12)
        endpoints.rows["mac"] = -1
        inventory = Inventory(endpoints)
        directory = Directory(
            lambda ids: [inventory.address(int(entry)) for entry in ids],
            lambda text: text.startswith("10."),
        )
        strings = new_strings(16, 256)
        self.stage = BaselineStage(directory, strings, baseline, window)
        plant = Plant(Observed(inventory), site or Site())
        self._engine = Engine(rules)
        self.matched: dict[str, str] = {}
        """Rules that matched, with their levels."""
        self.source = RhythmSource(self.stage, directory, strings, plant)
        self.told: list[dict[str, Any]] = []
        self._now_ns = 0

    def watch(self, rows: Rows) -> Run:
        """Take messages in the order of time, in epochs of a second."""
        if not len(rows):
            return self
        self.stage.begin(int(rows["time_ns"][0]))
        start = 0
        while start < len(rows):
            limit = start + 1
            while limit < len(rows) and rows["time_ns"][limit] - rows["time_ns"][start] < SECOND:
                limit += 1
            self._epoch(rows[start:limit])
            start = limit
        return self

    def _epoch(self, rows: Rows) -> None:
        cursor = np.zeros(1, np.int64)
        table = self.source.metronome.table
        while True:
            measure(table, rows, len(rows), cursor)
            if cursor[0] >= len(rows):
                break
            make_room(table)
        self._now_ns = max(self._now_ns, int(rows["time_ns"].max()))
        self.stage.advance(self._now_ns)
        step = Step(NOTHING, NOTHING, NOTHING, [], [], self._now_ns)
        for told in self.source.tables(step):
            self.told += [told.document(row) for row in range(told.rows)]
            self.matched |= {match.rule.name: match.rule.level for match in self._engine.match(told)}

    def learn(self) -> Baseline:
        """End the capture; what was learned."""
        self.source.finish()
        return self.stage.finish()

    def about(self, field: str) -> list[dict[str, Any]]:
        """The rows told with this field."""
        return [row for row in self.told if field in row]


def learned(rows: Rows) -> Baseline:
    """What is learned from these messages."""
    run = Run(window=Window(until_ns=1 << 62)).watch(rows)
    return run.learn()
