"""What the content security policy forbids does not stand in a template, and every icon exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.web import assets
from console.web.rendering import environment

TEMPLATES = sorted((assets.WEB / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|hx-vals='js", text)
    for script in re.findall(r"<script[^>]*>(.*?)</script>", text, re.S):
        assert not script.strip()
    assert "| safe" not in text.replace('"<kbd>?</kbd>" | safe', "")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_icons_are_in_the_sprite(path: Path) -> None:
    named = set(re.findall(r'icon\("([a-z-]+)"', path.read_text("utf-8")))
    assert named <= set(assets.ICONS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_template_compiles(language: str) -> None:
    made = environment(language)
    for name in made.list_templates():
        made.get_template(name)


def test_a_field_a_document_lacks_is_empty_but_a_mistyped_name_fails() -> None:
    made = environment("en")
    document = {"source": {"ip": "10.0.0.1"}}
    shown = made.from_string("{{ said.source.ip }}{{ said.ics.object }}").render(said=document)
    assert shown == "10.0.0.1"
    with pytest.raises(Exception, match="sad"):
        made.from_string("{{ sad.source }}").render(said=document)


def test_lock_file_names_no_registry() -> None:
    text = (assets.ROOT / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') >= 5
