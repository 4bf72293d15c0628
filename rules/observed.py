"""What the sensor's inventory knows of endpoints, as enrichment asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.documents import timestamp
from rules.ends import Plant
from rules.enrich import LazyColumns, asset_table
from rules.fields import FIELDS
from rules.table import EVIDENCE_FRAMES, Column, Flags, Occurrences, Table, texts
from sensor.inventory import Change, Inventory
from sensor.roles import PURDUE
from sensor.types import Ints

SETTLING_NS = 60 * 10**9
"""Who is first heard of so long after the watch began has come since; before, it may just have been quiet."""


_WRITTEN_OUT: dict[str, Callable[[Callable[[], Table]], Column | None]] = {
    name: partial(lambda name, full: full().columns.get(name), name)
    for name, field in FIELDS.items()
    if "asset" in field.categories
}
"""Columns that take the documents of all machines of a table."""


class Observed:
    """The inventory as it is at the moment of asking."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def texts(self, field: str, endpoints: Ints) -> Sequence[str]:
        """For each endpoint its `ip`, `mac`, `name`, `vendor` or `role`; "" where it is not known."""
        return [self._text(field, int(endpoint)) for endpoint in endpoints]

    def purdue_levels(self, endpoints: Ints) -> NDArray[np.float64]:
        """For each endpoint its Purdue level as its role tells; NaN where it is not known."""
        machines = [self._inventory.machine(int(endpoint)) for endpoint in endpoints]
        return np.array([PURDUE.get(machine.role, np.nan) if machine else np.nan for machine in machines])

    def arrivals(self, endpoints: Ints) -> Ints:
        """For each endpoint when its machine was first heard of, in nanoseconds since 1970; 0 where that
        was when the watch began, or never."""
        return np.array([self._arrival(int(endpoint)) for endpoint in endpoints], np.int64)

    def _arrival(self, endpoint: int) -> int:
        machine = self._inventory.machine(endpoint)
        if machine is None:
            return 0
        first_ns = min(int(self._inventory.row(member)["first_ns"]) for member in machine.endpoints)
        return first_ns if first_ns - self._inventory.begun_ns >= SETTLING_NS else 0

    def _text(self, field: str, endpoint: int) -> str:
        if field == "ip":
            address = self._inventory.address(endpoint)
            return "" if address.count(":") == 5 and "::" not in address else address
        machine = self._inventory.machine(endpoint)
        if field == "mac":
            address = self._inventory.address(endpoint)
            own = machine.mac if machine else ""
            return own or (address if address.count(":") == 5 and "::" not in address else "")
        if field == "name":
            # Hosts of the Internet are no assets of the plant, but a name server may have named them.
            claims = machine or self._inventory.claims(endpoint)
            return claims.facts["name"].value if claims and "name" in claims.facts else ""
        if machine is None:
            return ""
        return machine.vendor[0] if field == "vendor" else machine.role

    def tables(
        self, changes: Sequence[Change], plant: Plant, learned: bool, capture: str = ""
    ) -> list[Table]:
        """Asset changes as rules see them; `learned` says whether a baseline stands behind them.

        Machines and services come in floods, and most rules look at one column of them: theirs is a
        table of its own, of which only what is asked for is worked out.
        """
        many = [change for change in changes if change.kind in ("new_asset", "service")]
        few = [change for change in changes if change.kind not in ("new_asset", "service")]
        return [self._table(part, plant, learned, capture) for part in (many, few) if part]

    def _table(self, changes: Sequence[Change], plant: Plant, learned: bool, capture: str) -> Table:
        @cache
        def full() -> Table:
            return asset_table([self.document(change, capture) for change in changes], plant, learned)

        def authorised() -> Flags:
            said = [self._is_authorised(change, plant) for change in changes]
            return Flags(
                np.array([bool(value) for value in said], np.bool_),
                np.array([value is not None for value in said], np.bool_),
            )

        own: dict[str, Callable[[], Column | None]] = {
            "asset.change": lambda: texts(change.kind for change in changes),
            "asset.authorised": authorised,
            "baseline.learned": lambda: Flags(np.full(len(changes), learned)),
        }
        frames = np.zeros((len(changes), EVIDENCE_FRAMES), np.int64)
        frames[:, 0] = [change.frame for change in changes]
        times = np.array([change.time_ns for change in changes], np.int64)
        once = np.ones(len(changes), np.int64)
        occurrences = Occurrences(-once, once, times, times.copy(), frames)
        return Table("asset", len(changes), LazyColumns(_WRITTEN_OUT, full, own), occurrences)

    def _is_authorised(self, change: Change, plant: Plant) -> bool | None:
        machine = self._inventory.machine(change.endpoint)
        if machine is None:
            return None
        ip, mac = next(iter(machine.addresses), ""), machine.mac
        return plant.is_authorised(ip, mac, plant.site.asset(ip, mac), plant.site.zone(ip, mac))

    def document(self, change: Change, capture: str = "") -> dict[str, Any]:
        """An asset change as `rules.enrich.asset_table` takes it."""
        machine = self._inventory.machine(change.endpoint)
        asset: dict[str, Any] = dict(machine.document(capture)["asset"]) if machine else {}
        asset |= {"change": change.kind}
        asset |= {name: text for name, text in (("old", change.old), ("new", change.new)) if text}
        return {
            "@timestamp": timestamp(change.time_ns),
            "asset": asset,
            "network": {"protocol": change.protocol},
            "evidence": {"frames": [change.frame]},
        }
