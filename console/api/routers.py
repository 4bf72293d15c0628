"""Every router of the API, in the order the documentation shows them."""

from __future__ import annotations

from fastapi import APIRouter

from console.api import (
    alerts,
    allowances,
    assets,
    audit,
    behaviours,
    ingest,
    posture,
    rules,
    sensors,
    session,
    status,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    alerts.router,
    allowances.router,
    assets.router,
    behaviours.router,
    rules.router,
    posture.router,
    sensors.router,
    ingest.router,
    session.router,
    users.router,
    audit.router,
    status.router,
)
