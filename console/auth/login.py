"""Logging in and out: for the API and for the login page alike."""

from __future__ import annotations

import secrets

from fastapi import Request, Response

from console.auth.access import address_of, cookie_name, settings_of, store_of
from console.auth.limits import LoginLimiter, TooManyAttempts
from console.auth.passwords import verify_password
from console.settings import Settings
from console.store.errors import NotFound
from console.store.records import Session
from console.store.times import MINUTE, now
from console.store.tokens import digest


class LoginRefused(Exception):
    """Wrong name or password, or a disabled account: the answer does not say which."""


def log_in(request: Request, name: str, password: str) -> tuple[str, Session]:
    """Check name and password and open a session; returns its token and the session.

    Raises LoginRefused, or TooManyAttempts without having looked at the password. Slow by design:
    call it from a route that runs in a thread (`def`, not `async def`).
    """
    store, settings, address = store_of(request), settings_of(request), address_of(request)
    limiter: LoginLimiter = request.app.state.login_limiter
    try:
        limiter.attempt(name, address)
    except TooManyAttempts:
        with store.acting_from(address):
            store.record_audit("nobody", "session.limited", f"user/{name[:64]}", {})
        raise
    fits = verify_password(store.password_hash(name), password)
    try:
        disabled = store.user(name).disabled
    except NotFound:
        disabled = True
    if not fits or disabled:
        with store.acting_from(address):
            store.record_audit("nobody", "session.refused", f"user/{name[:64]}", {})
        raise LoginRefused("wrong name or password")
    limiter.succeeded(name, address)
    token = secrets.token_urlsafe(32)
    idle = int(min(settings.login.idle_minutes, settings.login.session_hours * 60) * MINUTE)
    with store.acting_from(address):
        store.open_session(name, digest(token), secrets.token_urlsafe(24), now() + idle, address)
    session = store.session(digest(token))
    if session is None:
        raise LoginRefused("wrong name or password")
    return token, session


def set_session_cookie(response: Response, token: str, settings: Settings) -> None:
    """Hand the token to the browser, out of reach of scripts and of other sites."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(settings.login.session_hours * 3600),
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.https,
    )


def log_out(request: Request, response: Response) -> None:
    """End the request's session, here and in the browser."""
    settings = settings_of(request)
    token = request.cookies.get(cookie_name(settings))
    if token:
        with store_of(request).acting_from(address_of(request)):
            store_of(request).close_session(digest(token))
    response.delete_cookie(
        cookie_name(settings), path="/", httponly=True, samesite="strict", secure=settings.https
    )
