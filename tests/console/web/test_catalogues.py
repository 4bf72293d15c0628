"""Every page speaks Chinese: nothing untranslated, nothing stale, placeholders kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.web import i18n

catalogues = pytest.importorskip("console.web.catalogues", reason="Babel is a development dependency")

PLACEHOLDER = re.compile(r"%\(\w+\)s")


def messages(language: str) -> dict[tuple[str | None, str], tuple[str, ...]]:
    found = {}
    for message in catalogues.load(language):
        if not message.id:
            continue
        plural = isinstance(message.id, tuple)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        found[message.context, message.id[0] if plural else message.id] = texts
    return found


@pytest.mark.parametrize("language", catalogues.TRANSLATED)
def test_the_catalogue_has_every_message_of_the_pages_and_no_other(language: str) -> None:
    wanted = {
        (message.context, message.id[0] if isinstance(message.id, tuple) else message.id)
        for message in catalogues.template()
        if message.id
    }
    assert set(messages(language)) == wanted, "run `python -m console.web.catalogues` and translate"


@pytest.mark.parametrize("language", catalogues.TRANSLATED)
def test_every_message_is_translated_and_keeps_its_placeholders(language: str) -> None:
    for (context, text), translated in messages(language).items():
        assert all(translated), f"{context}: {text}"
        for each in translated:
            assert set(PLACEHOLDER.findall(each)) == set(PLACEHOLDER.findall(text)), text


@pytest.mark.parametrize("language", catalogues.TRANSLATED)
def test_the_compiled_catalogue_is_current(language: str) -> None:
    i18n.translations.cache_clear()
    compiled = i18n.translations(language)
    for (context, text), translated in messages(language).items():
        got = compiled.pgettext(context, text) if context else compiled.gettext(text)
        plural = compiled.ngettext(text, text + "s", 1)
        assert translated[0] in {got, plural}, f"stale .mo: run `python -m console.web.catalogues` ({text})"


@pytest.mark.parametrize(
    ("query", "cookie", "header", "expected"),
    [
        (None, None, None, "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "en-US,en;q=0.9,zh;q=0.8", "en"),
        (None, None, "fr,zh-Hant;q=0.4,en;q=0.3", "zh"),
        (None, None, "zh;q=0,en", "en"),
        (None, None, "zh;q=lots, en;q=0.1", "en"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("klingon", "zh", "en", "zh"),
        ("../zh", None, "," * 5000, "en"),
    ],
)
def test_the_language_is_what_was_asked_for_last(
    query: str | None, cookie: str | None, header: str | None, expected: str
) -> None:
    assert i18n.negotiate(query, cookie, header) == expected


def test_vocabulary_covers_the_operations_and_roles_of_the_sensor() -> None:
    from console.web.vocabulary import WORDS
    from sensor.messages import Kind, Operation

    assert set(WORDS["operation"]) == {operation.name.lower() for operation in Operation}
    assert set(WORDS["kind"]) == {kind.name.lower() for kind in Kind}


def test_locale_folder_holds_only_known_languages() -> None:
    assert {path.name for path in Path(i18n.LOCALE).iterdir()} <= set(i18n.LANGUAGES)
