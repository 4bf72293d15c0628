"""How far a capture has been read: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sensor.capture.source import CaptureFile


class Progress:
    """Shows a bar on standard error while captures are read, if that is a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._source: CaptureFile | None = None

    @contextmanager
    def of(self, source: CaptureFile) -> Iterator[None]:
        """Show this capture's progress as long as the block runs."""
        if not self._shown:
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[packets]:,} packets"), TimeElapsedColumn(),
        )  # fmt: skip
        self._source = source
        with Progress(*columns, console=Console(stderr=True), transient=True) as self._bar:
            self._task = self._bar.add_task(source.name, total=source.size or None, packets=0)
            yield
        self._bar = None

    def advance(self) -> None:
        """A batch was worked on."""
        if self._bar is not None and self._source is not None:
            self._bar.update(self._task, completed=self._source.position, packets=self._source.packets)
