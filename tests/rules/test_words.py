"""Every word of the vocabulary can be said in Chinese."""

from __future__ import annotations

from rules.fields import OPERATIONS, ROLES
from rules.templates import render
from rules.words import OPERATIONS_ZH, ROLES_ZH


def test_the_vocabulary_is_whole() -> None:
    assert set(OPERATIONS_ZH) == set(OPERATIONS)
    assert set(ROLES_ZH) == set(ROLES)


def test_sentences_speak_in_words() -> None:
    fields = {
        "ics.operation": "program_download",
        "source.role": "engineering_workstation",
        "ics.name": "a_b",
    }
    template = "{source.role}: {ics.operation} {ics.name}"
    assert render(template, fields.get) == "engineering workstation: program download a_b"
    assert render(template, fields.get, "zh") == "工程师站: 程序下载 a_b"
