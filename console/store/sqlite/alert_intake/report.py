"""One sensor's report of an alert, as a batch brings it."""

from __future__ import annotations

from dataclasses import dataclass

from console.store.filters import LEVELS
from console.store.records import Document
from console.store.sqlite.rows import compact
from console.store.times import to_nanoseconds, to_text

SEVERITIES = (2, 21, 47, 73, 99)
"""Of alerts that name none, by level."""
_LEVEL = {name: index for index, name in enumerate(LEVELS)}


@dataclass(slots=True)
class Report:
    """One alert document with what is drawn from it."""

    body: Document
    text: str
    event_id: str
    level: int
    severity: int
    count: int
    first_seen: int
    last_seen: int
    held_back: bool
    """Whether it told of a time later than was to be believed."""

    @property
    def is_silenced(self) -> bool:
        """Whether the sensor's own site file has silenced it: kept, and closed from the start."""
        return is_silenced(self.body)

    def rule_row(self) -> tuple[object, ...]:
        """The row of its rule: id, name, title, title_zh, level, last_seen, techniques."""
        rule = self.body["rule"]
        technique = (self.body.get("threat") or {}).get("technique") or {}
        return (
            rule["id"],
            rule.get("name") or rule["title"],
            rule["title"],
            rule.get("title_zh"),
            self.level,
            self.last_seen,
            compact(technique.get("id", [])),
        )


def is_silenced(document: Document) -> bool:
    """Whether a sensor's site file has silenced an alert."""
    return bool(document["event"].get("silenced"))


def report_of(body: Document, text: str, latest: int | None) -> Report:
    """Read a checked document, `text` as JSON; times after `latest` are taken as `latest`."""
    event = body["event"]
    seen = to_nanoseconds(body["@timestamp"])
    first = to_nanoseconds(event["start"]) if "start" in event else seen
    last = to_nanoseconds(event["end"]) if "end" in event else first
    held_back = latest is not None and max(seen, first, last) > latest
    if latest is not None and held_back:
        seen, first, last = (min(time, latest) for time in (seen, first, last))
        body = {
            **body,
            "@timestamp": to_text(seen),
            "event": {**event, "start": to_text(first), "end": to_text(last)},
        }
        text = compact(body)
    level = _LEVEL[body["rule"]["level"]]
    return Report(
        body=body,
        text=text,
        event_id=event["id"],
        level=level,
        severity=event.get("severity", SEVERITIES[level]),
        count=event.get("count", 1),
        first_seen=first,
        last_seen=max(first, last),
        held_back=held_back,
    )
