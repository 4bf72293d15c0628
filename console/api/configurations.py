"""What sensors should run: versions for all sensors and for each site, checked before they are kept."""

from __future__ import annotations

import json
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.exceptions import HTTPException

from console.api.shapes import ERRORS
from console.auth.access import Admin, TheStore, Viewer
from console.fleet import edits
from console.fleet.checking import Fault
from console.store.interface import Store
from console.store.records import ConfigurationContent, ConfigurationVersion

router = APIRouter(prefix="/configurations", tags=["configurations"], responses=ERRORS)
Version = Annotated[int, Path(ge=1, le=2**63 - 1)]
Scope = Annotated[
    str,
    StringConstraints(pattern=r"^$|^site/[\w.:@-]{1,128}$"),
    Field(description="Empty for all sensors, else site/<name>"),
]


class Values(BaseModel):
    """The small settings; what is left out comes from the scope above."""

    model_config = ConfigDict(extra="forbid")
    shipped_rules: bool | None = Field(None, description="Use the rules that come with the sensor, too")
    disabled: list[Annotated[str, StringConstraints(max_length=128)]] | None = Field(
        None, max_length=10_000, description="Ids of rules not to run"
    )
    accepted: list[dict[str, Any] | str] | None = Field(
        None, max_length=100_000, description="Baseline entries accepted by analysts"
    )
    evidence_level: str | None = Field(None, pattern="^(informational|low|medium|high|critical)$")


class ConfigurationIn(BaseModel):
    """The whole content of a scope. `base` is the version it was made from, null for the first."""

    model_config = ConfigDict(extra="forbid")
    scope: Scope = ""
    base: int | None = None
    note: Annotated[str, StringConstraints(max_length=2000)] = ""
    texts: dict[Annotated[str, StringConstraints(min_length=1, max_length=300)], str] = Field(
        default={}, description="By name: rules/<path>.yaml, site, baseline, suppressions"
    )
    values: Values = Values()


class FaultOut(BaseModel):
    """One thing to look at: the part, the line and column (0: the whole part), what."""

    part: str
    line: int
    column: int
    text: str

    @classmethod
    def of(cls, fault: Fault) -> FaultOut:
        """From the check."""
        return cls(part=fault.part, line=fault.line, column=fault.column, text=fault.text)


class Kept(BaseModel):
    """The new version, and what the author may come to regret."""

    version: ConfigurationVersion
    advice: list[FaultOut]


class ConfigurationOut(BaseModel):
    """A version with its content."""

    version: ConfigurationVersion
    texts: dict[str, str]
    values: dict[str, Any]


@router.get("")
def list_configurations(
    _: Viewer,
    store: TheStore,
    scope: Annotated[Scope | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[ConfigurationVersion]:
    """The history of a scope, or of all, newest first."""
    return store.configurations(scope, limit)


@router.get("/{version}")
def configuration(_: Viewer, store: TheStore, version: Version) -> ConfigurationOut:
    """One version."""
    record, content = store.configuration(version)
    return ConfigurationOut(version=record, texts=content.texts, values=content.values)


@router.post(
    "",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ConfigurationIn.model_json_schema()}},
        }
    },
)
async def put_configuration(user: Admin, request: Request, store: TheStore) -> Kept:
    """Make a new version. 422 names part, line and column of everything a sensor could not run."""
    # Read here, after it is known who asks: this body may be larger than others.
    body = await request.body()
    return await anyio.to_thread.run_sync(_put, store, body, user.name)


@router.post("/{version}/restore", status_code=201)
def restore(user: Admin, store: TheStore, version: Version) -> ConfigurationVersion:
    """Give a scope the content it had at an earlier version, under a new number."""
    return edits.restore(store, version, user.name)


def _put(store: Store, body: bytes, actor: str) -> Kept:
    try:
        asked = ConfigurationIn.model_validate(json.loads(body))
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, "The body is not JSON") from error
    content = ConfigurationContent(asked.texts, asked.values.model_dump(exclude_none=True))
    version, advice = edits.put(store, asked.scope, content, asked.note, actor, asked.base)
    return Kept(version=version, advice=[FaultOut.of(fault) for fault in advice])
