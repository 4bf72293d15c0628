"""One interface's ring, from opening to closing, through whatever becomes of the interface."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque

from sensor.capture.bpf import DROP_ALL, Program
from sensor.capture.errors import CaptureError
from sensor.capture.health import InterfaceEvent, InterfaceHealth, State
from sensor.capture.ring.blocks import OUTSIDE, SENT_BY_US, Blocks
from sensor.capture.ring.card import card_losses
from sensor.capture.ring.mapping import Mapping
from sensor.capture.ring.packet_socket import RUNNING, UP, PacketSocket
from sensor.capture.ring.settings import Settings
from sensor.types import Rows

CHECK_SECONDS = 0.5
"""Between two looks at the interface and at the kernel's counts."""
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.25, 10.0
SAID = {
    State.CAPTURING: "capturing",
    State.NO_CARRIER: "no carrier: nothing is plugged in at the other end",
    State.DOWN: "switched off",
    State.GONE: "gone",
}


class Ring:
    """A ring at `base` of the mapping, for the interface that is number `number` of a capture."""

    def __init__(
        self,
        mapping: Mapping,
        base: int,
        name: str,
        number: int,
        program: Program | None,
        settings: Settings,
        events: deque[InterfaceEvent],
    ) -> None:
        self._mapping, self._base = mapping, base
        self._program, self._settings = program, settings
        self._events = events
        self._number = number
        self._lock = threading.Lock()
        self.health = InterfaceHealth(name, name, State.CAPTURING, time.time_ns())
        self.blocks = Blocks(mapping.data, base, settings.block_octets, settings.blocks)
        self._card = card_losses(name)
        self._next_check = self._next_retry = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self.socket: PacketSocket | None = self._opened(name)
        """None while it waits for the other members of its fanout group to let the old interface go."""
        self.check()

    def _opened(self, name: str) -> PacketSocket:
        """A bound socket with its ring laid into the mapping; CaptureError where that cannot be."""
        opened = PacketSocket(name)
        try:
            opened.make_ring(self._settings)
            self._mapping.lay(self._base, self._settings.octets, opened.fileno())
            self.link = opened.bind(name, self._settings, self._program)
        except (OSError, CaptureError) as error:
            self._mapping.clear(self._base, self._settings.octets)
            opened.close()
            if isinstance(error, CaptureError):
                raise
            raise CaptureError(f"{name}: {_cause(error, self._settings)}") from None
        return opened

    def fill(self) -> None:
        """Look at what has come in."""
        self.blocks.fill(self.link, self._number, self._settings.outgoing)

    def counted(self, rows: Rows) -> None:
        """These are handed out."""
        self.health.packets += len(rows)
        self.health.octets += int(rows["length"].sum())

    def close(self) -> None:
        """Give everything back to the kernel."""
        self.count()
        self._release()

    def _release(self) -> None:
        with self._lock:
            self._mapping.clear(self._base, self._settings.octets)
            if self.socket is not None:
                self.socket.close()
                self.socket = None

    def refuse(self) -> None:
        """Let no more packets in; those that are in the ring can still be read."""
        self.count()
        if self.socket is not None:
            self.socket.attach(DROP_ALL)

    def count(self) -> None:
        """Bring the counts up to date."""
        with self._lock:
            if self.socket is None:
                return
            health, cursor = self.health, self.blocks.cursor
            fresh = self.socket.take_statistics()
            health.passed += fresh.passed
            health.dropped += fresh.dropped
            health.freezes += fresh.freezes
            health.outgoing, health.damaged = int(cursor[SENT_BY_US]), int(cursor[OUTSIDE])
            card = card_losses(health.name)
            if card is not None and self._card is not None:
                # A card that was taken out counts from zero.
                health.nic_dropped += max(0, card.dropped - self._card.dropped)
                health.nic_errors += max(0, card.errors - self._card.errors)
            self._card = card

    def failed(self) -> None:
        """Poll has said that there is an error."""
        error = self.socket.take_error() if self.socket is not None else 0
        before = self.health.state
        self.check()
        if error and before == self.health.state == State.CAPTURING:
            self._tell(State.CAPTURING, "was switched off for a moment: what came then was not seen")

    def check(self) -> None:
        """See what became of the interface; where it is gone, try to have it again."""
        self._next_check = time.monotonic() + CHECK_SECONDS
        self.count()
        name = self.socket.name if self.socket is not None else ""
        if self.socket is not None and name:
            if name != self.health.name:
                text = f"is called {name} now"
                self.health.name = name
                self._tell(self.health.state, text)
            flags = self.socket.flags(name)
            if not flags & UP:
                self._be(State.DOWN)
            else:
                self._be(State.CAPTURING if flags & RUNNING else State.NO_CARRIER)
            return
        if self.health.state != State.GONE:
            self._be(State.GONE)
            self._retry_seconds = FIRST_RETRY_SECONDS
            self._next_retry = 0.0
        if time.monotonic() >= self._next_retry:
            self._retry()

    def check_when_due(self) -> None:
        """`check`, twice a second at most."""
        if time.monotonic() >= self._next_check:
            self.check()

    def _retry(self) -> None:
        """Look for an interface of the first or the last name.

        The same socket is bound again, which takes no capability; a member of a fanout group
        cannot be, so that for it a socket is opened anew, which takes CAP_NET_RAW.
        """
        self._next_retry = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)
        for name in dict.fromkeys((self.health.interface, self.health.name)):
            if self.socket is not None and not self.socket.flags(name):
                continue
            try:
                if self._settings.fanout is None and self.socket is not None:
                    self.link = self.socket.bind(name, self._settings, self._program)
                elif not self._reopen(name):
                    return
            except (OSError, CaptureError) as error:
                text = str(error) if isinstance(error, CaptureError) else _cause(error, self._settings)
                self._tell(State.GONE, f"cannot be opened again yet: {text}")
                return
            self.health.name = name
            self.health.reopened += 1
            self._card = card_losses(name)
            self._tell(State.DOWN, "is back")
            self.check()
            return

    def _reopen(self, name: str) -> bool:
        """Make socket and ring anew, once all that is in the old ring was taken."""
        self.fill()
        if len(self.blocks.waiting):
            return False
        self.blocks.give_back()
        # Before the new one is opened: a group stays with the interface that is gone until every
        # member has left it.
        self._release()
        self.blocks.restart()
        opened = self._opened(name)
        with self._lock:
            self.socket = opened
        return True

    def _be(self, state: State) -> None:
        if state != self.health.state:
            self._tell(state, SAID[state])

    def _tell(self, state: State, text: str) -> None:
        if self._events and self._events[-1][1:] == (self.health.interface, state, text):
            return  # said already
        now = time.time_ns()
        if state != self.health.state:
            self.health.state, self.health.since_ns = state, now
        self._events.append(InterfaceEvent(now, self.health.interface, state, text))


def _cause(error: OSError, settings: Settings) -> str:
    if error.errno == errno.ENODEV:
        return "there is no interface of this name"
    if error.errno == errno.ENOMEM:
        return f"the kernel has no memory for a ring of {settings.octets >> 20} MiB"
    if error.errno == errno.EPERM:
        return "the kernel does not permit it"
    if error.errno == errno.ENOSPC and settings.fanout is not None:
        return f"fanout group {settings.fanout.group} has its {settings.fanout.workers} members already"
    return f"the kernel refuses: {error.strerror}"
