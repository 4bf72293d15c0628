"""Where pages plug into the application: routers, static files and the page that shows an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

ROUTERS: tuple[APIRouter, ...] = ()
STATIC = Path(__file__).parent / "static"
error_page: Callable[[Request, int, str], Response] | None = None
"""Called with the request, the HTTP status and a sentence for the person."""
