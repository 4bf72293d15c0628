"""Carries documents from the inbox to the spool, in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from console.agent.documents import Outgoing, class_of
from console.agent.files import write_whole
from console.agent.inbox import Inbox, Taken
from console.agent.spool.errors import SpoolCorrupt, SpoolError
from console.agent.spool.spool import Depth, Spool

MEMORY_BYTES = 32 << 20
"""What the spool in memory holds, where alerts wait while the disk takes nothing."""
_PAUSE = 0.2
_log = structlog.get_logger()


class Writer:
    """Writes to the spool on disk; while the disk takes nothing, to one in memory, which is sent too."""

    def __init__(self, inbox: Inbox, disk: Spool, arrived: Callable[[], None] = lambda: None) -> None:
        self.inbox = inbox
        self.disk = disk
        self.memory = Spool(None, MEMORY_BYTES)
        self.error = ""
        """Why the disk takes nothing; empty while it does."""
        self.failures = 0
        self._arrived = arrived
        self._uncounted: Counter[tuple[str, str]] = Counter()
        self._uncounted_lock = threading.Lock()
        self._judged_ns = 0
        self._unnoted: dict[str | None, Outgoing] = {}
        self._files: dict[Path, bytes] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    @property
    def spools(self) -> tuple[Spool, Spool]:
        """Where batches come from, in this order."""
        return self.disk, self.memory

    @property
    def depth(self) -> Depth:
        """What waits on disk and in memory together."""
        disk, memory = self.disk.depth, self.memory.depth
        oldest = [depth.oldest_ns for depth in (disk, memory) if depth.oldest_ns]
        return Depth(
            disk.documents + memory.documents,
            disk.alerts + memory.alerts,
            disk.bytes + memory.bytes,
            min(oldest, default=0),
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Write what has come so far and end, within about so long."""
        self._stopped.set()
        self.inbox.close()
        self._thread.join(seconds)
        with contextlib.suppress(SpoolError):
            self.disk.close()

    def _run(self) -> None:
        while True:
            last = self._stopped.is_set()
            taken = self.inbox.take(1.0)
            try:
                self._take(taken)
            except Exception:
                # What nobody thought of must not end the writing for good, nor cost other documents.
                _log.exception("spool.fault")
                self._take_one_by_one(taken.documents)
            if last:
                self._save_memory()
                return
            # What comes within a moment is written at once: a disk is asked to flush only so often.
            self._stopped.wait(_PAUSE)

    def _take(self, taken: Taken) -> None:
        if taken.documents or taken.grown or taken.judged_ns > self._judged_ns:
            self.write(taken.documents, taken.judged_ns, taken.grown)
            self._judged_ns = taken.judged_ns
        if taken.documents:
            self._arrived()
        self._save()
        self._count()

    def _take_one_by_one(self, documents: list[Outgoing]) -> None:
        for document in documents:
            try:
                self.write([document])
            except Exception as error:
                self.error = f"{document.type} {document.id or ''}: {type(error).__name__}: {error}"
                self.failures += 1
                self._add_uncounted(Counter({(class_of(document.rank), "error"): 1}))

    def save(self, files: list[tuple[Path, bytes]]) -> None:
        """Write these files soon, from this thread; of those that still wait the newest."""
        self._files.update(files)

    def _save(self) -> None:
        while self._files:
            path, content = self._files.popitem()
            try:
                write_whole(path, content)
            except OSError as error:
                _log.error("state.write", path=str(path), error=str(error))

    def write(self, documents: list[Outgoing], judged_ns: int = 0, grown: Sequence[Outgoing] = ()) -> None:
        """Write documents to the disk, or keep them in memory where that fails."""
        self._unnoted.update((alert.id, alert) for alert in grown)
        try:
            self._to_disk(documents, judged_ns)
        except SpoolError as error:
            # Where they go on from after a restart is noted as soon as the disk takes it.
            self._unnoted.update((item.id, item) for item in documents if item.type == "alert")
            while len(self._unnoted) > self.inbox.most:
                del self._unnoted[next(iter(self._unnoted))]
            if not self.error:
                _log.error("spool.disk", error=str(error))
            self.error = str(error)
            self.failures += 1
            try:
                self.memory.put(documents)
            except SpoolError:
                self._add_uncounted(Counter((class_of(document.rank), "error") for document in documents))
        else:
            if self.error:
                _log.info("spool.disk", error="")
            self.error = ""
            self._unnoted.clear()

    def _to_disk(self, documents: list[Outgoing], judged_ns: int) -> None:
        grown = list(self._unnoted.values())
        try:
            self.disk.put(documents, judged_ns, grown)
        except SpoolCorrupt as error:
            _log.error("spool.corrupt", error=str(error))
            self.disk.reopen()
            self.disk.put(documents, judged_ns, grown)

    def _add_uncounted(self, losses: Counter[tuple[str, str]]) -> None:
        with self._uncounted_lock:
            self._uncounted.update(losses)

    def _count(self) -> None:
        self._add_uncounted(self.inbox.take_losses())
        with self._uncounted_lock:
            if self._uncounted:
                with contextlib.suppress(SpoolError):
                    self.disk.count(self._uncounted)
                    self._uncounted.clear()

    def _save_memory(self) -> None:
        """The process ends: what waits in memory goes to the disk, if that takes it by now."""
        with contextlib.suppress(SpoolError):
            self.disk.put(self.memory.waiting())

    def dropped(self) -> dict[str, int]:
        """Drops by `class.cause`, those included that could not be written down yet."""
        with self._uncounted_lock:
            total = Counter({f"{name}.{cause}": number for (name, cause), number in self._uncounted.items()})
            for spool in self.spools:
                with contextlib.suppress(SpoolError):
                    total.update(spool.dropped())
        return dict(total)

    def wait_until_written(self, seconds: float) -> bool:
        """Whether the inbox is empty within so long."""
        end = time.monotonic() + seconds
        while self.inbox.size and time.monotonic() < end:
            time.sleep(0.01)
        return not self.inbox.size
