"""Server-sent events: pages learn that something has changed, and ask for what they show anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import structlog
from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from console.api.shapes import ERRORS
from console.auth.access import Viewer
from console.store.errors import StoreError
from console.store.interface import Store

log = structlog.get_logger(__name__)
router = APIRouter(tags=["status"], responses=ERRORS)
MOST_CLIENTS = 64
LOOK_SECONDS = 1.0
COMMENT_SECONDS = 15
"""A comment this often keeps proxies from ending a quiet connection, and finds browsers that are gone."""
LIFE_SECONDS = 3600
"""A stream ends after this long, so that a session that has ended is noticed: browsers connect again."""


class Stream:
    """Looks at the store once a second for everybody, while anybody listens."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._moved = asyncio.Event()
        self._closing = False
        self.clients = 0
        self.revision = self.heard = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            if self.clients:
                try:
                    seen = await anyio.to_thread.run_sync(self._look)
                except StoreError as error:
                    log.error("changes not seen", error=str(error))
                else:
                    if seen != (self.revision, self.heard):
                        self.revision, self.heard = seen
                        self._wake()
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> tuple[int, int]:
        return self._store.revision(), self._store.last_heard()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def close(self) -> None:
        """End every client's stream."""
        self._closing = True
        self._wake()

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """One client's events: `hello` with what pages call `data-seen`, `changed` with the store's
        revision, `heard` when a sensor was heard."""
        self.clients += 1
        try:
            began = asyncio.get_running_loop().time()
            revision, heard = await anyio.to_thread.run_sync(self._look)
            yield ServerSentEvent(data=f"{revision}.{heard}", event="hello", retry=5000)
            while not self._closing:
                moved = self._moved
                left = began + LIFE_SECONDS - asyncio.get_running_loop().time()
                try:
                    await asyncio.wait_for(moved.wait(), max(0.0, left))
                except TimeoutError:
                    return
                if self.revision > revision:
                    revision = self.revision
                    yield ServerSentEvent(data=str(revision), event="changed")
                if self.heard > heard:
                    heard = self.heard
                    yield ServerSentEvent(data=str(heard), event="heard")
        finally:
            self.clients -= 1


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(_: Viewer, request: Request) -> Any:
    """Events `hello` (data: the store's revision and when a sensor was last heard), then `changed` (the
    revision) and `heard` (when), as they happen."""
    shared: Stream = request.app.state.stream
    if shared.clients >= MOST_CLIENTS:
        raise HTTPException(503, "Too many pages listen already", {"retry-after": "30"})
    return EventSourceResponse(shared.events(), ping=COMMENT_SECONDS, send_timeout=10)
