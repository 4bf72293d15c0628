"""Between analysis, which never waits, and the spool, which may have to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from threading import Condition
from typing import NamedTuple

from console.agent.documents import FIRST_ALERT, Outgoing, class_of

MOST = 50_000
"""Documents that wait to be written. Alerts replace their earlier selves, so they fit in for long."""


class Taken(NamedTuple):
    """What came, as it was at one moment: see `Inbox.put`."""

    documents: list[Outgoing]
    grown: list[Outgoing]
    judged_ns: int


class Inbox:
    """Takes documents at once, whatever the disk does; hands them on in one piece.

    Beyond the bound the lowest rank gives way, the oldest first; `losses` counts (class, "queue").
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.losses: Counter[tuple[str, str]] = Counter()
        self.judged_ns = 0
        self._changed = Condition()
        self._waiting: dict[int, dict[tuple[str, str], Outgoing]] = {}
        self._grown: dict[str | None, Outgoing] = {}
        self._size = 0
        self._made = 0
        self._closed = False

    def put(self, documents: Iterable[Outgoing], judged_ns: int = 0, grown: Iterable[Outgoing] = ()) -> None:
        """Take documents in; never waits for anything but another thread's few microseconds.

        `judged_ns` and `grown`: see `Spool.put`.
        """
        with self._changed:
            for document in grown:
                self._grown[document.id] = document
            for document in documents:
                self._grown.pop(document.id, None)
                self._put(document)
            while len(self._grown) > self.most:
                del self._grown[next(iter(self._grown))]
            self.judged_ns = max(self.judged_ns, judged_ns)
            if self._size:
                self._changed.notify_all()

    def _put(self, document: Outgoing) -> None:
        identity = document.id
        if identity is None:
            self._made += 1
            identity = f"\0{self._made}"
        rank, key = document.rank, (document.type, identity)
        if rank >= FIRST_ALERT:
            # A rule sent down anew may have changed an alert's level.
            for other in range(FIRST_ALERT, FIRST_ALERT + 5):
                if other != rank and self._waiting.get(other, {}).pop(key, None) is not None:
                    self._size -= 1
        level = self._waiting.setdefault(rank, {})
        self._size += key not in level
        level[key] = document
        while self._size > self.most:
            lowest = min(rank for rank, level in self._waiting.items() if level)
            del self._waiting[lowest][next(iter(self._waiting[lowest]))]
            self._size -= 1
            self.losses[class_of(lowest), "queue"] += 1

    def take(self, seconds: float) -> Taken:
        """All that came, documents waited for at most so long; empty where nothing did."""
        with self._changed:
            if not self._size and not self._closed:
                self._changed.wait(seconds)
            found = [document for level in self._waiting.values() for document in level.values()]
            taken = Taken(found, list(self._grown.values()), self.judged_ns)
            self._waiting, self._grown = {}, {}
            self._size = 0
            return taken

    def take_losses(self) -> Counter[tuple[str, str]]:
        """What was dropped since this was last asked."""
        with self._changed:
            losses, self.losses = self.losses, Counter()
            return losses

    def close(self) -> None:
        """Let `take` return at once from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def size(self) -> int:
        """Documents that wait."""
        return self._size
