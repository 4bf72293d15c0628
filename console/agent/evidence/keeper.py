"""Keeps the last packets, and cuts out those of alerts; neither makes capture wait.

Packets are copied into buffers that a thread writes to disk; where it does not keep up, packets are
not kept, and counted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import structlog

from console.agent.documents import LEVELS
from console.agent.evidence.cutting import cut, wanted_of
from console.agent.evidence.segments import PIECE, Segments
from console.agent.evidence.slices import Slices
from console.agent.settings import EvidenceSettings
from rules.documents import nanoseconds
from sensor.capture.batch import PacketBatch
from sensor.capture.writing import put_pcap_records
from sensor.types import Bytes

BUFFERS = 64
"""Pieces that may wait for the disk."""
FLUSH_S = 0.2
"""What came in the last moments is lost where the process is killed."""
MOST_JOBS = 1000
"""Alerts that wait until what follows them was captured."""
SLICES_SHARE = 8
"""One part in so many of the evidence's room is for cuts that wait."""
_log = structlog.get_logger()


class _Filled(NamedTuple):
    buffer: Bytes
    octets: int
    link: int
    first: int
    packets: int
    first_ns: int
    last_ns: int


class Keeper:
    """The evidence of one run. `feed` and `watch_for` from the thread that captures."""

    def __init__(
        self,
        folder: Path,
        run: str,
        capture: str,
        settings: EvidenceSettings,
        clock: Callable[[], int] | None = None,
    ) -> None:
        most = settings.megabytes << 20
        self.capture = capture
        self.settings = settings
        self.segments = Segments(folder / "packets", run, most, int(settings.minutes * 60e9))
        self.slices = Slices(folder / "cuts", max(most // SLICES_SHARE, 2 << 20))
        self.level = settings.level
        """Cuts are made of alerts from this level on."""
        self.not_kept = 0
        """Packets that were captured faster than the disk took them, or that it did not take at all."""
        self.cuts = 0
        self.not_found = 0
        """Alerts of which no packet is kept."""
        self._clock = clock
        self._now_ns = 0
        self._free: queue.SimpleQueue[Bytes] = queue.SimpleQueue()
        self._made = 0
        self._filled: queue.Queue[_Filled] = queue.Queue(BUFFERS)
        self._open: Bytes | None = None
        self._state = (0, 0, 0, 0, 0)  # octets, link, first packet, packets, first time
        self._last_ns = 0
        self._flush_at = 0.0
        self._jobs: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._asked: OrderedDict[str, dict[str, Any] | None] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._unknown: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def feed(self, batch: PacketBatch) -> None:
        """Keep these packets."""
        if not len(batch.records):
            if self._state[3] and time.monotonic() >= self._flush_at:
                self._hand_over()
            return
        links = batch.records["link"]
        cuts = [0, *(np.flatnonzero(np.diff(links)) + 1).tolist(), len(links)]
        for start, end in pairwise(cuts):
            self._feed(batch, start, end)
        self._now_ns = max(self._now_ns, int(batch.records["time_ns"].max()))
        if time.monotonic() >= self._flush_at:
            self._hand_over()

    def _feed(self, batch: PacketBatch, start: int, end: int) -> None:
        rows = batch.records[:end]
        link = int(rows["link"][start])
        while start < end:
            octets, open_link, first, packets, first_ns = self._state
            number = batch.first + start
            if packets and (open_link != link or first + packets != number):
                self._hand_over()
                continue
            if self._open is None:
                self._open = self._buffer()
                if self._open is None:
                    self.not_kept += end - start
                    return
            done, place = put_pcap_records(batch.data, rows, start, self._open, octets)
            if done == start:
                if not packets:  # it does not even fit into an empty piece
                    self.not_kept += 1
                    start += 1
                    continue
                self._hand_over()
                continue
            if not packets:
                first, first_ns = number, int(rows["time_ns"][start])
            self._last_ns = int(rows["time_ns"][start:done].max())
            self._state = (place, link, first, packets + done - start, first_ns)
            start = done

    def _buffer(self) -> Bytes | None:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            if self._made >= BUFFERS:
                return None
            self._made += 1
            return np.zeros(PIECE, np.uint8)

    def _hand_over(self) -> None:
        self._flush_at = time.monotonic() + FLUSH_S
        octets, link, first, packets, first_ns = self._state
        if self._open is None or not packets:
            return
        self._filled.put_nowait(
            _Filled(self._open, octets, link, first, packets, first_ns, max(first_ns, self._last_ns))
        )
        self._open, self._state = None, (0, 0, 0, 0, 0)

    def watch_for(self, alerts: list[dict[str, Any]]) -> None:
        """Cut out the packets of those of these alerts that are worth it, when what follows has come."""
        for alert in alerts:
            if LEVELS.index(alert["rule"]["level"]) < LEVELS.index(self.level) or "evidence" not in alert:
                continue
            identity = alert["event"]["id"]
            with self._lock:
                if identity in self._done and identity not in self._jobs:
                    continue  # what an alert grows by later is cut out when somebody asks
                self._jobs[identity] = alert
                while len(self._jobs) > MOST_JOBS:
                    self._jobs.popitem(last=False)
                    self.not_found += 1

    def ask(self, event: str, alert: dict[str, Any] | None) -> None:
        """An analyst wants the packets of this alert; None where it is not remembered."""
        with self._lock:
            self._asked[event] = alert
            while len(self._asked) > MOST_JOBS:
                self._asked.popitem(last=False)

    def take_unknown(self, most: int) -> list[str]:
        """Events whose packets were asked for and are not kept, oldest first, to be told to the console."""
        with self._lock:
            return [self._unknown.popitem(last=False)[0] for _ in range(min(most, len(self._unknown)))]

    def flush(self) -> None:
        """Hand what was fed to the disk now."""
        self._hand_over()

    def stop(self, seconds: float) -> None:
        """Write everything, make the cuts that wait, and end within about so long."""
        self._hand_over()
        self._stopped.set()
        self._thread.join(seconds)
        self.segments.close()

    def _run(self) -> None:
        while True:
            last = self._stopped.is_set()
            try:
                self._write(self._filled.get(timeout=0.0 if last else 0.2))
                continue
            except queue.Empty:
                self._cut_due(last)
            if last:
                return

    def _write(self, filled: _Filled) -> None:
        records = filled.buffer[: filled.octets]
        try:
            self.segments.write(
                filled.link, records, filled.first, filled.packets, filled.first_ns, filled.last_ns
            )
        except OSError as error:
            self.not_kept += filled.packets
            _log.error("evidence.disk", error=str(error))
            # Alerts have a right to this room, too.
            self.segments.give_up_oldest()
        finally:
            self._free.put(filled.buffer)

    def _cut_due(self, everything: bool) -> None:
        now = max(self._now_ns, self._clock() if self._clock else 0)
        after = int(self.settings.after_s * 1e9)
        with self._lock:
            due = [
                alert
                for alert in self._jobs.values()
                if everything or nanoseconds(alert["event"]["start"]) + after < now
            ]
            for alert in due:
                del self._jobs[alert["event"]["id"]]
            asked, self._asked = self._asked, OrderedDict()
        for alert in due:
            self._done[alert["event"]["id"]] = None
            self._cut(alert)
        while len(self._done) > 10 * MOST_JOBS:
            self._done.popitem(last=False)
        for event, wanted in asked.items():
            if wanted is None or not self._cut(wanted):
                with self._lock:
                    self._unknown[event] = None
                    # The console asks again for what it is not told of.
                    while len(self._unknown) > MOST_JOBS:
                        self._unknown.popitem(last=False)

    def _cut(self, alert: dict[str, Any]) -> bool:
        settings = self.settings
        try:
            wanted = wanted_of(alert, self.capture, int(settings.before_s * 1e9), int(settings.after_s * 1e9))
            made = cut(self.segments.all, wanted)
        except Exception:
            # What comes out of packets must not end the keeping of packets, nor the cuts of other alerts.
            _log.exception("evidence.cut", event=alert["event"]["id"])
            made = None
        if made is None:
            self.not_found += 1
            return False
        self.cuts += 1
        self.slices.put(alert["event"]["id"], alert["rule"]["level"], self.capture, made)
        return True

    def oldest_ns(self) -> int:
        """The time of the oldest packet that is kept; 0 where there is none."""
        found = self.segments.all
        return found[0].first_ns if found else 0

    @property
    def waiting(self) -> int:
        """Alerts whose packets are still to be cut out."""
        return len(self._jobs)
