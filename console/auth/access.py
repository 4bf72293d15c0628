"""Who is asking, and may they: dependencies for every route that is not public."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from console.settings import Settings
from console.store.interface import Store
from console.store.records import ROLES, Role, Session
from console.store.times import MINUTE, now
from console.store.tokens import digest

INSECURE_COOKIE = "fieldwatch_session"
SECURE_COOKIE = "__Host-fieldwatch_session"


class NotLoggedIn(Exception):
    """Nobody, or nobody any more, stands behind the request."""


class Forbidden(Exception):
    """The role, the CSRF token or the origin does not allow this; the message says which."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes the request: a browser `session`, or a program with an API token (session None)."""

    name: str
    role: Role
    session: Session | None = None

    def may(self, role: Role) -> bool:
        """Whether this role is at least `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def csrf(self) -> str:
        """The token every changing request of this session carries; empty for programs."""
        return self.session.csrf if self.session else ""


def store_of(request: Request) -> Store:
    """The application's store."""
    return request.app.state.store


def settings_of(request: Request) -> Settings:
    """The application's settings."""
    return request.app.state.settings


def address_of(request: Request) -> str:
    """The caller's network address; X-Forwarded-For counts only from a trusted proxy, its last entry only."""
    peer = request.client.host if request.client else "unknown"
    if peer in settings_of(request).trusted_proxies:
        forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(forwarded))
        except ValueError:
            return peer
    return peer


async def act_from_address(request: Request) -> AsyncIterator[None]:
    """Dependency of every router: audit rows written while it is answered carry the caller's address."""
    with store_of(request).acting_from(address_of(request)):
        yield


def cookie_name(settings: Settings) -> str:
    """The session cookie's name; `__Host-` makes browsers insist on Secure and on this very host."""
    return SECURE_COOKIE if settings.https else INSECURE_COOKIE


def bearer_of(request: Request) -> str | None:
    """The token of an Authorization header, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def principal_or_none(request: Request) -> Principal | None:
    """Who makes the request, or None; remembered for the length of the request."""
    if not hasattr(request.state, "principal"):
        request.state.principal = _identify(request)
    return request.state.principal


def _identify(request: Request) -> Principal | None:
    store, settings = store_of(request), settings_of(request)
    token = bearer_of(request)
    if token is not None:
        # A request with a token never falls back on the cookie: it is exempt from the CSRF check.
        found = store.api_token(digest(token))
        return Principal(found.owner, found.role) if found else None
    cookie = request.cookies.get(cookie_name(settings))
    if not cookie:
        return None
    session = store.session(digest(cookie))
    if session is None:
        return None
    idle = int(settings.login.idle_minutes * MINUTE)
    limit = session.created_ns + int(settings.login.session_hours * 60 * MINUTE)
    fresh = min(now() + idle, limit)
    if fresh - session.expires_ns > MINUTE and not _unattended(request):
        store.extend_session(digest(cookie), fresh)
    return Principal(session.user.name, session.user.role, session)


def _unattended(request: Request) -> bool:
    """Whether a page asks by itself: that must not keep a session open that nobody uses."""
    return "x-unattended" in request.headers or request.url.path == "/api/v1/stream"


def require(role: Role) -> Callable[[Request], Principal]:
    """A dependency that lets only `role` and above pass."""

    def check(request: Request) -> Principal:
        principal = principal_or_none(request)
        if principal is None:
            raise NotLoggedIn
        if not principal.may(role):
            raise Forbidden(f"this needs the role {role}")
        return principal

    return check


MaybePrincipal = Annotated[Principal | None, Depends(principal_or_none)]
Viewer = Annotated[Principal, Depends(require("viewer"))]
Analyst = Annotated[Principal, Depends(require("analyst"))]
Admin = Annotated[Principal, Depends(require("admin"))]
TheStore = Annotated[Store, Depends(store_of)]
TheSettings = Annotated[Settings, Depends(settings_of)]
Address = Annotated[str, Depends(address_of)]
