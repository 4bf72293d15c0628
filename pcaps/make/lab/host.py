"""A machine of the lab and what it really is: the plant half of a truth file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Host:
    """One machine. `role` is left empty for an intruder's machine, which has none in the plant.

    `told` says of itself, over the network, in this capture: name, model, firmware, serial.
    """

    key: str
    ip: str
    mac: str
    vendor: str
    role: str = ""
    told: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As it stands in a truth file."""
        role = {"role": self.role} if self.role else {"intruder": True}
        return {"host": self.key, "ip": self.ip, "mac": self.mac, "vendor": self.vendor} | role | self.told
