"""Checks of names: files, folders, ids, titles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from typing_extensions import override

from rules.lint.check import Check, Finding
from rules.rule import AnyRule, Correlation

_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class FileName(Check):
    """A file is named after its title: lower case, hyphens, a word in common at least."""

    name = "file-name"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if rule.path.suffix != ".yaml":
            yield Finding(rule, (), "a rule's file ends with .yaml")
        if not _KEBAB.fullmatch(rule.name):
            yield Finding(
                rule, (), "a file name is lower-case words with hyphens, such as controller-stop.yaml"
            )
            return
        text = f"{rule.title} {getattr(rule, 'service', None) or ''}".lower()
        stems = {word[:4] for word in re.findall(r"[a-z0-9]+", text)}
        words = rule.name.split("-")
        if not any(word[:4] in stems for word in words):
            yield Finding(rule, ("title",), f"title and file name {rule.name!r} have no word in common")


class FolderName(Check):
    """A rule lies in the folder of its protocol; `assets` and `network` hold the others."""

    name = "folder-name"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if isinstance(rule, Correlation):
            return
        folder = rule.path.resolve().parent.name
        wanted = rule.service or ("assets" if rule.category == "asset" else "network")
        if folder != wanted:
            yield Finding(
                rule, ("logsource",), f"by its logsource the rule belongs into the folder {wanted!r}"
            )


class RandomId(Check):
    """Ids are random UUIDs (version 4), so that nobody's rules collide."""

    name = "random-id"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if UUID(rule.id).version != 4:
            yield Finding(rule, ("id",), "the id is not a random UUID (version 4)")


class DistinctNames(Check):
    """File names and titles occur once: analysts and tickets refer to them."""

    name = "distinct-names"

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], AnyRule] = {}
        self.same: list[Finding] = []

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        for trail in ((), ("title",), ("fieldwatch", "title_zh")):
            key = trail[-1] if trail else "name"
            other = self.seen.setdefault((key, getattr(rule, key)), rule)
            if other is not rule:
                what = "file name" if key == "name" else key
                self.same.append(Finding(rule, trail, f"{other.path} has the same {what}"))
        yield from ()

    @override
    def finalize(self) -> Iterator[Finding]:
        yield from self.same
