"""Checks of what people read: titles, messages, advice, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from typing_extensions import override

from rules.lint.check import Check, Finding
from rules.rule import AnyRule
from rules.templates import placeholders

_CJK = re.compile(r"[\u4e00-\u9fff]")
_EMPTY_TALK = ("unknown", "none", "n/a", "-", "todo", "tbd", "unlikely")


class TitleForm(Check):
    """A title is one short statement: a capital first, no full stop, at most 80 characters."""

    name = "title-form"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if not rule.title[0].isupper() and not rule.title[0].isdigit():
            yield Finding(rule, ("title",), "a title begins with a capital letter")
        if rule.title.endswith("."):
            yield Finding(rule, ("title",), "a title has no full stop")
        if len(rule.title) > 80:
            yield Finding(rule, ("title",), f"the title has {len(rule.title)} characters, 80 are enough")


class ChineseTexts(Check):
    """Keys that end with _zh hold Chinese, the others do not."""

    name = "chinese-texts"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        for key in ("title_zh", "message_zh", "advice_zh"):
            text = getattr(rule, key)
            if text and not _CJK.search(text):
                yield Finding(rule, ("fieldwatch", key), f"{key} holds no Chinese")
        for trail in (("title",), ("description",), ("fieldwatch", "message"), ("fieldwatch", "advice")):
            if _CJK.search(getattr(rule, trail[-1])):
                yield Finding(
                    rule, trail, f"{trail[-1]} holds Chinese, which belongs into the key that ends with _zh"
                )


class MessageFields(Check):
    """A message names a machine, and both languages name the same fields."""

    name = "message-fields"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        english, chinese = set(placeholders(rule.message)), set(placeholders(rule.message_zh))
        if not any(name.split(".")[0] in ("source", "destination", "asset") for name in english):
            yield Finding(
                rule,
                ("fieldwatch", "message"),
                "the message names no machine, such as {destination.ip} or {asset.id}",
            )
        missing, more = sorted(english - chinese), sorted(chinese - english)
        if missing or more:
            text = "; ".join(
                f"{key} lacks {', '.join(names)}"
                for key, names in (("message_zh", missing), ("message", more))
                if names
            )
            yield Finding(rule, ("fieldwatch", "message_zh"), f"the messages do not say the same: {text}")


class Advice(Check):
    """From medium on, an analyst is told what to do, in both languages."""

    name = "advice"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if rule.level in ("medium", "high", "critical"):
            for key in ("advice", "advice_zh"):
                if not getattr(rule, key):
                    yield Finding(rule, ("fieldwatch",), f"a rule of level {rule.level} needs the key {key}")


class FalsePositives(Check):
    """`falsepositives` says something."""

    name = "falsepositives"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        for place, text in enumerate(rule.falsepositives):
            if text.strip().strip(".").lower() in _EMPTY_TALK:
                yield Finding(
                    rule, ("falsepositives", place), f"{text!r} helps nobody; say when this is harmless"
                )


class Description(Check):
    """The description is at least a sentence, and more than the title."""

    name = "description"

    @override
    def check(self, rule: AnyRule) -> Iterator[Finding]:
        if len(rule.description) < 40:
            yield Finding(rule, ("description",), "say in a sentence or two what is found and why it matters")
        elif not rule.description.endswith("."):
            yield Finding(rule, ("description",), "the description is a sentence and ends with a full stop")
