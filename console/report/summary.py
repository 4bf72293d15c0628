"""The summary document of an analysis, as docs/documents.md describes it."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import Any

import numpy as np

from console.posture.analysed import score_of
from rules.analysis import LEVELS, Analysis
from rules.incidents.incident import Incidents
from rules.rule import digest_of
from sensor.messages import Operation
from sensor.protocols.protocol import NAMES
from sensor.times import parse_time

INCIDENT_LEVELS = ("critical", "high", "medium")
"""Less is no incident."""


def summarise(analysis: Analysis, captures: list[dict[str, Any]], incidents: Incidents) -> dict[str, Any]:
    """`summary.json`, once the analysis has finished; `captures` says what was read."""
    watcher = analysis.watcher
    alerts = [alert for alert in analysis.alerts.values() if "silenced" not in alert["event"]]
    levels = Counter(alert["rule"]["level"] for alert in alerts)
    told = Counter(item["incident"]["level"] for item in incidents.documents)
    quieted = analysis.detector.alerts.tolerances.describe()
    octets, understood = watcher.pipeline.understood
    share = understood / octets if octets else 1.0
    rules = analysis.rules
    assets = list(analysis.assets())
    ended = max((parse_time(item["last"]) for item in captures if "last" in item), default=0)
    score = score_of(alerts, assets, ended, share)
    return {
        "captures": captures,
        "packets": analysis.packets,
        "messages": int(watcher.operations.sum()),
        "behaviours": int(np.count_nonzero(watcher.behaviours.hashes)),
        "assets": len(assets),
        "alerts": {level: levels[level] for level in reversed(LEVELS)},
        "incidents": {
            **{level: told[level] for level in INCIDENT_LEVELS},
            "left_out": incidents.incidents_left_out,
            "alerts_left_out": incidents.alerts_left_out,
        },
        "protocols": {NAMES[number]: int(count) for number, count in enumerate(watcher.messages) if count},
        "operations": {
            Operation(code).name.lower(): int(count) for code, count in enumerate(watcher.operations) if count
        },
        "understood": {
            "ot_bytes": octets,
            "ot_bytes_understood": understood,
            "share": round(share, 4),
        },
        "losses": analysis.losses,
        **({"quieted": quieted} if quieted else {}),
        "posture": score._asdict(),
        "version": version("fieldwatch"),
        "rules": {"digest": digest_of(rules), "count": len(rules)},
    }
