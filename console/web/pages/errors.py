"""The page a person sees when something is missing, forbidden or broken."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from console.auth.access import principal_or_none
from console.store.errors import StoreError
from console.web.i18n import N_, translations
from console.web.refusals import told
from console.web.rendering import language_of, render

PHRASES = frozenset(status.phrase for status in HTTPStatus)
"""Details that say no more than the title."""
TITLES = {
    403: N_("Not allowed"),
    404: N_("Not found"),
    409: N_("That does not fit the present state"),
    422: N_("The request could not be understood"),
    413: N_("That is too large"),
    429: N_("Too many attempts"),
    503: N_("The store cannot answer now"),
    507: N_("The console's disk is full"),
}
OTHERWISE = N_("Something went wrong")
HINTS = {
    404: N_("No page of this console has this address. It may be mistyped, or from an older version."),
    405: N_("This address takes no such request. Go back and try again."),
}
"""What is said where the error itself says nothing."""


def error_page(request: Request, status: int, detail: str) -> Response:
    """An error with its status, in the reader's language; `detail` is the console's own sentence."""
    language = language_of(request)
    say = translations(language).gettext
    title = say(TITLES.get(status, OTHERWISE))
    detail = (
        told(language, detail) if detail not in PHRASES else say(HINTS[status]) if status in HINTS else ""
    )
    detail = detail[:1].upper() + detail[1:]
    try:
        principal = principal_or_none(request)
        return render(request, "error.html", principal, status, title=title, detail=detail)
    except StoreError:
        return render(request, "error.html", None, status, title=title, detail=detail)
