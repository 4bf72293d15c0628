"""Behaviour rows of a small plant, written by hand: what the rules side is tested with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rules.baseline.subjects import Directory
from sensor.behaviours import BEHAVIOUR
from sensor.messages import FROM_CLIENT, FROM_SERVER, NO_CODE, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.strings import Strings, intern_text, new_strings
from sensor.types import Ints, Rows

SECOND = 10**9
START = 1_700_000_000 * SECOND


class Plant:
    """Endpoints by address and interned names; `row` makes one BEHAVIOUR row."""

    def __init__(self, internal: Sequence[str] = ()) -> None:
        self.addresses: list[str] = []
        self.strings: Strings = new_strings(1 << 10, 1 << 14)
        self.directory = Directory(self._addresses, internal.__contains__)

    def _addresses(self, ids: Ints) -> list[str]:
        return [self.addresses[entry] for entry in ids]

    def endpoint(self, address: str) -> int:
        """The id of an address, new or known."""
        if address not in self.addresses:
            self.addresses.append(address)
        return self.addresses.index(address)

    def row(self, client: str, server: str, operation: Operation = Operation.READ, **values: Any) -> Rows:
        """A Modbus request of function 3 for holding register 0 unless `values` says otherwise."""
        row = np.zeros(1, BEHAVIOUR)
        row["client"], row["server"] = self.endpoint(client), self.endpoint(server)
        row["server_port"], row["client_port"], row["transport"] = 502, 49152, 6
        row["protocol"], row["operation"] = Number.MODBUS, operation
        row["function"], row["space"], row["unit"], row["count"] = 3, 2, 1, 1
        row["subfunction"] = row["status"] = NO_CODE
        row["name"] = -1
        row["messages"], row["first_ns"], row["last_ns"] = 1, START, START
        row["frames"][0, 0], row["frames_used"] = 1, 1
        for name, value in values.items():
            row[name] = intern_text(self.strings, value) if isinstance(value, str) else value
        row["direction"] = FROM_SERVER if row["kind"][0] == Kind.RESPONSE else FROM_CLIENT
        if "direction" in values:
            row["direction"] = values["direction"]
        return row
