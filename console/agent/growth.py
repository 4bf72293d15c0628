"""Alerts that grow every second are not told every second."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

AGAIN_S = 10.0
"""An alert that grew is told anew after so long; one that is new, or worse, at once."""
MOST = 20_000
MOST_GROWN = 500
"""Alerts whose growth is noted at once; beyond, in a flood, a killed sensor loses the last counts."""


class Growth:
    """Holds alerts back that were told a moment ago."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._held: dict[str, dict[str, Any]] = {}
        self.grown: list[dict[str, Any]] = []
        """Those that `due` was last given and held back: for this machine to note, not to be told yet."""

    def due(
        self, alerts: list[dict[str, Any]], now_s: float, everything: bool = False
    ) -> list[dict[str, Any]]:
        """Those of these and of the held ones that are to be told now."""
        for alert in alerts:
            self._held[alert["event"]["id"]] = alert
        due = [alert for alert in self._held.values() if everything or self._is_due(alert, now_s)]
        told = {alert["event"]["id"] for alert in due}
        self.grown = [alert for alert in alerts if alert["event"]["id"] not in told][-MOST_GROWN:]
        for alert in due:
            identity = alert["event"]["id"]
            del self._held[identity]
            self._told[identity] = now_s, alert["rule"]["level"]
            self._told.move_to_end(identity)
        while len(self._told) > MOST:
            self._told.popitem(last=False)
        return due

    def _is_due(self, alert: dict[str, Any], now_s: float) -> bool:
        told = self._told.get(alert["event"]["id"])
        return told is None or told[1] != alert["rule"]["level"] or now_s - told[0] >= AGAIN_S
