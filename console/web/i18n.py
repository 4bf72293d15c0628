"""Language of a page: which one a browser wants, and the messages in it (stdlib gettext)."""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
DEFAULT = "en"
COOKIE = "fieldwatch_language"
LOCALE = Path(__file__).parent / "locale"


def N_(text: str) -> str:
    """Mark `text` for translation where it stands; it is translated where it is shown."""
    return text


def NC_(context: str, text: str) -> str:
    """As `N_`, for a word whose translation depends on what it is said about."""
    return text


@cache
def translations(language: str) -> NullTranslations:
    """The messages of `language`; English, the language of the source, needs none."""
    path = LOCALE / language / "LC_MESSAGES" / "console.mo"
    if language == DEFAULT or not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        return GNUTranslations(file)


def known(tag: str | None) -> str | None:
    """The language of LANGUAGES that a tag such as `zh-Hans-CN` means, None where there is none."""
    primary = (tag or "").strip().lower().replace("_", "-").split("-")[0]
    return primary if primary in LANGUAGES else None


def accepted(header: str) -> str | None:
    """The first known language of an Accept-Language header (RFC 9110 §12.5.4), by its weights."""
    wishes: list[tuple[float, int, str]] = []
    for position, part in enumerate(header[:1000].split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if (language := known(tag)) and quality > 0:
            wishes.append((-quality, position, language))
    return min(wishes)[2] if wishes else None


def negotiate(query: str | None, cookie: str | None, header: str | None) -> str:
    """The language to answer in: `?lang=`, else the cookie, else Accept-Language, else English."""
    return known(query) or known(cookie) or accepted(header or "") or DEFAULT
