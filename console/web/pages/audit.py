"""Who changed what, when and from where."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console.auth.access import Admin, TheStore
from console.web.i18n import translations
from console.web.pages.alerts import PERIOD_NAMES
from console.web.queries import audit_filter, paging
from console.web.rendering import language_of, render
from console.web.vocabulary import WORDS, word

router = APIRouter()


@router.get("/audit")
def list_audit(request: Request, principal: Admin, store: TheStore) -> Response:
    """The audit log, newest first."""
    order = paging(request, (), "time")
    language = language_of(request)
    say = translations(language).gettext
    return render(
        request,
        "audit.html",
        principal,
        page=store.audit(audit_filter(request.query_params), order),
        order=order,
        actions=[(action, word(language, "audit", action)) for action in WORDS["audit"]],
        users=[(user.name, user.name) for user in store.users()],
        periods=[(value, say(name)) for value, name in PERIOD_NAMES.items()],
    )
