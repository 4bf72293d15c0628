"""From a template and its values to a page in the reader's language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup

from console.auth.access import Principal, store_of
from console.auth.csrf import FIELD
from console.store.records import Role
from console.web import wording
from console.web.i18n import COOKIE, LANGUAGES, N_, known, negotiate, translations
from console.web.refusals import told
from console.web.role_reasons import reason_told
from console.web.vocabulary import word
from rules.words import spoken

WEB = Path(__file__).parent
STATIC = WEB / "static"
THEMES = ("light", "dark")
THEME_COOKIE = "fieldwatch_theme"
NOTICE_COOKIE = "fieldwatch_notice"
YEAR_SECONDS = 365 * 86_400

NAVIGATION: tuple[tuple[str, str, str, Role], ...] = (
    ("/", "gauge", N_("Posture"), "viewer"),
    ("/incidents", "octagon-alert", N_("Incidents"), "viewer"),
    ("/alerts", "bell", N_("Alerts"), "viewer"),
    ("/assets", "cpu", N_("Assets"), "viewer"),
    ("/rules", "book-open", N_("Rules"), "viewer"),
    ("/allowances", "volume-x", N_("Learned and muted"), "viewer"),
    ("/sensors", "radio-tower", N_("Sensors"), "viewer"),
    ("/configuration", "settings", N_("Configuration"), "viewer"),
    ("/audit", "file-text", N_("Audit log"), "admin"),
    ("/users", "users", N_("Users"), "admin"),
)
"""Path, icon, label and the least role that sees it."""


@cache
def static(name: str) -> str:
    """The address of a static file; its digest makes browsers fetch it again when it changed."""
    path = STATIC / name
    if not path.is_file():
        return f"/static/{name}"
    return f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


class Absent(ChainableUndefined):
    """A field that a document lacks reads as empty; any other missing name is a mistake in the template."""

    def _allowed(self) -> None:
        if not isinstance(self._undefined_obj, Mapping):
            self._fail_with_undefined_error()

    def __str__(self) -> str:
        self._allowed()
        return ""

    def __bool__(self) -> bool:
        self._allowed()
        return False

    def __iter__(self) -> Iterator[Any]:
        self._allowed()
        return iter(())

    def __len__(self) -> int:
        self._allowed()
        return 0


@cache
def environment(language: str) -> Environment:
    """The templates with every text in `language`. Every value is escaped."""
    made = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=Absent,
        finalize=wording.visible,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.policies["ext.i18n.trimmed"] = True
    catalogue = translations(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        catalogue.gettext,
        catalogue.ngettext,
        newstyle=True,
        pgettext=catalogue.pgettext,
        npgettext=catalogue.npgettext,
    )
    made.globals |= {"static": static, "language": language, "languages": LANGUAGES}
    made.filters |= {
        "word": lambda value, context: word(language, context, value),
        "moment": wording.moment,
        "stretch": wording.stretch,
        "spoken": lambda value, field: spoken(field, value, language),
        "told": partial(told, language),
        "reason": partial(reason_told, language),
        "ago": partial(wording.ago, language),
        "span": partial(wording.span, language),
        "amount": wording.amount,
        "octets": wording.octets,
        "plain": wording.readable,
        "filename": wording.filename,
        "sentence": partial(wording.sentence, language),
        "titled": partial(wording.titled, language),
    }
    return made


def language_of(request: Request) -> str:
    """The language this request is to be answered in."""
    return negotiate(
        request.query_params.get("lang"),
        request.cookies.get(COOKIE),
        request.headers.get("accept-language"),
    )


def here_of(request: Request) -> Callable[..., str]:
    """A function that gives this page's address with some query values changed; None takes one out.

    Another filter means the first page again, so `offset` goes unless it is set.
    """
    present = [
        (key, value) for key, value in request.query_params.multi_items() if key not in {"lang", "cursor"}
    ]

    def here(**changes: Any) -> str:
        kept = [
            (key, value)
            for key, value in present
            if key not in changes and (key != "offset" or not changes or set(changes) == {"lang"})
        ]
        for key, value in changes.items():
            values = value if isinstance(value, list | tuple) else [value]
            kept += [(key, str(each)) for each in values if each is not None]
        return request.url.path + (f"?{urlencode(kept)}" if kept else "")

    return here


def note_position(request: Request) -> None:
    """Remember what the store had come to before a page asked it anything: what changes from then on,
    until the page listens, it must ask for anew."""
    store = store_of(request)
    request.state.seen = f"{store.revision()}.{store.last_heard()}"


def render(
    request: Request, template: str, principal: Principal | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page or a fragment; keeps a language chosen by `?lang=` and shows a waiting notice once."""
    language = language_of(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    waiting = request.cookies.get(NOTICE_COOKIE)
    _ = translations(language).gettext
    context = {
        "theme": theme if theme in THEMES else "",
        "here": here_of(request),
        "query": request.query_params,
        "seen": getattr(request.state, "seen", ""),
        "user": principal,
        "may": principal.may if principal else lambda least: False,
        "csrf": principal.csrf if principal else "",
        "section": "/" + request.url.path.split("/")[1],
        "navigation": [(path, sign, _(text), least) for path, sign, text, least in NAVIGATION],
        "store_path": getattr(request.app.state, "store_path", "fieldwatch.db"),
        "origin": str(request.base_url).rstrip("/"),
        "notice": wording.notice(language, waiting) if waiting else None,
        "open_alerts": store_of(request).counts().get("open_alerts", 0) if principal else 0,
        **values,
    }
    field = Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, context["csrf"])
    context["csrf_field"] = lambda: field
    page = environment(language).get_template(template).render(context)
    response = HTMLResponse(page, status_code=status)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Cookie, Accept-Language, HX-Request"
    response.headers["Cache-Control"] = "no-store"
    if known(request.query_params.get("lang")):
        response.set_cookie(COOKIE, language, max_age=YEAR_SECONDS, samesite="lax", httponly=True)
    if waiting:
        response.delete_cookie(NOTICE_COOKIE)
    return response


def safe_next(target: str) -> str:
    """`target` where it is a path on this console, else the first page: no redirect leads elsewhere."""
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain and target.isprintable() else "/"


def back(target: str, notice: str | None = None, **values: str | int) -> RedirectResponse:
    """After a change: see `target` next, with a notice of `wording` on top."""
    response = RedirectResponse(safe_next(target), status_code=303)
    if notice is not None:
        told = urlencode({"kind": notice, "values": json.dumps(values)})
        response.set_cookie(NOTICE_COOKIE, told, max_age=60, samesite="lax", httponly=True)
    return response
