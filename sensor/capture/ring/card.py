"""What a network card lost before the packet socket could see it, from Linux' /proc/net/dev."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class CardLosses(NamedTuple):
    """Received frames since the card was there."""

    dropped: int
    errors: int


def card_losses(name: str) -> CardLosses | None:
    """Of the interface of this name in this thread's network namespace; None where it is not listed."""
    try:
        text = Path("/proc/thread-self/net/dev").read_text("ascii", "replace")
    except OSError:
        return None
    for line in text.splitlines():
        head, _, figures = line.partition(":")
        fields = figures.split()
        if head.strip() == name and len(fields) >= 5:
            # bytes packets errs drop fifo frame …
            return CardLosses(int(fields[3]) + int(fields[4]), int(fields[2]))
    return None
