"""What a backtest found: how many alerts, when, about whom, and how many a day that makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rules.documents import nanoseconds
from rules.rule import SEVERITY, AnyRule

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
HOURLY_UP_TO = 2 * DAY_NS
"""Shorter spans are told hour by hour, longer ones day by day."""
LEAST_FOR_RATE = 600 * 10**9
"""A rate per day drawn from less than ten minutes would say nothing."""
MOST_TOP = 5
MOST_SAMPLES = 5
_LEVELS = tuple(reversed(SEVERITY))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The alerts of the tested rules over `watched_ns` of traffic."""

    rules: Sequence[AnyRule]
    alerts: Sequence[dict[str, Any]]
    watched_ns: int
    notes: Sequence[str] = ()
    """What limits the outcome, in sentences."""

    def document(self) -> dict[str, Any]:
        """Everything, for programs and for the page a person reads."""
        mine = [alert for alert in self.alerts if "silenced" not in alert["event"]]
        levels = Counter(alert["rule"]["level"] for alert in mine)
        found: dict[str, Any] = {
            "watched_seconds": self.watched_ns / 1e9,
            "alerts": len(mine),
            "messages": sum(alert["event"]["count"] for alert in mine),
            "levels": {level: levels[level] for level in _LEVELS if levels[level]},
            "rules": [self._of_rule(rule, mine) for rule in self.rules],
            "over_time": _over_time(mine, self.watched_ns),
            "sources": _top(_end(alert, "source") for alert in mine),
            "destinations": _top(_end(alert, "destination") for alert in mine),
            "objects": _top(alert.get("ics", {}).get("object") for alert in mine),
            "samples": [_sample(alert) for alert in _chosen(mine)],
            "silenced": len(self.alerts) - len(mine),
            "notes": list(self.notes),
        }
        rate = self._per_day(len(mine))
        return found if rate is None else {**found, "alerts_per_day": rate}

    def _of_rule(self, rule: AnyRule, alerts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        count = sum(alert["rule"]["id"] == rule.id for alert in alerts)
        result = {"name": rule.name, "id": rule.id, "level": rule.level, "alerts": count}
        rate = self._per_day(count)
        return result if rate is None else {**result, "alerts_per_day": rate}

    def _per_day(self, alerts: int) -> float | None:
        if self.watched_ns < LEAST_FOR_RATE:
            return None
        return round(alerts * DAY_NS / self.watched_ns, 2)


def _over_time(alerts: Iterable[dict[str, Any]], watched_ns: int) -> list[dict[str, Any]]:
    """Alerts by level for each hour or day (UTC) in which any began."""
    length = len("2026-11-22T09") if watched_ns <= HOURLY_UP_TO else len("2026-11-22")
    slices: dict[str, Counter[str]] = {}
    for alert in alerts:
        slices.setdefault(alert["@timestamp"][:length], Counter())[alert["rule"]["level"]] += 1
    return [
        {"from": begin, **{level: counts[level] for level in _LEVELS if counts[level]}}
        for begin, counts in sorted(slices.items())
    ]


def _top(values: Iterable[str | None]) -> list[dict[str, Any]]:
    counts = Counter(value for value in values if value)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "alerts": count} for value, count in ranked[:MOST_TOP]]


def _end(alert: dict[str, Any], name: str) -> str | None:
    side = alert.get(name) or (alert.get("asset", {}) if name == "destination" else {})
    address = side.get("ip") or side.get("mac") or ""
    return address[0] if isinstance(address, list) and address else address or None


def _chosen(alerts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first alert of each rule, the highest levels first, then more of them."""
    ranked = sorted(alerts, key=lambda alert: (-alert["event"]["severity"], alert["@timestamp"]))
    first = {alert["rule"]["id"]: alert for alert in reversed(ranked)}
    heads = [alert for alert in ranked if first[alert["rule"]["id"]] is alert]
    rest = [alert for alert in ranked if first[alert["rule"]["id"]] is not alert]
    return [*heads, *rest][:MOST_SAMPLES]


def _sample(alert: dict[str, Any]) -> dict[str, Any]:
    return {
        "@timestamp": alert["@timestamp"],
        "rule": alert["rule"]["name"],
        "level": alert["rule"]["level"],
        "count": alert["event"]["count"],
        "message": alert["message"],
        "message_zh": alert["message_zh"],
        **({"evidence": alert["evidence"]} if "evidence" in alert else {}),
    }


def since(alerts: Iterable[dict[str, Any]], time_ns: int | None) -> list[dict[str, Any]]:
    """The alerts that went on at or after this time."""
    return [alert for alert in alerts if time_ns is None or nanoseconds(alert["event"]["end"]) >= time_ns]
