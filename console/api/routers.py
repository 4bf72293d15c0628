"""Every router of the API, in the order the documentation shows them."""

from __future__ import annotations

from fastapi import APIRouter

from console.api import (
    alerts,
    allowances,
    assets,
    audit,
    behaviours,
    configurations,
    enrolments,
    incidents,
    ingest,
    posture,
    rules,
    sensor,
    sensors,
    session,
    status,
    stream,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    alerts.router,
    incidents.router,
    allowances.router,
    assets.router,
    behaviours.router,
    rules.router,
    posture.router,
    enrolments.redeeming,
    sensors.router,
    enrolments.router,
    configurations.router,
    sensor.router,
    ingest.router,
    session.router,
    users.router,
    audit.router,
    status.router,
    stream.router,
)
