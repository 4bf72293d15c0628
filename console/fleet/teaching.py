"""A learn that sensors hear of: what an analyst accepts in the console is news to no sensor of the site."""

from __future__ import annotations

from typing import Any

from console.fleet import edits
from console.fleet.accepted import ALLOWANCE, NotAcceptable, decision_of, entry_of
from console.fleet.configuration import scope_of_site
from console.store.errors import Conflict
from console.store.interface import Store
from console.store.records import AlertRecord, Allowance, ConfigurationContent, ConfigurationVersion
from console.store.times import now, to_nanoseconds, to_text

TRIES = 3
ACCEPTED = "accepted"


def sites_of(store: Store, alert: AlertRecord) -> list[str]:
    """The sites whose sensors can be taught by this alert; none where it names no entry of a baseline."""
    if entry_of(alert.document) is None:
        return []
    live = {item.name: item.site for item in store.sensors() if item.registered and not item.revoked}
    return sorted({live[name] for name in alert.sensors if name in live})


def teach(store: Store, alert: AlertRecord, allowance: Allowance, actor: str) -> list[ConfigurationVersion]:
    """Send the entry that an alert names to the sensors of its sites, as accepted by this allowance.

    Raises NotAcceptable, and Conflict where somebody changes the same configuration again and again.
    """
    decision = decision_of(
        alert.document, allowance.id, actor, to_text(now()), allowance.expires, allowance.reason
    )

    def add(content: ConfigurationContent) -> None:
        kept = [item for item in _standing(content) if item.get("id") != decision["id"]]
        content.values[ACCEPTED] = [*kept, decision]

    sites = sites_of(store, alert)
    if not sites:
        raise NotAcceptable("no live sensor has told this")
    note = f"accepted: {decision['id']}"
    return [_changed(store, scope_of_site(site), add, note, actor) for site in sites]


def unteach(store: Store, allowance_id: int, actor: str) -> list[ConfigurationVersion]:
    """Take what came with an allowance back from every scope that holds it."""

    def remove(content: ConfigurationContent) -> None:
        left = [item for item in content.values.get(ACCEPTED, []) if _allowance(item) != allowance_id]
        content.values[ACCEPTED] = left

    changed = []
    for scope in store.configured_scopes():
        newest = store.newest_configuration(scope)
        held = newest[1].values.get(ACCEPTED, []) if newest else []
        if any(_allowance(item) == allowance_id for item in held):
            changed.append(_changed(store, scope, remove, f"taken back: learn {allowance_id}", actor))
    return changed


def _standing(content: ConfigurationContent) -> list[dict[str, Any]]:
    """What is accepted and has not ended."""
    time = now()
    return [
        item
        for item in content.values.get(ACCEPTED, [])
        if isinstance(item, dict) and ("until" not in item or to_nanoseconds(item["until"]) > time)
    ]


def _allowance(item: Any) -> int | None:
    return item.get(ALLOWANCE) if isinstance(item, dict) else None


def _changed(store: Store, scope: str, change: edits.Change, note: str, actor: str) -> ConfigurationVersion:
    for attempt in range(TRIES):
        try:
            return edits.edit(store, scope, change, note, actor)[0]
        except Conflict:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")
