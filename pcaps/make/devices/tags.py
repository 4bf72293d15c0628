"""Logix controllers with tags and several I/O adapters, and those who read and set tags (cpppo)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from cpppo.server.enip import client
from cpppo.server.enip.main import main

from devices.enip import TCP_PORT, Tag, scan
from lab.network import Context

STEP = 0.5

Process = Callable[[dict[str, float]], dict[str, float]]
"""One step of a process on its tags; only those that it changes come back."""


def serve(context: Context, process: Process, start: dict[str, float], adapters: tuple[str, ...]) -> None:
    """A controller whose tags begin as `start` and are stepped every STEP seconds; scans adapters."""

    def step() -> None:
        while len(Tag.known) < len(start):
            time.sleep(0.1)
        for name, value in start.items():
            Tag.known[name][0] = value
        while True:
            for name, value in process({name: float(Tag.known[name][0]) for name in start}).items():
                Tag.known[name][0] = value
            time.sleep(STEP)

    threading.Thread(target=step, daemon=True).start()
    for adapter in adapters:
        threading.Thread(target=_keep_scanning, args=(context, adapter), daemon=True).start()
    tags = [f"{name}={'DINT' if isinstance(value, int) else 'REAL'}" for name, value in start.items()]
    main(["--no-config", "-a", f"{context.host.ip}:{TCP_PORT}", *tags], attribute_class=Tag)


def _keep_scanning(context: Context, adapter: str) -> None:
    """Open the connection to an adapter again when it was lost, as scanners do."""
    while True:
        with contextlib.suppress(OSError, ConnectionError):
            scan(context, adapter)
        time.sleep(2)


class Peer:
    """A client's connection to a controller, made again when it is lost."""

    def __init__(self, context: Context, address: str) -> None:
        self.address = address
        self._connection: client.connector | None = None

    def hang_up(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    def do(self, operations: list[str], together: bool = False) -> list[object]:
        """Read (`Name`) or write (`Name=(REAL)1.5`) tags; in one multiple service packet where asked."""
        try:
            if self._connection is None:
                self._connection = client.connector(host=self.address, port=TCP_PORT, timeout=5)
            parsed = client.parse_operations(operations)
            with self._connection as connection:
                done = connection.pipeline(
                    operations=parsed, depth=1, timeout=3, multiple=400 if together else 0
                )
                return [value for _, _, _, _, _, value in done]
        except Exception:  # a lost connection; the next call makes another
            self.hang_up()
            time.sleep(1)
            return []

    def set(self, name: str, value: float) -> None:
        """Write a tag."""
        self.do([f"{name}=(REAL){value}"])
