"""Cut-out packets on their way to the console: a file for each alert, bounded, low levels first to go."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from console.agent.documents import LEVELS
from console.agent.evidence.cutting import Cut
from console.agent.files import write_whole

_NAME = re.compile(r"(\d)-([A-Za-z0-9_.:@+=~-]{1,128})\.json")


class Slice(NamedTuple):
    """A cut that waits: `name` is that of its files."""

    name: str
    event: str
    capture: str
    marks: tuple[int, ...]
    pcap: bytes


class Slices:
    """The folder of cuts that the console does not have yet."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.dropped = 0
        """Cuts that gave way for room, or could not be written."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)

    def put(self, event: str, level: str, capture: str, made: Cut) -> None:
        """Keep a cut; a later one of the same alert takes the earlier one's place."""
        name = f"{LEVELS.index(level)}-{event}"
        try:
            for old in self.folder.glob(f"?-{event}.*"):
                old.unlink(missing_ok=True)
            write_whole(self.folder / f"{name}.pcap", made.pcap)
            head = {"event": event, "capture": capture, "marks": made.marks[:128]}
            write_whole(self.folder / f"{name}.json", json.dumps(head).encode())
        except OSError:
            self.dropped += 1
            return
        self._make_room()

    def _make_room(self) -> None:
        names = self.names()
        sizes = {name: self._size(name) for name in names}
        total = sum(sizes.values())
        for name in sorted(names, key=lambda name: (name[0], self._age(name))):
            if total <= self.most_bytes:
                return
            total -= sizes[name]
            self.remove(name)
            self.dropped += 1

    def _size(self, name: str) -> int:
        with contextlib.suppress(OSError):
            return (self.folder / f"{name}.pcap").stat().st_size
        return 0

    def _age(self, name: str) -> int:
        with contextlib.suppress(OSError):
            return (self.folder / f"{name}.json").stat().st_mtime_ns
        return 0

    def names(self) -> list[str]:
        """What waits, the highest level first."""
        found = [path.stem for path in self.folder.glob("*.json") if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda name: (-int(name[0]), self._age(name)))

    def read(self, name: str) -> Slice | None:
        """A cut that waits; None, and it is gone, where it cannot be read."""
        try:
            head = json.loads((self.folder / f"{name}.json").read_bytes())
            pcap = (self.folder / f"{name}.pcap").read_bytes()
            marks = tuple(int(mark) for mark in head["marks"])
            return Slice(name, str(head["event"]), str(head["capture"]), marks, pcap)
        except (OSError, ValueError, KeyError, TypeError):
            self.remove(name)
            return None

    def remove(self, name: str) -> None:
        """The console has it, or will never take it."""
        for suffix in (".json", ".pcap"):
            with contextlib.suppress(OSError):
                (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
