"""Rules at work: from tables of behaviours and asset changes to alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.alerts.collection import Alerts
from rules.alerts.tolerance import Tolerances
from rules.engine.correlation import Correlator
from rules.engine.matching import Engine
from rules.rule import AnyRule
from rules.table import Occurrences, Table


class Detector:
    """Matches rules, correlates what matched and keeps the alerts.

    For every batch: `forget` the keys that are used for something else now, `see` the tables of what
    is new, `update` the counts of what goes on (of `watched` keys at least), then `take` the alerts.
    """

    def __init__(
        self,
        rules: Iterable[AnyRule],
        capture: str | None = None,
        observer: str | None = None,
        clock: Callable[[], int] = time.time_ns,
        tolerances: Tolerances | None = None,
    ) -> None:
        rules = list(rules)
        self.engine = Engine(rules)
        self.correlator = Correlator(rules)
        self.alerts = Alerts(capture, observer, clock=clock, tolerances=tolerances)

    def see(self, table: Table) -> None:
        """Take in behaviours that are new, or asset changes."""
        self.alerts.add(table, self.correlator.add(table, self.engine.match(table)))

    def watched(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these behaviours whose counts matter to an alert or a correlation."""
        mine = set(self.alerts.watched(keys).tolist()) | set(self.correlator.watched(keys.tolist()))
        return np.array([key for key in keys.tolist() if key in mine], np.int64)

    def update(self, occurrences: Occurrences) -> None:
        """Take in new counts of behaviours seen before."""
        self.alerts.update(occurrences)
        for table, matches in self.correlator.update(occurrences):
            self.alerts.add(table, matches)

    def forget(self, keys: Iterable[int]) -> None:
        """These behaviours are no more and their keys may be used for others."""
        keys = list(keys)
        self.alerts.forget(keys)
        self.correlator.forget(keys)

    def take(self) -> list[dict[str, Any]]:
        """The documents of alerts that are new or have grown; to be called after every batch."""
        return self.alerts.take()

    @property
    def losses(self) -> dict[str, int]:
        """What was given up for room, zeros included."""
        return {**self.alerts.losses, **self.correlator.losses}
