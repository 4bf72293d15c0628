"""Opens interfaces for live capture, the best way that this system has."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from sensor.capture.bpf import program_of
from sensor.capture.errors import CaptureError
from sensor.capture.ring.settings import Settings

if TYPE_CHECKING:
    from sensor.capture.portable import PortableCapture
    from sensor.capture.ring.capture import RingCapture

LiveCapture: TypeAlias = "RingCapture | PortableCapture"


def open_live(
    interfaces: Sequence[str],
    filter_text: str = "",
    *,
    settings: Settings | None = None,
    timeout: float = 0.2,
    portable: bool = False,
) -> LiveCapture:
    """Capture from these interfaces what `filter_text` takes; empty: all.

    The filter is an expression in libpcap's language or the output of `tcpdump -ddd`. Batches come
    at least every `timeout` seconds, empty ones where there are no packets. Uses AF_PACKET where
    there is such a thing, unless `portable` asks for scapy. Raises CaptureError.
    """
    if hasattr(socket, "AF_PACKET") and not portable:
        from sensor.capture.ring.capture import RingCapture

        program = program_of(filter_text, interfaces[0]) if filter_text.strip() and interfaces else None
        return RingCapture(interfaces, program, settings=settings, timeout=timeout)
    from sensor.capture.portable import PortableCapture

    if re.match(r"\s*\d+\s*(\n|$)", filter_text):
        raise CaptureError("filter: without AF_PACKET it has to be an expression, not `tcpdump -ddd` output")
    if settings is not None and settings.fanout is not None:
        raise CaptureError("sharing an interface's packets among processes takes AF_PACKET")
    promiscuous = settings is None or settings.promiscuous
    return PortableCapture(interfaces, filter_text.strip(), promiscuous=promiscuous, timeout=timeout)
