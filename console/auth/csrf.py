"""Cross-site request forgery: every changing request of a browser proves that our own page made it."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from fastapi import Request

from console.auth.access import Forbidden, bearer_of, principal_or_none

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "x-csrf-token"
FIELD = "csrf_token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def verify_csrf(request: Request) -> None:
    """Dependency of every router: a changing request has our own origin and, in a session, its CSRF token.

    The token comes in the header `X-CSRF-Token` or the form field `csrf_token`. A bearer token is no
    ambient authority, so requests that carry one are exempt.
    """
    if request.method in SAFE or bearer_of(request) is not None:
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("the request comes from another site")
    principal = principal_or_none(request)
    if principal is None:
        return
    given = request.headers.get(HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not hmac.compare_digest(given.encode(), principal.csrf.encode()):
        raise Forbidden(f"the CSRF token is missing or wrong (header {HEADER} or form field {FIELD})")
