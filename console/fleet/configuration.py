"""From what people set for all sensors and for a site to what one sensor should run.

A scope says what differs from the scope above: a site's rule file takes the place of one with the same
path, its site file, baseline and suppressions those for all sensors; disabled rules and accepted baseline
entries add up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.agent.bundle import digest_of
from console.store.interface import Store
from console.store.records import ConfigurationContent

ALL = ""
RULES = "rules/"
SINGLE_TEXTS = ("site", "baseline", "suppressions")
LISTS = ("disabled", "accepted")
MOST_KEPT = 16
"""Composed contents held in memory: each may be megabytes."""
DEFAULTS: dict[str, Any] = {"shipped_rules": True, "evidence_level": "high"}


@dataclass(frozen=True, slots=True)
class Desired:
    """What the sensors of a site should run: the contract's version, digest and content."""

    version: int
    digest: str
    content: dict[str, Any]


def scope_of_site(site: str) -> str:
    """The scope of a site's own settings."""
    return f"site/{site}"


class DesiredConfigurations:
    """What each site's sensors should run, composed once for every pair of versions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[int, int], Desired] = OrderedDict()

    def of(self, site: str) -> Desired | None:
        """What this site's sensors should run; None where nobody has set anything."""
        versions = [self._store.newest_version(scope) or 0 for scope in (ALL, scope_of_site(site))]
        if not any(versions):
            return None
        key = (versions[0], versions[1])
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        contents = [self._store.configuration(version)[1] for version in versions if version]
        content = composed(contents)
        made = Desired(max(key), digest_of(content), content)
        with self._lock:
            self._known[key] = made
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        return made


def composed(layers: list[ConfigurationContent]) -> dict[str, Any]:
    """The content of several scopes, the widest first, as one."""
    content: dict[str, Any] = {**DEFAULTS, "rules": {}, "settings": {}}
    content |= dict.fromkeys(SINGLE_TEXTS)
    content |= {name: [] for name in LISTS}
    for layer in layers:
        for name, text in layer.texts.items():
            if name.startswith(RULES):
                content["rules"][name.removeprefix(RULES)] = text
            else:
                content[name] = text
        for name, value in layer.values.items():
            if name in LISTS:
                content[name] += [entry for entry in value if entry not in content[name]]
            else:
                content[name] = value
    return content


@dataclass(frozen=True, slots=True)
class Running:
    """How a sensor stands to what it should run, by its own word.

    `state` is current, behind (it runs an older version), refused (it says why), local (it runs files of
    its own), unset (nothing is set for it) or unknown (it has sent no heartbeat).
    """

    state: str
    wanted: int | None
    version: int | None
    reason: str | None = None


def running(state: Mapping[str, Any] | None, wanted: Desired | None) -> Running:
    """Compare a heartbeat with what its sensor should run."""
    number = wanted.version if wanted else None
    if state is None:
        return Running("unknown", number, None)
    runs = _object(state.get("configuration"))
    refused = _object(state.get("refused"))
    version = runs.get("version")
    version = version if isinstance(version, int) else None
    if wanted is None:
        return Running("unset" if version is None else "behind", None, version)
    if runs.get("digest") == wanted.digest:
        return Running("current", number, version)
    if refused.get("digest") == wanted.digest or refused.get("version") == number:
        return Running("refused", number, version, str(refused.get("reason") or "")[:2000])
    return Running("local" if version is None else "behind", number, version)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
