"""What sensors deliver. A sensor is taken to be hostile: it may post as itself only, within bounds."""

from __future__ import annotations

import json
import zlib
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from starlette.exceptions import HTTPException

from console.api.shapes import ERRORS
from console.auth.access import Forbidden, NotLoggedIn, TheSettings, TheStore, bearer_of, store_of
from console.problems import Problem
from console.settings import IngestSettings
from console.store.interface import Store
from console.store.records import Envelope, IngestReceipt
from console.store.times import MINUTE, now

router = APIRouter(prefix="/ingest", tags=["ingest"], responses=ERRORS)
AT_ONCE = 2
"""Batches decoded at the same time: each may take `decoded_bytes` of memory several times over."""
DELIVERIES = 16
"""Deliveries under way, waiting ones included: each holds its body in memory."""
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_MOST_TOKENS = 64


class DocumentIn(BaseModel):
    """One document."""

    type: StrictStr = Field(description="alert, asset, behaviour, summary or health")
    body: dict[str, Any] = Field(description="As docs/documents.md describes it")


class Batch(BaseModel):
    """A batch. The same `sequence` of the same sensor is stored once, however often it is sent."""

    model_config = ConfigDict(extra="forbid")
    sensor: StrictStr = Field(max_length=128)
    sequence: StrictInt | StrictStr
    documents: list[DocumentIn]


def sensor_of(request: Request) -> str:
    """The sensor whose bearer token the request carries."""
    token = bearer_of(request)
    sensor = store_of(request).sensor_of_token(token) if token else None
    if sensor is None:
        raise NotLoggedIn
    return sensor


TheSensor = Annotated[str, Depends(sensor_of)]


def _body_description() -> dict[str, Any]:
    """The request body for OpenAPI: it is read by hand, so FastAPI cannot know it."""
    batch = Batch.model_json_schema()
    batch["properties"]["documents"]["items"] = batch.pop("$defs")["DocumentIn"]
    lines = {"type": "string", "description": "First line {sensor, sequence}, then one {type, body} a line"}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": batch}, "application/x-ndjson": {"schema": lines}},
        }
    }


@router.post(
    "",
    openapi_extra=_body_description(),
    responses={
        400: {"model": Problem, "description": "Not gzip, not JSON"},
        415: {"model": Problem, "description": "A content encoding other than gzip"},
    },
)
async def ingest(
    request: Request, sensor: TheSensor, store: TheStore, settings: TheSettings
) -> IngestReceipt:
    """Deliver a batch: JSON or NDJSON, plain or gzip, with the sensor's token. All or nothing is stored."""
    state = request.app.state
    if state.deliveries >= DELIVERIES:
        raise HTTPException(503, "Too many deliveries at once; try again soon", {"retry-after": "5"})
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    state.deliveries += 1
    try:
        body = await request.body()
        return await anyio.to_thread.run_sync(
            _take, store, settings.ingest, sensor, body, encoding, kind, limiter=state.ingest_limiter
        )
    finally:
        state.deliveries -= 1


@router.post("/evidence/{event_id}", status_code=204)
async def ingest_evidence(request: Request, event_id: str, sensor: TheSensor, store: TheStore) -> None:
    """Deliver the packets of an alert this sensor has reported: a classic pcap file as the body.

    The header `X-Evidence-Frames` may number, from 1, the packets in it that the alert is about: `17,45`.
    """
    pcap = await request.body()
    marked = numbers_of(request.headers.get("x-evidence-frames", ""))
    if not await anyio.to_thread.run_sync(store.put_evidence, event_id, pcap, sensor, marked):
        raise HTTPException(422, "No alert of this sensor with that event.id, no pcap, or too large")


def numbers_of(header: str) -> list[int]:
    """The whole numbers from 1 in a comma-separated header; what is none is left out."""
    parts = [part.strip() for part in header[:4096].split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 8]
    return [number for number in numbers if number > 0]


def _take(
    store: Store, settings: IngestSettings, sensor: str, body: bytes, encoding: str, kind: str
) -> IngestReceipt:
    batch = read_batch(decoded(body, encoding, settings.decoded_bytes), kind, settings.documents)
    if batch.sensor != sensor:
        raise Forbidden(f"this token is of the sensor {sensor}, not of {batch.sensor[:128]}")
    envelopes = [Envelope(document.type, document.body) for document in batch.documents]  # type: ignore[arg-type]
    latest = now() + int(settings.future_minutes * MINUTE)
    return store.ingest(sensor, batch.sequence, envelopes, latest)


def decoded(body: bytes, encoding: str, most: int) -> bytes:
    """Undo the content encoding; HTTPException 413 as soon as more than `most` bytes come out."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise HTTPException(415, "The content encoding is neither gzip nor identity")
    parts: list[bytes] = []
    size = 0
    rest = body
    while rest:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(rest, most - size + 1)
        except zlib.error as error:
            raise HTTPException(400, "The body is not gzip") from error
        size += len(part)
        if size > most:
            raise HTTPException(413, f"The body is larger than {most} bytes when unpacked")
        if not member.eof:
            raise HTTPException(400, "The gzip body is cut short")
        parts.append(part)
        rest = member.unused_data
        if len(parts) > _MOST_TOKENS:
            raise HTTPException(400, "The gzip body has too many members")
    return b"".join(parts)


def read_batch(body: bytes, kind: str, most_documents: int) -> Batch:
    """Parse JSON or NDJSON; RequestValidationError says where the shape is wrong."""
    if kind in NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if not lines:
            raise HTTPException(400, "The body is empty")
        head = _parse(lines[0], "line 1")
        if not isinstance(head, dict):
            raise HTTPException(400, "line 1: not an object with sensor and sequence")
        documents = [_parse(line, f"line {number}") for number, line in enumerate(lines[1:], 2)]
        content = {**head, "documents": documents}
    else:
        content = _parse(body, "body")
    try:
        batch = Batch.model_validate(content)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from error
    if len(batch.documents) > most_documents:
        raise HTTPException(413, f"The batch has more than {most_documents} documents")
    return batch


def _parse(text: bytes, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise HTTPException(400, f"{where}: nested too deep") from error
    except ValueError as error:
        # Also an integer of thousands of digits, or text that is no UTF-8.
        raise HTTPException(400, f"{where}: not JSON: {error}"[:300]) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
