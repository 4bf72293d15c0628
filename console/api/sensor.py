"""What a sensor asks for itself: its heartbeat, and what it should run. It acts as itself only."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from console.api.ingest import TheSensor
from console.api.shapes import ERRORS
from console.auth.access import TheSettings, TheStore, store_of
from console.fleet.configuration import Desired, DesiredConfigurations
from console.store.times import now, to_text

router = APIRouter(prefix="/sensor", tags=["ingest"], responses=ERRORS)
MOST_WANTED = 64
Text = Annotated[str, StringConstraints(max_length=256)]
Count = Annotated[int, Field(ge=0, le=2**53)]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Whole = Annotated[int, Field(ge=0, le=2**53)]


class _Loose(BaseModel):
    """A newer sensor may say more: what is not known here is left out."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class RunsConfiguration(_Loose):
    """A configuration by version and digest."""

    version: Whole
    digest: Text


class RefusedConfiguration(RunsConfiguration):
    """A configuration the sensor would not run."""

    reason: Annotated[str, StringConstraints(max_length=4096)] = ""


class EvidenceSaid(_Loose):
    """Events whose packets were asked for and are not, or no longer, held."""

    unknown: list[EventId] = Field([], max_length=MOST_WANTED)


class Spool(_Loose):
    """What waits on the sensor to be delivered."""

    documents: Count = 0
    alerts: Count = 0
    bytes: Count = 0
    oldest_s: Annotated[float, Field(ge=0)] = 0.0


class StateIn(_Loose):
    """How a sensor is right now."""

    time: Text
    boot: Text = ""
    uptime_s: Annotated[float, Field(ge=0)] = 0.0
    version: Text = ""
    configuration: RunsConfiguration | None = None
    refused: RefusedConfiguration | None = None
    evidence: EvidenceSaid | None = None
    spool: Spool | None = None


class Wanted(BaseModel):
    """The configuration a sensor should run."""

    version: int
    digest: str


class StateOut(BaseModel):
    """What the console wants of the sensor."""

    time: str = Field(description="The console's clock")
    configuration: Wanted | None
    evidence: list[str] = Field(description="event.id of alerts whose packets are asked for")
    certificates: list[str]
    interval_s: float = Field(description="Wished time to the next heartbeat")


class BundleOut(BaseModel):
    """What a sensor should run; `digest` is over the canonical JSON of `content`."""

    version: int
    digest: str
    content: dict[str, Any]


@router.post("/state")
def state(
    request: Request, sensor: TheSensor, store: TheStore, settings: TheSettings, body: StateIn
) -> StateOut:
    """A heartbeat. It counts as a sign of life, as a delivery does."""
    store.heartbeat(sensor, body.model_dump(exclude_none=True))
    if body.evidence is not None:
        store.evidence_not_held(sensor, body.evidence.unknown)
    wanted = wanted_of(request, sensor)
    return StateOut(
        time=to_text(now()),
        configuration=Wanted(version=wanted.version, digest=wanted.digest) if wanted else None,
        evidence=store.evidence_wanted(sensor, MOST_WANTED),
        certificates=list(request.app.state.certificates),
        interval_s=settings.sensors.heartbeat_seconds,
    )


@router.get(
    "/configuration",
    response_model=BundleOut,
    responses={
        204: {"description": "Nothing is set for this sensor"},
        304: {"description": "It is what If-None-Match says"},
    },
)
async def configuration(request: Request, sensor: TheSensor) -> Response | BundleOut:
    """What this sensor should run, with its digest as ETag."""
    wanted = await anyio.to_thread.run_sync(wanted_of, request, sensor)
    if wanted is None:
        return Response(status_code=204)
    tag = f'"{wanted.digest}"'
    known = request.headers.get("if-none-match", "").split(",")
    if tag in [each.strip().removeprefix("W/") for each in known]:
        return Response(status_code=304, headers={"etag": tag})
    bundle = BundleOut(version=wanted.version, digest=wanted.digest, content=wanted.content)
    body = await anyio.to_thread.run_sync(bundle.model_dump_json)
    return Response(body, media_type="application/json", headers={"etag": tag})


def wanted_of(request: Request, sensor: str) -> Desired | None:
    """What a sensor should run."""
    configurations: DesiredConfigurations = request.app.state.desired
    return configurations.of(store_of(request).site_of(sensor))
