"""Truth files: what is in a capture, written by the script that made it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lab.host import Host


class Event(NamedTuple):
    """Something that was done: when (nanoseconds since 1970), by whom, to whom, and what it was.

    `operation` is a word of the common vocabulary. Acts with the same `incident` are one incident.
    """

    time_ns: int
    actor: str
    target: str
    operation: str
    text: str
    techniques: tuple[str, ...]
    incident: str = ""


Journal = Queue  # of Event


def rfc3339(time_ns: int) -> str:
    """UTC with nanoseconds."""
    whole = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time_ns % 10**9:09d}Z"


def write_truth(
    capture: Path,
    made: dict[str, Any],
    story: str,
    quiet_s: float,
    hosts: Iterable[Host],
    events: list[Event],
    baseline: str = "",
    site: str = "",
) -> None:
    """Write `<capture>.truth.yaml`; events name hosts by key and are written with their addresses.

    For the first `quiet_s` seconds of the capture nothing happens but the plant's ordinary work.
    `baseline` is the capture of the same plant, quiet for long; `site` is the site file beside this one.
    """
    hosts = list(hosts)
    addresses = {host.key: host.ip for host in hosts}
    happened = []
    for event in events:
        entry: dict[str, Any] = {
            "time": rfc3339(event.time_ns),
            "actor": addresses.get(event.actor, event.actor),
            "target": addresses.get(event.target, event.target),
            "operation": event.operation,
            "what": event.text,
        }
        if event.techniques:
            entry["techniques"] = list(event.techniques)
        if event.incident:
            entry |= {"incident": True, "group": event.incident}
        happened.append(entry)
    document = {
        "capture": capture.name,
        "made": made,
        "story": story,
        "quiet_s": quiet_s,
        **({"baseline": baseline} if baseline else {}),
        **({"site": site} if site else {}),
        "plant": [host.document() for host in hosts],
        "happened": happened,
    }
    name = capture.name.removesuffix(".zst").removesuffix(".pcapng") + ".truth.yaml"
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    (capture.parent / name).write_text(text, encoding="utf-8")
