"""What the sensor's inventory knows of endpoints, as enrichment asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.documents import timestamp
from sensor.inventory import Change, Inventory, Machine
from sensor.roles import PURDUE
from sensor.types import Ints


class Observed:
    """The inventory as it is now; `refresh` after it has learned something."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._machines: dict[int, Machine] | None = None

    def refresh(self) -> None:
        """Forget what was worked out: machines are joined anew when they are next asked for."""
        self._machines = None

    def machine(self, endpoint: int) -> Machine | None:
        """The asset that an endpoint belongs to; None for group addresses and the silent."""
        if self._machines is None:
            self._machines = {
                member: machine for machine in self._inventory.machines() for member in machine.endpoints
            }
        return self._machines.get(endpoint)

    def texts(self, field: str, endpoints: Ints) -> Sequence[str]:
        """For each endpoint its `ip`, `mac`, `name`, `vendor` or `role`; "" where it is not known."""
        return [self._text(field, int(endpoint)) for endpoint in endpoints]

    def purdue_levels(self, endpoints: Ints) -> NDArray[np.float64]:
        """For each endpoint its Purdue level as its role tells; NaN where it is not known."""
        machines = [self.machine(int(endpoint)) for endpoint in endpoints]
        return np.array([PURDUE.get(machine.role, np.nan) if machine else np.nan for machine in machines])

    def _text(self, field: str, endpoint: int) -> str:
        if field == "ip":
            address = self._inventory.address(endpoint)
            return "" if address.count(":") == 5 and "::" not in address else address
        machine = self.machine(endpoint)
        if field == "mac":
            address = self._inventory.address(endpoint)
            own = machine.mac if machine else ""
            return own or (address if address.count(":") == 5 and "::" not in address else "")
        if machine is None:
            return ""
        if field == "name":
            return machine.facts["name"].value if "name" in machine.facts else ""
        return machine.vendor[0] if field == "vendor" else machine.role

    def document(self, change: Change, capture: str = "") -> dict[str, Any]:
        """An asset change as `rules.enrich.asset_table` takes it."""
        machine = self.machine(change.endpoint)
        asset: dict[str, Any] = dict(machine.document(capture)["asset"]) if machine else {}
        asset |= {"change": change.kind}
        asset |= {name: text for name, text in (("old", change.old), ("new", change.new)) if text}
        return {
            "@timestamp": timestamp(change.time_ns),
            "asset": asset,
            "network": {"protocol": change.protocol},
            "evidence": {"frames": [change.frame]},
        }
