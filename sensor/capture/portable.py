"""Live capture through scapy, where there is no AF_PACKET ring: the same batches, packet by packet.

Takes the extra fieldwatch[scapy] and, outside Linux, libpcap. It manages some ten thousand packets a
second; what it loses nobody counts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from sensor.capture.batch import RECORD, PacketBatch
from sensor.capture.errors import CaptureError
from sensor.capture.health import InterfaceEvent, InterfaceHealth, State
from sensor.types import Bytes

SLOW = (
    "packets are taken one by one through scapy, as this system has no AF_PACKET: expect losses "
    "beyond some ten thousand packets a second, which are not counted"
)
MOST_PACKETS = 1 << 12
LARGEST_PACKET = 1 << 16
GATHER_SECONDS = 0.05
"""How long the first packet of a batch waits for others."""
RETRY_SECONDS = 1.0


class PortableCapture:
    """What RingCapture does, slowly: the same methods and attributes, and a note that says so.

    Its counts are of packets handed out alone: scapy gives no others.
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        expression: str = "",
        *,
        promiscuous: bool = True,
        timeout: float = 0.2,
    ) -> None:
        """Open these interfaces; `expression` is a filter in libpcap's language.

        Raises CaptureError where one cannot be opened, or where scapy is missing.
        """
        self.interfaces = list(interfaces)
        self.name = ", ".join(self.interfaces)
        self.notes = [SLOW]
        self.packets = 0
        self.octets = 0
        self.links: Counter[int] = Counter()
        self._expression, self._promiscuous, self._timeout = expression, promiscuous, timeout
        self._stopping = False
        self._events: list[InterfaceEvent] = []
        self._retry_at = 0.0
        self._health = [
            InterfaceHealth(name, name, State.CAPTURING, time.time_ns()) for name in self.interfaces
        ]
        self._sockets: list[Any] = []
        self._select: Any = None
        try:
            for name in self.interfaces:
                self._sockets.append(self._opened(name))
        except CaptureError:
            self.close()
            raise
        self._select = type(self._sockets[0]).select

    def _opened(self, name: str) -> Any:
        try:
            from scapy.config import conf
            from scapy.error import Scapy_Exception
        except ImportError:
            raise CaptureError(
                f"{name}: this system has no AF_PACKET; capture without it takes the extra fieldwatch[scapy]"
            ) from None
        try:
            # Importing all layers is what makes scapy choose the sockets of this system.
            import scapy.all

            del scapy
            return conf.L2listen(iface=name, filter=self._expression or None, promisc=self._promiscuous)
        except (OSError, ValueError, ImportError, Scapy_Exception) as error:
            raise CaptureError(f"{name}: cannot be opened: {error}") from None

    def __enter__(self) -> PortableCapture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        for opened in self._sockets:
            if opened is not None:
                opened.close()
        self._sockets = []

    def stop(self) -> None:
        """End the iteration soon."""
        self._stopping = True

    def health(self) -> list[InterfaceHealth]:
        """Each interface, with what was handed out of it."""
        return list(self._health)

    def take_events(self) -> list[InterfaceEvent]:
        """What happened to interfaces since this was last asked."""
        taken, self._events = self._events, []
        return taken

    def __iter__(self) -> Iterator[PacketBatch]:
        """The batches, each valid until the next; one without packets where none comes for `timeout`."""
        while self._sockets and not self._stopping:
            yield self._batch(self._gathered())

    def _gathered(self) -> list[tuple[int, int, bytes, int]]:
        """Packets of one batch: (time, interface, octets, link type)."""
        found: list[tuple[int, int, bytes, int]] = []
        end = time.monotonic() + self._timeout
        while len(found) < MOST_PACKETS and not self._stopping:
            remaining = end - time.monotonic()
            if remaining <= 0:
                break
            self._reopen()
            alive = [opened for opened in self._sockets if opened is not None]
            if not alive:
                time.sleep(min(remaining, RETRY_SECONDS))
                continue
            for ready in self._select(alive, remaining):
                number = self._sockets.index(ready)
                try:
                    kind, octets, seconds = ready.recv_raw(LARGEST_PACKET)
                except OSError as error:
                    self._lost(number, error)
                    continue
                if octets:
                    if not found:
                        end = min(end, time.monotonic() + GATHER_SECONDS)
                    time_ns = time.time_ns() if seconds is None else int(float(seconds) * 1e9)
                    found.append((time_ns, number, octets, _link_of(kind)))
        return found

    def _batch(self, found: list[tuple[int, int, bytes, int]]) -> PacketBatch:
        records = np.zeros(len(found), RECORD)
        at = 0
        for index, (time_ns, number, octets, link) in enumerate(found):
            records[index] = (time_ns, at, len(octets), len(octets), link, 0, number)
            at += len(octets)
            self._health[number].packets += 1
            self._health[number].octets += len(octets)
            self.links[link] += 1
        # A bytearray, as kernels would be compiled anew for octets that cannot be written.
        data: Bytes = np.frombuffer(bytearray(b"".join(item[2] for item in found) + b"\0"), np.uint8)
        first = self.packets + 1
        self.packets += len(found)
        self.octets += at
        return PacketBatch(data, records, first)

    def _lost(self, number: int, error: OSError) -> None:
        self._sockets[number].close()
        self._sockets[number] = None
        self._tell(number, State.GONE, f"cannot be read: {error.strerror or error}")

    def _reopen(self) -> None:
        """Try the interfaces that were lost, once a second."""
        if None not in self._sockets or time.monotonic() < self._retry_at:
            return
        self._retry_at = time.monotonic() + RETRY_SECONDS
        for number, opened in enumerate(self._sockets):
            if opened is None:
                try:
                    self._sockets[number] = self._opened(self.interfaces[number])
                except CaptureError:
                    continue
                self._health[number].reopened += 1
                self._tell(number, State.CAPTURING, "is back")

    def _tell(self, number: int, state: State, text: str) -> None:
        health = self._health[number]
        health.state, health.since_ns = state, time.time_ns()
        self._events.append(InterfaceEvent(health.since_ns, health.interface, state, text))


def _link_of(kind: Any) -> int:
    """The LINKTYPE_ of the class that scapy would dissect a packet with."""
    from scapy.config import conf

    link = conf.l2types.layer2num.get(kind, 1)
    return 101 if link in (12, 14) else int(link)
