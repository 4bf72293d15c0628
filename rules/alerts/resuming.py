"""Alerts taken up again by a process that begins anew: what goes on grows them, and opens no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.alerts.alert import Alert, value_of
from rules.documents import flatten, nanoseconds
from rules.rule import AnyRule

_NOT_FIELDS = ("network.community_id",)


def resumed(document: Mapping[str, Any], rules: Mapping[str, AnyRule]) -> Alert | None:
    """The alert that an alert document was made of, as far as the document tells; None where it cannot
    be gone on with: its rule is no more, or something made it quiet for a time.

    Frames stay behind: packets are numbered anew.
    """
    try:
        event = document["event"]
        rule = rules.get(document["rule"]["id"])
        if rule is None or any(key in document for key in ("maintenance", "suppression")):
            return None
        fields = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in flatten(document)
            if name.startswith(("source.", "destination.", "network.", "ics.", "asset."))
            and name not in _NOT_FIELDS
        }
        alert = Alert(
            rule,
            tuple(value_of(fields.get, name) for name in rule.group_by),
            fields,
            nanoseconds(event["start"]),
            nanoseconds(event["end"]),
            int(event["count"]),
            [],
            observer=(document.get("observer") or {}).get("name"),
            category="asset" if "change" in (document.get("asset") or {}) else "behaviour",
        )
        alert.id = str(event["id"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return alert
