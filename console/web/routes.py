"""Where pages plug into the application: routers, what runs before every page, static files and the page
that shows an error."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from console.web.pages import (
    account,
    alert,
    alerts,
    allowances,
    assets,
    audit,
    configuration,
    errors,
    incidents,
    login,
    posture,
    preferences,
    rules,
    sensors,
    users,
)
from console.web.rendering import note_position

ROUTERS: tuple[APIRouter, ...] = (
    login.router,
    posture.router,
    alerts.router,
    incidents.router,
    allowances.router,
    alert.router,
    assets.router,
    rules.router,
    sensors.router,
    configuration.router,
    audit.router,
    users.router,
    account.router,
    preferences.router,
)
__all__ = ["ROUTERS", "STATIC", "error_page", "note_position"]
STATIC = Path(__file__).parent / "static"
error_page = errors.error_page
"""Called with the request, the HTTP status and a sentence for the person."""
