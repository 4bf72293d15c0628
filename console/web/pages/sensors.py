"""Sensors: are they alive, what do they lose, and how a new one gets its token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from console.auth.access import Address, Admin, TheSettings, TheStore, Viewer
from console.store.errors import StoreError
from console.web.rendering import back, render

router = APIRouter()


@router.get("/sensors")
def list_sensors(request: Request, principal: Viewer, store: TheStore, settings: TheSettings) -> Response:
    """Every source of data with its health."""
    return render(
        request,
        "sensors.html",
        principal,
        sensors=store.sensors(),
        silent_after=settings.posture.heartbeat_seconds,
        token=None,
        origin=str(request.base_url).rstrip("/"),
    )


@router.post("/sensors")
def add_sensor(
    request: Request,
    principal: Admin,
    store: TheStore,
    settings: TheSettings,
    address: Address,
    name: Annotated[str, Form(max_length=100)],
    site: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Register a sensor and show its token, this once."""
    try:
        with store.acting_from(address):
            token = store.add_sensor(name.strip(), site.strip() or "default", principal.name)
    except StoreError as error:
        return back("/sensors", "refused", why=str(error))
    return render(
        request,
        "sensors.html",
        principal,
        sensors=store.sensors(),
        silent_after=settings.posture.heartbeat_seconds,
        token=(name.strip(), token),
        origin=str(request.base_url).rstrip("/"),
    )


@router.post("/sensors/{name}/revoke")
def revoke_sensor(name: str, principal: Admin, store: TheStore, address: Address) -> Response:
    """Its token works no more."""
    with store.acting_from(address):
        store.revoke_sensor(name, principal.name)
    return back("/sensors", "sensor_revoked")
