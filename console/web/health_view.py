"""A sensor's health as its page shows it: how it is now, and the last day as one table for the charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.fleet.said import counts_of, inner, number
from console.posture.confidence import SensorConfidence
from console.store.records import SensorRecord
from console.web.i18n import NC_, translations
from console.web.posture_view import reason_text
from console.web.wording import amount, octets, span

COLUMNS = (
    ("packets", NC_("health", "Packets per second"), "accent"),
    ("drops", NC_("health", "Packets dropped"), "critical"),
    ("understood", NC_("health", "OT bytes understood (%)"), "good"),
    ("lag", NC_("health", "Seconds behind"), "high"),
    ("spool", NC_("health", "Documents waiting"), "medium"),
    ("cpu", NC_("health", "CPU (%)"), "low"),
    ("memory", NC_("health", "Memory (MiB)"), "informational"),
)
"""What is drawn: key, label, colour. Each is a chart of its own."""


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One moment of the table: the time and a value for each of COLUMNS, None where nothing is said."""

    time: str
    values: tuple[float | None, ...]


def rows_of(documents: Sequence[Mapping[str, Any]]) -> list[HealthRow]:
    """The documents, oldest first, as rows; drops are those since the row before, of the same boot."""
    rows = []
    before: Mapping[str, Any] = {}
    for document in documents:
        health = inner(document, "health")
        understood, cpu, memory = (
            number(health.get(key)) for key in ("understood", "cpu_share", "memory_bytes")
        )
        rows.append(
            HealthRow(
                str(document.get("@timestamp", "")),
                (
                    number(health.get("packets_per_s")),
                    _dropped_since(before, health),
                    None if understood is None else understood * 100,
                    number(health.get("lag_s")),
                    number(inner(health, "spool").get("documents")),
                    None if cpu is None else cpu * 100,
                    None if memory is None else memory / 2**20,
                ),
            )
        )
        before = health
    return rows


def _dropped_since(before: Mapping[str, Any], health: Mapping[str, Any]) -> float | None:
    counts = inner(health, "drops")
    if not counts:
        return None
    total = sum(number(count) or 0.0 for count in counts.values())
    if before.get("boot") == health.get("boot") and before:
        total -= sum(number(count) or 0.0 for count in inner(before, "drops").values())
    return max(0.0, total)


@dataclass(frozen=True, slots=True)
class Line:
    """A protocol or an interface: its name and what is said of it, None where nothing is."""

    name: str
    packets: float | None = None
    share: float | None = None
    drops: float | None = None
    state: str = ""
    bytes: float | None = None


def protocols_of(health: Mapping[str, Any]) -> list[Line]:
    """What is understood of each protocol, most messages first."""
    lines = [
        Line(str(name), number(inner(said).get("messages")), number(inner(said).get("understood")))
        for name, said in inner(health, "protocols").items()
    ]
    return sorted(lines, key=lambda line: (-(line.packets or 0), line.name))[:100]


def interfaces_of(health: Mapping[str, Any]) -> list[Line]:
    """Each interface's state and counts."""
    listed = health.get("interfaces")
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [
        Line(
            str(each.get("name", "?")),
            number(each.get("packets")),
            None,
            number(each.get("drops")),
            str(each.get("state", "")),
            number(each.get("bytes")),
        )
        for each in found[:64]
    ]


def said_of(sensor: SensorRecord) -> dict[str, Any]:
    """What a sensor last said of itself, in its heartbeat, its health or the summary of a file analysis."""
    health, summary = inner(sensor.health, "health"), sensor.summary or {}
    versions = (sensor.state or {}, inner(sensor.health, "observer"), summary)
    share = number(health.get("understood"))
    return {
        "version": next((str(place["version"])[:64] for place in versions if place.get("version")), None),
        "packets": number(health.get("packets", summary.get("packets"))),
        "bytes": number(health.get("bytes")),
        "understood": number(inner(summary, "understood").get("share")) if share is None else share,
        "drops": counts_of(health, "drops") or counts_of(summary, "losses"),
        "rules_digest": str(health.get("rules_digest") or inner(summary, "rules").get("digest") or "")[:80],
    }


def captures_of(summary: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """The captures of a file analysis: path, and the times of the first and the last packet."""
    listed = (summary or {}).get("captures")
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [
        {key: str(each[key])[:500] for key in ("path", "first", "last") if each.get(key)}
        for each in found[:20]
    ]


def facts_of(health: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """How a sensor is now, in words, as far as it says."""
    say = translations(language).pgettext
    found: list[tuple[str, str]] = []

    def add(label: str, key: str, shown: Any, place: Mapping[str, Any] = health) -> None:
        value = number(place.get(key))
        if value is not None:
            found.append((say("health", label), shown(value)))

    add(NC_("health", "Packets per second"), "packets_per_s", lambda value: f"{value:.1f}")
    add(NC_("health", "Traffic per second"), "bytes_per_s", lambda value: f"{octets(value)}/s")
    add(NC_("health", "Packets since start"), "packets", amount)
    add(NC_("health", "Traffic since start"), "bytes", octets)
    add(NC_("health", "OT bytes understood"), "understood", lambda value: f"{value * 100:.1f} %")
    add(NC_("health", "Running for"), "uptime_s", lambda value: span(language, value))
    add(NC_("health", "Behind the traffic"), "lag_s", lambda value: _seconds(language, f"{value:.1f}"))
    add(
        NC_("health", "Clock against the console's"),
        "clock_offset_s",
        lambda value: _seconds(language, f"{value:+.3f}"),
    )
    add(NC_("health", "CPU"), "cpu_share", lambda value: f"{value * 100:.1f} %")
    add(NC_("health", "Memory"), "memory_bytes", octets)
    add(NC_("health", "Open files"), "open_files", lambda value: f"{value:.0f}")
    spool = inner(health, "spool")
    add(NC_("health", "Documents waiting"), "documents", lambda value: f"{value:.0f}", spool)
    add(NC_("health", "Oldest of them"), "oldest_s", lambda value: span(language, value), spool)
    add(NC_("health", "Waiting on disk"), "bytes", octets, spool)
    evidence = inner(health, "evidence")
    add(NC_("health", "Packets kept on disk"), "bytes", octets, evidence)
    add(NC_("health", "Malformed messages"), "malformed", lambda value: f"{value:.0f}")
    add(NC_("health", "Decoder faults"), "faults", lambda value: f"{value:.0f}")
    return found


def _seconds(language: str, value: str) -> str:
    return translations(language).gettext("%(count)s s") % {"count": value}


def reasons_of(sensor: SensorConfidence, language: str) -> list[str]:
    """Why this sensor lowers the confidence in the posture."""
    return [reason_text(reason, language) for reason in sensor.reasons]
