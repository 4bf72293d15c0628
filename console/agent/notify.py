"""Tells systemd how it goes: sd_notify(3) over its datagram socket, without its library."""

from __future__ import annotations

import os
import socket
import time


class Notifier:
    """Says nothing where nobody listens."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        environment = dict(os.environ) if environment is None else environment
        self._address = environment.get("NOTIFY_SOCKET", "")
        usec = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self._every = int(usec) / 2e6 if usec.isdigit() and mine else 0.0
        self._fed_at = 0.0

    def tell(self, text: str) -> None:
        """Send lines of `KEY=value`."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(text.encode(), address)
        except OSError:
            pass  # capture goes on whether or not it is heard

    def alive(self) -> None:
        """The capture loop has gone round: feed the watchdog, if it is due."""
        now = time.monotonic()
        if self._every and now - self._fed_at >= self._every:
            self._fed_at = now
            self.tell("WATCHDOG=1")
