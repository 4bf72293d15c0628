"""Who changed what, when and from where."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from console.auth.access import Admin, TheStore
from console.store.records import AuditRow
from console.web.i18n import translations
from console.web.pages.alerts import PERIOD_NAMES
from console.web.queries import audit_filter, paging
from console.web.rendering import language_of, render
from console.web.vocabulary import WORDS, word

router = APIRouter()

TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z")
CONTEXTS = {
    "role": "user",
    "reason": "close",
    "kind": "allowance",
    "part": "part",
    "change": "change_of_part",
    "operation": "operation",
    "zone": "zone",
}
"""Details whose values are words of the vocabulary."""


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
        details=partial(details_of, language),
        actions=[(action, word(language, "audit", action)) for action in WORDS["audit"]],
        users=[(user.name, user.name) for user in store.users()],
        periods=[(value, say(name)) for value, name in PERIOD_NAMES.items()],
    )


def details_of(language: str, row: AuditRow) -> list[tuple[str, str]]:
    """What a row says besides who, when and what: (label, value)."""
    return [
        (word(language, "audit_detail", key), value_of(language, key, value))
        for key, value in row.detail.items()
        if value not in ("", None, [], {})
    ]


def value_of(language: str, key: str, value: Any) -> str:
    """One value of the details as a person reads it."""
    if isinstance(value, bool):
        say = translations(language).gettext
        return say("Yes") if value else say("No")
    if isinstance(value, dict):
        if value.keys() == {"part", "change"}:
            return (
                f"{value_of(language, 'part', value['part'])} {value_of(language, 'change', value['change'])}"
            )
        return ", ".join(
            f"{word(language, 'audit_detail', name)} {value_of(language, name, each)}"
            for name, each in value.items()
        )
    if isinstance(value, list):
        return ", ".join(value_of(language, key, each) for each in value)
    text = str(value)
    if key in CONTEXTS and text in WORDS[CONTEXTS[key]]:
        return word(language, CONTEXTS[key], text)
    if key == "scope" and text == "all":
        return translations(language).gettext("All sensors")
    return f"{text[:19].replace('T', ' ')} UTC" if TIME.fullmatch(text) else text
