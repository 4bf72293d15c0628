"""The way in and the way out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from console.auth.access import MaybePrincipal, TheSettings, TheStore, store_of
from console.auth.limits import TooManyAttempts
from console.auth.login import LoginRefused, log_in, log_out, set_session_cookie
from console.store.interface import Store
from console.web.i18n import translations
from console.web.rendering import back, language_of, render, safe_next

router = APIRouter()


def fresh(store: Store) -> bool:
    """Whether nobody has ever logged in: then the form says where the first password stands."""
    users = store.users()
    return len(users) == 1 and users[0].last_login is None


@router.get("/login")
def show_login(request: Request, principal: MaybePrincipal, store: TheStore, next: str = "/") -> Response:
    """The form; who is in already goes on."""
    if principal is not None:
        return back(next)
    return render(request, "login.html", next=safe_next(next), name="", failed=None, fresh=fresh(store))


@router.post("/login")
def enter(
    request: Request,
    settings: TheSettings,
    name: Annotated[str, Form(max_length=128)] = "",
    password: Annotated[str, Form(max_length=2048)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Check name and password; a refusal does not say which of them was wrong."""
    _ = translations(language_of(request)).gettext
    try:
        token, _session = log_in(request, name, password)
    except LoginRefused:
        failed, status, headers = _("Wrong user or password."), 401, {}
    except TooManyAttempts as error:
        failed = _("Too many failed logins. Try again in %(count)s seconds.") % {"count": error.retry_after}
        status, headers = 429, {"retry-after": str(error.retry_after)}
    else:
        response = back(next)
        set_session_cookie(response, token, settings)
        return response
    page = render(
        request,
        "login.html",
        status=status,
        next=safe_next(next),
        name=name,
        failed=failed,
        fresh=fresh(store_of(request)),
    )
    page.headers.update(headers)
    return page


@router.post("/logout")
def leave(request: Request) -> Response:
    """End the session."""
    response = back("/login")
    log_out(request, response)
    return response
