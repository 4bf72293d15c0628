"""Full text: what of a document is searched, and how a person's words become a query."""

from __future__ import annotations

import re
from typing import Any

_CJK = "[\u2e80-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003ffff]"
_CJK_RUN = re.compile(f"{_CJK}+")
_WORD = re.compile(r"[^\W_]+")
_END_FIELDS = ("ip", "mac", "name", "vendor", "role", "zone")
_MOST = 2000
ABOUT_SENSORS = "sensor-"
"""Names of rules that begin so are about a sensor, not about traffic."""


def spread(text: str) -> str:
    """Put spaces around each Chinese character: the index knows no Chinese words, so it knows characters."""
    return text if text.isascii() else _CJK_RUN.sub(_apart, text)


def _apart(run: re.Match[str]) -> str:
    return f" {' '.join(run[0])} "


def alert_words(alert: dict[str, Any]) -> str:
    """What a search for alerts looks through; at most 2000 characters."""
    rule = alert["rule"]
    parts = [alert["message"], rule["title"], rule.get("name")]
    parts += [alert.get("message_zh"), rule.get("title_zh")]
    for end in ("source", "destination"):
        fields = alert.get(end) or {}
        parts += [fields.get(field) for field in _END_FIELDS]
    ics = alert.get("ics") or {}
    parts += [ics.get("operation"), ics.get("function"), ics.get("object")]
    parts += [(alert.get("network") or {}).get("protocol")]
    parts += ((alert.get("threat") or {}).get("technique") or {}).get("id", ())
    asset = alert.get("asset") or {}
    parts += [asset.get(field) for field in ("id", "change", "old", "new")]
    return spread(" ".join(str(part) for part in parts if part))[:_MOST]


def asset_words(asset: dict[str, Any]) -> str:
    """What a search for assets looks through, in lower case."""
    fields = ("id", "name", "vendor", "model", "firmware", "serial", "role", "zone")
    parts = [asset.get(field) for field in fields]
    parts += asset.get("ip", [])
    parts += asset.get("mac", [])
    parts += asset.get("protocols", [])
    return " ".join(str(part) for part in parts if part).lower()[:_MOST]


def behaviour_words(behaviour: dict[str, Any]) -> str:
    """What a search for behaviours looks through, in lower case."""
    ics = behaviour["ics"]
    ends = (behaviour["source"], behaviour["destination"])
    parts = [address(end) for end in ends]
    parts += [behaviour["network"].get("protocol")]
    parts += [ics.get(field) for field in ("operation", "function", "object", "status", "space")]
    return " ".join(str(part) for part in parts if part).lower()[:_MOST]


def address(end: dict[str, Any] | None) -> str | None:
    """The address that names one end of a conversation: its IP, or its MAC where there is no IP."""
    return (end.get("ip") or end.get("mac")) if end else None


def match_expression(text: str) -> str | None:
    """An FTS5 query: all words must occur, the last may be unfinished; None when no word is left."""
    phrases = []
    for chunk in text.split():
        words = _WORD.findall(spread(chunk))
        if words:
            phrases.append('"' + " ".join(words) + '"')
    if not phrases:
        return None
    last = text.rsplit(maxsplit=1)[-1]
    unfinished = _WORD.search(last) is not None
    return " AND ".join(phrases) + (" *" if unfinished else "")


def like_patterns(text: str) -> list[str]:
    """One LIKE pattern (escape character `\\`) for each word."""
    words = text.lower().split()[:10]
    return ["%" + re.sub(r"([%_\\])", r"\\\1", word) + "%" for word in words]
