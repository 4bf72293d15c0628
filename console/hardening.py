"""What every answer and every request goes through, whatever the route: headers and size limits."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.problems import problem
from console.settings import Settings

POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'; img-src 'self' data:"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
INGEST_PATH = "/api/v1/ingest"
CONFIGURATION_PATHS = ("/api/v1/configurations", "/configuration")


class SecurityHeaders:
    """Adds the security headers to every answer, errors included, and forbids caching of all but /static."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.https = settings.https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self.https:
                    headers["strict-transport-security"] = "max-age=31536000"
                if not static:
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class ContainFaults:
    """Answers a request whose handling broke, so that even that answer passes SecurityHeaders."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await self.answer(Request(scope), error)(scope, receive, send)


class BodyLimit:
    """Refuses bodies over the limit with 413, also where no Content-Length says so beforehand.

    Who sends too slowly is refused with 408: a body that trickles in holds memory and a place in line.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.settings.body_bytes
        if scope["path"].startswith(INGEST_PATH):
            limit = self.settings.ingest.body_bytes
        elif scope["path"].startswith(CONFIGURATION_PATHS):
            limit = self.settings.configuration_bytes
        too_large = f"The body is larger than {limit} bytes"
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await problem(413, too_large)(scope, receive, send)
            return
        seen = 0
        complete = False
        end = anyio.current_time() + self.settings.body_seconds

        async def bounded_receive() -> Message:
            nonlocal seen, complete
            if complete:
                # From here on it only tells that the other side is gone.
                return await receive()
            try:
                with anyio.fail_after(min(self.settings.pause_seconds, end - anyio.current_time())):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body came too slowly", {"retry-after": "5"}) from None
            complete = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, too_large)
            return message

        await self.app(scope, bounded_receive, send)
