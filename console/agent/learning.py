"""Learning over days and restarts: when it ends stands in a file, and what was learned in another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.agent.settings import SensorSettings, SettingsError
from rules.baseline.document import text_of_baseline
from rules.baseline.model import Baseline
from rules.baseline.reading import read_baseline
from rules.baseline.stage import Window, span_window
from rules.watch import Watch
from sensor.times import rfc3339

WINDOW = "learning.json"
BASELINE = "baseline.yaml"
CHECKPOINT_S = 300.0
MOST_SHARE = 0.02
"""Of the time that writing checkpoints may take."""


class Learning:
    """The learning window of a sensor, `anew` whatever was learned before.

    What it gives to be written is written by another thread.
    """

    def __init__(
        self, settings: SensorSettings, anew: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = settings.state
        self.window: Window | None = None
        self.baseline: Baseline | None = None
        """What was learned before this start, or was given."""
        self.from_ns = 0
        self.until_ns = 0
        """When learning ends; 0 where that is not known yet, or nothing is learned."""
        self._clock = clock
        self._due = clock() + CHECKPOINT_S
        self._done = False
        known = None if anew else self._read()
        path = self.folder / BASELINE
        try:
            if known is not None and path.exists():
                self.baseline = read_baseline(path)
                # The console's decisions are in what it sent last; some may have been taken back.
                self.baseline.decisions.clear()
            elif settings.baseline is not None:
                self.baseline = read_baseline(settings.baseline)
        except (OSError, ValueError) as error:
            raise SettingsError(str(error)) from error
        if known is not None:
            self.from_ns, self.until_ns = known
            self.window = Window(until_ns=self.until_ns)
        elif settings.learn is not None:
            self.window = span_window(settings.learn)

    def _read(self) -> tuple[int, int] | None:
        try:
            found = json.loads((self.folder / WINDOW).read_bytes())
            return int(found["from_ns"]), int(found["until_ns"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"{self.folder / WINDOW}: damaged ({error}); remove it to learn anew"
            ) from error

    def checkpoint(self, watch: Watch, now_ns: int, ended: bool = False) -> list[tuple[Path, bytes]]:
        """Files to write now. Called often; mostly there are none."""
        if self.window is None or not now_ns or (self._done and not ended):
            return []
        files: list[tuple[Path, bytes]] = []
        if not self.until_ns:
            self.from_ns, self.until_ns = now_ns, self.window.end(now_ns)
            content: dict[str, Any] = {"from_ns": self.from_ns, "until_ns": self.until_ns}
            content |= {"from": rfc3339(self.from_ns), "until": rfc3339(self.until_ns)}
            files.append((self.folder / WINDOW, json.dumps(content).encode()))
        over = now_ns >= self.until_ns
        started = self._clock()
        if not (over or ended or started >= self._due or files):
            return files
        text = text_of_baseline(watch.stage.finish() if over else watch.stage.baseline)
        files.append((self.folder / BASELINE, text.encode()))
        self._done = over
        self._due = started + max(CHECKPOINT_S, (self._clock() - started) / MOST_SHARE)
        return files

    def progress(self, now_ns: int) -> float | None:
        """The share of the learning time that is over; None where nothing is being learned."""
        if self.window is None:
            return None
        if not self.until_ns or not now_ns:
            return 0.0
        span = self.until_ns - self.from_ns
        return 1.0 if span <= 0 else min(1.0, max(0.0, (now_ns - self.from_ns) / span))
