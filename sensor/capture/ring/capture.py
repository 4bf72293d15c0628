"""Packets of one or several interfaces as they come in, in batches, in the order of time."""

from __future__ import annotations

import os
import select
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType

import numpy as np

from sensor.capture.batch import PacketBatch
from sensor.capture.bpf import Program
from sensor.capture.errors import CaptureError
from sensor.capture.health import InterfaceEvent, InterfaceHealth
from sensor.capture.ring.mapping import Mapping
from sensor.capture.ring.ring import Ring
from sensor.capture.ring.settings import Fanout, Settings
from sensor.types import Rows

MOST_INTERFACES = 16
EVENTS_KEPT = 1000
GATHER_SECONDS, PAUSE_SECONDS = 0.05, 0.01
"""From one batch to the next while the ring has room, as every batch has its price; and between looks."""
FOREVER, FOREVER_SECONDS = 1 << 62, float("inf")


class RingCapture:
    """A live capture of one or several interfaces, which never sends anything.

    Iterate it: it gives PacketBatch after PacketBatch, numbered as one capture, until `stop` is
    called; where nothing comes for `timeout` seconds a batch without packets, so that the caller
    can do what is due. A batch is valid until the next is asked for, when its blocks go back to the
    kernel: the octets are those that the kernel wrote, in memory that both share. RECORD's
    `interface` is the place in `interfaces`.

    Packets of several interfaces are merged by the kernel's times, as the two directions of a tap
    come in on two cards and an answer must not overtake its request: while one interface is quiet,
    packets of another wait up to three times the blocks' `retire_ms` until it is certain that
    nothing older is to come. Times of one interface may step back by microseconds where a card has
    several queues, and by anything when the clock is set.

    Opening takes CAP_NET_RAW, nothing afterwards does, so that privileges can be dropped then: an
    interface that vanishes and comes back is bound again by the same socket. With `fanout` it
    cannot be, and CAP_NET_RAW alone has to be kept for that.
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        program: Program | None = None,
        *,
        settings: Settings | None = None,
        timeout: float = 0.2,
    ) -> None:
        """Open these interfaces, each with a ring as `settings` say, and take what `program` takes.

        With `settings.fanout`, interface number n (from 0) uses the group number `group + n`.
        Raises CaptureError where one cannot be opened; then none is.
        """
        settings = settings or Settings()
        if not 1 <= len(interfaces) <= MOST_INTERFACES or len(set(interfaces)) != len(interfaces):
            raise CaptureError(f"live capture takes 1 to {MOST_INTERFACES} different interfaces")
        self.interfaces = list(interfaces)
        """Their names when they were opened."""
        self.name = ", ".join(self.interfaces)
        self.notes: list[str] = list(program.notes) if program is not None else []
        self.packets = 0
        self.octets = 0
        self.links: Counter[int] = Counter()
        """Packets by link type (LINKTYPE_ value of tcpdump.org's registry)."""
        self._timeout = timeout
        self._patience = 3 * settings.retire_ms / 1000
        self._patience_ns = 3_000_000 * settings.retire_ms
        self._held_until = FOREVER_SECONDS
        self._events: deque[InterfaceEvent] = deque(maxlen=EVENTS_KEPT)
        self._mapping = Mapping(settings.octets * len(self.interfaces))
        self._rings: list[Ring] = []
        self._closed = self._stopping = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            for number, name in enumerate(self.interfaces):
                own = settings
                if settings.fanout is not None:
                    group = settings.fanout.group + number
                    own = replace(settings, fanout=Fanout(group, settings.fanout.workers))
                base = number * settings.octets
                self._rings.append(Ring(self._mapping, base, name, number, program, own, self._events))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RingCapture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the rings back; batches that somebody still holds read zeros from then on."""
        if not self._closed:
            self._closed = True
            for ring in self._rings:
                ring.close()
            os.close(self._wake)

    def stop(self) -> None:
        """End the iteration once all that has come in by now is handed out; from any thread, or a signal."""
        self._stopping = True
        if not self._closed:
            os.eventfd_write(self._wake, 1)

    def health(self) -> list[InterfaceHealth]:
        """Each interface as it is now, with its counts; from any thread."""
        if not self._closed:
            for ring in self._rings:
                ring.count()
        return [replace(ring.health) for ring in self._rings]

    def take_events(self) -> list[InterfaceEvent]:
        """What happened to interfaces since this was last asked, the oldest first; 1,000 are kept."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def __iter__(self) -> Iterator[PacketBatch]:
        """The batches; may be begun anew after an exception in the loop's body."""
        deadline = time.monotonic() + self._timeout
        gather_until = 0.0
        while not self._closed:
            if self._stopping:
                yield from self._rest()
                return
            for ring in self._rings:
                ring.blocks.give_back()
                ring.check_when_due()
            self._gather(gather_until)
            rows = self._next()
            now = time.monotonic()
            if len(rows) or now >= deadline:
                gather_until = now + GATHER_SECONDS
                yield self._batch(rows)
                deadline = time.monotonic() + self._timeout
            else:
                self._wait(deadline)

    def _batch(self, rows: Rows) -> PacketBatch:
        first = self.packets + 1
        if len(rows):
            for number, ring in enumerate(self._rings):
                own = rows[rows["interface"] == number] if len(self._rings) > 1 else rows
                if len(own):
                    ring.counted(own)
                    self.links[ring.link] += len(own)
            self.packets += len(rows)
            self.octets += int(rows["length"].sum())
        return PacketBatch(self._mapping.data, rows, first)

    def _next(self) -> Rows:
        """Rows that can be handed out now."""
        if len(self._rings) == 1:
            ring = self._rings[0]
            ring.fill()
            return ring.blocks.take(len(ring.blocks.waiting))
        limit = FOREVER
        for ring in self._rings:
            now = time.time_ns()  # before the look, so that what is not there then is younger
            ring.fill()
            waiting = ring.blocks.waiting
            # A quiet ring may still hold packets back that are younger than this.
            limit = min(limit, int(waiting["time_ns"][-1]) if len(waiting) else now - self._patience_ns)
        rows = self._merged(limit)
        if len(rows) or not any(len(ring.blocks.waiting) for ring in self._rings):
            self._held_until = FOREVER_SECONDS
        elif self._held_until == FOREVER_SECONDS:
            self._held_until = time.monotonic() + 2 * self._patience
        elif time.monotonic() > self._held_until:  # the clock was set back
            rows = self._merged(FOREVER)
        return rows

    def _merged(self, limit: int) -> Rows:
        """The rows up to this time, of all rings, in the order of time."""
        parts = []
        for ring in self._rings:
            times = ring.blocks.waiting["time_ns"]
            late = times > limit
            parts.append(ring.blocks.take(int(late.argmax()) if late.any() else len(times)))
        rows = np.concatenate(parts)
        return rows[np.argsort(rows["time_ns"], kind="stable")]

    def _rest(self) -> Iterator[PacketBatch]:
        """What the rings still hold, after letting in no more."""
        for ring in self._rings:
            ring.refuse()
        time.sleep(self._patience)  # until the last blocks have retired
        while not self._closed:
            for ring in self._rings:
                ring.blocks.give_back()
                ring.fill()
            rows = self._merged(FOREVER)
            if not len(rows):
                return
            yield self._batch(rows)

    def _gather(self, until: float) -> None:
        """Let packets come in, as long as the rings have room and `stop` is not called."""
        while not self._stopping and not any(ring.blocks.is_filling for ring in self._rings):
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, PAUSE_SECONDS))

    def _wait(self, deadline: float) -> None:
        """Until a block comes in, an interface fails, `stop` is called, or it is time for something."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        held = False
        by_handle = {}
        for ring in self._rings:
            if len(ring.blocks.waiting):
                held = True  # poll would not wait for it: its blocks are there
            elif ring.socket is not None:
                by_handle[ring.socket.fileno()] = ring
                poll.register(ring.socket.fileno(), select.POLLIN | select.POLLERR)
        seconds = deadline - time.monotonic()
        if held:
            seconds = min(seconds, self._patience / 3)
        for handle, event in poll.poll(max(0.0, 1000 * seconds)):
            if event & select.POLLERR and handle in by_handle:
                by_handle[handle].failed()
