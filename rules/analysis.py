"""The main job without its surface: captures in; all their alerts, assets and behaviours out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from rules.baseline.model import Baseline
from rules.baseline.stage import Window
from rules.rule import AnyRule
from rules.site.model import Site
from rules.watch import Watch
from sensor.capture.batch import PacketBatch

MOST_ALERTS = 50_000
"""Alerts kept for the report; of more, the newest of the lowest level give way and are counted."""
LEVELS = ("informational", "low", "medium", "high", "critical")
BATCHES_AT_ONCE = 16
"""Alerts grow with every epoch; they are written out once for so many batches, or where many have grown."""
MOST_WAITING = 1000


class Analysis(Watch):
    """A watch that keeps every alert until the end, for a report."""

    def __init__(
        self,
        rules: Iterable[AnyRule],
        site: Site | None = None,
        baseline: Baseline | None = None,
        window: Window | None = None,
        accept: Collection[int] = (),
        observer: str = "sensor",
    ) -> None:
        super().__init__(rules, site, baseline, window, accept, observer)
        self.alerts: dict[str, dict[str, Any]] = {}
        """By `event.id`."""
        self.alerts_not_kept = 0
        self._batches = 0

    def feed(self, batch: PacketBatch) -> None:
        """Take a batch of the capture that was begun last."""
        super().feed(batch)
        self._batches += 1
        if self._batches % BATCHES_AT_ONCE == 0 or self.detector.alerts.waiting > MOST_WAITING:
            self._collect()

    def finish(self) -> None:
        """The last capture has ended."""
        super().finish()
        self._collect()

    def _collect(self) -> None:
        """Write out the alerts that are new or have grown."""
        for document in self.take():
            self.alerts[document["event"]["id"]] = document
            if len(self.alerts) > MOST_ALERTS:
                self._make_room()

    def _make_room(self) -> None:
        lowest = min(LEVELS.index(item["rule"]["level"]) for item in self.alerts.values())
        victims = [key for key, item in self.alerts.items() if item["rule"]["level"] == LEVELS[lowest]][
            -MOST_ALERTS // 10 :
        ]
        for key in victims:
            del self.alerts[key]
        self.alerts_not_kept += len(victims)

    @property
    def losses(self) -> dict[str, int]:
        """Every cause for which something that was captured was not used, zeros included."""
        return {**super().losses, "alerts_not_kept": self.alerts_not_kept}
