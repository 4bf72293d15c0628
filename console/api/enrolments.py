"""How a sensor becomes known: an admin makes a one-time code, the sensor trades it for its own token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from console.api.shapes import ERRORS
from console.auth.access import Admin, Forbidden, TheSettings, TheStore, address_of
from console.auth.limits import LoginLimiter, TooManyAttempts
from console.fleet.codes import hash_of, new_code
from console.problems import Problem
from console.store.errors import NotFound
from console.store.records import Enrolment
from console.store.times import HOUR, now, to_text

router = APIRouter(prefix="/enrolments", tags=["sensors"], responses=ERRORS)
redeeming = APIRouter(prefix="/sensors", tags=["sensors"], responses=ERRORS)
Name = Annotated[str, Field(min_length=1, max_length=128)]


class EnrolmentIn(BaseModel):
    """A code to make."""

    name: Name | None = Field(None, description="The sensor's name; without it the sensor chooses its own")
    site: Name = "default"
    hours: float = Field(1, gt=0, le=24 * 7, description="How long the code can be used")


class NewEnrolment(BaseModel):
    """The code, shown this once: it is stored as a hash only."""

    enrolment: Enrolment
    code: str


class EnrolIn(BaseModel):
    """What a sensor sends to enrol. Fields this console does not know are ignored."""

    model_config = ConfigDict(extra="ignore")
    code: Annotated[str, Field(min_length=1, max_length=200)]
    name: Name | None = None


class EnrolOut(BaseModel):
    """The sensor's name and bearer token, and what it may expect of this console."""

    sensor: str
    token: str
    site: str
    time: str
    certificates: list[str] = Field(description="SHA-256 fingerprints of the certificates it may accept")


@router.get("")
def list_enrolments(
    _: Admin, store: TheStore, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[Enrolment]:
    """Codes, newest first; of the code itself nothing can be read."""
    return store.enrolments(limit)


@router.post("", status_code=201)
def add_enrolment(user: Admin, request: Request, store: TheStore, body: EnrolmentIn) -> NewEnrolment:
    """Make a one-time code. One made for the name of a present sensor replaces that sensor's token."""
    code, code_hash = new_code(next(iter(request.app.state.certificates), None))
    made = store.add_enrolment(code_hash, body.name, body.site, now() + int(body.hours * HOUR), user.name)
    return NewEnrolment(enrolment=made, code=code)


@router.delete("/{enrolment_id}", status_code=204)
def withdraw_enrolment(
    user: Admin, store: TheStore, enrolment_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
) -> None:
    """The code works no more."""
    store.withdraw_enrolment(enrolment_id, user.name)


@redeeming.post(
    "/enrol",
    status_code=201,
    responses={429: {"model": Problem, "description": "Too many attempts from this address"}},
)
def enrol(request: Request, store: TheStore, _settings: TheSettings, body: EnrolIn) -> EnrolOut:
    """Trade a code for a token. 403 where it is unknown, used or expired: the answer does not say which."""
    limiter: LoginLimiter = request.app.state.enrol_limiter
    address, code_hash = address_of(request), hash_of(body.code)
    account = (code_hash or "no code")[:32]
    try:
        limiter.attempt(account, address)
    except TooManyAttempts:
        store.record_audit("nobody", "sensor.enrolment_limited", "enrolment", {})
        raise
    try:
        if code_hash is None:
            raise NotFound("no code")
        made = store.redeem_enrolment(code_hash, body.name)
    except NotFound:
        store.record_audit("nobody", "sensor.enrolment_refused", "enrolment", {"name": body.name or ""})
        raise Forbidden("the code is unknown, used or expired") from None
    limiter.succeeded(account, address)
    return EnrolOut(
        sensor=made.sensor,
        token=made.token,
        site=made.site,
        time=to_text(now()),
        certificates=list(request.app.state.certificates),
    )
