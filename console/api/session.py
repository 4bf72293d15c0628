"""Log in, log out, and a user's own affairs."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS, Time
from console.auth.access import Forbidden, TheSettings, TheStore, Viewer
from console.auth.login import log_in, log_out, set_session_cookie
from console.auth.passwords import hash_password, verify_password
from console.problems import Problem
from console.store.records import ApiToken, Role
from console.store.tokens import API_PREFIX, digest

router = APIRouter(tags=["session"], responses=ERRORS)
Password = Annotated[str, Field(min_length=1, max_length=1024)]


class Login(BaseModel):
    """Name and password."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Password


class SessionOut(BaseModel):
    """Who is logged in. Changing requests of a browser carry `csrf` as the header X-CSRF-Token."""

    name: str
    role: Role
    csrf: str
    preferences: dict[str, str]


class PasswordChange(BaseModel):
    """The present password and a new one."""

    present: Password
    new: Password


class TokenIn(BaseModel):
    """A token for a program. Its role may be below the owner's, not above."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    role: Role = "viewer"
    expires: Time | None = None


class TokenOut(BaseModel):
    """The new token. `secret` is shown this once; send it as `Authorization: Bearer …`."""

    token: ApiToken
    secret: str


Preferences = Annotated[
    dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=200)]], Field(max_length=32)
]


@router.post("/session", responses={429: {"model": Problem, "description": "Too many failed logins"}})
def open_session(
    request: Request, response: Response, store: TheStore, settings: TheSettings, body: Login
) -> SessionOut:
    """Log in; the session is a cookie."""
    token, session = log_in(request, body.name, body.password)
    set_session_cookie(response, token, settings)
    user = session.user
    return SessionOut(name=user.name, role=user.role, csrf=session.csrf, preferences=user.preferences)


@router.get("/session")
def present_session(user: Viewer, store: TheStore) -> SessionOut:
    """Who is asking."""
    preferences = store.user(user.name).preferences
    return SessionOut(name=user.name, role=user.role, csrf=user.csrf, preferences=preferences)


@router.delete("/session", status_code=204)
def close_session(request: Request, response: Response, _: Viewer) -> None:
    """Log out."""
    log_out(request, response)


@router.put("/session/preferences")
def preferences(user: Viewer, store: TheStore, body: Preferences) -> dict[str, str]:
    """Replace one's own settings, such as language and theme."""
    return store.set_preferences(user.name, body).preferences


@router.put("/session/password", status_code=204)
def own_password(user: Viewer, store: TheStore, settings: TheSettings, body: PasswordChange) -> None:
    """Change one's own password; all one's sessions end. Not with an API token."""
    if user.session is None:
        raise Forbidden("a password is changed in a session, not with a token")
    if not verify_password(store.password_hash(user.name), body.present):
        raise Forbidden("the present password is wrong")
    store.set_password(user.name, hash_password(body.new, settings.login.password_length), user.name)


@router.get("/tokens")
def list_tokens(user: Viewer, store: TheStore) -> list[ApiToken]:
    """One's own API tokens; all of them for an admin."""
    return store.api_tokens(None if user.may("admin") else user.name)


@router.post("/tokens", status_code=201)
def add_token(user: Viewer, store: TheStore, body: TokenIn) -> TokenOut:
    """Make an API token for oneself. Not with an API token: a stolen one must not beget others."""
    if user.session is None:
        raise Forbidden("a token is made in a session, not with another token")
    secret = API_PREFIX + secrets.token_urlsafe(32)
    token = store.add_api_token(user.name, body.name, body.role, digest(secret), body.expires, user.name)
    return TokenOut(token=token, secret=secret)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(user: Viewer, store: TheStore, token_id: Annotated[int, Field(ge=1, le=2**63 - 1)]) -> None:
    """Revoke one's own token; an admin any."""
    if not user.may("admin") and token_id not in {token.id for token in store.api_tokens(user.name)}:
        raise Forbidden("only an admin revokes other people's tokens")
    store.revoke_api_token(token_id, user.name)
