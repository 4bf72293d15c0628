"""Requests to one console. Every failure of the network is `Unreachable`, every answer is an Answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from console.agent.uplink.pinning import PinnedContext, WrongCertificate

TIMEOUTS = httpx.Timeout(30, connect=10, pool=10)
"""Seconds without an octet from the other side, not of the whole request."""
MOST_SECONDS = 120
"""For the whole of an answer, however slowly it drips."""
MOST_ANSWER = 16 << 20
"""Octets of an answer."""
_SILENT_MS = 30_000
# A connection whose other end is gone is noticed while nothing is sent, and while what was sent is not
# acknowledged.
_SOCKET_OPTIONS: list[tuple[int, int, int]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_KEEPIDLE", 15),
            ("TCP_KEEPINTVL", 5),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", _SILENT_MS),
        )
        if hasattr(socket, name)
    ),
]


class Unreachable(Exception):
    """No answer came; the message says why."""


class WrongConsole(Unreachable):
    """Somebody answered whose certificate is not the pinned one."""


class Answer(NamedTuple):
    """An answer read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    content: Any
    """The body where it is JSON, else None."""

    @property
    def type(self) -> str:
        """The content type."""
        return self.headers.get("content-type", "")

    @property
    def detail(self) -> str:
        """What the console says is wrong."""
        if isinstance(self.content, dict):
            return str(self.content.get("detail", ""))[:500]
        return f"HTTP {self.status}"


class Client:
    """One connection that is made anew after each failure."""

    def __init__(self, url: str, pins: tuple[str, ...], token: str = "", proxy: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.context = PinnedContext(pins)
        self._token = token
        self._proxy = proxy
        self._client: httpx.Client | None = None

    def _opened(self) -> httpx.Client:
        if self._client is None:
            secure = urlsplit(self.url).scheme == "https"
            transport = httpx.HTTPTransport(
                verify=self.context if secure else False,
                proxy=self._proxy,
                socket_options=_SOCKET_OPTIONS,
                trust_env=False,
            )
            headers = {"user-agent": "fieldwatch-sensor"}
            if self._token:
                headers["authorization"] = f"Bearer {self._token}"
            self._client = httpx.Client(
                transport=transport,
                timeout=TIMEOUTS,
                headers=headers,
                trust_env=False,
                follow_redirects=False,
            )
        return self._client

    def request(self, method: str, path: str, **options: Any) -> Answer:
        """Ask for /api/v1`path`. Raises Unreachable."""
        try:
            with self._opened().stream(method, f"{self.url}/api/v1{path}", **options) as response:
                body, end = bytearray(), time.monotonic() + MOST_SECONDS
                for part in response.iter_bytes():
                    body += part
                    if time.monotonic() > end:
                        raise Unreachable(f"{path}: the answer takes longer than {MOST_SECONDS} s")
                    if len(body) > MOST_ANSWER:
                        raise Unreachable(f"{path}: the answer is larger than {MOST_ANSWER} octets")
                content = None
                if "json" in response.headers.get("content-type", ""):
                    try:
                        content = httpx.Response(200, content=bytes(body)).json()
                    except (ValueError, RecursionError):
                        content = None
                return Answer(response.status_code, response.headers, bytes(body), content)
        except Unreachable:
            self.close()
            raise
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            self.close()
            raise self._as_unreachable(error) from error

    def _as_unreachable(self, error: Exception) -> Unreachable:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, WrongCertificate):
                return WrongConsole(cause.args[0])
            cause = cause.__cause__ or cause.__context__
        text = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            text = "no answer in time"
        return Unreachable(f"{self.url}: {text}")

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._client is not None:
            self._client.close()
            self._client = None
