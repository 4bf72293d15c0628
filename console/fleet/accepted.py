"""Entries of the baseline that analysts accepted: from an alert to what sensors add to what they know.

An alert about something new names the entry by which it would be known (`baseline.entry`,
`baseline.entry_text`). What is sent down is the decision as a baseline file holds it, as JSON:
{id, decision: accept, by, at, until, reason, entry: {what, …}}, and the allowance it came with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from console.agent.accepted import decisions_of as read_decisions
from rules.baseline.decisions import Decision, can_be_accepted

ALLOWANCE = "allowance"
"""The key that names the learn of the console it came with; sensors leave it aside."""
MOST_TEXT = 4096


class NotAcceptable(ValueError):
    """The entry cannot be accepted; the message says why."""


def entry_of(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry an alert names, as a decision holds it; None where it names none that can be read."""
    baseline = document.get("baseline")
    text = baseline.get("entry_text") if isinstance(baseline, Mapping) else None
    if not isinstance(text, str) or not 0 < len(text) <= MOST_TEXT:
        return None
    try:
        # Every scalar stays the text it is: the reader of baseline files knows what it means.
        entry = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in entry.items()
    ):
        return None
    return entry


def decision_of(
    document: Mapping[str, Any], allowance: int, by: str, at: str, until: str | None, reason: str
) -> dict[str, Any]:
    """The decision that accepts what an alert tells of. Raises NotAcceptable."""
    entry = entry_of(document)
    if entry is None:
        raise NotAcceptable("the alert names no entry of the baseline")
    made = {
        "id": str(document["baseline"].get("entry", "")),
        "decision": "accept",
        "by": by,
        "at": at,
        **({"until": until} if until else {}),
        "reason": " ".join(reason.split())[:500],
        "entry": entry,
        ALLOWANCE: allowance,
    }
    (decision,) = decisions_of([made])
    objection = can_be_accepted(decision.entry)
    if objection:
        raise NotAcceptable(objection)
    return made


def decisions_of(accepted: Iterable[Mapping[str, Any]]) -> tuple[Decision, ...]:
    """The decisions as sensors will read them. Raises NotAcceptable, naming the one that is wrong."""
    try:
        return read_decisions(accepted)
    except ValueError as error:
        raise NotAcceptable(str(error)) from error
