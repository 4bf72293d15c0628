"""The page a person sees when something is missing, forbidden or broken."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from console.auth.access import principal_or_none
from console.store.errors import StoreError
from console.web.i18n import N_, translations
from console.web.rendering import language_of, render

PHRASES = frozenset(status.phrase for status in HTTPStatus)
"""Details that say no more than the title."""
TITLES = {
    403: N_("Not allowed"),
    404: N_("Not found"),
    409: N_("That does not fit the present state"),
    422: N_("The request could not be understood"),
    503: N_("The store cannot answer now"),
}
OTHERWISE = N_("Something went wrong")


def error_page(request: Request, status: int, detail: str) -> Response:
    """An error with its status, in the reader's language; `detail` is the console's own sentence."""
    detail = "" if detail in PHRASES else detail
    title = translations(language_of(request)).gettext(TITLES.get(status, OTHERWISE))
    try:
        principal = principal_or_none(request)
        return render(request, "error.html", principal, status, title=title, detail=detail)
    except StoreError:
        return render(request, "error.html", None, status, title=title, detail=detail)
