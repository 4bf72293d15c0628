"""What the watch learns beside alerts: behaviours and assets, told when new and again when changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Any

import numpy as np

from console.agent.documents import Outgoing
from rules.table import Table
from rules.watch import Watch
from sensor.observer import Step

MOST_AT_ONCE = 1000
"""Behaviours told in one go: in a flood of new ones analysis goes first, and the rest follows."""
ASSETS_AT_ONCE = 250
"""Assets looked at in one go: some hundredths of a second, in which packets wait."""
TELL_S = 1.0
ASSETS_S = 5.0
AGAIN_S = 300.0
"""Seconds after which what only grew, or was only seen again, is told anew."""
MOST_SHARE = 0.02
"""Of the time that telling assets may take."""


class Telemetry:
    """Listens to a watch's steps; `documents` gives what is to be told now."""

    def __init__(self, watch: Watch, clock: Callable[[], float] = time.monotonic) -> None:
        size = len(watch.watcher.behaviours.rows)
        self._watch = watch
        self._clock = clock
        self._fresh = np.zeros(size, np.bool_)
        self._grown = np.zeros(size, np.bool_)
        self._assets: dict[str, bytes] = {}
        self._round: _Round | None = None
        self._changed = False
        start = clock()
        self._tell_at = self._again_at = self._assets_at = start
        self._all_assets_at = start + AGAIN_S
        self.now_ns = 0
        """Packet time up to which everything has been judged."""
        watch.sources.append(self)

    def tables(self, step: Step) -> Iterator[Table]:
        """Note what a step brought; there is nothing for rules in it."""
        self._fresh[step.gone] = self._grown[step.gone] = False
        self._fresh[step.fresh] = True
        self._grown[step.touched] = True
        self._changed |= bool(step.fresh.size or step.changes or step.new_roles)
        self.now_ns = step.now_ns
        return iter(())

    def documents(self, everything: bool = False) -> list[Outgoing]:
        """What is due; with `everything` all that has changed, as at the end of a capture."""
        now = self._clock()
        found: list[Outgoing] = []
        if everything or now >= self._assets_at:
            found += self._tell_assets(now, everything)
        if everything or now >= self._tell_at:
            self._tell_at = now + TELL_S
            found += self._tell_behaviours(now, everything)
        return found

    def _tell_behaviours(self, now: float, everything: bool) -> Iterator[Outgoing]:
        places = np.flatnonzero(self._fresh)
        if everything or now >= self._again_at:
            places = np.union1d(places, np.flatnonzero(self._grown))
        if not everything:
            if len(places) <= MOST_AT_ONCE and now >= self._again_at:
                self._again_at = now + AGAIN_S
            places = places[:MOST_AT_ONCE]
        self._fresh[places] = self._grown[places] = False
        for document in self._watch.behaviours(places):
            yield Outgoing("behaviour", document)

    def _tell_assets(self, now: float, everything: bool) -> list[Outgoing]:
        """Go on with the round through all assets, or begin another."""
        if everything:
            self._round = _Round(self._watch.assets(), again=True)
        if self._round is None:
            again = now >= self._all_assets_at
            if not (self._changed or again):
                self._assets_at = now + ASSETS_S
                return []
            self._changed = False
            self._round = _Round(self._watch.assets(settle=False), again)
        found = self._round.go_on(self._assets, None if everything else ASSETS_AT_ONCE)
        after = self._clock()
        self._round.took += after - now
        if self._round.is_over:
            self._assets = self._round.known
            if self._round.again:
                self._all_assets_at = now + AGAIN_S
            self._assets_at = now + max(ASSETS_S, self._round.took / MOST_SHARE)
            self._round = None
        return found


class _Round:
    """A look at every asset, in parts: of many thousands, as after a flood of invented ones, the capture
    loop cannot wait for all."""

    def __init__(self, assets: Iterator[dict[str, Any]], again: bool) -> None:
        self.again = again
        """Whether those that did not change are told, too."""
        self.known: dict[str, bytes] = {}
        """By id a digest of what was found."""
        self.is_over = False
        self.took = 0.0
        self._assets = assets

    def go_on(self, before: Mapping[str, bytes], most: int | None) -> list[Outgoing]:
        """Look at so many more; those to tell, being new or not as they were `before`."""
        found = []
        looked = 0
        for document in islice(self._assets, most):
            looked += 1
            asset = document["asset"]
            content = {**document, "asset": {**asset, "last_seen": ""}}
            digest = blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=12).digest()
            self.known[asset["id"]] = digest
            if self.again or before.get(asset["id"]) != digest:
                found.append(Outgoing("asset", document))
        self.is_over = most is None or looked < most
        return found
