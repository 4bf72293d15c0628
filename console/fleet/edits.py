"""Changes to what sensors should run: read, changed, checked as every sensor will see it, then kept."""

from __future__ import annotations

from collections.abc import Callable

from console.fleet.checking import Fault, check
from console.fleet.configuration import ALL, RULES, SINGLE_TEXTS, composed
from console.store.errors import QueryRefused
from console.store.interface import Store
from console.store.records import ConfigurationContent, ConfigurationVersion

SITE = "site/"
Change = Callable[[ConfigurationContent], None]
"""Changes a content in place."""


class ConfigurationRefused(Exception):
    """A change that some sensor could not run; nothing was kept."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults[:5]))


def put(
    store: Store, scope: str, content: ConfigurationContent, note: str, actor: str, base: int | None
) -> tuple[ConfigurationVersion, list[Fault]]:
    """Keep a new content of a scope; returns its version and what the author may come to regret.

    Raises ConfigurationRefused, and Conflict where `base` is not the scope's newest version.
    """
    if scope != ALL and not scope.startswith(SITE):
        raise QueryRefused("scope: empty for all sensors, else site/<name>")
    strange = [name for name in content.texts if name not in SINGLE_TEXTS and not name.startswith(RULES)]
    if strange:
        told = f"no such part: {', '.join((*SINGLE_TEXTS, RULES + '<path>.yaml'))}"
        raise ConfigurationRefused([Fault(name[:300], 0, 0, told) for name in strange[:10]])
    advice: list[Fault] = []
    for layers in _views(store, scope, content):
        result = check(composed(layers))
        if result.faults:
            raise ConfigurationRefused(result.faults)
        advice = advice or result.advice
    return store.put_configuration(scope, content, note, actor, base), advice


def edit(
    store: Store,
    scope: str,
    change: Change,
    note: str,
    actor: str,
) -> tuple[ConfigurationVersion, list[Fault]]:
    """Change the newest content of a scope in place and keep it; as `put`."""
    newest = store.newest_configuration(scope)
    content = newest[1] if newest else ConfigurationContent()
    change(content)
    return put(store, scope, content, note, actor, newest[0] if newest else None)


def restore(store: Store, version: int, actor: str) -> ConfigurationVersion:
    """Make an earlier version's content a scope's newest again, under a new number."""
    record, content = store.configuration(version)
    newest = store.newest_configuration(record.scope)
    return put(store, record.scope, content, f"as version {version}", actor, newest[0] if newest else None)[0]


def _views(store: Store, scope: str, content: ConfigurationContent) -> list[list[ConfigurationContent]]:
    """The layers of every sensor whose configuration the change touches."""
    if scope != ALL:
        above = store.newest_configuration(ALL)
        return [[*([above[1]] if above else []), content]]
    below = [store.newest_configuration(other) for other in store.configured_scopes() if other != ALL]
    return [[content], *([content, layer[1]] for layer in below if layer is not None)]
