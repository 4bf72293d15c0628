"""Between table rows and the records of the interface."""

from __future__ import annotations

import json
from typing import Any

from console.store.filters import LEVELS, STATUSES
from console.store.records import AlertRecord, Document
from console.store.times import to_text
from console.store.validation import json_text

ALERT_COLUMNS = """alert.number, alert.id, alert.status, alert.level, alert.severity, alert.count,
alert.first_seen, alert.last_seen, alert.source_asset, alert.destination_asset, alert.assignee,
alert.close_reason, alert.allowance, alert.comments, alert.packets,
alert_document.document, alert_document.keys"""
SENSOR_KIND = 5


def alert_record(row: tuple[Any, ...]) -> AlertRecord:
    """A row of ALERT_COLUMNS."""
    (
        _number,
        alert_id,
        status,
        level,
        severity,
        count,
        first_seen,
        last_seen,
        source_asset,
        destination_asset,
        assignee,
        close_reason,
        allowance,
        comments,
        packets,
        document,
        keys,
    ) = row
    return AlertRecord(
        id=alert_id,
        document=json.loads(document),
        status=STATUSES[status],
        level=LEVELS[level],
        severity=severity,
        count=count,
        first_seen=to_text(first_seen),
        last_seen=to_text(last_seen),
        sensors=[value for kind, value in json.loads(keys) if kind == SENSOR_KIND],
        source_asset=source_asset,
        destination_asset=destination_asset,
        assignee=assignee,
        close_reason=close_reason,
        allowance=allowance,
        comments=comments,
        has_packets=bool(packets),
    )


def optional_time(nanoseconds: int | None) -> str | None:
    """RFC 3339 text, or None."""
    return None if nanoseconds is None else to_text(nanoseconds)


def compact(document: Document | list[Any] | None) -> str:
    """JSON as stored."""
    return json_text(document)
